"""The audit's page: plain data in, one HTML file out.

The file needs no network and no other file. A Content-Security-Policy in its head
allows the page's own script and style by their hashes, pictures within the page, and
nothing else. Data travel as JSON in a block that is never run. The script puts text on
the page as text only.
"""

from __future__ import annotations

import base64
import hashlib
import html
import json
from importlib.resources import files
from typing import Any

import numpy as np

from tssd_keras.auditing.gallery import Gallery
from tssd_keras.auditing.glossary import as_html
from tssd_keras.auditing.overview import overview
from tssd_keras.auditing.pictures import Pictures
from tssd_keras.auditing.reasons import reasons
from tssd_keras.judge.findings import Findings

# In the order in which they build on each other.
SCRIPTS = (
    "dom.js",
    "charts.js",
    "overview.js",
    "decisions.js",
    "cards.js",
    "gallery.js",
    "choose.js",
    "keys.js",
)


def page_data(
    findings: Findings, gallery: Gallery, pictures: Pictures, note: str = ""
) -> dict[str, Any]:
    """Gather all that the page says, as plain data.

    Args:
        findings: N samples.
        gallery: of these.
        pictures: of `gallery.pictured`, or none.
        note: what a person must know, above everything else.

    Returns:
        Dicts, lists, text, numbers and None. Probabilities are in thousandths.
    """
    texts, text_of = reasons(findings, gallery.rows)
    return {
        "name": findings.name,
        "sha": findings.labels_sha256,
        "note": note,
        "classes": list(findings.class_names),
        "overview": overview(findings),
        "strata": [vars(stratum) for stratum in gallery.strata],
        "reasons": texts,
        "pictures": {
            "kind": pictures.kind,
            "at": gallery.pictured[: len(pictures.content)].tolist(),
            "content": pictures.content,
        },
        "listed": gallery.n_listed,
        "teaching": gallery.teaching.tolist(),
        "samples": _samples(findings, gallery) | {"reason": text_of.tolist()},
    }


def _samples(findings: Findings, gallery: Gallery) -> dict[str, list | None]:
    """Columns with one entry a sample of the gallery."""
    rows = gallery.rows
    place = {stratum.name: i for i, stratum in enumerate(gallery.strata)}

    def thousandths(values: np.ndarray) -> list[int | None]:
        return [None if np.isnan(v) else round(1000 * float(v)) for v in values[rows]]

    return {
        "index": findings.index[rows].tolist(),
        "id": None if findings.ids is None else [str(v) for v in findings.ids[rows]],
        "given": findings.given[rows].tolist(),
        "suggested": findings.suggested[rows].tolist(),
        "role": [findings.role_name(row) for row in rows.tolist()],
        "changed": findings.changed[rows].tolist(),
        "rank": gallery.rank[rows].tolist(),
        "stratum": [place[name] for name in gallery.stratum[rows].tolist()],
        **{
            name: thousandths(getattr(findings, name))
            for name in ("confidence", "weight", "p_loss", "p_feature", "q", "p_wrong")
        },
    }


def render(data: dict[str, Any]) -> str:
    """Fill the template.

    Args:
        data: of `page_data`.

    Returns:
        The text of report.html. It is pure ASCII, whatever the data hold.
    """
    script = "".join(f"\n// {name}\n{_part(name)}" for name in SCRIPTS)
    script = f"(() => {{\n'use strict';\n{script}\n}})();\n"
    style = _part("page.css")
    return _fill(
        _part("page.html"),
        {
            "title": html.escape(_ascii(f"Audit of {data['name']}")),
            "script-hash": _hash(script),
            "style-hash": _hash(style),
            "style": style,
            "script": script,
            "glossary": _ascii(as_html()),
            "data": as_json(data),
        },
    )


def as_json(data: object) -> str:
    """JSON that can stand within a script block: ASCII, and no <, > or & in it."""
    text = json.dumps(data, ensure_ascii=True, allow_nan=False, separators=(",", ":"))
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")


def _fill(text: str, values: dict[str, str]) -> str:
    """Put each value in its {{place}}, once; a {{place}} within a value stays."""
    out = []
    for piece in text.split("{{"):
        name, closed, rest = piece.partition("}}")
        out.append(values[name] + rest if closed and name in values else piece)
    return "".join(out)


def _part(name: str) -> str:
    text = files("tssd_keras.auditing").joinpath("page_files", name).read_text(encoding="utf-8")
    if not text.isascii():
        raise ValueError(f"{name} of the page must be ASCII, so that no reader's coding matters.")
    return text


def _ascii(text: str) -> str:
    return text.encode("ascii", "backslashreplace").decode("ascii")


def _hash(text: str) -> str:
    digest = hashlib.sha256(text.encode("utf-8")).digest()
    return f"sha256-{base64.b64encode(digest).decode('ascii')}"

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

from tssd_keras.auditing.beside import Beside
from tssd_keras.auditing.evidence import Evidence
from tssd_keras.auditing.gallery import Gallery
from tssd_keras.auditing.glossary import as_html
from tssd_keras.auditing.overview import overview
from tssd_keras.auditing.pictures import NO_PICTURES, Pictures
from tssd_keras.auditing.reasons import abstains, reasons
from tssd_keras.judge.findings import Findings

# In the order in which they build on each other.
SCRIPTS = (
    "dom.js",
    "charts.js",
    "overview.js",
    "decisions.js",
    "served.js",
    "pictures.js",
    "state.js",
    "evidence.js",
    "rows.js",
    "fold.js",
    "act.js",
    "one.js",
    "grid.js",
    "choose.js",
    "filters.js",
    "reading.js",
    "people.js",
    "keys.js",
    "start.js",
)


def page_data(
    findings: Findings,
    gallery: Gallery,
    evidence: Evidence,
    beside: Beside,
    pictures: Pictures,
    *,
    note: str = "",
    back: str = "",
    originals: bool = False,
) -> dict[str, Any]:
    """Gather all that the page says, as plain data.

    Args:
        findings: N samples.
        gallery: of these.
        evidence: of the findings.
        beside: of the gallery's rows.
        pictures: of the first of `gallery.pictured`, or none.
        note: what a person must know, above everything else.
        back: the command that takes decisions, or "".
        originals: whether the samples lie as files beside the page.

    Returns:
        Dicts, lists, text, numbers and None. Probabilities are in thousandths.
    """
    texts, text_of = reasons(findings, gallery.rows)
    loss_abstains, feature_abstains = abstains(findings)
    return {
        "name": findings.name,
        "run": findings.run or findings.name,
        "trained": bool(findings.run),
        "sha": findings.labels_sha256,
        "note": note,
        "back": back,
        "originals": originals,
        "classes": list(findings.class_names),
        "overview": overview(findings),
        "abstains": {
            "loss": loss_abstains,
            "feature": np.flatnonzero(feature_abstains).tolist(),
        },
        "strata": [vars(stratum) for stratum in gallery.strata],
        "reasons": texts,
        "pictures": {
            "kind": pictures.kind,
            "at": gallery.pictured[: len(pictures.content)].tolist(),
            "columns": list(pictures.column_names),
            "width": pictures.width,
        },
        "beside": _beside(findings, beside),
        "listed": gallery.n_listed,
        "teaching": gallery.teaching.tolist(),
        "samples": _samples(findings, gallery)
        | _evidence(evidence, gallery.rows)
        | {"reason": text_of.tolist()},
    }


def _samples(findings: Findings, gallery: Gallery) -> dict[str, list | None]:
    """Columns with one entry a sample of the gallery."""
    rows = gallery.rows
    place = {stratum.name: i for i, stratum in enumerate(gallery.strata)}

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
            name: _thousandths(getattr(findings, name)[rows])
            for name in ("p_suggested", "weight", "p_loss", "p_feature", "q", "p_wrong")
        },
    }


def _beside(findings: Findings, beside: Beside) -> dict[str, Any]:
    """The samples that stand beside others; `near` has 2 NEAR of their places a sample."""
    near = np.concatenate([beside.given, beside.suggested], axis=1)
    return {
        "by_features": beside.by_features,
        "index": findings.index[beside.pool].tolist(),
        "id": None if findings.ids is None else [str(v) for v in findings.ids[beside.pool]],
        "label": findings.given[beside.pool].tolist(),
        "width": beside.given.shape[1],
        "near": near.ravel().tolist(),
    }


def _evidence(evidence: Evidence, rows: np.ndarray) -> dict[str, list]:
    """Columns with one entry a sample; `top` and `top_p` have T entries a sample."""
    odds = np.clip(evidence.odds[rows], 0.01, 100)
    return {
        "top": evidence.top_label[rows].ravel().tolist(),
        "top_p": _thousandths(evidence.top_p[rows].ravel()),
        "loss_above": _thousandths(evidence.loss_above[rows]),
        "odds": [None if np.isnan(v) else float(f"{v:.2g}") for v in odds],
    }


def _thousandths(values: np.ndarray) -> list[int | None]:
    return [None if np.isnan(v) else round(1000 * float(v)) for v in values]


def render(
    data: dict[str, Any], pictures: Pictures = NO_PICTURES, beside: Pictures = NO_PICTURES
) -> str:
    """Fill the template.

    Args:
        data: of `page_data`.
        pictures: of the samples that `data` says.
        beside: of the first of the samples that stand beside others.

    Returns:
        The text of report.html. It is pure ASCII, whatever the data hold.
    """
    script = "".join(f"\n// {name}\n{_part(name)}" for name in SCRIPTS)
    script = f"(() => {{\n'use strict';\n{script}\n}})();\n"
    style = _part("page.css")
    return _fill(
        _part("page.html"),
        {
            "images": "data: 'self' file:" if data["originals"] else "data:",
            "title": html.escape(_ascii(f"Audit of {data['run']}")),
            "script-hash": _hash(script),
            "style-hash": _hash(style),
            "style": style,
            "script": script,
            "glossary": _ascii(as_html()),
            "data": as_json(data),
            "pictures": _lines(pictures),
            "beside": _lines(beside),
        },
    )


def as_json(data: object) -> str:
    """JSON that can stand within a script block: ASCII, and no <, > or & in it."""
    text = json.dumps(data, ensure_ascii=True, allow_nan=False, separators=(",", ":"))
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")


def _lines(pictures: Pictures) -> str:
    """A picture a line, which a browser splits faster than it reads JSON: each is JSON itself."""
    return "\n".join(as_json(one) for one in pictures.content)


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

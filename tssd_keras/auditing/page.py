"""The audit's page: plain data in, one HTML file out.

The file needs no network and no other file. A Content-Security-Policy in its
head allows its own script and style by their hashes, and pictures within the
page, and nothing else. Data travel as JSON in a block that is never run; the
script puts text on the page as text only.
"""

from __future__ import annotations

import base64
import hashlib
import html
import json
from importlib.resources import files
from typing import Any

import numpy as np

from tssd_keras.auditing.gallery import spread
from tssd_keras.auditing.overview import overview
from tssd_keras.auditing.pictures import Pictures
from tssd_keras.auditing.reasons import reasons
from tssd_keras.auditing.suspects import Stratum
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
    judged: Findings,
    rank: np.ndarray,
    strata: list[Stratum],
    stratum_of: np.ndarray,
    shown: np.ndarray,
    pictures: Pictures,
    pictured: np.ndarray,
    note: str = "",
) -> dict[str, Any]:
    """All that the page says, as plain data.

    Args:
        judged: N samples.
        rank: int64[N], of `suspects.rank_suspects`.
        strata: of `suspects.count_strata`.
        stratum_of: object[N], of `suspects.stratum_names`.
        shown: int64[n], rows that the gallery shows, in its order.
        pictures: of some of these.
        pictured: int64[m], places in `shown`, which of them.
        note: what a person must know, above everything else.

    Returns:
        Of dicts, lists, text, numbers and None. Probabilities are in thousandths.
    """
    texts, which = reasons(judged, shown)
    place = {stratum.name: i for i, stratum in enumerate(strata)}

    def thousandths(values: np.ndarray) -> list[int | None]:
        return [None if np.isnan(v) else round(1000 * float(v)) for v in values[shown]]

    return {
        "name": judged.name,
        "sha": judged.labels_sha256,
        "note": note,
        "classes": list(judged.class_names),
        "overview": overview(judged),
        "strata": [vars(stratum) for stratum in strata],
        "reasons": texts,
        "pictures": {
            "kind": pictures.kind,
            "at": pictured[: len(pictures.content)].tolist(),
            "content": pictures.content,
        },
        "spread": spread(len(shown)).tolist(),
        "samples": {
            "index": judged.index[shown].tolist(),
            "id": None if judged.ids is None else [str(v) for v in judged.ids[shown]],
            "given": judged.given[shown].tolist(),
            "suggested": judged.suggested[shown].tolist(),
            "role": [judged.role_name(row) for row in shown.tolist()],
            "changed": judged.changed[shown].tolist(),
            "rank": rank[shown].tolist(),
            "stratum": [place[name] for name in stratum_of[shown].tolist()],
            "reason": which.tolist(),
            **{
                name: thousandths(getattr(judged, name))
                for name in ("confidence", "weight", "p_loss", "p_feature", "q", "p_wrong")
            },
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
    text = _part("page.html")
    return _fill(
        text,
        {
            "title": html.escape(_ascii(f"Audit of {data['name']}")),
            "script-hash": _hash(script),
            "style-hash": _hash(style),
            "style": style,
            "script": script,
            "data": as_json(data),
        },
    )


def as_json(data: object) -> str:
    """JSON that can stand within a script block: no <, > or & in it, and ASCII only."""
    text = json.dumps(data, ensure_ascii=True, allow_nan=False, separators=(",", ":"))
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")


def _fill(text: str, values: dict[str, str]) -> str:
    """Put each value in its {{place}}, once; what a value holds is not looked at."""
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

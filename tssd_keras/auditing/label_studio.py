"""Suspects as tasks of Label Studio, with the suggested labels as predictions.

Source: Label Studio's guide, "Import pre-annotated data" (a task has `data` and
`predictions`; a result names the control tag, the object tag and its type), the
reference of the tags Choices, Image and Text, and "Local storage" (a file below
the document root has the address /data/local-files/?d=PATH).
"""

from __future__ import annotations

import json
import os
import re
from pathlib import Path
from urllib.parse import quote
from xml.sax.saxutils import quoteattr

import numpy as np

from tssd_keras.auditing.pictures import Pictures
from tssd_keras.judge.findings import Findings

CHOICES, OBJECT = "label", "sample"
MODEL = "tssd_keras"
# What XML 1.0 cannot hold, whichever way it is written.
NO_XML = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def document_root(judged: Findings) -> Path | None:
    """The folder that Label Studio must be told to serve; None where samples are no files."""
    if judged.paths is None:
        return None
    # The storage of a project must lie below the root, so this is one above what all share.
    return Path(os.path.commonpath([os.path.dirname(p) for p in judged.paths.tolist()])).parent


def tasks(
    judged: Findings,
    shown: np.ndarray,
    strata: np.ndarray,
    pictures: Pictures,
    pictured: np.ndarray,
) -> tuple[list[dict], str]:
    """Tasks for the samples that a page shows.

    Args:
        judged: N samples.
        shown: int64[n], rows.
        strata: object[N], each sample's stratum.
        pictures: of some of these.
        pictured: int64[m], places in `shown`, which of them.

    Returns:
        Tasks, and the labelling configuration (XML). Samples that are files are
        named by their address in local storage, others are embedded; those of
        which nothing can be shown are left out.
    """
    root = document_root(judged)
    kind = "image" if root is not None or pictures.kind == "image" else "text"
    names = choice_names(judged.class_names)
    content_at = dict(zip(pictured.tolist(), pictures.content, strict=False))
    made = []
    for place, row in enumerate(shown.tolist()):
        if root is not None and judged.paths is not None:
            inside = Path(os.path.relpath(judged.paths[row], root)).as_posix()
            content = f"/data/local-files/?d={quote(os.fsencode(inside))}"
        elif place in content_at:
            content = content_at[place]
        else:
            continue
        made.append(_task(judged, row, kind, content, names, strata[row]))
    return made, config(kind, names)


def _task(
    judged: Findings, row: int, kind: str, content: str, names: list[str], stratum: str
) -> dict:
    data = {
        kind: content,
        "index": int(judged.index[row]),
        "id": "" if judged.ids is None else str(judged.ids[row]),
        "given": judged.named(judged.given[row]),
        "p_wrong": round(float(judged.p_wrong[row]), 6),
        "stratum": stratum,
        "labels_sha256": judged.labels_sha256,
    }
    suggested = int(judged.suggested[row])
    if suggested < 0:
        return {"data": data, "predictions": []}
    result = {
        "from_name": CHOICES,
        "to_name": OBJECT,
        "type": "choices",
        "value": {"choices": [names[suggested]]},
    }
    score = round(float(judged.confidence[row]), 6)
    return {
        "data": data,
        "predictions": [{"model_version": MODEL, "score": score, "result": [result]}],
    }


def choice_names(class_names: tuple[str, ...]) -> list[str]:
    """The classes as choices: what XML cannot hold is replaced, and names still differ."""
    seen: set[str] = set()
    made = []
    for i, name in enumerate(class_names):
        text = NO_XML.sub("\ufffd", name)
        while not text.strip() or text in seen:
            text = f"{text} (class {i})".strip()
        seen.add(text)
        made.append(text)
    return made


def config(kind: str, names: list[str]) -> str:
    """The labelling configuration.

    Args:
        kind: "image" or "text".
        names: of `choice_names`.
    """
    tag = "Image" if kind == "image" else "Text"
    choices = "\n".join(f"    <Choice value={_attribute(name)}/>" for name in names)
    return (
        "<View>\n"
        f'  <{tag} name="{OBJECT}" value="${kind}"/>\n'
        f'  <Choices name="{CHOICES}" toName="{OBJECT}" choice="single">\n'
        f"{choices}\n"
        "  </Choices>\n"
        "</View>\n"
    )


def _attribute(text: str) -> str:
    """A quoted attribute that keeps line breaks and tabs."""
    return quoteattr(text, {"\n": "&#10;", "\r": "&#13;", "\t": "&#9;"})


def write_tasks(folder: Path, made: list[dict], xml: str) -> None:
    """label_studio_tasks.json and, beside it, label_studio_config.xml."""
    text = json.dumps(made, ensure_ascii=True, allow_nan=False, indent=1)
    (folder / "label_studio_tasks.json").write_text(text + "\n", encoding="utf-8")
    (folder / "label_studio_config.xml").write_text(xml, encoding="utf-8")

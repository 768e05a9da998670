"""Suspects as tasks of Label Studio, with the suggested labels as predictions.

Source: Label Studio's guide, "Import pre-annotated data" (a task has `data` and
`predictions`; a result names the control tag, the object tag and its type), the
reference of the tags Choices, Image and Text, and "Local storage" (a file below
the document root has the address /data/local-files/?d=PATH).
"""

from __future__ import annotations

import json
import math
import os
import re
from pathlib import Path
from urllib.parse import quote
from xml.sax.saxutils import quoteattr

from tssd_keras.auditing.gallery import Gallery
from tssd_keras.auditing.pictures import Pictures
from tssd_keras.data.whole_file import write_text
from tssd_keras.judge.findings import Findings

CONTROL_TAG, OBJECT_TAG = "label", "sample"
MODEL_VERSION = "tssd_keras"
# What XML 1.0 cannot hold, not even escaped.
NO_XML = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def document_root(findings: Findings) -> Path | None:
    """The folder that Label Studio must serve; None where samples are no files."""
    if findings.paths is None:
        return None
    # The root lies one above the common folder: a project's storage must lie below the root.
    return Path(os.path.commonpath([os.path.dirname(p) for p in findings.paths.tolist()])).parent


def tasks(findings: Findings, gallery: Gallery, pictures: Pictures) -> tuple[list[dict], str]:
    """Make a task of each suspect and each drawn sample of the page.

    Args:
        findings: N samples.
        gallery: of these.
        pictures: of `gallery.pictured`, or none.

    Returns:
        Tasks, and the labelling configuration (XML). Samples that are files are
        named by their address in local storage, others are embedded. Samples with
        neither a file nor a picture are left out.
    """
    root = document_root(findings)
    kind = "image" if root is not None or pictures.kind == "image" else "text"
    names = choice_names(findings.class_names)
    content_at = dict(zip(gallery.pictured.tolist(), pictures.texts, strict=False))
    wrong, made = findings.p_wrong, []  # NaN where nothing is told
    for place, row in enumerate(gallery.rows[: gallery.n_listed].tolist()):
        if root is not None and findings.paths is not None:
            inside = Path(os.path.relpath(findings.paths[row], root)).as_posix()
            content = f"/data/local-files/?d={quote(os.fsencode(inside))}"
        elif place in content_at:
            content = content_at[place]
        else:
            continue
        made.append(
            _task(findings, row, kind, content, names, gallery.stratum[row], float(wrong[row]))
        )
    return made, config(kind, names)


def _task(
    findings: Findings,
    row: int,
    kind: str,
    content: str,
    names: list[str],
    stratum: str,
    p_wrong: float,
) -> dict:
    data = {
        kind: content,
        "index": int(findings.index[row]),
        "id": "" if findings.ids is None else str(findings.ids[row]),
        "given": findings.named(findings.given[row]),
        "p_wrong": None if math.isnan(p_wrong) else round(p_wrong, 6),
        "stratum": stratum,
        "labels_sha256": findings.labels_sha256,
    }
    suggested = int(findings.suggested[row])
    if suggested < 0:
        return {"data": data, "predictions": []}
    result = {
        "from_name": CONTROL_TAG,
        "to_name": OBJECT_TAG,
        "type": "choices",
        "value": {"choices": [names[suggested]]},
    }
    score = round(float(findings.p_suggested[row]), 6)
    return {
        "data": data,
        "predictions": [{"model_version": MODEL_VERSION, "score": score, "result": [result]}],
    }


def choice_names(class_names: tuple[str, ...]) -> list[str]:
    """The classes as choices, all different; characters that XML cannot hold are replaced."""
    choices: list[str] = []
    taken: set[str] = set()
    for i, name in enumerate(class_names):
        choice = NO_XML.sub("\ufffd", name)
        while not choice.strip() or choice in taken:
            choice = f"{choice} (class {i})".strip()
        taken.add(choice)
        choices.append(choice)
    return choices


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
        f'  <{tag} name="{OBJECT_TAG}" value="${kind}"/>\n'
        f'  <Choices name="{CONTROL_TAG}" toName="{OBJECT_TAG}" choice="single">\n'
        f"{choices}\n"
        "  </Choices>\n"
        "</View>\n"
    )


def _attribute(text: str) -> str:
    """Quote an attribute; line breaks and tabs are kept."""
    return quoteattr(text, {"\n": "&#10;", "\r": "&#13;", "\t": "&#9;"})


def write_tasks(folder: Path, made: list[dict], xml: str) -> None:
    """Write label_studio_tasks.json and label_studio_config.xml."""
    text = json.dumps(made, ensure_ascii=True, allow_nan=False, indent=1)
    for name, content in (("tasks.json", text + "\n"), ("config.xml", xml)):
        write_text(folder / f"label_studio_{name}", content)

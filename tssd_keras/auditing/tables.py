"""One row a sample, for other programs: CSV, and Parquet where pyarrow is installed.

label_issues.csv has names that users of cleanlab and of FiftyOne know: is_label_issue,
label_quality, given_label and predicted_label are columns of cleanlab's
`CleanLearning.get_label_issues`; filepath and mistakenness are fields of a FiftyOne
sample and of `fiftyone.brain.compute_mistakenness`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from tssd_keras.auditing.gallery import Gallery
from tssd_keras.auditing.suspects import Stratum
from tssd_keras.data.columns import write_columns
from tssd_keras.data.parquet import unicode
from tssd_keras.data.whole_file import whole_file
from tssd_keras.judge.findings import Findings

NO_PARQUET = (
    "samples.parquet was not written: pyarrow is not installed. Try pip install "
    "'tssd_keras[parquet]'."
)


def columns(findings: Findings, gallery: Gallery) -> dict[str, list]:
    """The columns of samples.csv; None is an empty cell.

    Args:
        findings: N samples.
        gallery: of these.

    Returns:
        Name -> N values: text, int or float.
    """
    n = len(findings)
    nothing = [None] * n

    def numbers(values: np.ndarray) -> list:
        return [None if np.isnan(v) else float(v) for v in values]

    def labels(values: np.ndarray) -> list:
        return [int(v) if v >= 0 else None for v in values]

    def names(values: np.ndarray) -> list:
        return [findings.named(v) if v >= 0 else None for v in values]

    truth = np.full(n, -1) if findings.truth is None else findings.truth
    return {
        "index": findings.index.tolist(),
        "id": nothing if findings.ids is None else findings.ids.tolist(),
        "path": nothing if findings.paths is None else findings.paths.tolist(),
        "given_label": labels(findings.given),
        "given_name": names(findings.given),
        "suggested_label": labels(findings.suggested),
        "suggested_name": names(findings.suggested),
        "p_suggested": numbers(findings.p_suggested),
        "weight": numbers(findings.weight),
        "role": [findings.role_name(i) or None for i in range(n)],
        "p_loss": numbers(findings.p_loss),
        "p_feature": numbers(findings.p_feature),
        "q": numbers(findings.q),
        "p_wrong": numbers(findings.p_wrong),
        "changed": labels(findings.changed),
        "stratum": gallery.stratum.tolist(),
        "rank": [int(r) if r > 0 else None for r in gallery.rank],
        "teaching_rank": _places(gallery.rows[gallery.teaching], n),
        "true_name": names(truth),
    }


def _places(rows: np.ndarray, n: int) -> list[int | None]:
    """From 1, the place of each of n samples among some rows; None for the others."""
    place: list[int | None] = [None] * n
    for i, row in enumerate(rows.tolist(), 1):
        place[row] = i
    return place


def label_issues(findings: Findings) -> dict[str, list]:
    """The columns of label_issues.csv; None is an empty cell.

    Args:
        findings: N samples.

    Returns:
        id, index and filepath to join on; is_label_issue (True for suspects);
        label_quality in [0, 1], low where the label is probably wrong, and
        mistakenness, 1 minus that; given_label and predicted_label, class names.
    """
    n = len(findings)
    wrong = findings.p_wrong
    return {
        "id": [None] * n if findings.ids is None else findings.ids.tolist(),
        "index": findings.index.tolist(),
        "filepath": [None] * n if findings.paths is None else findings.paths.tolist(),
        "is_label_issue": findings.suspect.tolist(),
        "label_quality": [None if np.isnan(v) else 1 - float(v) for v in wrong],
        "given_label": [findings.named(v) for v in findings.given],
        "predicted_label": [findings.named(v) if v >= 0 else None for v in findings.suggested],
        "mistakenness": [None if np.isnan(v) else float(v) for v in wrong],
    }


def write_parquet(path: Path, table: Mapping[str, Any]) -> bool:
    """Write columns as Parquet; False, and no file, where pyarrow is not installed."""
    try:
        import pyarrow as pa
        import pyarrow.parquet
    except ModuleNotFoundError:
        return False
    whole = ("index", "given_label", "suggested_label", "changed", "rank", "teaching_rank")
    kinds = {
        **dict.fromkeys(whole, pa.int64()),
        **dict.fromkeys(("p_suggested", "weight", "p_loss", "p_feature"), pa.float64()),
        **dict.fromkeys(("q", "p_wrong"), pa.float64()),
    }
    arrays = {}
    for name, column in table.items():
        values = column.tolist() if isinstance(column, np.ndarray) else list(column)
        numbers = not any(isinstance(v, str) for v in values)
        kind = kinds.get(name) if numbers else None
        if numbers and (kind is not None or any(v is not None for v in values)):
            arrays[name] = pa.array([None if v != v else v for v in values], kind)
        else:
            arrays[name] = pa.array([unicode(v) for v in values], pa.string())
    # Arrow takes no path that is not UTF-8.
    with whole_file(path) as part, open(part, "wb") as file:
        pyarrow.parquet.write_table(pa.table(arrays), file)
    return True


def write_strata(path: Path, strata: Sequence[Stratum]) -> None:
    """Write strata.csv: each stratum, its samples, and how many of them the page shows."""
    write_columns(
        path,
        {
            "stratum": [s.name for s in strata],
            "samples": [s.samples for s in strata],
            "shown": [s.shown for s in strata],
        },
    )

"""Columns as a CSV file: the one writer of every table that a person reads."""

from __future__ import annotations

import csv
import math
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from tssd_keras.data.whole_file import whole_file

Columns = Mapping[str, Sequence | np.ndarray]


def write_columns(path: str | Path, columns: Columns) -> None:
    """Write columns of one length as a CSV file in UTF-8, a row an entry.

    Names of files need not be text: their bytes are written as they were
    (surrogateescape).

    Args:
        path: of the file.
        columns: head -> N values. A float has six digits; None and NaN are empty cells.

    Raises:
        ValueError: the columns differ in length; nothing is written.
    """
    cells = {head: _cells(values) for head, values in columns.items()}
    lengths = {head: len(column) for head, column in cells.items()}
    if len(set(lengths.values())) > 1:
        raise ValueError(f"columns of {path} must have one length, got {lengths}.")
    with (
        whole_file(path) as part,
        open(part, "w", newline="", encoding="utf-8", errors="surrogateescape") as file,
    ):
        writer = csv.writer(file)
        writer.writerow(cells)
        writer.writerows(zip(*cells.values(), strict=True))


def cell(value: object) -> object:
    """One value for a CSV writer: a float with six digits, NaN as it is, None empty."""
    if value is None:
        return ""
    return f"{value:.6g}" if isinstance(value, float) else value


def names_of(labels: np.ndarray, names: Sequence[str]) -> list[str]:
    """The name of each label, empty for -1.

    Args:
        labels: int[N], -1 where there is none.
        names: of K classes.
    """
    return [names[label] if label >= 0 else "" for label in labels.tolist()]


def _cells(values: Sequence | np.ndarray) -> list:
    plain = values.tolist() if isinstance(values, np.ndarray) else values
    return ["" if isinstance(v, float) and math.isnan(v) else cell(v) for v in plain]

"""Columns as a CSV file: the one writer of every table that a person reads.

A spreadsheet calculates texts that begin with =, +, - or @. Such a text gets an apostrophe before
it, by which a spreadsheet takes it as text; `read_cell` takes that apostrophe away. A text that
begins so behind apostrophes of its own gets one more: every text comes back as it was. Numbers
stay numbers.
"""

from __future__ import annotations

import csv
import functools
import math
import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TextIO

import numpy as np

from tssd_keras.data.whole_file import whole_file

Columns = Mapping[str, Sequence | np.ndarray]

# What a spreadsheet would calculate, or take apart: wide forms and leading blanks are no way round.
# The page (auditing/page_files/decisions.js) has the same pattern.
_CALCULATED = r"(?:[\t\r\n]|[ \t\r\n\0\u00a0]*[=+\-@\uff1d\uff0b\uff0d\uff20])"
_TO_WRITE = re.compile(f"'*{_CALCULATED}")
_TO_READ = re.compile(f"'+{_CALCULATED}")
_NUMBER = re.compile(r"-?[0-9]+(?:\.[0-9]+)?(?:e[+-]?[0-9]+)?")


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
    lengths = {head: len(column) for head, column in columns.items()}
    if len(set(lengths.values())) > 1:
        raise ValueError(f"columns of {path} must have one length, got {lengths}.")
    write_blocks(path, columns, [list(columns.values())])


def write_blocks(
    path: str | Path, head: Iterable[str], blocks: Iterable[Sequence[Sequence | np.ndarray]]
) -> None:
    """As `write_columns`, with so many rows in memory as a block has.

    Args:
        path: of the file.
        head: names of the columns.
        blocks: the columns of the first rows, then those of the next.
    """
    with (
        whole_file(path) as part,
        open(part, "w", newline="", encoding="utf-8", errors="surrogateescape") as file,
    ):
        writer = csv.writer(file)
        writer.writerow(map(cell, head))
        for block in blocks:
            writer.writerows(zip(*map(_cells, block), strict=True))


def write_rows(file: TextIO, head: Iterable[str], rows: Iterable[Iterable]) -> None:
    """Write a table as CSV: its head, and each value as `cell` has it.

    Args:
        file: open, without translation of line ends.
        head: names of the columns.
        rows: of values.
    """
    writer = csv.writer(file)
    writer.writerow(map(cell, head))
    writer.writerows(map(cell, row) for row in rows)


def cell(value: object) -> object:
    """One value for a CSV writer: a float with six digits, NaN as it is, None empty.

    A text that a spreadsheet would calculate gets an apostrophe before it.
    """
    if value is None:
        return ""
    if isinstance(value, str):
        return _text(value)
    return f"{value:.6g}" if isinstance(value, float) else value


@functools.lru_cache(maxsize=4096)  # names of classes and roles come again in every row
def _text(value: str) -> str:
    calculated = _TO_WRITE.match(value) and not _NUMBER.fullmatch(value)
    return f"'{value}" if calculated else value


def read_cell(text: str) -> str:
    """The text of a cell that `cell` wrote; any other text as it is."""
    return text[1:] if _TO_READ.match(text) else text


def names_of(labels: np.ndarray, names: Sequence[str]) -> list[str]:
    """The name of each label, empty for -1.

    Args:
        labels: int[N], -1 where there is none.
        names: of K classes.
    """
    return [names[label] if label >= 0 else "" for label in labels.tolist()]


def _cells(values: Sequence | np.ndarray) -> list:
    """A column as `cell` has it, NaN empty; arrays of numbers without a call for each."""
    kind = values.dtype.kind if isinstance(values, np.ndarray) else ""
    plain = values.tolist() if isinstance(values, np.ndarray) else list(values)
    if kind == "f":
        return ["" if v != v else f"{v:.6g}" for v in plain]
    if kind in ("i", "u"):
        return plain
    return ["" if isinstance(v, float) and math.isnan(v) else cell(v) for v in plain]

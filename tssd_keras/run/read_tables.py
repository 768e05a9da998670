"""The texts of a run folder: summary.json, epochs.csv and rounds.csv, checked. Loads no Keras."""

from __future__ import annotations

import itertools
import json
import math
import re
from pathlib import Path
from typing import Any, NoReturn

from tssd_keras.data.text_table import is_text
from tssd_keras.data.text_table import read_table as read_cells
from tssd_keras.recipe.checks import cut, shown

LARGEST = 10_000_000  # bytes of a summary
MOST = 10**9  # epochs, rounds, samples: no run has as many
EPOCH_FIGURES = ("accuracy", "train_accuracy", "loss")
ROUND_FIGURES = ("kept", "semi_hard", "kept_precision", "kept_recall", "estimated_clean_share")
FIGURES = ("epoch", *EPOCH_FIGURES, *ROUND_FIGURES)
_SHARES = (*EPOCH_FIGURES[:2], *ROUND_FIGURES[2:])  # in 0..1
_ROUNDED = 1e-6  # what six digits may add to a share of 1


def read_text(path: Path, largest: int = LARGEST) -> str:
    """A text file in UTF-8; raises ValueError if it is larger or no text, OSError if no file."""
    with open(path, "rb") as file:
        content = file.read(largest + 1)
    if len(content) > largest:
        raise ValueError(f"it must have at most {largest:,} bytes, it has more")
    return content.decode("utf-8")


def read_summary(path: Path) -> dict[str, Any]:
    """What summary.json holds.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: it is no summary, or what audits and comparisons read of it is not of its type
            and range.
    """
    try:
        summary = json.loads(read_text(path), parse_constant=_no_number)
        _check_summary(summary)
        return summary
    except (ValueError, RecursionError) as error:
        fault = "it nests too deeply" if isinstance(error, RecursionError) else str(error)
        raise ValueError(
            f"{path} must be the summary that a run writes, it is not: {fault}. Run the recipe "
            "again."
        ) from error


def _no_number(text: str) -> NoReturn:
    raise ValueError(f"it says {text}, where a run writes null")


def _check_summary(summary: object) -> None:
    """Raise ValueError unless what audits and comparisons read of a summary is as a run has it."""
    if not isinstance(summary, dict):
        raise ValueError(f"it is a {type(summary).__name__}, no object")
    for name in ("rounds", "epochs"):
        _check_count(name, summary.get(name, 0))
    for name in ("accuracy", "decisions", "samples"):
        if not isinstance(summary.get(name) or {}, dict):
            raise ValueError(f"{name} must be an object, got {shown(summary[name])}")
    for name, value in (summary.get("accuracy") or {}).items():
        if name == "evaluated_on":
            _check_text(f"accuracy.{name}", value)
        else:
            _check_share(f"accuracy.{cut(name)}", value)
    for name in ("effective_noise_rate", "label_error_auroc"):
        _check_share(name, summary.get(name))
    for section, names in (("decisions", ("trained", "golden")), ("samples", ("stream", "golden"))):
        for name in names:
            _check_count(f"{section}.{name}", (summary.get(section) or {}).get(name, 0))
    for name in ("objective", "error"):
        _check_text(name, summary.get(name))


def _check_count(name: str, value: object) -> None:
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value <= MOST:
        raise ValueError(f"{name} must be a whole number, got {shown(value)}")


def _check_share(name: str, value: object) -> None:
    if isinstance(value, bool) or not isinstance(value, float | int | None):
        raise ValueError(f"{name} must be a number, got {shown(value)}")
    if value is not None and not 0 <= value <= 1:
        raise ValueError(f"{name} must lie in 0..1, got {shown(value)}")


def _check_text(name: str, value: object) -> None:
    if value is not None and not isinstance(value, str):
        raise ValueError(f"{name} must be text, got {shown(value)}")


def read_table(path: Path, *, n: int | None = None, or_fewer: bool = False) -> list[dict[str, str]]:
    """The rows of epochs.csv or rounds.csv, which grew by a row at a time; none without the file.

    Args:
        path: of the file.
        n: how many there must be; None: any number.
        or_fewer: whether there may be fewer: an error ended the run, e.g. a full disk.

    Raises:
        ValueError: it is no such table; a row lacks a cell, an epoch that rises, or a figure that
            an audit draws is no number or not in its range; the rows are not so many.
    """
    if not path.exists():
        return []
    try:
        if not path.is_file():
            raise ValueError("it is no file")
        table = read_cells(path, FIGURES).filled()
        rows = [_row(table.header, *row) for row in zip(table.rows, table.line, strict=True)]
        epochs = [int(row["epoch"]) for row in rows]
        if any(b <= a for a, b in itertools.pairwise(epochs)):
            raise ValueError("its epochs must rise from row to row")
        if n is not None and len(rows) != n and not (or_fewer and len(rows) < n):
            raise ValueError(
                f"summary.json says that there are {n:,} rows, there are {len(rows):,}"
            )
        return rows
    except ValueError as error:
        raise ValueError(
            f"{path} must be the table that a run writes, it is not: {error}. Run the recipe again."
        ) from error


def _row(header: list[str], row: list[str], line: int) -> dict[str, str]:
    """A row whose cells have been looked at."""
    cells = dict(zip(header, row, strict=False))
    if not re.fullmatch(r"[0-9]{1,9}", cells.get("epoch", "")):
        raise ValueError("a row has no whole number in a column named epoch")
    if len(row) != len(header):
        raise ValueError(f"row {line} has more or fewer cells than the first")
    if not all(map(is_text, (*header, *row))):
        raise ValueError(f"row {line}, or the first, is no text in UTF-8")
    for name in FIGURES[1:]:
        for text in cells.get(name, "").split(" / "):  # of two networks that differ
            _check_figure(name, text, line)
    return cells


def _check_figure(name: str, text: str, line: int) -> None:
    """Raise ValueError unless a cell is empty or holds a number, of a share in 0..1."""
    try:
        value = float(text or "nan")
    except ValueError:
        raise ValueError(f"{name} in row {line} must be a number, got {shown(text)}") from None
    if name in _SHARES and math.isfinite(value) and not 0 <= value <= 1 + _ROUNDED:
        raise ValueError(f"{name} in row {line} must lie in 0..1, got {shown(text)}")

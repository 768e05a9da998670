"""The formats of label files: .npy, .npz, .csv and .txt -> columns, not yet checked.

| suffix | what it holds |
| --- | --- |
| .npy | int[N], or text[N] |
| .npz | labels (as .npy); may be there: ids text[N], clean (as labels), class_names text[K] |
| .csv | a header with label and, if there, id (or path), clean, name. Or one column, no header |
| .txt | one label a line |

A CSV file may be any that `data.text_table` reads. One with any other column is refused: that
column may name the samples. The column name holds the class's name, for people; it is not read.
Nothing is ever unpickled.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np

from tssd_keras.data.array_files import (
    FREE,
    NotArraysError,
    PythonObjectsError,
    open_npz,
    read_npy,
    shown_names,
)
from tssd_keras.data.class_labels import shape_remedy
from tssd_keras.data.text_table import TextTable, read_table, read_text
from tssd_keras.recipe.checks import EXAMPLES, cut, shown

IDS = ("id", "path")  # columns that name the samples
COLUMNS = ("label", "id", "clean", "name")
SPREAD = 20  # bytes of a column in memory, for each of its file, beyond `FREE`
OBJECTS = (
    "holds Python objects, which only unpickling could read, and that can run any code. If you "
    "trust it, load it yourself and save the one array of labels with np.save"
)


@dataclass(frozen=True, eq=False)
class Table:
    """The columns of a file.

    Attributes:
        labels: [N], of any dtype; `reading` refuses all but numbers and text.
        ids: str[N], or None.
        clean: [N] as labels, or None.
        class_names: str[K], or None.
        line: int64[N], the row's line in a text file, from 1; else None.
    """

    labels: np.ndarray
    ids: np.ndarray | None = None
    clean: np.ndarray | None = None
    class_names: np.ndarray | None = None
    line: np.ndarray | None = None


def _read_npy(path: Path) -> Table:
    with open(path, "rb") as file:
        return Table(_array(path, "it", lambda: read_npy(file)))


def _read_npz(path: Path) -> Table:
    try:
        with open_npz(path) as file:
            if "labels" not in file.names:
                raise ValueError(
                    f"{path} must hold the array labels. Found: {shown_names(file.names)}."
                )
            columns = {
                key: _array(path, key, partial(file.read, key))
                for key in ("labels", "ids", "clean", "class_names")
                if key in file.names
            }
    except NotArraysError as error:
        raise ValueError(
            f"{path} is no .npz file, or cut short. Make one with np.savez_compressed(path, "
            "labels=..., ids=...)."
        ) from error
    for key in ("ids", "class_names"):
        if key in columns and columns[key].dtype.kind != "U":
            raise ValueError(
                f"{path}: {key} must be text, got {columns[key].dtype}. Try {key}.astype(str)."
            )
    return Table(**columns)


def _array(path: Path, what: str, read: Callable[[], np.ndarray]) -> np.ndarray:
    """One array of one axis; bytes become text."""
    try:
        array = read()
    except PythonObjectsError as error:
        raise ValueError(f"{path}: {what} {OBJECTS}.") from error
    except (ValueError, OSError) as error:
        raise ValueError(f"{path}: {what} cannot be read: {error}. Save it again.") from error
    if array.ndim != 1:
        raise ValueError(
            f"{path}: {what} must have shape (N,), got {array.shape}. {shape_remedy(array)}"
        )
    if array.dtype.kind == "S":
        try:
            return np.char.decode(array, "utf-8")
        except UnicodeDecodeError as error:
            raise ValueError(f"{path}: {what} must be UTF-8 text: {error}.") from error
    return array


def _read_txt(path: Path) -> Table:
    lines = re.split(r"\r\n|\r|\n", read_text(path))
    table = TextTable(["label"], [[line] for line in lines], list(range(1, 1 + len(lines))))
    return _cells(path, table, ["label"])


def _read_csv(path: Path) -> Table:
    table = read_table(path, (*COLUMNS, *IDS), one_column=True)
    header = [name if name == "" else name.lower() for name in table.header]
    came = ", ".join(map(cut, table.header[:8]))
    if header == ["label"] or not header:
        return _cells(path, table, ["label"])
    if len(header) == 1:
        first = TextTable([], [table.header, *table.rows], [table.first_line, *table.line])
        return _cells(path, first, ["label"])
    if "label" not in header:
        raise ValueError(
            f"{path}: a table must name its columns in the first row, label among them; got {came}."
        )
    columns = ["id" if name in IDS else name for name in header]
    strange = [name or "one without a name" for name in columns if name not in COLUMNS]
    if strange or len(set(columns)) < len(columns):
        fault = (
            f"{', '.join(map(cut, strange[:EXAMPLES]))}: not known"
            if strange
            else "some come twice"
        )
        raise ValueError(
            f"{path}: its columns must be label and, if there, {' or '.join(IDS)}, clean and name, "
            f"once each; got {came} ({fault}). Call the column that names the "
            "samples id, and take away those that say nothing of the labels."
        )
    return _cells(path, table.filled() if "id" in columns else table, columns)


def _column(path: Path, name: str, cells: list[str]) -> np.ndarray:
    """str[N]: the cells of a column, each as long in memory as the longest."""
    longest = max(range(len(cells)), key=lambda i: len(cells[i]), default=0)
    length = len(cells[longest]) if cells else 0
    if 4 * length * len(cells) > FREE + SPREAD * path.stat().st_size:
        raise ValueError(
            f"{path}: no cell of {name} must be far longer than the others: row {longest + 1} has "
            f"{length:,} characters, {shown(cells[longest])}. Give that sample a shorter name."
        )
    return np.array(cells, np.str_)


def _cells(path: Path, table: TextTable, header: list[str]) -> Table:
    """The rows as columns of text, without empty rows at the end."""
    filled = [i for i, row in enumerate(table.rows, start=1) if any(cell.strip() for cell in row)]
    end = max(filled, default=0)
    rows, line = table.rows[:end], table.line[:end]
    if len(header) == 1:
        rows = [row or [""] for row in rows]
    uneven = [at for at, row in zip(line, rows, strict=True) if len(row) != len(header)]
    if uneven:
        raise ValueError(
            f"{path}: each row must have as many cells as the first, {len(header)}: {len(uneven)} "
            f"of {len(rows)} do not, the first are lines {', '.join(map(str, uneven[:EXAMPLES]))}."
        )
    columns = {
        name: _column(path, name, [row[at] for row in rows])
        for at, name in enumerate(header)
        if name != "name"
    }
    return Table(
        np.char.strip(columns["label"]),
        ids=columns.get("id"),
        clean=np.char.strip(columns["clean"]) if "clean" in columns else None,
        line=np.array(line, np.int64),
    )


READERS: dict[str, Callable[[Path], Table]] = {
    ".npy": _read_npy,
    ".npz": _read_npz,
    ".csv": _read_csv,
    ".txt": _read_txt,
}

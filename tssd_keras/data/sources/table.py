"""Images of one's own, named with their labels in a table: CSV or Parquet."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path

import numpy as np

from tssd_keras.data.columns import read_cell
from tssd_keras.data.labelled_data import LabelledData
from tssd_keras.data.sources.own_images import own_images
from tssd_keras.recipe.checks import EXAMPLES, did_you_mean
from tssd_keras.recipe.data_sections import DataRecipe

NEEDED = ("path", "label")
OPTIONAL = ("true_label", "golden", "split")
YES, NO = ("true", "yes", "1", "1.0"), ("false", "no", "0", "0.0", "")
SPLITS = ("train", "test")


@dataclass(frozen=True)
class Rows:
    """Rows of a table.

    Attributes:
        file: that holds them.
        columns: name in lower case -> every cell as text, stripped; an unused
            column of a Parquet file is empty.
        number: of each row, for messages: a CSV row's line, a Parquet row's place from 1.
    """

    file: Path
    columns: dict[str, list[str]]
    number: list[int]

    def refuse(self, must: str, wrong: list[bool], remedy: str) -> None:
        """Raise ValueError naming the rows that are wrong, if any are."""
        paths = self.columns["path"]
        rows = [i for i, is_wrong in enumerate(wrong) if is_wrong]
        if rows:
            shown = ", ".join(f"{self.number[i]} ({paths[i]!r})" for i in rows[:EXAMPLES])
            raise ValueError(
                f"{self.file}: {must}: {len(rows)} of {len(wrong)} rows are wrong, the first "
                f"{'is row' if len(rows) == 1 else 'are rows'} {shown}. {remedy}"
            )


def load(recipe: DataRecipe, *, golden_ids: frozenset[str] = frozenset()) -> LabelledData:
    """The images that the table at `data.path` names.

    Columns: path (absolute, or within `data.images`, else within the table's
    folder) and label (a class's name or number); if there: true_label (empty
    where unknown), golden (true, yes or 1 where the label is known to be right),
    split (train or test). Without test rows some of each class are held out,
    see `own_images`.

    Args:
        recipe: path, images, and what `own_images` reads.
        golden_ids: samples of these ids are not held out.

    Returns:
        LabelledData. Classes are sorted, as numbers if all are; an id is the
        path as the table has it.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: a column is missing, or rows cannot be used.
    """
    file = Path(recipe.path).expanduser()
    if not file.is_file():
        raise FileNotFoundError(
            f"data.path must name a .csv or .parquet file, {file.absolute()} is "
            f"{'no file' if file.exists() else 'not there'}."
        )
    rows = _read(file)
    _check_rows(rows)
    names, labels, true_labels = _numbered(rows)
    return own_images(
        str(file),
        _images_folder(recipe, file),
        rows.columns["path"],
        labels,
        names,
        recipe,
        test=_test_rows(rows),
        true_labels=true_labels,
        trusted=_golden_rows(rows),
        golden_ids=golden_ids,
        notes=_unused(rows.columns),
    )


def _check_rows(rows: Rows) -> None:
    """Raise ValueError unless each row has a label and a path of its own."""
    paths, labels = rows.columns["path"], rows.columns["label"]
    rows.refuse("path must not be empty", [not path for path in paths], "Fill it in.")
    rows.refuse(
        "path must be a file's name, without NUL characters",
        ["\0" in path for path in paths],
        "Save the table again.",
    )
    rows.refuse(
        "label must not be empty",
        [not label for label in labels],
        "Fill it in, or take the row away.",
    )
    first_row: dict[str, int] = {}
    repeated = [first_row.setdefault(path, i) != i for i, path in enumerate(paths)]
    rows.refuse("each path must come once", repeated, "Keep the row that is right.")


def _numbered(rows: Rows) -> tuple[tuple[str, ...], np.ndarray, np.ndarray | None]:
    """Class names, given labels and true labels (-1 where the cell is empty), or no true ones."""
    labels, truth = rows.columns["label"], rows.columns.get("true_label")
    names = _class_names({*labels, *(truth or ())} - {""})
    number = {name: i for i, name in enumerate(names)} | {"": -1}
    true_labels = None if truth is None else np.array([number[cell] for cell in truth], np.int64)
    return names, np.array([number[cell] for cell in labels], np.int64), true_labels


def _images_folder(recipe: DataRecipe, file: Path) -> Path:
    folder = Path(recipe.images).expanduser() if recipe.images else file.parent
    if not folder.is_dir():
        raise FileNotFoundError(
            f"data.images must name the folder that the table's paths start from, "
            f"{folder.absolute()} is not there."
        )
    return folder


def _read(file: Path) -> Rows:
    """The rows, with the needed columns among the others."""
    suffix = file.suffix.lower()
    readers = {".csv": _read_csv, ".tsv": _read_csv, ".parquet": _read_parquet}
    if suffix not in readers:
        raise ValueError(f"data.path must name a .csv or .parquet file, got {file}.")
    rows = readers[suffix](file)
    columns = rows.columns
    missing = [name for name in NEEDED if name not in columns]
    if missing:
        strange = [name for name in columns if name not in (*NEEDED, *OPTIONAL)]
        near = {name: get_close_matches(name, strange, n=1, cutoff=0.5) for name in missing}
        renames = "".join(f" Rename {like[0]} to {name}?" for name, like in near.items() if like)
        raise ValueError(
            f"{file} must have the columns {' and '.join(NEEDED)}, {' and '.join(missing)} "
            f"{'is' if len(missing) == 1 else 'are'} missing; it has "
            f"{', '.join(columns) or 'none'}.{renames}"
        )
    if not columns["path"]:
        raise ValueError(f"{file} must have a row for each image, it has none.")
    return rows


def _read_csv(file: Path) -> Rows:
    try:
        with open(file, newline="", encoding="utf-8-sig") as handle:
            header = next((line for line in handle if line.strip()), "")
            handle.seek(0)
            delimiter = max(",;\t", key=header.count)
            rows = list(_filled(csv.reader(handle, delimiter=delimiter, strict=True)))
    except UnicodeDecodeError as error:
        raise ValueError(
            f"{file} must be text in UTF-8, byte {error.start} is not. Save it as UTF-8."
        ) from error
    except csv.Error as error:
        raise ValueError(f"{file} must be a CSV file: {error}. Save it again as CSV.") from error
    names = [name.lower() for name in rows[0][1]] if rows else []
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise ValueError(f"{file}: each column must come once, {', '.join(twice)} does not.")
    body = rows[1:]
    uneven = [(line, len(row)) for line, row in body if len(row) != len(names)]
    if uneven:
        raise ValueError(
            f"{file}: each row must have {len(names)} cells, {len(uneven)} of {len(body)} have "
            f"not, the first is row {uneven[0][0]} with {uneven[0][1]}. Quote cells that hold the "
            "delimiter."
        )
    columns = {name: [row[k] for _, row in body] for k, name in enumerate(names)}
    return Rows(file, columns, [line for line, _ in body])


def _filled(reader) -> Iterator[tuple[int, list[str]]]:
    """The rows that are not blank, cells stripped, each with the line that it begins on."""
    line = 1
    for row in reader:
        cells = [read_cell(cell).strip() for cell in row]
        if any(cells):
            yield line, cells
        line = reader.line_num + 1


def _read_parquet(file: Path) -> Rows:
    try:
        import pyarrow as pa
        import pyarrow.parquet
    except ImportError as error:
        raise ValueError(
            f"reading {file} needs the package pyarrow. Try pip install pyarrow, or save the table "
            "as CSV."
        ) from error
    try:
        names = pa.parquet.read_schema(file).names
        wanted = [name for name in names if name.strip().lower() in (*NEEDED, *OPTIONAL)]
        table = pa.parquet.read_table(file, columns=wanted)
        nested = [name for name in wanted if pa.types.is_nested(table[name].type)]
    except pa.ArrowInvalid as error:
        raise ValueError(f"{file} is no Parquet file or is damaged: {error}.") from error
    if nested:
        raise ValueError(
            f"{file}: each column must hold one value a row, {', '.join(nested)} holds lists or "
            f"the like ({table[nested[0]].type}). Save one value a row."
        )
    columns = {
        name.strip().lower(): [_cell(value) for value in table[name].to_pylist()] for name in wanted
    }
    unused: dict[str, list[str]] = {name.lower(): [] for name in names if name not in wanted}
    return Rows(file, {**columns, **unused}, list(range(1, 1 + table.num_rows)))


def _cell(value: object) -> str:
    """A Parquet cell as a CSV would have it."""
    if value is None:
        return ""
    if isinstance(value, float):
        if value != value:
            return ""
        return str(int(value)) if value.is_integer() else str(value)
    return str(value).strip()


def _class_names(labels: set[str]) -> tuple[str, ...]:
    """The labels in order: as numbers if all are whole numbers, else as text."""
    if all(re.fullmatch(r"-?[0-9]{1,18}", name) for name in labels):
        return tuple(sorted(labels, key=lambda name: (int(name), name)))
    return tuple(sorted(labels))


def _golden_rows(rows: Rows) -> np.ndarray | None:
    if "golden" not in rows.columns:
        return None
    lower = [cell.lower() for cell in rows.columns["golden"]]
    rows.refuse(
        "golden must be true or false (or yes, no, 1, 0)",
        [cell not in (*YES, *NO) for cell in lower],
        "Leave it empty where the label is not trusted.",
    )
    return np.array([cell in YES for cell in lower])


def _test_rows(rows: Rows) -> np.ndarray:
    if "split" not in rows.columns:
        return np.zeros(len(rows.number), bool)
    lower = [cell.lower() for cell in rows.columns["split"]]
    rows.refuse(
        f"split must be {' or '.join(SPLITS)}",
        [cell not in SPLITS for cell in lower],
        "Drop the column to have some of each class held out.",
    )
    return np.array([cell == "test" for cell in lower])


def _unused(columns: dict[str, list[str]]) -> tuple[str, ...]:
    others = [name for name in columns if name not in (*NEEDED, *OPTIONAL)]
    if not others:
        return ()
    return (
        f"columns: {', '.join(others)} are not used"
        + "".join(did_you_mean(name, [o for o in OPTIONAL if o not in columns]) for name in others),
    )

"""Images of one's own, named with their labels in a table: CSV or Parquet."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path

import numpy as np

from tssd_keras.data.label_cells import NO_VALUE, WHOLE, not_given, one_spelling
from tssd_keras.data.labelled_data import LabelledData
from tssd_keras.data.path_names import has_drive, is_left_by_tools
from tssd_keras.data.sources.own_images import own_images
from tssd_keras.data.sources.paths_on_disk import on_disk
from tssd_keras.data.text_table import is_text, read_table
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
    see `own_images`. What says that nobody gave a label is refused, or as a true label unknown
    (`label_cells.not_given`). Notes name what counts as something else.

    Args:
        recipe: path, images, and what `own_images` reads.
        golden_ids: samples of these ids are not held out.

    Returns:
        LabelledData. Classes are sorted, as numbers if all are; an id is the
        path as the disk has it, which the table may write otherwise (`on_disk`).

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
    rows, folder = _read(file), _images_folder(recipe, file)
    missing = not_given(rows.columns["label"] + rows.columns.get("true_label", []))
    _check_rows(rows, missing)
    names, labels, true_labels, notes = _numbered(rows, missing)
    paths, changes = on_disk(folder, rows.columns["path"])
    _check_found(rows, folder, paths)
    return own_images(
        str(file),
        folder,
        paths,
        labels,
        names,
        recipe,
        test=_test_rows(rows),
        true_labels=true_labels,
        trusted=_golden_rows(rows),
        golden_ids=golden_ids,
        notes=(*_unused(rows.columns), *notes, *_of_paths(paths, changes)),
    )


def _check_rows(rows: Rows, missing: frozenset[str]) -> None:
    """Raise ValueError unless each row has a path and a label, which none of `missing` is."""
    paths, labels = rows.columns["path"], rows.columns["label"]
    rows.refuse("path must not be empty", [not path for path in paths], "Fill it in.")
    rows.refuse(
        "path must be a file's name, without NUL characters",
        ["\0" in path for path in paths],
        "Save the table again.",
    )
    words = sorted(missing.intersection(labels) - {""})
    say = f", and {', '.join(words)} says that nobody gave one" if words else ""
    rows.refuse(
        f"label must not be empty{say}",
        [label in missing for label in labels],
        "Fill it in, or take the row away."
        + f" Is {words[-1] if words else ''} a class? Give it a name of its own." * bool(words),
    )
    for column in ("label", "true_label"):
        rows.refuse(
            f"{column} must be text in UTF-8",
            [not is_text(cell) for cell in rows.columns.get(column, ())],
            "Save the table as UTF-8.",
        )


def _check_found(rows: Rows, folder: Path, paths: list[str]) -> None:
    """Raise ValueError if a path cannot be one of this machine's, or two are one.

    Args:
        rows: of the table.
        folder: that the paths start from.
        paths: of the rows, as the disk has them.
    """
    rows.refuse(
        "path must be text in UTF-8, or the name of a file that is there",
        [not is_text(path) and not (folder / path).exists() for path in paths],
        "Save the table as UTF-8.",
    )
    rows.refuse(
        "path must start from the table's folder or data.images, not from a drive of Windows",
        [has_drive(path) and not (folder / path).exists() for path in paths],
        "Write it without the drive, relative to that folder.",
    )
    first_row: dict[str, int] = {}
    repeated = [first_row.setdefault(path, i) != i for i, path in enumerate(paths)]
    rows.refuse("each path must come once", repeated, "Keep the row that is right.")


def _of_paths(paths: list[str], changes: dict[str, str]) -> tuple[str, ...]:
    """Notes of paths that were changed, and of those that lie where a NAS or a system keeps copies.

    Args:
        paths: of the images.
        changes: see `on_disk`.
    """
    words = {"\\": "\\ in paths counts as /", "form": "paths count in the Unicode form of the disk"}
    notes = [f"paths: {words[kind]}, the first is {path}" for kind, path in changes.items()]
    copies = [path for path in paths if any(map(is_left_by_tools, path.split("/")[:-1]))]
    if copies:
        notes.append(
            f"paths: {len(copies):,} lie in folders that a NAS or a system makes, as thumbnails or "
            f"copies of others do, the first is {copies[0]}"
        )
    return tuple(notes)


def _numbered(
    rows: Rows, missing: frozenset[str]
) -> tuple[tuple[str, ...], np.ndarray, np.ndarray | None, tuple[str, ...]]:
    """Class names, given labels, true ones (-1 where missing) or None, and notes of spelling."""
    labels, truth = rows.columns["label"], rows.columns.get("true_label")
    cells = [cell for cell in (*labels, *(truth or ())) if cell not in missing]
    spelling = one_spelling(cells)
    names = _class_names(set(spelling.values()))
    place = {name: i for i, name in enumerate(names)}
    number = {text: place[name] for text, name in spelling.items()} | dict.fromkeys(missing, -1)
    true_labels = None if truth is None else np.array([number[cell] for cell in truth], np.int64)
    given = np.array([number[cell] for cell in labels], np.int64)
    return names, given, true_labels, tuple(_of_spelling(spelling, missing, truth or []))


def _of_spelling(
    spelling: dict[str, str], missing: frozenset[str], truth: list[str]
) -> Iterator[str]:
    """Notes of labels that count as another one, and of words that count as an empty cell."""
    changed = sorted(text for text in spelling if spelling[text] != text)
    if changed:
        first = f"{changed[0]!a} as {spelling[changed[0]]!a}"
        yield (
            f"labels: {len(changed)} spellings count as that of another label, which says or shows "
            f"the same, the first: {first}"
        )
    words = sorted(missing.intersection(truth) - {""})
    if words:
        n = sum(cell in words for cell in truth)
        yield f"labels: {n:,} true labels that say {', '.join(words)} count as unknown"


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
    table = read_table(file, (*NEEDED, *OPTIONAL)).filled()
    names = [name.lower() for name in table.header]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise ValueError(f"{file}: each column must come once, {', '.join(twice)} does not.")
    uneven = [i for i, row in enumerate(table.rows) if len(row) != len(names)]
    if uneven:
        raise ValueError(
            f"{file}: each row must have {len(names)} cells, {len(uneven)} of {len(table.rows)} "
            f"have not, the first is row {table.line[uneven[0]]} with {len(table.rows[uneven[0]])}"
            ". Quote cells that hold the delimiter."
        )
    columns = {name: [row[k].strip() for row in table.rows] for k, name in enumerate(names)}
    return Rows(file, columns, table.line)


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
        with open(file, "rb") as handle:  # Arrow takes no path that is not UTF-8
            names = pa.parquet.read_schema(handle).names
            wanted = [name for name in names if name.strip().lower() in (*NEEDED, *OPTIONAL)]
            handle.seek(0)
            table = pa.parquet.read_table(handle, columns=wanted)
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
    if isinstance(value, bytes):
        return value.decode("utf-8", "surrogateescape").strip()
    return str(value).strip()


def _class_names(labels: set[str]) -> tuple[str, ...]:
    """The labels in order: as numbers if all are whole numbers, else as text."""
    if all(WHOLE.fullmatch(name) for name in labels):
        return tuple(sorted(labels, key=lambda name: (int(name), name)))
    return tuple(sorted(labels))


def _golden_rows(rows: Rows) -> np.ndarray | None:
    if "golden" not in rows.columns:
        return None
    lower = [cell.lower() for cell in rows.columns["golden"]]
    rows.refuse(
        "golden must be true or false (or yes, no, 1, 0)",
        [
            cell not in (*YES, *NO) and rows.columns["golden"][i] not in NO_VALUE
            for i, cell in enumerate(lower)
        ],
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
        f"columns: {', '.join(name or 'one without a name' for name in others)} are not used"
        + "".join(did_you_mean(name, [o for o in OPTIONAL if o not in columns]) for name in others),
    )

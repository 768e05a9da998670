"""Label files that other people wrote: read, lined up with the samples, checked; and written.

`formats` reads the columns, `order` lines them up. Text is class names or whole numbers, one
kind throughout. Where each text is a class name it counts as such, even if it looks like a
number; 1.0 is 1, and é is é in either Unicode form.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import numpy as np

from tssd_keras.data.class_labels import class_labels
from tssd_keras.data.columns import write_rows
from tssd_keras.data.label_cells import WHOLE, looks, not_given, without_fraction
from tssd_keras.data.text_table import is_text
from tssd_keras.data.whole_file import new_file
from tssd_keras.labels.files.formats import READERS, Table
from tssd_keras.labels.files.order import (
    agreement_mistake,
    by_ids,
    by_order,
    clean_mistake,
    other_order,
)
from tssd_keras.recipe.checks import EXAMPLES, shown


def read_label_file(
    path: str | Path,
    *,
    n: int,
    class_names: tuple[str, ...],
    ids: np.ndarray | None,
    true_labels: np.ndarray | None,
    order: str,
    own_labels: np.ndarray | None = None,
) -> np.ndarray:
    """The labels of a file, lined up with the samples of a source.

    Proof of the order is one of three: the file's ids; its clean labels, which must be the
    source's true labels wherever these are known; or agreement with the true labels (where
    none is known, with the source's own) beyond chance, see `order.Agreement`.

    Args:
        path: of a .npy, .npz, .csv or .txt file; never unpickled.
        n: N, samples of the source.
        class_names: K names in label order.
        ids: str[N], the source's own names of the samples, or None.
        true_labels: int64[N], -1 where unknown, or None where all are.
        order: "source" or "id", see `order.by_order`; does not matter to a file with ids.
        own_labels: int64[N], given labels of the source, right or wrong, -1 where
            there is none.

    Returns:
        int64[N] in 0..K-1; entry i belongs to sample i of the source.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: it holds something else, or cannot be lined up.
    """
    path = Path(path).expanduser()
    table = _read(path)
    if table.class_names is not None:
        _check_class_names(path, table.class_names, class_names)
    _check_lengths(path, table, n)
    labels = _numbers(path, "labels", table.labels, class_names, table.line)
    clean = None
    if table.clean is not None:
        clean = _numbers(path, "clean labels", table.clean, class_names, table.line)
    rows = _rows(path, table, ids, order, n)
    reference = own_labels if true_labels is None else true_labels
    mistake, compared = "", labels
    if clean is not None and true_labels is not None:
        mistake, compared = clean_mistake(clean[rows], true_labels), clean
    elif table.ids is None and reference is not None:
        what = "data's own labels" if true_labels is None else "true labels"
        mistake = agreement_mistake(labels[rows], reference, len(class_names), what)
    if mistake and reference is not None:
        hint = "The ids are those of the source: are the labels of another version of it?"
        if table.ids is None:
            hint = other_order(order, str(path), ids, compared, reference)
        raise ValueError(f"{path}: {mistake} {hint}")
    return labels[rows]


def _read(path: Path) -> Table:
    """The columns of a file whose name ends like a label file's."""
    if not path.is_file():
        raise FileNotFoundError(
            f"noise.labels must name a label file, {path.absolute()} is "
            f"{'not a file' if path.exists() else 'not there'}."
        )
    if path.suffix.lower() not in READERS:
        raise ValueError(f"{path}: label files end in {', '.join(READERS)}, not {path.suffix!r}.")
    return READERS[path.suffix.lower()](path)


def _check_lengths(path: Path, table: Table, n: int) -> None:
    """Raise ValueError unless the columns are of one length, without ids that of the source."""
    length = len(table.labels)
    for what, column in (("ids", table.ids), ("clean labels", table.clean)):
        if column is not None and len(column) != length:
            raise ValueError(
                f"{path}: {what} must be as many as labels, got {len(column)} for {length}."
            )
    if table.ids is None and length != n:
        raise ValueError(
            f"{path} must hold one label for each of the {n} training samples, got {length}."
        )


def _rows(path: Path, table: Table, ids: np.ndarray | None, order: str, n: int) -> np.ndarray:
    """int64[N]: the file's entry of each sample."""
    if table.ids is not None:
        return by_ids(str(path), table.ids, ids)
    return by_order(str(path), order, ids, n)


def write_label_file(
    path: str | Path,
    labels: np.ndarray,
    ids: np.ndarray | None = None,
    *,
    class_names: tuple[str, ...],
) -> None:
    """Write labels to a new file that `read_label_file` reads, whole or not at all.

    Args:
        path: by its suffix, .npy: labels alone, little-endian int64; .csv: columns
            id, label, name; .npz: labels, ids, class_names.
        labels: int[N] in 0..K-1, in source order.
        ids: str[N], the source's own names of the samples; left out without.
        class_names: K names in label order.

    Raises:
        FileExistsError: there is such a file already.
        ValueError: another suffix, or labels that are not class numbers.
    """
    path = Path(path).expanduser()
    if path.suffix.lower() not in WRITERS:
        raise ValueError(
            f"{path}: labels are written to files that end in {', '.join(WRITERS)}, not "
            f"{path.suffix!r}."
        )
    labels = _numbers(path, "labels", np.asarray(labels), class_names, None).astype("<i8")
    if ids is not None and len(ids) != len(labels):
        raise ValueError(
            f"{path}: ids must be as many as labels, got {len(ids)} for {len(labels)}."
        )
    with new_file(path) as part:
        WRITERS[path.suffix.lower()](part, labels, ids, class_names)


def _write_npy(path: Path, labels: np.ndarray, ids, class_names) -> None:
    with open(path, "wb") as file:
        np.save(file, labels, allow_pickle=False)


def _write_npz(path: Path, labels: np.ndarray, ids, class_names) -> None:
    arrays = {"labels": labels, "class_names": np.array(class_names, np.str_)}
    if ids is not None:
        arrays["ids"] = np.asarray(ids, np.str_)
    with open(path, "wb") as file:
        np.savez_compressed(file, allow_pickle=False, **arrays)


def _write_csv(path: Path, labels: np.ndarray, ids, class_names) -> None:
    names = [class_names[label] for label in labels]
    columns = [labels.tolist(), names] if ids is None else [ids, labels.tolist(), names]
    with open(path, "w", newline="", encoding="utf-8", errors="surrogateescape") as file:
        head = ["label", "name"] if ids is None else ["id", "label", "name"]
        write_rows(file, head, zip(*columns, strict=True))


WRITERS: dict[str, Callable[..., None]] = {
    ".npy": _write_npy,
    ".npz": _write_npz,
    ".csv": _write_csv,
}


def _check_class_names(path: Path, in_file: np.ndarray, expected: tuple[str, ...]) -> None:
    names = tuple(in_file.tolist())
    if names != expected:
        at = [k for k, (a, b) in enumerate(zip(names, expected, strict=False)) if a != b]
        where = f"; the first that differs is class {at[0]}, {shown(names[at[0]])}" if at else ""
        raise ValueError(
            f"{path}: its class_names must be those of the source, {len(expected)} in label "
            f"order, got {len(names)}{where}. Number its labels as the source does."
        )


def _numbers(
    path: Path,
    what: str,
    values: np.ndarray,
    class_names: tuple[str, ...],
    line: np.ndarray | None,
) -> np.ndarray:
    """The class numbers, int64[N], of numbers or text.

    Args:
        path, what: for messages.
        values: [N].
        class_names: K names in label order.
        line: int64[N], lines of a text file, from 1; None: entries are numbered from 0.
    """

    def place(i: int) -> str:
        return f"entry {i}" if line is None else f"line {line[i]}"

    if values.dtype.kind == "U":
        values = _numbers_of_text(f"{path}: {what}", values, class_names, place)
    return class_labels(f"{path}: {what}", values, n_classes=len(class_names), place=place)


def _numbers_of_text(
    name: str, texts: np.ndarray, class_names: tuple[str, ...], place: Callable[[int], str]
) -> np.ndarray:
    """int64[N]: places of the class names where each text is one, else the whole numbers."""
    unique, inverse = np.unique(texts, return_inverse=True)
    written = unique.tolist()
    number = _classes_of(written, class_names)
    named = np.array([text in number for text in written], bool)
    if named.all():
        return np.array([number[text] for text in written], np.int64)[inverse]
    missing = not_given(written).difference(number)
    _refuse(
        name,
        "must not be empty" + ", nor say that nobody gave one" * bool(missing - {""}),
        "are",
        texts,
        np.array([text in missing for text in written], bool)[inverse],
        place,
        "Every sample needs a label: take those samples out of the data, too.",
    )
    whole = np.array([bool(WHOLE.fullmatch(text)) for text in written], bool)
    of_one_kind = named if (named & ~whole).any() else whole
    more = ", ..." * (len(class_names) > EXAMPLES)
    not_text = "" if all(map(is_text, written)) else " They are no text in UTF-8: save it so."
    _refuse(
        name,
        "must all be class names, or all whole numbers",
        "are not",
        texts,
        ~of_one_kind[inverse],
        place,
        f"The classes are {', '.join(class_names[:EXAMPLES])}{more}.{not_text}",
    )
    numbers = [int(without_fraction(text)) for text in written]
    return np.array(_by_value(name, numbers, class_names), np.int64)[inverse]


def _classes_of(written: list[str], class_names: tuple[str, ...]) -> dict[str, int]:
    """The class of each text that names one: as it is, without .0, or as it looks, see `looks`."""
    own = {name: k for k, name in enumerate(class_names)}
    seen: dict[str, list[int]] = {}
    for k, name in enumerate(class_names):
        seen.setdefault(looks(name), []).append(k)
    number = {}
    for text in written:
        fits = seen.get(looks(text), [])
        found = own.get(text, own.get(without_fraction(text), fits[0] if len(fits) == 1 else None))
        if found is not None:
            number[text] = found
    return number


def _by_value(name: str, numbers: list[int], class_names: tuple[str, ...]) -> list[int]:
    """Class numbers; where all are values of class names (1 of 001), the places of these.

    Raises:
        ValueError: they could be either, and other classes each time.
    """
    if not all(re.fullmatch(r"-?[0-9]{1,18}", text) for text in class_names):
        return numbers
    place = {int(text): k for k, text in enumerate(class_names)}
    if len(place) < len(class_names) or not place.keys() >= set(numbers):
        return numbers
    by_name = [place[value] for value in numbers]
    if by_name != numbers and all(0 <= value < len(class_names) for value in numbers):
        raise ValueError(
            f"{name} must say which class they mean: {numbers[0]} could be the class "
            f"{class_names[place[numbers[0]]]} or class number {numbers[0]}, which is "
            f"{class_names[numbers[0]]}. Write the classes as the data do, with their zeros."
        )
    return by_name


def _refuse(
    name: str,
    must: str,
    verb: str,
    texts: np.ndarray,
    wrong: np.ndarray,
    place: Callable[[int], str],
    remedy: str,
) -> None:
    """Raise ValueError naming the texts that are wrong, if any are."""
    rows = np.flatnonzero(wrong)
    if len(rows):
        examples = ", ".join(
            f"{place(i)} ({shown(str(texts[i]))})" for i in rows[:EXAMPLES].tolist()
        )
        raise ValueError(
            f"{name} {must}: {len(rows)} of {len(texts)} {verb}, the first are {examples}. {remedy}"
        )

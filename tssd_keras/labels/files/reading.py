"""Label files that other people wrote: read, lined up with the samples, checked; and written.

The formats are those of `label_formats`. Text is class names or whole numbers,
one kind throughout; where all of it is class names it counts as such, even if
the names look like numbers.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Callable
from pathlib import Path

import numpy as np

from tssd_keras.labels.files import order as label_order
from tssd_keras.labels.files.formats import READERS, SHOWN

TRUE = "true labels"  # what the labels of a file are compared with, in a message


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

    What shows that they are: the file's ids; or its clean labels, which must be
    the source's true labels wherever these are known; or else that its labels
    agree with the true ones, where none is known with the source's own, other
    than by chance (`order.Agreement`).

    Args:
        path: of a .npy, .npz, .csv or .txt file; never unpickled.
        n: N, samples of the source.
        class_names: K names in label order.
        ids: str[N], the source's own names of the samples, or None.
        true_labels: int64[N], -1 where unknown, or None where all are.
        order: "source" or "id", see `label_order.by_order`; does not matter to a
            file with ids.
        own_labels: int64[N], given labels of the source, right or wrong, -1 where
            there is none.

    Returns:
        int64[N] in 0..K-1; entry i belongs to sample i of the source.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: it holds something else, or cannot be lined up.
    """
    path = Path(path).expanduser()
    if not path.is_file():
        raise FileNotFoundError(
            f"noise.labels must name a label file, {path.absolute()} is "
            f"{'not a file' if path.exists() else 'not there'}."
        )
    if path.suffix.lower() not in READERS:
        raise ValueError(f"{path}: label files end in {', '.join(READERS)}, not {path.suffix!r}.")
    table = READERS[path.suffix.lower()](path)
    if table.class_names is not None:
        _check_class_names(path, table.class_names, class_names)
    labels = _numbers(path, "labels", table.labels, class_names, table.line)
    clean = None
    if table.clean is not None:
        clean = _numbers(path, "clean labels", table.clean, class_names, table.line)
    for what, column in (("ids", table.ids), ("clean labels", clean)):
        if column is not None and len(column) != len(labels):
            raise ValueError(
                f"{path}: {what} must be as many as labels, got {len(column)} for {len(labels)}."
            )
    if table.ids is not None:
        rows = label_order.by_ids(str(path), table.ids, ids)
    elif len(labels) != n:
        raise ValueError(
            f"{path} must hold one label for each of the {n} training samples, got {len(labels)}."
        )
    else:
        rows = label_order.by_order(str(path), order, ids, n)
    known, what = (own_labels, "data's own labels") if true_labels is None else (true_labels, TRUE)
    mistake = ""
    if clean is not None and true_labels is not None:
        mistake = label_order.clean_mistake(clean[rows], true_labels)
    elif table.ids is None and known is not None:
        mistake = label_order.agreement_mistake(labels[rows], known, len(class_names), what)
    if mistake and known is not None:
        hint = "The ids are those of the source: are the labels of another version of it?"
        if table.ids is None:
            told = labels if clean is None or true_labels is None else clean
            hint = label_order.other_order(order, str(path), ids, told, known)
        raise ValueError(f"{path}: {mistake} {hint}")
    return labels[rows]


def write_label_file(
    path: str | Path,
    labels: np.ndarray,
    ids: np.ndarray | None = None,
    *,
    class_names: tuple[str, ...],
) -> None:
    """Write labels to a new file that `read_label_file` reads.

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
    if path.exists():
        raise FileExistsError(f"{path} is there already, and is not written over. Name another.")
    WRITERS[path.suffix.lower()](path, labels, ids, class_names)


def _write_npy(path: Path, labels: np.ndarray, ids, class_names) -> None:
    with open(path, "xb") as file:
        np.save(file, labels, allow_pickle=False)


def _write_npz(path: Path, labels: np.ndarray, ids, class_names) -> None:
    arrays = {"labels": labels, "class_names": np.array(class_names, np.str_)}
    if ids is not None:
        arrays["ids"] = np.asarray(ids, np.str_)
    with open(path, "xb") as file:
        np.savez_compressed(file, allow_pickle=False, **arrays)


def _write_csv(path: Path, labels: np.ndarray, ids, class_names) -> None:
    names = [class_names[label] for label in labels]
    columns = [labels.tolist(), names] if ids is None else [ids, labels.tolist(), names]
    with open(path, "x", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["label", "name"] if ids is None else ["id", "label", "name"])
        writer.writerows(zip(*columns, strict=True))


WRITERS: dict[str, Callable[..., None]] = {
    ".npy": _write_npy,
    ".npz": _write_npz,
    ".csv": _write_csv,
}


def _check_class_names(path: Path, found: np.ndarray, expected: tuple[str, ...]) -> None:
    names = tuple(found.tolist())
    if names != expected:
        at = [k for k, (a, b) in enumerate(zip(names, expected, strict=False)) if a != b]
        first = f"; the first that differs is class {at[0]}, {names[at[0]]!r}" if at else ""
        raise ValueError(
            f"{path}: its class_names must be those of the source, {len(expected)} in label "
            f"order, got {len(names)}{first}. Number its labels as the source does."
        )


def _numbers(
    path: Path,
    what: str,
    values: np.ndarray,
    class_names: tuple[str, ...],
    line: np.ndarray | None,
) -> np.ndarray:
    """The class numbers, int64[N], of numbers or text."""

    def refuse(must: str, not_so: str, bad: np.ndarray, hint: str) -> None:
        at = np.flatnonzero(bad)
        if len(at):
            place = at if line is None else line[at]
            unit = "entry" if line is None else "line"
            first = ", ".join(
                f"{unit} {i} ({value!r})"
                for i, value in zip(place[:SHOWN], values[at[:SHOWN]].tolist(), strict=True)
            )
            raise ValueError(
                f"{path}: {must}: {len(at)} of {len(values)} {not_so}, the first are "
                f"{first}. {hint}"
            )

    n_classes = len(class_names)
    numbers = values
    if values.dtype.kind == "U":
        unique, inverse = np.unique(values, return_inverse=True)
        refuse(f"{what} must not be empty", "are", values == "", "Leave none out.")
        place = {name: k for k, name in enumerate(class_names)}
        named = np.array([text in place for text in unique.tolist()], bool)
        whole = np.array([bool(re.fullmatch(r"-?[0-9]{1,18}", t)) for t in unique.tolist()], bool)
        if named.all():
            numbers = np.array([place[text] for text in unique.tolist()], np.int64)[inverse]
        else:
            known = named if (named & ~whole).any() else whole
            refuse(
                f"{what} must all be class names, or all whole numbers",
                "are not",
                ~known[inverse],
                f"The classes are {', '.join(class_names[:SHOWN])}{', ...' * (n_classes > SHOWN)}.",
            )
            numbers = np.array([int(text) for text in unique.tolist()], np.int64)[inverse]
    if numbers.dtype.kind not in "iu":
        missing = int(np.isnan(values).sum()) if values.dtype.kind == "f" else 0
        raise ValueError(
            f"{path}: {what} must be whole numbers or class names, got {values.dtype}"
            f"[{len(values)}]{f', {missing} of them NaN' if missing else ''}. Try .astype(np.int64)"
            f"{' once none is missing' if missing else ''}."
        )
    refuse(
        f"{what} must lie in 0..{n_classes - 1}",
        "do not",
        (numbers < 0) | (numbers >= n_classes),
        "Number the classes as the source does.",
    )
    return numbers.astype(np.int64)

"""Labels in the forms that people have them, and in the form that a loss takes.

Inside, a label is a whole number in 0..K-1. At the door it may be in a column, a one-hot row, a
name, a category of pandas, a truth value or 0.0 and 1.0; whoever gives labels so is fed labels so.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from tssd_keras.data.class_labels import class_labels, is_missing
from tssd_keras.data.dense import check_dense
from tssd_keras.data.label_cells import alike_note, not_given, one_spelling
from tssd_keras.data.read_by_rows import RowsInputs, block_size, is_read_by_rows


@dataclass(frozen=True)
class Form:
    """How labels are handed to a loss.

    Attributes:
        kind: "whole": [n]; "column": [n, 1]; "one_hot": [n, K].
        dtype: of them.
    """

    kind: str = "whole"
    dtype: str = "int64"

    def of(self, labels: np.ndarray, n_classes: int) -> np.ndarray:
        """Labels int64[n] in this form."""
        if self.kind == "one_hot":
            rows = np.zeros((len(labels), n_classes), self.dtype)
            rows[np.arange(len(labels)), labels] = 1
            return rows
        labels = labels.astype(self.dtype)
        return labels[:, None] if self.kind == "column" else labels

    def __str__(self) -> str:
        shape = {"whole": "(n,)", "column": "(n, 1)", "one_hot": "(n, K), one-hot"}[self.kind]
        return f"{self.dtype} of shape {shape}"


@dataclass(frozen=True, eq=False)
class Targets:
    """Labels as whole numbers, and how they came.

    Attributes:
        labels: as they came, but without names, columns and one-hot rows: int64[N] where they
            were any of these, truth values or whole floats.
        names: K class names, sorted, where labels were names or categories; None: numbers.
        n_classes: K, where the form tells it.
        form: in which they came.
    """

    labels: Any
    names: tuple[str, ...] | None = None
    n_classes: int | None = None
    form: Form = Form()


def as_targets(name: str, labels: Any) -> Targets:
    """Take labels in any form; what is no label stays as it came, for `class_labels` to refuse.

    Args:
        name: of the labels, for messages.
        labels: N whole numbers, truth values, whole floats or names, [N] or [N, 1]; one-hot rows
            [N, K]; or categories of pandas.

    Raises:
        ValueError: a category or a name is missing ("nan" and the like too, see `not_given`), two
            look the same, or rows are of different lengths.

    Warns:
        UserWarning: names are alike but for case, spaces or leading zeros.
    """
    if (categories := _categories(labels)) is not None:
        codes = np.asarray(getattr(labels, "cat", labels).codes, np.int64)
        _check_none_missing(name, codes < 0)
        names = tuple(str(_name(value)) for value in categories)
        missing = not_given(names)
        _check_none_missing(name, np.array([name in missing for name in names])[codes])
        _check_spelling(name, [names[code] for code in np.unique(codes)])
        return Targets(codes, names, len(names))
    if is_read_by_rows(labels):
        return _of_rows(name, RowsInputs(labels, name))
    array = _array(name, labels)
    if array.ndim == 2 and array.shape[1] == 1 and len(array):
        found = as_targets(name, array[:, 0])
        return replace(found, form=replace(found.form, kind="column"))
    if array.ndim == 2 and array.shape[1] > 1 and _is_one_hot(array):
        k = array.shape[1]
        return Targets(array.argmax(axis=1), None, k, Form("one_hot", "float32"))
    if array.ndim != 1 or not len(array):
        return Targets(labels)
    if array.dtype.kind == "b":
        return Targets(array.astype(np.int64))
    if array.dtype.kind == "f" and (np.isfinite(array) & (array == np.floor(array))).all():
        return Targets(array.astype(np.int64), form=Form(dtype="float32"))
    if array.dtype.kind in "SU" or (array.dtype == object and _is_names(array)):
        return _named(name, array)
    return Targets(labels)


def _of_rows(name: str, rows: RowsInputs) -> Targets:
    """Labels of an array that is read by rows; one-hot rows are read a block at a time."""
    n = len(rows)
    if len(rows.shape) != 2 or rows.shape[1] < 2:
        return as_targets(name, rows.read(np.arange(n)))
    labels = np.empty(n, np.int64)
    for block in np.array_split(np.arange(n), -(-n // block_size(rows.shape, rows.dtype))):
        some = as_targets(name, rows.read(block))
        if some.form.kind != "one_hot":
            return Targets(some.labels)
        labels[block] = some.labels
    return Targets(labels, None, rows.shape[1], Form("one_hot", "float32"))


def _named(name: str, array: np.ndarray) -> Targets:
    given = [_name(value) for value in array.tolist()]
    missing = not_given({value for value in given if value is not None})
    _check_none_missing(name, np.array([v is None or not v.strip() or v in missing for v in given]))
    names, labels = np.unique(np.array(given), return_inverse=True)
    _check_spelling(name, names.tolist())
    return Targets(labels.astype(np.int64), tuple(names.tolist()), len(names))


def _check_spelling(name: str, names: list[str]) -> None:
    """Raise ValueError if names of two classes look or say the same; warn if they are alike."""
    spelling = one_spelling(names)
    of_each: dict[str, list[str]] = {}
    for text in names:
        of_each.setdefault(spelling[text], []).append(text)
    twice = [group for group in of_each.values() if len(group) > 1]
    if twice:
        raise ValueError(
            f"{name} must write each class in one way: {len(twice)} come in several that look or "
            f"say the same, the first as {' and '.join(map(ascii, twice[0]))}. Write it once: "
            "name.strip(), unicodedata.normalize('NFC', name), or whole numbers without .0."
        )
    if note := alike_note(names):
        warnings.warn(f"{name}: {note}.", UserWarning, stacklevel=2)


def encode(name: str, labels: Any, targets: Targets, *, minus_one: str = "") -> Any:
    """More labels of the same classes, as whole numbers; those in the wrong form stay as they came.

    Args:
        name: of the labels, for messages.
        labels: N of them, in any form.
        targets: whose classes they are.
        minus_one: what no name (None, "", a missing category) says, "where unknown"; "": it is
            refused.

    Raises:
        ValueError: a name is of no class.
    """
    if targets.names is None:
        found = as_targets(name, labels)
        if found.names is not None:
            raise ValueError(
                f"{name} must be class numbers, as the labels are, got names, the first is "
                f"{found.names[found.labels[0]]!r}. Give both by names or both by numbers: names "
                "that are numbered by themselves get other numbers."
            )
        return found.labels
    array = _array(name, labels)
    if array.ndim == 2 and array.shape[1] == 1:
        array = array[:, 0]
    if array.ndim != 1:
        return labels
    code = {value: i for i, value in enumerate(targets.names)}
    given = [_name(value) for value in array.tolist()]
    if minus_one and array.dtype.kind in "if":
        given = [None if name == "-1" and name not in code else name for name in given]
    out = np.array([code.get(v, -2) if v is not None and v.strip() else -1 for v in given])
    strange = np.flatnonzero((out == -2) | ((out == -1) & (not minus_one)))
    if len(strange):
        i = int(strange[0])
        raise ValueError(
            f"{name} must be names of classes{f', or empty {minus_one}' * bool(minus_one)}: "
            f"{len(strange)} of {len(out)} are not, the first is sample {i} with {given[i]!r}. The "
            f"labels name {', '.join(map(repr, targets.names[:5]))}"
            f"{f' and {len(targets.names) - 5} more' * (len(targets.names) > 5)}."
        )
    return out.astype(np.int64)


def _array(name: str, labels: Any) -> np.ndarray:
    """Labels as an array; raises ValueError for rows of different lengths, masked entries."""
    check_dense(name, labels)
    try:
        return np.asarray(labels)
    except ValueError:
        return class_labels(name, labels)


def _categories(labels: Any) -> Any:
    """Of a pandas categorical, or of a Series of one; None: it is none."""
    holder = getattr(labels, "cat", labels) if hasattr(labels, "dtype") else labels
    found = getattr(holder, "categories", None)
    return found if hasattr(holder, "codes") else None


def _is_one_hot(array: np.ndarray) -> bool:
    if array.dtype.kind not in "biuf":
        return False
    return bool(((array == 0) | (array == 1)).all() and (array.sum(axis=1) == 1).all())


def _is_names(array: np.ndarray) -> bool:
    """Whether all are text, but for missing ones."""
    values = [value for value in array.tolist() if not is_missing(value)]
    return bool(values) and all(isinstance(value, str | bytes) for value in values)


def _name(value: Any) -> str | None:
    """A class's name, which may be a number; None: there is none."""
    if is_missing(value):
        return None
    if isinstance(value, bytes):
        return value.decode("utf-8")
    is_whole = isinstance(value, float) and value.is_integer()
    return str(int(value)) if is_whole else str(value)


def _check_none_missing(name: str, missing: np.ndarray) -> None:
    rows = np.flatnonzero(missing)
    if len(rows):
        raise ValueError(
            f"{name} must name a class each: {len(rows)} of {len(missing)} are missing, the first "
            f"is sample {rows[0]}. Leave those samples out."
        )


def whole(name: str, labels: Any, targets: Targets, **checks: Any) -> np.ndarray:
    """More labels of the same classes as int64[N], checked as `class_labels` does.

    Args:
        name, labels, targets: see `encode`.
        checks: of `class_labels`.

    Raises:
        ValueError: a label is of no class.
    """
    minus_one = checks.get("minus_one", "")
    return class_labels(name, encode(name, labels, targets, minus_one=minus_one), **checks)

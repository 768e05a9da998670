"""One element of a dataset: (x, y), (x, y, weight) or (x, y, weight, id), checked."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np

from tssd_keras.data.dense import check_dense
from tssd_keras.data.inputs import type_remedy
from tssd_keras.data.labelled_data import as_ids
from tssd_keras.data.nested import leaves, mapped


class Element(NamedTuple):
    """A sample, or a batch of n.

    Attributes:
        x: [...], or [n, ...], numbers or text (dtype object); or a dict or tuple of such parts.
        y: a label, [], [1] or one-hot [K], or n of them; or a dict or tuple of targets, one an
            output.
        weight: float64, or float64[n]; None: there is none.
        ids: int64 or object of str, or n of them; None: there are none.
    """

    x: Any
    y: Any
    weight: np.ndarray | None
    ids: np.ndarray | None

    @property
    def columns(self) -> list[np.ndarray]:
        """Weights and ids, as far as there are some."""
        return [column for column in (self.weight, self.ids) if column is not None]

    def with_gaps(self, columns: list[np.ndarray]) -> tuple[np.ndarray | None, ...]:
        """Columns of weights and ids, as far as there are some, in their places."""
        return (None, *columns) if self.weight is None and columns else tuple(columns)

    def equals(self, other: Element) -> bool:
        """Whether samples and labels are the same, bit by bit."""
        ours, theirs = dict(leaves(self[:2])), dict(leaves(other[:2]))
        return ours.keys() == theirs.keys() and all(
            _equal(part, theirs[path]) for path, part in ours.items()
        )

    def check_like(self, first: Element, number: int, *, batches: bool) -> None:
        """Raise unless this is a batch, or a sample, like the first element.

        Args:
            first: of the dataset.
            number: of this element.
            batches: whether elements are batches.
        """
        x, y = shape_of(self.x), shape_of(self.y)
        if not (_could_be_batch(self) if batches else _could_be_sample(self)):
            raise ValueError(
                f"elements must be all batches or all single samples, element {number} has x of "
                f"shape {x} and y of shape {y}, the first {shape_of(first.x)} and "
                f"{shape_of(first.y)}."
            )
        rows, others = ([*_label_kinds(element.y, batches)] for element in (self, first))
        if rows != others:
            raise ValueError(
                f"labels must be of one shape and kind: those of element {number} are "
                f"{_listed(rows)}, those of the first {_listed(others)}."
            )
        for name, column, like in (
            ("weight", self.weight, first.weight),
            ("id", self.ids, first.ids),
        ):
            if (column is None) != (like is None):
                raise ValueError(
                    f"each sample must have a {name}, or none: element "
                    f"{number if column is None else 0} has none, others have."
                )
            one_each = (len(first_part(self.y)),) if batches else ()
            if column is not None and column.shape != one_each:
                raise TypeError(
                    f"{name} must be one a sample, of shape {one_each}, element {number} has shape "
                    f"{column.shape}. A column becomes flat by tf.squeeze(..., -1)."
                )


def elements_of(dataset) -> Iterator[Element]:
    """Every element, checked by itself.

    Raises:
        TypeError: see `from_dataset.from_dataset`.
    """
    if getattr(dataset, "is_feed", False):
        raise TypeError(
            "the feed of a TSSD is no dataset to read samples from: it shuffles, and leaves some "
            "out. Read the samples that it was made of."
        )
    for path, spec in leaves(getattr(dataset, "element_spec", ())):
        check_dense(f"part {path} of the dataset", spec)
    if hasattr(dataset, "as_numpy_iterator"):
        dataset = dataset.as_numpy_iterator()
    if not hasattr(dataset, "__iter__"):
        raise TypeError(
            "dataset must be a tf.data.Dataset or an iterable of (x, y), got "
            f"{type(dataset).__name__}."
        )
    for number, element in enumerate(dataset):
        if isinstance(element, dict):
            raise TypeError(
                f"elements must be tuples (x, y), element {number} is a dict of "
                f"{', '.join(map(str, element))}. Try dataset.map(lambda d: (d['image'], "
                "d['label'])), or as_supervised=True where TFDS loads it."
            )
        if not isinstance(element, tuple | list):
            raise TypeError(
                f"elements must be tuples (x, y), element {number} is a "
                f"{type(element).__name__}. A dataset of Keras' image_dataset_from_directory "
                "has labels under every label_mode but None."
            )
        if not 2 <= len(element) <= 4:
            raise TypeError(
                f"elements must be (x, y), (x, y, weight) or (x, y, weight, id), element {number} "
                f"has {len(element)} components. Try dataset.map(...) that gives these only."
            )
        x, y, weight, ids = (*element, None, None)[:4]
        yield Element(
            _sample(x, number),
            _targets(y, number),
            None if weight is None else _weight(weight, number),
            None if ids is None else _ids(ids, number),
        )


def shape_of(x: Any) -> str:
    """The shape of samples, or of each of their parts, for messages."""
    shapes = {path: str(part.shape) for path, part in leaves(x)}
    return ", ".join(f"{path!r} {shape}" if path else shape for path, shape in shapes.items())


def _label_kinds(y: Any, batches: bool) -> Iterator[tuple[str, tuple[int, ...], str]]:
    """Of each part: its path, the shape of one label, and whether it is text or numbers."""
    for path, part in leaves(y):
        kind = "text" if part.dtype.kind == "O" else "numbers"
        yield path, part.shape[1:] if batches else part.shape, kind


def _listed(rows: list[tuple[str, tuple[int, ...], str]]) -> str:
    parts = (f"{path and f'{path!r} '}{kind} of shape {shape}" for path, shape, kind in rows)
    return ", ".join(parts)


def _equal(a: np.ndarray, b: np.ndarray) -> bool:
    if a.shape != b.shape or a.dtype != b.dtype:
        return False
    return bool((a == b).all()) if a.dtype.kind == "O" else a.tobytes() == b.tobytes()


def check_one_hot(labels: list[np.ndarray], shape: str) -> None:
    """Raise TypeError if each y could be a one-hot label whose sample is as long as it.

    Args:
        labels: y of each element.
        shape: of the first x, for the message.
    """
    n = len(labels[0])
    if all(_could_be_one_hot(y, n) for y in labels):
        raise TypeError(
            "y must tell samples and batches apart: each y has one 1 among "
            f"{n} entries, and x has as many rows ({shape}). Say which they are: "
            "tssd_keras.from_dataset(dataset, batched=True) takes each y for the labels of a "
            "batch, batched=False for one one-hot label."
        )


def _could_be_one_hot(y: np.ndarray, n: int) -> bool:
    return y.shape == (n,) and n > 1 and _is_one_hot(y)


def _is_one_hot(y: np.ndarray) -> bool:
    return y.dtype.kind in "biuf" and bool(np.isin(y, (0, 1)).all() and (y == 1).sum() == 1)


def _sample(x: object, number: int) -> Any:
    parts = mapped(lambda part: _part(part, number), x)
    if not any(True for _ in leaves(parts)):
        raise TypeError(f"x must be one tensor or several, element {number} has {x!r}.")
    return parts


def _part(x: object, number: int) -> np.ndarray:
    check_dense(f"x of element {number}", x)
    array = np.asarray(x)
    if array.dtype.kind in "SU":
        array = array.astype(object)
    is_text = array.dtype.kind == "O" and all(isinstance(v, str | bytes) for v in array.ravel())
    if array.dtype.kind not in "biuf" and not is_text:
        raise TypeError(
            f"x must be numbers or text, element {number} has {array.dtype} ({type(x).__name__})."
            + (
                type_remedy(array.dtype)
                or " Decode images in dataset.map(...), and make all samples of one shape."
            )
        )
    return array


def _targets(y: Any, number: int) -> Any:
    if isinstance(y, list) and not any(np.ndim(part) for part in y):
        y = np.asarray(y)  # labels of a batch, not outputs
    targets = mapped(lambda part: _target(part, number), y)
    if not any(True for _ in leaves(targets)):
        raise TypeError(f"y must be a label, or one an output, element {number} has {y!r}.")
    return targets


def _target(y: object, number: int) -> np.ndarray:
    check_dense(f"y of element {number}", y)
    array = np.asarray(y)
    if array.dtype.kind in "SUO":
        values = array.ravel().tolist()
        if all(isinstance(value, str | bytes) for value in values):
            return as_ids(list(map(_as_text, values))).reshape(array.shape)
    if array.dtype.kind not in "biuf":
        raise TypeError(
            f"y must be numbers or names, element {number} has {array.dtype} ({type(y).__name__})."
        )
    return array


def _as_text(name: str | bytes) -> str:
    return name.decode("utf-8", "surrogateescape") if isinstance(name, bytes) else name


def _weight(weight: object, number: int) -> np.ndarray:
    array = np.asarray(weight)
    if array.dtype.kind != "f":
        raise TypeError(
            "weight, the third of (x, y, weight, id), must be floats, element "
            f"{number} has {array.dtype}. Weights become floats by tf.cast(weight, tf.float32); "
            "if these are ids, give (x, y, 1.0, id)."
        )
    return array.astype(np.float64)


def _ids(ids: object, number: int) -> np.ndarray:
    array = np.asarray(ids)
    if array.dtype.kind in "iu":
        return array.astype(np.int64)
    names = array.ravel().tolist()
    if array.dtype.kind not in "SUO" or not all(isinstance(name, str | bytes) for name in names):
        raise TypeError(
            "id, the fourth of (x, y, weight, id), must be whole numbers or text, element "
            f"{number} has {array.dtype}."
        )
    return as_ids(list(map(_as_text, names))).reshape(array.shape)


def first_part(structure: Any) -> np.ndarray:
    """The first part of samples or targets."""
    return next(part for _, part in leaves(structure))


def is_batch(element: Element, batched: bool | None = None) -> bool:
    """Whether an element is a batch or else a sample, told by its first target.

    Args:
        element: of a dataset.
        batched: what the user says.

    Raises:
        TypeError: it is neither, or not what the user says.
    """
    x, y = shape_of(element.x), shape_of(element.y)
    as_batch, as_sample = _could_be_batch(element), _could_be_sample(element)
    if batched is None and as_batch:
        return True
    if batched and not as_batch:
        raise TypeError(
            f"with batched=True each y must have one entry a sample, got y of shape {y} with x of "
            f"shape {x}."
        )
    if not batched and not as_sample:
        raise TypeError(
            "y must be one label (a number, a name, a column of one or a one-hot row), or one for "
            f"each sample of a batch, got y of shape {y} with x of shape {x}."
        )
    return bool(batched)


def _could_be_batch(element: Element) -> bool:
    """Whether all parts have as many rows."""
    parts = [part for structure in element[:2] for _, part in leaves(structure)]
    return all(part.ndim for part in parts) and len({len(part) for part in parts}) == 1


def _could_be_sample(element: Element) -> bool:
    """Whether y is one label, or one target an output, of any shape."""
    y, *others = (part for _, part in leaves(element.y))
    return bool(others) or y.ndim == 0 or (y.ndim == 1 and (len(y) == 1 or _is_one_hot(y)))

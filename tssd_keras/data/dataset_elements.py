"""One element of a dataset: (x, y), (x, y, weight) or (x, y, weight, id), checked."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from tssd_keras.data.labelled_data import as_ids


class Element(NamedTuple):
    """A sample, or a batch of n.

    Attributes:
        x: [...], or [n, ...], numbers.
        y: int, or int[n].
        weight: float64, or float64[n]; None: there is none.
        ids: int64 or object of str, or n of them; None: there are none.
    """

    x: np.ndarray
    y: np.ndarray
    weight: np.ndarray | None
    ids: np.ndarray | None

    @property
    def columns(self) -> list[np.ndarray]:
        """All that is there but x."""
        return [column for column in self[1:] if column is not None]

    def with_gaps(self, columns: list[np.ndarray]) -> tuple[np.ndarray | None, ...]:
        """Columns of weights and ids, as far as there are some, in their places."""
        return (None, *columns) if self.weight is None and columns else tuple(columns)

    def equals(self, other: Element) -> bool:
        """Whether samples and labels are the same, bit by bit."""
        pairs = zip(self[:2], other[:2], strict=True)
        return all(a.shape == b.shape and a.tobytes() == b.tobytes() for a, b in pairs)

    def check_like(
        self, first: Element, number: int, *, batches: bool, batched: bool | None
    ) -> None:
        """Raise unless this is a batch like the first element, or as the user says.

        Args:
            first: of the dataset.
            number: of this element.
            batches: whether elements are batches.
            batched: what the user says of that.
        """
        x, y = self.x.shape, self.y.shape
        if is_batch(self) != batches:
            if batched is not None:
                wanted = "have one entry a sample" if batched else "be one whole number"
                raise TypeError(
                    f"with batched={batched} each y must {wanted}, element {number} has y of shape "
                    f"{y} with x of shape {x}. {_cure(self.y)}"
                )
            raise ValueError(
                f"elements must be all batches or all single samples, element {number} has x of "
                f"shape {x} and y of shape {y}, the first {first.x.shape} and {first.y.shape}."
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
            if column is not None and column.shape != y:
                raise TypeError(
                    f"{name} must be one a sample, as y, of shape {y}, element {number} has shape "
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
                f"elements must be tuples (x, y), element {number} is a {type(element).__name__}."
            )
        if not 2 <= len(element) <= 4:
            raise TypeError(
                f"elements must be (x, y), (x, y, weight) or (x, y, weight, id), element {number} "
                f"has {len(element)} components. Try dataset.map(...) that gives these only."
            )
        x, y, weight, ids = (*element, None, None)[:4]
        yield Element(
            _sample(x, number),
            _label(y, number),
            None if weight is None else _weight(weight, number),
            None if ids is None else _ids(ids, number),
        )


def check_one_hot(labels: list[np.ndarray], shape: tuple[int, ...]) -> None:
    """Raise TypeError if each y could be a one-hot label whose sample is as long as it.

    Args:
        labels: y of each element.
        shape: of the first x.
    """
    n = len(labels[0])
    if all(_could_be_one_hot(y, n) for y in labels):
        raise TypeError(
            f"y must be whole numbers, one a sample: each y has one 1 among {n} entries, and x "
            f"has as many rows ({shape}). If these are samples with one-hot labels: {_ONE_HOT} If "
            "they are batches, pass batched=True."
        )


def _could_be_one_hot(y: np.ndarray, n: int) -> bool:
    return len(y) == n > 1 and bool(np.isin(y, (0, 1)).all() and (y == 1).sum() == 1)


def _sample(x: object, number: int) -> np.ndarray:
    if isinstance(x, dict | tuple):
        raise TypeError(
            f"x must be one tensor, element {number} has a {type(x).__name__} of {len(x)}. Join "
            "them into one in dataset.map(...), and take them apart again within the model."
        )
    array = np.asarray(x)
    if array.dtype.kind not in "biuf":
        raise TypeError(
            f"x must be numbers, element {number} has {array.dtype} ({type(x).__name__}). Decode "
            "images and turn words into numbers in dataset.map(...)."
        )
    return array


def _label(y: object, number: int) -> np.ndarray:
    if isinstance(y, dict | tuple):
        raise TypeError(
            f"y must be one label, element {number} has a {type(y).__name__} of {len(y)}. Choose "
            "one in dataset.map(...)."
        )
    array = np.asarray(y)
    if not np.issubdtype(array.dtype, np.integer) or array.ndim > 1:
        raise TypeError(
            f"y must be whole numbers, one a sample, element {number} has {array.dtype} of shape "
            f"{array.shape}. {_cure(array)}"
        )
    return array


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
    names = [
        name.decode("utf-8", "surrogateescape") if isinstance(name, bytes) else name
        for name in array.ravel().tolist()
    ]
    if array.dtype.kind not in "SUO" or not all(isinstance(name, str) for name in names):
        raise TypeError(
            "id, the fourth of (x, y, weight, id), must be whole numbers or text, element "
            f"{number} has {array.dtype}."
        )
    return as_ids(names).reshape(array.shape)


def is_batch(element: Element) -> bool:
    """Whether an element is a batch or else a sample; raises TypeError where it is neither."""
    x, y = element.x, element.y
    if y.ndim == 0:
        return False
    if x.ndim and len(x) == len(y):
        return True
    raise TypeError(
        f"y must be a whole number, or one for each sample of a batch, got y of shape {y.shape} "
        f"with x of shape {x.shape}. {_cure(y)}"
    )


_ONE_HOT = "One-hot labels become numbers by dataset.map(lambda x, y: (x, tf.argmax(y, -1)))."


def _cure(y: np.ndarray) -> str:
    """What makes a y one whole number a sample."""
    if y.ndim and y.shape[-1] == 1:
        return "Labels in a column become flat by dataset.map(lambda x, y: (x, tf.squeeze(y, -1)))."
    if y.ndim:
        return _ONE_HOT
    if y.dtype.kind in "SU":
        return "Names become numbers by keras.layers.StringLookup in dataset.map(...)."
    return (
        "Class numbers stored as floats become whole by "
        "dataset.map(lambda x, y: (x, tf.cast(y, tf.int64)))."
    )

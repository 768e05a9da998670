"""One element of a dataset: (x, y), (x, y, weight) or (x, y, weight, id), checked."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np

from tssd_keras.data.labelled_data import as_ids
from tssd_keras.data.nested import leaves, mapped


class Element(NamedTuple):
    """A sample, or a batch of n.

    Attributes:
        x: [...], or [n, ...], numbers or text (dtype object); or a dict or tuple of such parts.
        y: int, or int[n].
        weight: float64, or float64[n]; None: there is none.
        ids: int64 or object of str, or n of them; None: there are none.
    """

    x: Any
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
        ours, theirs = dict(leaves(self[:2])), dict(leaves(other[:2]))
        return ours.keys() == theirs.keys() and all(
            _equal(part, theirs[path]) for path, part in ours.items()
        )

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
        x, y = shape_of(self.x), self.y.shape
        if is_batch(self) != batches:
            if batched is not None:
                wanted = "have one entry a sample" if batched else "be one whole number"
                raise TypeError(
                    f"with batched={batched} each y must {wanted}, element {number} has y of shape "
                    f"{y} with x of shape {x}. {_cure(self.y)}"
                )
            raise ValueError(
                f"elements must be all batches or all single samples, element {number} has x of "
                f"shape {x} and y of shape {y}, the first {shape_of(first.x)} and {first.y.shape}."
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


def shape_of(x: Any) -> str:
    """The shape of samples, or of each of their parts, for messages."""
    shapes = {path: str(part.shape) for path, part in leaves(x)}
    return ", ".join(f"{path!r} {shape}" if path else shape for path, shape in shapes.items())


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
            f"y must be whole numbers, one a sample: each y has one 1 among {n} entries, and x "
            f"has as many rows ({shape}). If these are samples with one-hot labels: {_ONE_HOT} If "
            "they are batches, pass batched=True."
        )


def _could_be_one_hot(y: np.ndarray, n: int) -> bool:
    return len(y) == n > 1 and bool(np.isin(y, (0, 1)).all() and (y == 1).sum() == 1)


def _sample(x: object, number: int) -> Any:
    parts = mapped(lambda part: _part(part, number), x)
    if not any(True for _ in leaves(parts)):
        raise TypeError(f"x must be one tensor or several, element {number} has {x!r}.")
    return parts


def _part(x: object, number: int) -> np.ndarray:
    array = np.asarray(x)
    if array.dtype.kind in "SU":
        array = array.astype(object)
    is_text = array.dtype.kind == "O" and all(isinstance(v, str | bytes) for v in array.ravel())
    if array.dtype.kind not in "biuf" and not is_text:
        raise TypeError(
            f"x must be numbers or text, element {number} has {array.dtype} "
            f"({type(x).__name__}). Decode images in dataset.map(...), and make all samples of "
            "one shape."
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
    if all(part.ndim and len(part) == len(y) for _, part in leaves(x)):
        return True
    raise TypeError(
        f"y must be a whole number, or one for each sample of a batch, got y of shape {y.shape} "
        f"with x of shape {shape_of(x)}. {_cure(y)}"
    )


_ONE_HOT = "One-hot labels become numbers by dataset.map(lambda x, y: (x, tf.argmax(y, -1)))."


def _cure(y: np.ndarray) -> str:
    """What makes a y one whole number a sample."""
    if y.dtype.kind in "SUO":
        return "Names become numbers by keras.layers.StringLookup in dataset.map(...)."
    whole = "tf.cast(y, tf.int64)"
    if y.ndim and y.shape[-1] == 1:
        flat = "tf.squeeze(y, -1)"
        flat = flat if y.dtype.kind in "iu" else f"tf.cast({flat}, tf.int64)"
        return f"Labels in a column become flat by dataset.map(lambda x, y: (x, {flat}))."
    if y.dtype.kind in "iu" or y.ndim > 1 or (y.ndim and (y == 1).sum() == 1):
        return _ONE_HOT
    return f"Class numbers stored otherwise become whole by dataset.map(lambda x, y: (x, {whole}))."

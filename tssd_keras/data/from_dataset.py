"""A tf.data.Dataset, or any pairs (x, y), read once into inputs by index and labels.

The method judges every sample by itself, so each needs a number that stays its own: its place
in the dataset.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Iterator
from itertools import chain
from typing import IO

import numpy as np

from tssd_keras.data.class_labels import class_labels
from tssd_keras.data.inputs import ArrayInputs, Inputs

IN_MEMORY = 1 << 30  # bytes of samples; more of them lie in a temporary file
INFINITE = -1  # what tf.data calls a cardinality without end


def from_dataset(
    dataset: Iterable, *, max_gib: float = 4.0, batched: bool | None = None
) -> tuple[Inputs, np.ndarray]:
    """Samples and labels of a dataset, ready for `TSSD(inputs, labels)`.

    The dataset is read once, in order: index i is the i-th sample that came. A dataset
    that shuffles gives another order at each reading. Take true labels or file names from
    the same reading, or leave the shuffling to the callback's feed.

    Args:
        dataset: finite; a tf.data.Dataset or any iterable of (x, y): single samples and
            whole numbers, or batches with as many labels (int[n] y, as long as x).
        max_gib: the most that samples may take, in GiB (2**30 bytes). Above 1 GiB they
            lie in a temporary file (in TMPDIR) that is deleted with the inputs.
        batched: whether elements are batches. None: told from their shapes; refused where
            each could as well be one sample with a one-hot label.

    Returns:
        Inputs of N samples, and int64[N] labels, none negative.

    Raises:
        ValueError: the dataset is infinite or empty, the samples are of several shapes or
            types, or larger than max_gib; a label is negative or above 2**63 - 1.
        TypeError: an element is not (x, y), x is not one array of numbers, or y is no
            whole number.
    """
    if not max_gib > 0:
        raise ValueError(f"max_gib must be above 0, got {max_gib}.")
    n_elements = _cardinality(dataset)
    elements = _elements(dataset)
    pair_0 = next(elements, None)
    if pair_0 is None:
        raise ValueError("the dataset must have at least one sample, it is empty.")
    x_0 = pair_0[0]
    is_batch = _is_batch(*pair_0) if batched is None else batched
    samples, labels = _Samples(x_0.shape[is_batch:], x_0.dtype, max_gib), []
    samples.check_size((n_elements - 1) * x_0.nbytes)
    for number, (x, y) in enumerate(chain([pair_0], elements)):
        _check_form(number, x, y, pair_0, is_batch=is_batch, batched=batched)
        samples.append(x if is_batch else x[None], number)
        labels.append(y if is_batch else y[None])
    if batched is None and is_batch:
        _check_one_hot(labels, x_0.shape)
    return ArrayInputs(samples.array()), class_labels("labels", np.concatenate(labels))


def _check_form(
    number: int,
    x: np.ndarray,
    y: np.ndarray,
    pair_0: tuple[np.ndarray, np.ndarray],
    *,
    is_batch: bool,
    batched: bool | None,
) -> None:
    """Raise unless an element is a batch like the first one, or as the user says."""
    if _is_batch(x, y) == is_batch:
        return
    if batched is not None:
        wanted = "have one entry a sample" if batched else "be one whole number"
        raise TypeError(
            f"with batched={batched} each y must {wanted}, element {number} has y of shape "
            f"{y.shape} with x of shape {x.shape}. {_cure(y)}"
        )
    x_0, y_0 = pair_0
    raise ValueError(
        f"elements must be all batches or all single samples, element {number} has x of shape "
        f"{x.shape} and y of shape {y.shape}, the first {x_0.shape} and {y_0.shape}."
    )


def _check_one_hot(labels: list[np.ndarray], shape: tuple[int, ...]) -> None:
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


class _Samples:
    """Rows of one shape and type, gathered in memory and, where they are many, in a file."""

    def __init__(self, shape: tuple[int, ...], dtype: np.dtype, max_gib: float) -> None:
        self._shape, self._dtype, self._max_gib = shape, dtype, max_gib
        self._n = self._size = 0
        self._memory = bytearray()
        self._file: IO[bytes] | None = None

    def check_size(self, size: int) -> None:
        """Raise ValueError if so many bytes are too many."""
        if size > self._max_gib * 2**30:
            raise ValueError(
                f"the samples must fit into max_gib={self._max_gib:g} GiB, they take more than "
                f"{size / 2**30:.3g} GiB as {self._dtype} of shape {self._shape}. Raise max_gib "
                "if there is room for a temporary file, keep images uint8, or pass an Inputs that "
                "reads samples where they lie."
            )

    def append(self, rows: np.ndarray, element: int) -> None:
        """Add rows [n, *shape], which came as the given element."""
        if rows.shape[1:] != self._shape or rows.dtype != self._dtype:
            raise ValueError(
                f"samples must be of one shape and type: the first is {self._dtype} of shape "
                f"{self._shape}, element {element} has {rows.dtype} of shape {rows.shape[1:]}. "
                "Resize or pad them in the dataset."
            )
        self._n, self._size = self._n + len(rows), self._size + rows.nbytes
        self.check_size(self._size)
        if self._file is None and self._size > IN_MEMORY:
            self._file = tempfile.TemporaryFile()  # noqa: SIM115 - the mapping keeps it alive
            self._file.write(self._memory)
            self._memory = bytearray()
        if self._file is None:
            self._memory += rows.tobytes()
        else:
            self._file.write(rows.tobytes())

    def array(self) -> np.ndarray:
        """All rows: [N, *shape]."""
        shape = (self._n, *self._shape)
        if self._file is None:
            return np.ndarray(shape, self._dtype, self._memory)
        with self._file as file:  # the mapping keeps the unlinked file alive
            file.flush()
            return np.memmap(file, self._dtype, "r", shape=shape)


def _cardinality(dataset: object) -> int:
    """Number of elements; 0 or less where the dataset does not know it."""
    count = getattr(dataset, "cardinality", None)
    if count is None:
        return 0
    n = int(count())
    if n == INFINITE:
        raise ValueError(
            "the dataset must be finite, its cardinality is infinite. Leave out .repeat(): fit "
            "asks the callback's feed for every epoch anew."
        )
    return n


def _elements(dataset: object) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Every element as arrays (x, y), checked."""
    if hasattr(dataset, "as_numpy_iterator"):
        dataset = dataset.as_numpy_iterator()
    if not isinstance(dataset, Iterable):
        raise TypeError(
            "dataset must be a tf.data.Dataset or an iterable of (x, y), got "
            f"{type(dataset).__name__}."
        )
    for number, element in enumerate(dataset):
        if isinstance(element, dict):
            raise TypeError(
                f"elements must be pairs (x, y), element {number} is a dict of "
                f"{', '.join(map(str, element))}. Try dataset.map(lambda d: (d['image'], "
                "d['label'])), or as_supervised=True where TFDS loads it."
            )
        if not isinstance(element, tuple | list):
            raise TypeError(
                f"elements must be pairs (x, y), element {number} is a {type(element).__name__}."
            )
        if len(element) != 2:
            raise TypeError(
                f"elements must be pairs (x, y), element {number} has {len(element)} components. "
                "Try dataset.map(...) that gives the sample and its label only."
            )
        yield _sample(element[0], number), _label(element[1], number)


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


def _is_batch(x: np.ndarray, y: np.ndarray) -> bool:
    """Whether an element is a batch or else a sample; raises TypeError where it is neither."""
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

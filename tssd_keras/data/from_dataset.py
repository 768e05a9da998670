"""A tf.data.Dataset, a PyDataset or any tuples (x, y), read once into inputs by index and labels.

The method judges every sample by itself, so each needs a number that stays its own: its place
in the dataset.
"""

from __future__ import annotations

import tempfile
import warnings
from collections.abc import Iterable, Iterator
from itertools import chain
from typing import IO, Any

import numpy as np

from tssd_keras.data.class_labels import class_labels
from tssd_keras.data.dataset_elements import Element, check_one_hot, elements_of, is_batch
from tssd_keras.data.duplicates import among, digests
from tssd_keras.data.inputs import ArrayInputs

IN_MEMORY = 1 << 30  # bytes of samples; more of them lie in a temporary file
INFINITE = -1  # what tf.data calls a cardinality without end


def from_dataset(
    dataset: Iterable, *, max_gib: float = 4.0, batched: bool | None = None
) -> tuple[Any, ...]:
    """Samples and labels of a dataset, ready for `TSSD(inputs, labels)`.

    The dataset is read once, in order: index i is the i-th sample that came. What it draws at
    random stays as it was drawn: augmentation belongs into `tssd.feed(map=...)`, which draws anew
    in every epoch. A dataset that shuffles gives another order at each reading: let each sample
    bring an id, or leave the shuffling to the callback's feed. To notice either, the first
    element is read a second time.

    Args:
        dataset: finite; a tf.data.Dataset, a keras.utils.PyDataset or any iterable of (x, y),
            (x, y, weight) or (x, y, weight, id): single samples and whole numbers, or batches
            with as many labels (int[n] y, as long as x). Weights are floats, or None where
            ids follow; ids are whole numbers or text.
        max_gib: the most that samples may take, in GiB (2**30 bytes). Above 1 GiB they
            lie in a temporary file (in TMPDIR) that is deleted with the inputs.
        batched: whether elements are batches. None: told from their shapes; refused where
            each could as well be one sample with a one-hot label.

    Returns:
        As many as an element has: Inputs of N samples; int64[N] labels, none negative;
        float64[N] weights, or None; int64[N] or object[N] ids, text as str.

    Warns:
        UserWarning: the first element was another one at the second reading.

    Raises:
        ValueError: the dataset is infinite or empty, the samples are of several shapes or
            types, or larger than max_gib; a label is negative or above 2**63 - 1.
        TypeError: an element is not (x, y) or more, x is not one array of numbers, y is no
            whole number, a weight no float, or an id neither a whole number nor text.
    """
    if not max_gib > 0:
        raise ValueError(f"max_gib must be above 0, got {max_gib}.")
    n_elements = _cardinality(dataset)
    elements = elements_of(dataset)
    first = next(elements, None)
    if first is None:
        raise ValueError("the dataset must have at least one sample, it is empty.")
    batches = is_batch(first) if batched is None else batched
    samples = _Samples(first.x.shape[batches:], first.x.dtype, max_gib)
    samples.check_size((n_elements - 1) * first.x.nbytes)
    columns: list[list[np.ndarray]] = []
    for number, element in enumerate(chain([first], elements)):
        element.check_like(first, number, batches=batches, batched=batched)
        samples.append(element.x if batches else element.x[None], number)
        columns.append([np.atleast_1d(column) for column in element.columns])
    if batched is None and batches:
        check_one_hot([column[0] for column in columns], first.x.shape)
    inputs = ArrayInputs(samples.array())
    _notice_randomness(dataset, first, inputs, batches=batches)
    labels, *more = (np.concatenate(column) for column in zip(*columns, strict=True))
    labels = class_labels("labels", labels)
    return inputs, labels, *first.with_gaps(more)


def _notice_randomness(
    dataset: Iterable, first: Element, inputs: ArrayInputs, *, batches: bool
) -> None:
    """Warn if a second reading begins otherwise than the first."""
    again = None if isinstance(dataset, Iterator) else next(elements_of(dataset), None)
    if again is None or again.equals(first):
        return
    rows = again.x if batches else again.x[None]
    alike = rows.shape[1:] == inputs.shape[1:] and rows.dtype == inputs.dtype
    if not (alike and among(digests(ArrayInputs(rows)), digests(inputs)).all()):
        warnings.warn(_RANDOM, UserWarning, stacklevel=3)
    elif first.ids is None:
        warnings.warn(_SHUFFLED, UserWarning, stacklevel=3)


_RANDOM = (
    "the dataset gave other samples when its first element was read again, and it is read only "
    "once: every epoch and every judgement would see these same random samples. Take what is "
    "random (augmentation) out of the dataset and give it to tssd.feed(map=...), which draws anew "
    "in every epoch."
)
_SHUFFLED = (
    "the dataset came in another order when its first element was read again, so row i of the "
    "table is the i-th sample of this one reading. Leave out shuffle, as the feed shuffles by "
    "itself, or let the dataset give (x, y, weight, id), and find samples by tssd.table.ids."
)


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
                "if there is room for a temporary file, keep images uint8, or read samples where "
                "they lie: images by tssd_keras.from_directory, others by an Inputs of your own."
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
    if hasattr(dataset, "cardinality"):
        n = int(dataset.cardinality())
    else:  # a PyDataset without end has None
        n = getattr(dataset, "num_batches", 0)
    if n is None or n == INFINITE:
        raise ValueError(
            "the dataset must be finite, its cardinality is infinite. Leave out .repeat() (a "
            "PyDataset says its num_batches): fit asks the callback's feed for every epoch anew."
        )
    return n

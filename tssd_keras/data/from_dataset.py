"""A tf.data.Dataset, a PyDataset or any tuples (x, y), read once into inputs by index and labels.

The method judges every sample by itself, so each needs a number that stays its own: its place
in the dataset.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Iterator
from itertools import chain
from typing import Any

import numpy as np

from tssd_keras.data.class_labels import class_labels
from tssd_keras.data.dataset_elements import (
    Element,
    check_one_hot,
    elements_of,
    first_part,
    is_batch,
    shape_of,
)
from tssd_keras.data.duplicates import among, digests
from tssd_keras.data.gathered import Gathered, as_stored
from tssd_keras.data.inputs import Inputs
from tssd_keras.data.nested import leaves, mapped, packed, parts_of
from tssd_keras.data.targets import as_targets

INFINITE = -1  # what tf.data calls a cardinality without end
MOST = 1_000_000  # elements of a dataset that does not say how many it has


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
            (x, y, weight) or (x, y, weight, id): single samples and labels, or batches of as many
            of both. x may be a dict or tuple of parts, of numbers or text. Labels come in the forms
            of `Labels.given` (numbers, truth values, names, in columns or one-hot rows), or as a
            dict or tuple of targets, one an output. Weights are floats, or None where
            ids follow; ids are whole numbers or text.
        max_gib: the most that samples may take, in GiB (2**30 bytes). Above 1 GiB they
            lie in a temporary file (in TMPDIR) that is deleted with the inputs.
        batched: whether elements are batches. None: told from their shapes; refused where
            each could as well be one sample with a one-hot label.

    Returns:
        As many as an element has: Inputs of N samples; labels, int64[N] where they are whole
        numbers, else as they came, [N], [N, 1] or [N, K], text as str, or a dict or tuple of
        targets; float64[N] weights, or None; int64[N] or object[N] ids, text as str.

    Warns:
        UserWarning: the first element was another one at the second reading.

    Raises:
        ValueError: the dataset is infinite or empty, or has a million elements (`MOST`) without
            saying so; the samples are of several shapes or types, or larger than max_gib; labels
            are of several shapes, or no class's: see `class_labels`.
        TypeError: an element is not (x, y) or more, x or y is neither numbers nor text, a weight no
            float, or an id neither a whole number nor text; samples and batches cannot be told
            apart.
    """
    if not max_gib > 0:
        raise ValueError(f"max_gib must be above 0, got {max_gib}.")
    n_elements, elements = _cardinality(dataset), elements_of(dataset)
    first = next(elements, None)
    if first is None:
        raise ValueError("the dataset must have at least one sample, it is empty.")
    batches = is_batch(first, batched)
    samples, labels = Gathered(_rows(first.x, batches), max_gib), []
    samples.check_length(n_elements - 1)
    columns: list[list[np.ndarray]] = []
    for number, element in enumerate(chain([first], _ending(elements, n_elements, dataset))):
        element.check_like(first, number, batches=batches)
        samples.append(_rows(element.x, batches), number)
        labels.append(_rows(element.y, batches))
        columns.append([np.atleast_1d(column) for column in element.columns])
    if batched is None and batches:
        check_one_hot([first_part(y) for y in labels], shape_of(first.x))
    inputs = samples.inputs()
    _notice_randomness(dataset, first, inputs, batches=batches)
    more = (np.concatenate(column) for column in zip(*columns, strict=True))
    return inputs, _checked(_joined(labels)), *first.with_gaps([*more])


def _ending(elements: Iterator[Element], n: int, dataset: Iterable) -> Iterator[Element]:
    """The elements; raises ValueError if there are too many of a dataset that may have no end."""
    says_its_length = n > 0 or hasattr(dataset, "__len__")
    for number, element in enumerate(elements, start=2):
        if number > MOST and not says_its_length:
            raise ValueError(
                f"the dataset must be finite: {MOST:,} elements came, and it does not say how many "
                "there are. If it has an end, let each element be a batch, dataset.batch(256), or "
                "say the number: tf.data.experimental.assert_cardinality(n). Of one without end "
                "take a part: dataset.take(n), itertools.islice(pairs, n)."
            )
        yield element


def _rows(part: Any, batches: bool) -> Any:
    """Samples or targets of an element, [n, ...] each part."""
    return part if batches else mapped(lambda one: one[None], part)


def _joined(rows: list[Any]) -> Any:
    """All rows, in order, in the structure of the first."""
    parts = zip(*([part for _, part in leaves(one)] for one in rows), strict=True)
    return packed(rows[0], (np.concatenate(part) for part in parts))


def _checked(labels: Any) -> Any:
    """Labels of one output as they are, whole numbers as int64[N]; raises unless each is one."""
    if not isinstance(labels, np.ndarray):
        return labels
    checked = class_labels("labels", as_targets("labels", labels).labels)
    return checked if labels.ndim == 1 and labels.dtype.kind in "iu" else labels


def _notice_randomness(dataset: Iterable, first: Element, inputs: Inputs, *, batches: bool) -> None:
    """Warn if a second reading begins otherwise than the first."""
    again = None if isinstance(dataset, Iterator) else next(elements_of(dataset), None)
    if again is None or again.equals(first):
        return
    rows = as_stored(_rows(again.x, batches))
    alike = _kinds(rows) == _kinds(inputs)
    if not (alike and among(digests(rows), digests(inputs)).all()):
        warnings.warn(_RANDOM, UserWarning, stacklevel=3)
    elif first.ids is None:
        warnings.warn(_SHUFFLED, UserWarning, stacklevel=3)


def _kinds(inputs: Inputs) -> dict[str, tuple]:
    """Shape and type of each part of a sample."""
    return {path: (part.shape[1:], part.dtype) for path, part in parts_of(inputs).items()}


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

"""LabelledData: the common form of every source's data, checked here once."""

from __future__ import annotations

import reprlib
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from tssd_keras.data.class_labels import ADD, label_mistakes, lacking_classes
from tssd_keras.data.inputs import Inputs

BREAKS = frozenset("\0\n\r")  # in a class's name: lists of names hold one a line


def as_ids(names: Sequence[str]) -> np.ndarray:
    """object[N] of the same str: an array of numpy's text takes N times the longest name."""
    ids = np.empty(len(names), object)
    ids[:] = names
    return ids


@dataclass(frozen=True)
class LeftOut:
    """A sample that could not be used, and was left out as the recipe asked."""

    split: str
    reason: str  # begins with the file


@dataclass(frozen=True, eq=False, kw_only=True)
class LabelledData:
    """A training split with given labels, and a test split with clean ones.

    Attributes:
        name: of the data set, for messages.
        inputs: N training samples; entry i everywhere below is sample i of them.
        labels: int64[N] in 0..K-1, given, right or wrong; each class occurs at least twice.
            -1: nobody gave one. Such a sample is trusted, its true label is known, and it can
            only be golden.
        true_labels: int64[N] in 0..K-1, -1 where unknown; None where all are.
        test_inputs: T samples of the training samples' shape and dtype.
        test_labels: int64[T] in 0..K-1, taken to be right.
        class_names: K different names in label order, K at least 2; each of one line,
            without NUL, as later files hold one name a line.
        ids: object[N] of str (see `as_ids`) or str[N], the source's own names of
            the training samples; they differ from each other.
        test_ids: the same for the T test samples, or None.
        trusted: bool[N], samples whose label is known to be right: the true one if there is
            one, else the given one.
        texts: str[N], each training sample as a person reads it; None where samples are shown
            as they are.
        column_names: one for each number of a sample, or none.
        digests, test_digests: uint8[N, 16] and uint8[T, 16], hashes of the samples' encoded
            bytes; None where nobody looked, or there are none.
        evaluated_on: kind of the test labels, in a word or two.
        left_out: samples that could not be used.
        notes: for the user, on how the data were read, a line each.

    Raises:
        ValueError: one of these does not hold.
    """

    name: str
    inputs: Inputs
    labels: np.ndarray
    true_labels: np.ndarray | None
    test_inputs: Inputs
    test_labels: np.ndarray
    class_names: tuple[str, ...]
    ids: np.ndarray | None = None
    test_ids: np.ndarray | None = None
    trusted: np.ndarray | None = None
    texts: np.ndarray | None = None
    column_names: tuple[str, ...] = ()
    digests: np.ndarray | None = None
    test_digests: np.ndarray | None = None
    evaluated_on: str = "test"
    left_out: tuple[LeftOut, ...] = ()
    notes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        for mistake in self._mistakes():
            raise ValueError(f"{self.name}: {mistake}")

    def _mistakes(self) -> Iterator[str]:
        """Lazily: each check may rely on the ones above it."""
        n_train, n_test, n_classes = len(self.inputs), len(self.test_inputs), len(self.class_names)
        yield from class_name_mistakes(self.class_names)
        yield from _splits(self.inputs, self.test_inputs)
        for what, labels, n, minus_one in (
            ("labels", self.labels, n_train, "where nobody gave one"),
            ("test_labels", self.test_labels, n_test, ""),
            ("true_labels", self.true_labels, n_train, "where unknown"),
        ):
            if labels is not None:
                yield from _column(what, labels, n, np.int64)
                yield from label_mistakes(what, labels, n_classes=n_classes, minus_one=minus_one)
        for what, ids, n in (("ids", self.ids, n_train), ("test_ids", self.test_ids, n_test)):
            if ids is not None:
                yield from _ids(what, ids, n)
        if self.trusted is not None:
            yield from _column("trusted", self.trusted, n_train, np.bool_)
        if self.texts is not None:
            yield from _column("texts", self.texts, n_train, np.str_)
        width = int(np.prod(self.inputs.shape[1:])) if self.column_names else 0
        if len(self.column_names) != width:
            yield (
                f"column_names must be one for each of a sample's {width} numbers, got "
                f"{len(self.column_names)}."
            )
        yield from self._without_label()
        hint = ADD
        if self.left_out:
            hint = (
                f"{len(self.left_out)} bad images were left out, the first is "
                f"{self.left_out[0].reason} Mend them, or leave the class out."
            )
        yield from lacking_classes(self.labels, self.class_names, self.ids, hint=hint)

    def _without_label(self) -> Iterator[str]:
        without = self.labels < 0
        if self.true_labels is not None and self.trusted is not None:
            without = without & ~(self.trusted & (self.true_labels >= 0))
        rows = np.flatnonzero(without)
        if len(rows):
            yield (
                f"labels must lie in 0..{len(self.class_names) - 1}: {len(rows)} of "
                f"{len(self.labels)} do not, the first is sample {rows[0]} with "
                f"{self.labels[rows[0]]}. Drop those samples; only trusted ones whose true label "
                "is known can do without."
            )


def class_name_mistakes(names: tuple[str, ...]) -> Iterator[str]:
    """What is wrong with class names, lazily: too few, one twice, a line break or a NUL in one."""
    if len(names) < 2:
        yield f"there must be at least 2 classes to tell apart, got {len(names)}."
    if len(set(names)) < len(names):
        twice = sorted({name for name in names if names.count(name) > 1})
        yield f"class_names must differ, these occur more than once: {', '.join(twice)}."
    broken = [k for k, name in enumerate(names) if BREAKS.intersection(name)]
    if broken:
        yield (
            "class_names must be of one line each, without NUL characters: "
            f"{len(broken)} of {len(names)} are not, the first is class {broken[0]}, "
            f"{reprlib.repr(names[broken[0]])}. Rename it where the data name it: its folder, its "
            "label in the table, or class_names."
        )


def _splits(train: Inputs, test: Inputs) -> Iterator[str]:
    for split, inputs in (("training", train), ("test", test)):
        if not len(inputs):
            yield f"the {split} split must hold samples, got none."
    if train.shape[1:] != test.shape[1:]:
        yield (
            f"training and test samples must have one shape, got {train.shape[1:]} and "
            f"{test.shape[1:]}."
        )
    if train.dtype != test.dtype:
        yield (
            f"training and test samples must have one dtype, got {train.dtype} and {test.dtype}. "
            "Scale both splits alike."
        )


def _column(what: str, values: np.ndarray, n: int, kind: type) -> Iterator[str]:
    if not np.issubdtype(values.dtype, kind):
        yield f"{what} must be {kind.__name__.rstrip('_')}[{n}], got {values.dtype}{values.shape}."
    if values.shape != (n,):
        yield f"{what} must have one entry a sample, shape ({n},), got {values.shape}."


def _ids(what: str, ids: np.ndarray, n: int) -> Iterator[str]:
    if ids.dtype != object:
        yield from _column(what, ids, n, np.str_)
    strange = [i for i, name in enumerate(ids.tolist()) if not isinstance(name, str)]
    if strange:
        yield (
            f"{what} must be text: {len(strange)} of {len(ids)} are not, the first is sample "
            f"{strange[0]} with {ids[strange[0]]!r}."
        )
    yield from _column(what, ids, n, ids.dtype.type)
    count = Counter(ids.tolist())
    twice = sorted(name for name, times in count.items() if times > 1) if len(count) < n else ()
    if twice:
        yield (
            f"{what} must differ from sample to sample: {len(twice)} come more than once, the "
            f"first are {', '.join(twice[:3])}. Name each sample once."
        )

"""The one check of class labels: whole numbers, one a sample, in 0..K-1.

Every label that a user hands over passes here, whether in a call, an array's file or a list.
Each fault gets the remedy that fits it.
"""

from __future__ import annotations

import reprlib
from collections.abc import Callable, Iterator, Sequence

import numpy as np

ADD = "Add samples of it, or leave the class out and number the labels 0..K-1 without gaps."
HIGHEST = np.iinfo(np.int64).max


def _sample(i: int) -> str:
    return f"sample {i}"


def class_labels(
    name: str,
    labels: object,
    *,
    n: int | None = None,
    n_classes: int | None = None,
    minus_one: str = "",
    why: str = "",
    place: Callable[[int], str] = _sample,
) -> np.ndarray:
    """Labels as int64[N], in the machine's byte order.

    Args:
        name: of the labels, for messages.
        labels: array or list, possibly of anything.
        n: N; None: any number.
        n_classes: K; None: any number.
        minus_one: what -1 says, "where unknown"; "": -1 is no label.
        why: there are K classes, "as predictions have 3 columns"; "": goes without saying.
        place: what a person calls entry i.

    Raises:
        ValueError: they are not whole numbers, one a sample, in 0..K-1 (or -1). Says what
            came, where, and what to try.
    """
    try:
        array = np.asarray(labels)
    except ValueError as error:
        raise ValueError(
            f"{name} must be whole numbers, one a sample, got lists of different lengths. Give "
            "each sample the one class that it is taken for."
        ) from error
    for mistake in label_mistakes(
        name, array, n=n, n_classes=n_classes, minus_one=minus_one, why=why, place=place
    ):
        raise ValueError(mistake)
    return array.astype(np.int64)


def label_mistakes(
    name: str,
    labels: np.ndarray,
    *,
    n: int | None = None,
    n_classes: int | None = None,
    minus_one: str = "",
    why: str = "",
    place: Callable[[int], str] = _sample,
) -> Iterator[str]:
    """What is wrong with labels, lazily: each check may rely on the ones before it.

    Args:
        name, labels, n, n_classes, minus_one, why, place: see `class_labels`.
    """
    what = f"{labels.dtype}{list(labels.shape)}"
    if labels.ndim != 1:
        yield (
            f"{name} must be whole numbers, one a sample, shape (N,), got {what}. "
            + shape_remedy(labels)
        )
    if labels.dtype.kind not in "iu":
        remedy = _type_remedy(labels, minus_one, place)
        yield f"{name} must be whole numbers, one a sample, got {what}. {remedy}"
    if n is not None and len(labels) != n:
        yield f"{name} must have one entry for each of {n} samples, got {len(labels)}."
    lowest, highest = -1 if minus_one else 0, HIGHEST if n_classes is None else n_classes - 1
    outside = np.flatnonzero((labels < lowest) | (labels > highest))
    if len(outside):
        last = "K-1" if n_classes is None else str(n_classes - 1)
        yield (
            f"{name} must lie in 0..{last}{f', {why}' * bool(why)}"
            f"{f', or be -1 {minus_one}' * bool(minus_one)}: {len(outside)} of {len(labels)} do "
            f"not, the first is {place(int(outside[0]))} with {labels[outside[0]]}. "
            + _range_remedy(labels, outside, n_classes)
        )


def shape_remedy(labels: np.ndarray) -> str:
    """What makes labels one a sample, where they have not one axis."""
    if labels.ndim == 0:
        held = type(labels.item()).__name__
        return (
            f"It is one {held}, no array. Give an array or a list with a class number for each "
            "sample; a sparse matrix becomes an array by .toarray()."
        )
    if labels.size == max(labels.shape):
        return "Labels in a column or a row become flat by .ravel()."
    if labels.ndim == 2 and labels.dtype.kind in "biuf":
        if ((labels == 0) | (labels == 1)).all():
            if (labels.sum(axis=1) == 1).all():
                return "One-hot rows become labels by .argmax(axis=1)."
            return "Some rows name several classes, or none: give each sample one class number."
        if (labels >= 0).all() and np.allclose(labels.sum(axis=1), 1, atol=0.02):
            return "Rows of probabilities become labels by .argmax(axis=1), the likeliest class."
    return "Give each sample one class number."


def _type_remedy(labels: np.ndarray, minus_one: str, place: Callable[[int], str]) -> str:
    kind = labels.dtype.kind
    values = labels.tolist() if kind == "O" else []
    missing = [i for i, value in enumerate(values) if is_missing(value)]
    if kind == "f":
        missing = np.flatnonzero(np.isnan(labels)).tolist()
    if missing:
        filled = f"set them to -1 {minus_one}" if minus_one else "leave those samples out"
        return (
            f"{len(missing)} are missing, the first is {place(missing[0])}: {filled}, then "
            ".astype(np.int64)."
        )
    if kind in "SU" or (values and all(isinstance(value, str) for value in values)):
        return _text_remedy([str(value) for value in labels[:1000].astype(str)])
    if kind == "f":
        fraction = np.flatnonzero(labels != np.floor(labels))
        if len(fraction):
            i = int(fraction[0])
            return (
                f"{len(fraction)} are fractions, the first is {place(i)} with {labels[i]:g}: give "
                "class numbers, not probabilities or measurements."
            )
    if kind in "bf" or (values and all(type(value) in (int, bool) for value in values)):
        return "Try .astype(np.int64)."
    return "Give each sample one class number."


def _text_remedy(names: list[str]) -> str:
    if all(name.strip().removeprefix("-").isdecimal() for name in names):
        return "Numbers as text become labels by .astype(np.int64)."
    return "Names become labels by np.unique(names, return_inverse=True)[1]."


def is_missing(value: object) -> bool:
    """Whether a cell says that there is no value: None, NaN, or NA of pandas."""
    is_nan = isinstance(value, float | np.floating) and bool(np.isnan(value))
    return value is None or is_nan or type(value).__name__ == "NAType"


def _range_remedy(labels: np.ndarray, outside: np.ndarray, n_classes: int | None) -> str:
    strange = labels[outside]
    if set(np.unique(labels).tolist()) == {-1, 1}:
        return "Labels -1 and +1 of two classes become 0 and 1 by (labels + 1) // 2."
    if (strange == -1).all():
        return "Drop those samples, if nobody gave them a label."
    if n_classes is not None and labels.min() == 1 and labels.max() == n_classes:
        return "Labels that count from 1 become right by labels - 1."
    if strange.min() < 0 or n_classes is None:
        return "Number the classes from 0, and drop the samples without a label."
    return "Drop those samples, or raise the number of classes."


def check_enough_of_each(
    must: str,
    labels: np.ndarray,
    n_classes: int,
    least: int,
    *,
    remedy: str,
    names: Sequence[str] = (),
) -> None:
    """Raise ValueError if a class has fewer samples than that.

    Args:
        must: what must hold, for the message.
        labels: int64[n] in 0..K-1.
        n_classes: K.
        least: samples that each class must have.
        remedy: what to try.
        names: K names, or none.
    """
    count = np.bincount(labels, minlength=n_classes)
    short = np.flatnonzero(count < least)
    if len(short):
        name = f" ({reprlib.repr(names[short[0]])})" if names else ""
        raise ValueError(
            f"{must}: {len(short)} of {n_classes} classes have fewer, the first is class "
            f"{short[0]}{name} with {count[short[0]]} of {len(labels)}. {remedy}"
        )


def lacking_classes(
    labels: np.ndarray,
    names: tuple[str, ...],
    ids: np.ndarray | None = None,
    *,
    where: str = "among the given labels",
    hint: str = ADD,
) -> Iterator[str]:
    """What is wrong if a class has less than two samples, lazily; nothing if each has.

    Args:
        labels: int64[n] in 0..K-1, or -1, which is no class.
        names: K names.
        ids: str[n], the samples' names, for the message.
        where: the classes are looked for.
        hint: what to do.
    """
    count = np.bincount(labels[labels >= 0], minlength=len(names))
    absent = np.flatnonzero(count == 0)
    if len(absent):
        yield (
            f"each class must occur {where}: {len(absent)} of {len(names)} do not, the first is "
            f"class {absent[0]} ({reprlib.repr(names[absent[0]])}). {hint}"
        )
    lone = np.flatnonzero(count == 1)
    if len(lone):
        sample = np.flatnonzero(labels == lone[0])[0]
        yield (
            f"each class must have at least 2 training samples {where}, or nothing can be "
            f"compared: {len(lone)} of {len(names)} have one, the first is class {lone[0]} "
            f"({reprlib.repr(names[lone[0]])}), with sample "
            f"{sample if ids is None else ids[sample]} alone. Is that label a typing error? {hint}"
        )

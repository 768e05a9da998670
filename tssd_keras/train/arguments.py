"""Checks of what a user may hand to the callback, each of one argument."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np

from tssd_keras.data import row_index
from tssd_keras.data.class_labels import check_enough_of_each, class_labels
from tssd_keras.data.duplicates import among, digests
from tssd_keras.data.inputs import ArrayInputs, Inputs, SparseInputs, Subset, as_inputs, type_remedy
from tssd_keras.data.nested import parts_of
from tssd_keras.data.targets import Targets, as_targets, whole
from tssd_keras.labels.golden import Golden, check_golden_labels
from tssd_keras.recipe.checks import EXAMPLES
from tssd_keras.train.draw import MIN_PER_CLASS
from tssd_keras.train.sample_columns import as_column

BLOCK_BYTES = 16 << 20  # of samples that are looked at at a time


def as_samples(name: str, samples: Any, n: int | None = None) -> Inputs:
    """Samples as `Inputs`.

    Args:
        name: of the samples, for messages.
        samples: see `inputs.as_inputs`.
        n: how many there are, where that is known.

    Raises:
        TypeError: a part of them is neither numbers nor text.
        ValueError: the samples have not all one shape.
    """
    inputs = as_inputs(samples, n)
    for path, part in parts_of(inputs).items():
        if part.dtype.kind not in "biufSUO":
            raise TypeError(
                f"{name}{_of(path)} must be numbers or text, got an array of type {part.dtype}."
                + type_remedy(part.dtype)
            )
    return inputs


def _of(path: str) -> str:
    """Which part of the samples, for messages."""
    return f" of {path!r}" if path else ""


def check_every_class(labels: np.ndarray, n_classes: int) -> None:
    """Raise ValueError if a class has no label, where nobody has said how many classes there are.

    Args:
        labels: int64[N] in 0..K-1.
        n_classes: K, told from the labels.
    """
    lowest = int(labels.min(initial=n_classes))
    by_number = "Number them by np.unique(labels, return_inverse=True)[1]"
    if lowest and len(np.unique(labels)) == n_classes - lowest:
        by_number = f"If they count from {lowest}, pass labels - {lowest} (golden ones, too)"
    check_enough_of_each(
        f"labels must number the classes 0..K-1 without gaps, and the highest is {n_classes - 1}",
        labels,
        n_classes,
        1,
        remedy=f"{by_number}, or, if the model knows classes that these samples have not, pass "
        f"Labels(labels, n_classes={n_classes}).",
    )


def warn_of_lowest(labels: np.ndarray, n_classes: int) -> None:
    """Warn once where classes are counted that the lowest numbers are of, and no label has these.

    Which class a number stands for cannot be told from labels alone; that none is 0 can.

    Args:
        labels: int64[N] in 0..K-1, given as numbers.
        n_classes: K, as somebody has said.
    """
    lowest = int(labels.min(initial=n_classes))
    if lowest and 1 < len(np.unique(labels)) == n_classes - lowest:
        warnings.warn(
            f"labels name every class of {lowest}..{n_classes - 1}, and none below, though there "
            f"are {n_classes}: if they count from {lowest}, each is taken for another class. Pass "
            f"labels - {lowest} (golden ones, too) and Labels(n_classes={n_classes - lowest}).",
            UserWarning,
            stacklevel=4,
        )


def _in_memory(inputs: Inputs) -> bool:
    """Whether samples are in memory, read by `ArrayInputs` itself and no subclass."""
    return all(
        isinstance(part, SparseInputs) or (type(part) is ArrayInputs and part.in_memory)
        for part in parts_of(inputs).values()
    )


def check_finite(name: str, inputs: Inputs, index: np.ndarray) -> None:
    """Raise ValueError if samples have entries that are NaN or infinite, or none but what is lost.

    Only arrays in memory are checked; others would be read from disk once more.

    Args:
        name: of the samples.
        inputs: of any dtype.
        index: int64[n], which of them.
    """
    for path, part in parts_of(inputs).items():
        if part.dtype.kind == "f" and _in_memory(part):
            _check_finite(f"{name}{_of(path)}", part, index)


def _check_finite(name: str, inputs: Inputs, index: np.ndarray) -> None:
    if isinstance(inputs, SparseInputs) and _fits(inputs.stored).all():
        return
    sample = int(np.prod(inputs.shape[1:])) * inputs.dtype.itemsize
    size = max(1, BLOCK_BYTES // max(sample, 1))
    found, some, some_left = [], False, False
    for block in np.split(index, range(size, len(index), size)):
        values = inputs.read(block)
        found.append(block[~_fits(values).reshape(len(block), -1).all(axis=1)])
        if inputs.dtype == np.float64 and not some_left:
            some |= bool(values.any())
            some_left = bool((np.abs(values) >= np.finfo(np.float32).tiny).any())
    faulty = np.concatenate(found)
    if len(faulty):
        raise ValueError(
            f"{name} must be finite: {len(faulty)} of {len(index)} samples have entries that are "
            f"NaN or infinite, the first are {', '.join(map(str, faulty[:EXAMPLES]))}. Fill the "
            "gaps in, or leave these samples out."
            f"{_TOO_LARGE if inputs.dtype == np.float64 else ''}"
        )
    if some and not some_left:
        raise ValueError(
            f"{name} must have entries that float32, which networks read, tells from 0: all are "
            "below 1.2e-38. Scale such inputs."
        )


_TOO_LARGE = " An entry above 3e38 is infinite in float32, which networks read: scale such inputs."


def _fits(values: np.ndarray) -> np.ndarray:
    """Whether numbers are finite in float32."""
    with np.errstate(over="ignore"):
        return np.isfinite(values.astype(np.float32, copy=False))


def as_index(index: Any, n_inputs: int) -> np.ndarray:
    """Which inputs make up the stream, as int64[N']; raises unless each exists and comes once."""
    if index is None:
        return np.arange(n_inputs)
    return row_index.as_index("Labels.index", index, n_inputs, of="inputs")


def as_truth(true_labels: Any, targets: Targets, n: int, n_classes: int) -> np.ndarray | None:
    """True labels as int64[N]; raises unless there is one a sample, in 0..K-1 or -1 (unknown)."""
    if true_labels is None:
        return None
    return whole(
        "Labels.true", true_labels, targets, n=n, n_classes=n_classes, minus_one="where unknown"
    )


def as_decided(decided: Any, targets: Targets, n: int, n_classes: int) -> np.ndarray | None:
    """Decided classes as int64[N]; raises unless one a sample, in 0..K-1 or -1 (nobody decided)."""
    if decided is None:
        return None
    array = whole(
        "decided", decided, targets, n=n, n_classes=n_classes, minus_one="where nobody decided"
    )
    if (array >= 0).all():
        raise ValueError(
            f"some samples must be undecided, or there is nothing to judge: all {n} are decided. "
            "Train on the decided labels as usual."
        )
    return array


def check_callable(name: str, hook: object) -> None:
    """Raise TypeError unless the hook can be called."""
    if not callable(hook):
        raise TypeError(
            f"{name} must be a function, or another thing that can be called, got {hook!r} of "
            f"type {type(hook).__name__}."
        )


def check_epoch_samples(epoch_samples: int | None, n_classes: int) -> None:
    """Raise ValueError if an epoch draws too few samples for each class to be judged."""
    least = MIN_PER_CLASS * n_classes
    if epoch_samples is not None and epoch_samples < least:
        raise ValueError(
            f"epoch_samples must be at least {least} ({MIN_PER_CLASS} for each of {n_classes} "
            f"classes), got {epoch_samples}. Try more, or None: an epoch is then every sample. "
            "(In a recipe it is train.balanced_batches * train.batch_size.)"
        )


def as_golden(golden: Golden | tuple | str | None, targets: Targets) -> tuple[str, Golden | None]:
    """Source ("trusted", "certain", "none") and samples of what a user calls golden.

    Args:
        golden: see `callback.TSSD`.
        targets: the given labels, whose classes these are.
    """
    if golden is None or isinstance(golden, str):
        sources = ("certain", "none")
        source = golden or "none"
        if source not in sources:
            raise ValueError(
                "golden must be (x, y), an ImageFolder, a dataset, a Golden, None, or one of "
                f"{', '.join(sources)}, got {golden!r}. A folder of images is read by "
                "tssd_keras.from_directory."
            )
        return source, None
    if isinstance(golden, tuple | list):
        if len(golden) != 2:
            raise ValueError(f"golden must be a pair (x, y), got {len(golden)} things.")
        inputs, labels = golden
        as_targets("golden labels", labels)  # refuses what has no shape
        golden = Golden(inputs, labels, np.full(np.shape(labels)[:1], -1, np.int64))
    if not isinstance(golden, Golden):
        raise TypeError(
            'golden must be (x, y), an ImageFolder, a dataset, a Golden, None, "certain" or '
            '"none", got a '
            f"{type(golden).__name__}."
        )
    labels = whole("golden labels", golden.labels, targets)
    inputs = as_samples("golden samples", golden.inputs, len(labels))
    stands_for = _stands_for(golden.stands_for, labels.shape)
    at_random = _at_random(golden.at_random, labels.shape)
    given = whole("golden given labels", golden.given, targets, minus_one="where unknown")
    return "trusted", Golden(inputs, labels, given, stands_for, at_random)


def _stands_for(stands_for: Any, shape: tuple[int, ...]) -> np.ndarray | None:
    """Float64[M] above 0, or None; raises unless there is one a golden sample."""
    if stands_for is None:
        return None
    array = as_column("golden stands_for", stands_for)
    if array.dtype.kind not in "biuf":
        raise TypeError(
            f"golden stands_for must be numbers above 0, one a sample, got {array.dtype} of shape "
            f"{array.shape}."
        )
    array = array.astype(np.float64)
    if array.shape != shape or not (array > 0).all():
        raise ValueError(
            f"golden stands_for must be above 0, one a sample, shape {shape}, got shape "
            f"{array.shape} with a minimum of {array.min(initial=np.inf)}."
        )
    return array


def _at_random(at_random: Any, shape: tuple[int, ...]) -> np.ndarray | None:
    """Bool[M], or None; raises unless there is one a golden sample."""
    if at_random is None:
        return None
    array = as_column("golden at_random", at_random)
    if array.shape != shape or array.dtype != bool:
        raise ValueError(
            f"golden at_random must be bool, one a sample, shape {shape}, got {array.dtype} of "
            f"shape {array.shape}."
        )
    return array


def check_apart(golden: Golden, samples: Inputs, index: np.ndarray) -> None:
    """Raise ValueError if a golden sample equals one of the stream byte by byte.

    Only arrays in memory of one dtype are compared, about a second for 1 GiB.

    Args:
        golden: of M samples.
        samples: of the stream, and others.
        index: int64[n], which of them are the stream's.
    """
    trusted = as_inputs(golden.inputs)
    if not (_in_memory(trusted) and _in_memory(samples)):
        return
    if _dtypes(trusted) != _dtypes(samples):
        return
    golden_digests = digests(trusted)
    twins = np.flatnonzero(among(golden_digests, digests(Subset(samples, index))))
    if len(twins):
        raise ValueError(
            "golden samples must not be among the inputs, or they would be judged by a network "
            f"that was fitted on them: {len(twins)} of {len(golden_digests)} are equal to one, the "
            f"first are golden samples {', '.join(map(str, twins[:EXAMPLES]))}. Take them out of "
            "one of the two: Labels(index=...) names the inputs that are trained on."
        )


def check_golden(golden: Golden, n_classes: int, samples: Inputs) -> None:
    """Raise ValueError unless the golden set fits the samples and has two of each class."""
    inputs = as_inputs(golden.inputs)
    if not len(inputs) == len(golden.labels) == len(golden.given):
        raise ValueError(
            f"golden samples and labels must be as many, got {len(inputs)} and "
            f"{len(golden.labels)} ({len(golden.given)} given labels)."
        )
    parts, others = parts_of(inputs), parts_of(samples)
    if list(parts) != list(others):
        raise ValueError(
            f"golden samples must have the parts of the others, {_listed(others)}, got "
            f"{_listed(parts)}."
        )
    for path, part in parts.items():
        _check_alike(path, part, others[path])
    class_labels("golden labels", golden.labels, n_classes=n_classes)
    check_golden_labels(golden.labels, n_classes, remedy='Add some, or use golden="certain".')


def _check_alike(path: str, golden: Inputs, samples: Inputs) -> None:
    """Raise ValueError unless a part of golden samples has the form of the others'."""
    shape = tuple(samples.shape[1:])
    if tuple(golden.shape[1:]) != shape:
        raise ValueError(
            f"golden samples{_of(path)} must have the shape of the others, {shape}, got "
            f"{tuple(golden.shape[1:])}."
        )
    kinds = [_kind(part.dtype) for part in (golden, samples)]
    if kinds[0] != kinds[1]:
        raise ValueError(
            f"golden samples{_of(path)} must be of the others' kind, {samples.dtype}, got "
            f"{golden.dtype}. Scale both alike."
        )


def _kind(dtype: np.dtype) -> str:
    return "text" if dtype.kind in "SUO" else "float" if dtype.kind == "f" else "whole"


def _dtypes(inputs: Inputs) -> list[str]:
    """Of each part; text is text, however wide."""
    parts = parts_of(inputs).values()
    return ["text" if part.dtype.kind in "SUO" else str(part.dtype) for part in parts]


def _listed(parts: dict[str, Inputs]) -> str:
    return ", ".join(map(repr, parts)) if list(parts) != [""] else "one array"

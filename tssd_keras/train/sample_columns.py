"""What comes with the samples of a dataset or a folder: labels, weights and names."""

from __future__ import annotations

import reprlib
import sys
from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np

from tssd_keras.data import labelled_data
from tssd_keras.data.from_dataset import from_dataset
from tssd_keras.data.sources.directory import ImageFolder
from tssd_keras.data.targets import Targets
from tssd_keras.labels.known import Labels

# Of Keras and TensorFlow, which need not be there: who has none of them has no such dataset.
DATASETS = (("tensorflow", "data.Dataset"), ("keras", "utils.PyDataset"))


def samples_and_labels(inputs: Any, labels: Any) -> tuple[Any, Labels]:
    """The samples and what is known of their labels, from the first two arguments of `TSSD`.

    Args:
        inputs: samples; or, where labels are None, an `ImageFolder`, or a tf.data.Dataset or
            PyDataset of (x, y), (x, y, weight) or (x, y, weight, id).
        labels: int[N] or `Labels`, or None.

    Raises:
        TypeError: labels are left out and nothing else tells them, or given twice.
        ValueError, TypeError: the dataset cannot be read, see `from_dataset`.
    """
    brings_labels = isinstance(inputs, ImageFolder) or is_dataset(inputs)
    if labels is None and not brings_labels:
        if isinstance(inputs, tuple | list) and any(map(is_dataset, inputs)):
            raise TypeError(
                f"inputs must be one dataset, got {len(inputs)} things. Take the training part "
                'alone, as of subset="both", or labels beside samples: TSSD(x, y).'
            )
        raise TypeError(
            "labels must be given: they can be left out only where inputs are a tf.data.Dataset, a "
            f"keras.utils.PyDataset or an ImageFolder, and these are a {type(inputs).__name__}. "
            "Other pairs (x, y) are read by TSSD(*tssd_keras.from_dataset(pairs))."
        )
    if labels is not None and brings_labels:
        raise TypeError(
            f"labels must be left out where inputs are a {type(inputs).__name__}, which has its "
            "own. To say more of them: " + (_OF_FOLDER if isinstance(inputs, ImageFolder) else _OF)
        )
    if isinstance(inputs, ImageFolder):
        return inputs.inputs, Labels(inputs.labels, ids=inputs.ids, class_names=inputs.class_names)
    if labels is None:
        samples, given, weight, ids = (*from_dataset(inputs), None, None)[:4]
        # Keras' image_dataset_from_directory and its like tell them.
        names = getattr(inputs, "class_names", None)
        return samples, Labels(given, weight=weight, ids=ids, class_names=names)
    return inputs, labels if isinstance(labels, Labels) else Labels(labels)


def as_class_names(names: Any, targets: Targets) -> tuple[str, ...] | None:
    """K names as text; raises unless they are that, all different, as many as labels tell."""
    if names is None:
        return targets.names
    if targets.names is not None:
        raise ValueError(
            f"class_names must be left out where labels are names, {listed(targets.names)}: they "
            "name the classes."
        )
    given = tuple(names) if isinstance(names, list | tuple | np.ndarray) else ()
    if len(given) < 2 or not all(isinstance(name, str) for name in given):
        raise TypeError(
            f"class_names must be a list of text, a name a class, got {reprlib.repr(names)}."
        )
    if len(set(given)) < len(given):
        (twice, _), *_ = Counter(given).most_common(1)
        raise ValueError(f"class_names must differ, {twice!r} comes more than once.")
    if targets.n_classes not in (None, len(given)):
        raise ValueError(
            f"class_names must be as many as labels tell, {targets.n_classes}, got {len(given)}."
        )
    return tuple(map(str, given))


def listed(names: Sequence[str]) -> str:
    """The first names, for messages."""
    more = f" and {len(names) - 5} more" * (len(names) > 5)
    return ", ".join(map(repr, names[:5])) + more


_OF = "x, y = tssd_keras.from_dataset(dataset); TSSD(x, Labels(y, ...))."
_OF_FOLDER = "TSSD(folder.inputs, Labels(folder.labels, ids=folder.ids, ...))."


def is_dataset(thing: object) -> bool:
    """Whether this is a tf.data.Dataset or a PyDataset."""
    for package, path in DATASETS:
        kind = sys.modules.get(package)
        for name in path.split("."):
            kind = getattr(kind, name, None)
        if isinstance(kind, type) and isinstance(thing, kind):
            return True
    return False


def as_weight(weight: object, n: int) -> np.ndarray | None:
    """What samples count for, as float32[n]; raises unless there is one a sample, at least 0."""
    if weight is None:
        return None
    array = as_column("Labels.weight", weight)
    if array.shape != (n,) or array.dtype.kind not in "biuf":
        raise ValueError(
            f"Labels.weight must be numbers, one for each of {n} samples, shape ({n},), got "
            f"{array.dtype} of shape {array.shape}."
        )
    out = array.astype(np.float32)
    faulty = np.flatnonzero(~(np.isfinite(out) & (out >= 0)))
    if len(faulty) or not out.any():
        raise ValueError(
            "Labels.weight must be finite, none below 0 and one above: "
            + (
                f"{len(faulty)} of {n} are not, the first is {array[faulty[0]]} of sample "
                f"{faulty[0]}."
                if len(faulty)
                else f"all {n} are 0."
            )
        )
    return out


def as_column(name: str, values: object) -> np.ndarray:
    """Values as an array; raises ValueError for rows of different lengths."""
    try:
        return np.asarray(values)
    except ValueError as error:
        raise ValueError(
            f"{name} must be one value a sample, got rows of several lengths. Give a flat list."
        ) from error


def as_ids(ids: object, n: int) -> np.ndarray | None:
    """Names as int64[n] or object[n] of str; raises unless each sample has one of its own."""
    if ids is None:
        return None
    array = as_column("Labels.ids", ids)
    if array.shape != (n,):
        raise ValueError(
            f"Labels.ids must be one name for each of {n} samples, shape ({n},), got shape "
            f"{array.shape}."
        )
    values = array.tolist()
    if array.dtype.kind not in "iu":
        array = labelled_data.as_ids(values)
    if {type(value) for value in values} not in ({int}, {str}):
        raise TypeError(
            "Labels.ids must be whole numbers or text, got "
            + ", ".join(sorted({type(value).__name__ for value in values}))
            + ". Try [str(name) for name in names]."
        )
    if len(set(values)) < n:
        (twice, _), *_ = Counter(values).most_common(1)
        raise ValueError(
            f"Labels.ids must differ, or no sample can be told by one: {n - len(set(values))} of "
            f"{n} repeat another, the first is {twice!r}."
        )
    return array

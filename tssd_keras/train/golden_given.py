"""What a user calls golden, in all its forms, as samples and labels that fit the others."""

from __future__ import annotations

import warnings
from typing import Any

from tssd_keras.data.from_dataset import from_dataset
from tssd_keras.data.sources.directory import ImageFolder
from tssd_keras.train.fed_targets import Output
from tssd_keras.train.sample_columns import is_dataset, listed


def golden_samples(
    golden: Any, inputs: Any, class_names: tuple[str, ...] | None, output: Output | None
) -> Any:
    """A pair (x, y) of a folder, of a dataset, or of the output that is judged.

    Args:
        golden: see `callback.TSSD`.
        inputs: the samples that are judged, as they were given.
        class_names: of those; None: they have none.
        output: which is judged, of a model with several.

    Returns:
        (x, y), or what is no such thing as it came.

    Raises:
        ValueError: classes have other names or another order, or columns have.
        ValueError, TypeError: a dataset cannot be read, see `from_dataset`.
    """
    if isinstance(golden, ImageFolder):
        _check_names(golden.class_names, class_names)
        return golden.inputs, golden.labels
    if is_dataset(golden):
        if (names := getattr(golden, "class_names", None)) is not None:
            _check_names(tuple(names), class_names)
        with warnings.catch_warnings():  # golden samples may come in any order
            warnings.filterwarnings("ignore", "the dataset came in another order")
            golden = from_dataset(golden)[:2]
    if not isinstance(golden, tuple | list) or len(golden) != 2:
        return golden
    samples, labels = golden
    _check_columns(samples, inputs)
    if output is not None:
        labels = _of_output(labels, output)
    return samples, labels


def _check_names(names: tuple[str, ...], wanted: tuple[str, ...] | None) -> None:
    """Raise ValueError unless golden classes are named and ordered as the others."""
    if names == wanted:
        return
    theirs = "have no names" if wanted is None else f"are {listed(wanted)}"
    remedy = "Give both the same classes in one order."
    if wanted is None:
        remedy = "Name them by Labels(y, class_names=[...])."
    raise ValueError(
        f"the classes of golden samples must be those of the inputs, which {theirs}, got "
        f"{listed(names)}. {remedy}"
    )


def _check_columns(samples: Any, inputs: Any) -> None:
    """Raise ValueError if columns have other names, or another order: they are taken by place."""
    ours, theirs = (list(map(str, getattr(of, "columns", ()))) for of in (samples, inputs))
    if not (ours and theirs) or ours == theirs:
        return
    first = next((i for i, (a, b) in enumerate(zip(ours, theirs, strict=False)) if a != b), None)
    what = f"{len(theirs)}, got {len(ours)}"
    if first is not None:
        what = f"column {first} is {theirs[first]!r}, got {ours[first]!r}"
    raise ValueError(
        f"golden samples must have the columns of the inputs in their order: {what}. Take "
        "golden_x[list(x.columns)]."
    )


def _of_output(labels: Any, output: Output) -> Any:
    """Golden labels of the output that is judged, where they are of all."""
    if isinstance(labels, dict):
        if output.name not in labels:
            raise ValueError(
                f"golden labels must be those of output {output.name!r}, alone or among others, "
                f"got {listed(list(map(str, labels)))}."
            )
        return labels[output.name]
    several = isinstance(labels, tuple | list) and isinstance(output.targets, tuple | list)
    if several and len(labels) == len(output.targets) and all(map(_is_column, labels)):
        return labels[int(output.name)]
    return labels


def _is_column(part: Any) -> bool:
    return bool(getattr(part, "ndim", 0)) or isinstance(part, list | tuple)

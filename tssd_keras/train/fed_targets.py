"""What a batch gives the loss: labels in the form that it takes, and other outputs' targets."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from tssd_keras.data.dense import check_dense
from tssd_keras.data.inputs import ArrayInputs, Inputs
from tssd_keras.data.nested import leaves, mapped, packed
from tssd_keras.data.read_by_rows import RowsInputs, block_size, is_read_by_rows
from tssd_keras.data.targets import Form
from tssd_keras.judge.table import SampleTable
from tssd_keras.train.own_networks import own_networks

SPARSE = ("SparseCategoricalCrossentropy", "sparse_categorical_crossentropy")
ONE_HOT = (
    *("CategoricalCrossentropy", "categorical_crossentropy", "CategoricalFocalCrossentropy"),
    *("categorical_focal_crossentropy", "CategoricalHinge", "categorical_hinge"),
    *("KLDivergence", "kl_divergence"),
)
BINARY = (
    *("BinaryCrossentropy", "binary_crossentropy", "BinaryFocalCrossentropy"),
    *("binary_focal_crossentropy",),
)
REGRESSION = {
    *("mse", "meansquarederror", "mae", "meanabsoluteerror", "huber", "logcosh", "msle"),
    *("mape", "meanabsolutepercentageerror", "meansquaredlogarithmicerror"),
}  # losses of numbers


@dataclass(frozen=True, eq=False)
class Output:
    """The output that is judged, of a model with several.

    Attributes:
        name: its key in the targets: a name, or a place.
        targets: of all outputs, as the model takes them: `Inputs` of N rows in dicts, tuples or
            lists, the judged one's among them.
    """

    name: str | int
    targets: Any


def judged_output(labels: Any, name: str | int | None) -> tuple[Any, Output | None]:
    """The labels of the output that is judged, and the targets of all.

    Args:
        labels: of the only output, or a dict, tuple or list of targets, one an output.
        name: of `settings.Scoring`.

    Raises:
        ValueError: the targets are of several outputs and none of them is named, or there is no
            such output, or targets are not as many.
    """
    several = isinstance(labels, dict) or (
        isinstance(labels, list | tuple)
        and len(labels) > 0
        and all(isinstance(part, list | tuple) or getattr(part, "ndim", 0) for part in labels)
        and (name is not None or len(labels) < len(labels[0]))  # else one-hot rows, one a sample
    )
    if not several:
        if name is not None:
            raise ValueError(
                f"Scoring(output={name!r}) is for labels of several outputs, a dict or a tuple of "
                f"arrays, got a {type(labels).__name__}. Give the targets of all outputs, as fit "
                "takes them."
            )
        return labels, None
    keys = list(labels) if isinstance(labels, dict) else list(range(len(labels)))
    if name not in keys:
        raise ValueError(
            f"labels are of {len(keys)} outputs, so the one that is judged must be named: "
            f"TSSD(scoring=Scoring(output=...)) with one of {', '.join(map(repr, keys))}, got "
            f"{name!r}."
        )
    rows = {key: _rows(key, labels[key]) for key in keys}
    n = len(rows[name])
    for key, array in rows.items():
        if not _all_finite(array):
            raise ValueError(
                f"targets must be finite, some of {key!r} are NaN or infinite. Fill the gaps in, "
                "or leave those samples out by Labels(index=...)."
            )
        if len(array) != n:
            raise ValueError(
                f"targets of all outputs must be as many, got {len(array)} of {key!r} and {n} of "
                f"{name!r}."
            )
    targets = rows if isinstance(labels, dict) else tuple(rows.values())
    return labels[name], Output(keys[keys.index(name)], targets)


def _rows(key: Any, target: Any) -> Inputs:
    """One output's targets, by row."""
    if is_read_by_rows(target):
        return RowsInputs(target, f"targets of {key!r}")
    check_dense(f"targets of {key!r}", target)
    array = np.asarray(target)
    if not array.ndim or array.dtype.kind not in "biufSUO":
        raise TypeError(
            f"targets of {key!r} must be one array with a row a sample, got a "
            f"{type(target).__name__}."
        )
    return ArrayInputs(array)


def _all_finite(rows: Inputs) -> bool:
    """Whether numbers in memory are finite, looked at in blocks; others are not looked at."""
    if rows.dtype.kind != "f" or not isinstance(rows, ArrayInputs):
        return True
    size = block_size(rows.shape, rows.dtype)
    return all(
        np.isfinite(rows.read(np.arange(start, min(start + size, len(rows))))).all()
        for start in range(0, len(rows), size)
    )


class FedTargets:
    """Targets by table row.

    Args:
        table: whose labels are fed.
        n_classes: K.
        came: the form in which the labels came.
        output: which one is judged; None: the model has one.
        model: that will be fitted; None: labels are fed as they came.

    Attributes:
        form: of the labels.
    """

    def __init__(
        self,
        table: SampleTable,
        n_classes: int,
        came: Form,
        output: Output | None = None,
        model: Any = None,
    ) -> None:
        self._table, self._n_classes, self._output = table, n_classes, output
        self.form = came if model is None else form_wanted(model, came, output)

    def read(self, rows: np.ndarray) -> Any:
        """Of the given rows: labels in their form, or a structure of all outputs' targets."""
        labels = self.form.of(self._table.labels[rows], self._n_classes)
        if self._output is None:
            return labels
        read = mapped(lambda values: values.read(rows), self._output.targets)
        if isinstance(read, dict):
            return {**read, self._output.name: labels}
        return tuple(labels if i == self._output.name else part for i, part in enumerate(read))

    def check(self, model: Any) -> None:
        """Raise ValueError if a model's loss takes labels in another form than they are fed in."""
        wanted = form_wanted(model, self.form, self._output)
        if wanted.kind != self.form.kind:
            raise ValueError(
                f"the loss takes labels as {wanted}, and the feed gives {self.form}. Make the feed "
                "for the model, after compile: tssd.feed(batch_size=..., model=model)."
            )

    def parts(self, rows: np.ndarray) -> list[np.ndarray]:
        """The same, in order, without the structure."""
        return [part for _, part in leaves(self.read(rows))]

    def structured(self, parts: Any) -> Any:
        """The structure of `read`, of other parts in order."""
        return packed(None if self._output is None else self._output.targets, iter(parts))


def form_for(loss: Any, came: Form, *, n_units: int | None = None) -> Form:
    """The form of labels that a loss takes.

    Args:
        loss: as `compile` was given it: a loss, a function, its name, or None.
        came: the form in which the labels came, which a loss of one's own is taken to want.
        n_units: that the output has; of several a loss that compares numbers one by one wants a
            target each. None: nobody knows.
    """
    name = loss if isinstance(loss, str) else getattr(loss, "name", None)
    names = {name, type(loss).__name__, getattr(loss, "__name__", None)}
    if names & set(SPARSE):
        return Form(came.kind if came.kind != "one_hot" else "whole", "int64")
    if names & set(ONE_HOT):
        return Form("one_hot", "float32")
    by_unit = bool(names & set(BINARY)) or is_regression(loss)
    if by_unit and n_units is not None and n_units > 1:
        return Form("one_hot", "float32")
    if names & set(BINARY) and came.kind != "one_hot":
        return Form(came.kind, "float32")
    if by_unit and n_units == 1 and came.kind == "one_hot":
        return Form("whole", "float32")
    return came


def is_regression(loss: Any) -> bool:
    """Whether a loss is one of Keras' for numbers, not for classes."""
    return called(loss).lower().replace("_", "") in REGRESSION


def called(loss: Any) -> str:
    """What a loss is called."""
    name = loss if isinstance(loss, str) else getattr(loss, "__name__", type(loss).__name__)
    return str(name)


def form_wanted(model: Any, form: Form, output: Output | None = None) -> Form:
    """The form of labels that a model takes, that came in another; `steps` take whole numbers."""
    if own_networks(model) is not None:
        return Form()
    return form_for(loss_of(model, output), form, n_units=_units(model, output))


def loss_of(model: Any, output: Output | None) -> Any:
    """What a model was compiled with, for the output that is judged; None: nothing."""
    return _of_output(model, getattr(model, "loss", None), output)


def _units(model: Any, output: Output | None) -> int | None:
    """How many numbers the judged output gives of a sample; None: nobody knows yet."""
    shapes = getattr(model, "output_shape", None)
    shape = shapes if isinstance(shapes, tuple) else _of_output(model, shapes, output)
    is_row = isinstance(shape, tuple) and len(shape) == 2 and isinstance(shape[1], int)
    return shape[1] if is_row else None


def _of_output(model: Any, things: Any, output: Output | None) -> Any:
    """Of one thing an output, by name or by place, that of the judged one; else `things`."""
    if isinstance(things, dict):
        things, names = list(things.values()), list(things)
    elif isinstance(things, list | tuple):
        names = getattr(model, "output_names", None) or list(range(len(things)))
    else:
        return things
    if output is None:
        return things[0] if len(things) == 1 else things
    place = list(names).index(output.name) if output.name in names else output.name
    return things[place] if isinstance(place, int) and place < len(things) else None

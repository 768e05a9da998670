"""What is no number in training: told with the sample that is to blame, if one is."""

from __future__ import annotations

import warnings

import keras
import numpy as np

from tssd_keras.data.inputs import Inputs
from tssd_keras.data.nested import parts_of
from tssd_keras.judge.scores import Scores
from tssd_keras.train.checked import CheckedArguments
from tssd_keras.train.score_pass import fixed_batches

BATCH = 1024  # samples read at once
LARGE = 1e4  # an entry beyond makes losses overflow


def check_loss(
    loss: float, epoch: int, inputs: Inputs, index: np.ndarray, ids: np.ndarray | None = None
) -> None:
    """Raise ValueError if an epoch's mean loss is not finite, with the sample if one is to blame.

    Args:
        loss: of the epoch.
        epoch: counted from 0.
        inputs, index, ids: see `cause`.
    """
    if not np.isfinite(loss):
        what = f"the loss must be finite, it is {loss} in epoch {epoch + 1}"
        raise ValueError(f"{what}: {cause(inputs, index, ids)}")


def stop_at_no_number(
    model: keras.Model, logs: dict | None, epoch: int, arguments: CheckedArguments
) -> None:
    """`check_loss` of an epoch's logs; a warning where somebody has stopped the training for it.

    Args:
        model: that is trained. keras.callbacks.TerminateOnNaN sets its `stop_training`.
        logs: of Keras; may lack a loss.
        epoch: that ends, counted from 0.
        arguments: of the callback.
    """
    loss = (logs or {}).get("loss")
    if loss is None:
        return
    try:
        check_loss(float(loss), epoch, arguments.inputs, arguments.index, arguments.ids)
    except ValueError as error:
        if not model.stop_training:
            raise
        warnings.warn(str(error), UserWarning, stacklevel=4)


def check_scores(scores: Scores, inputs: Inputs, index: np.ndarray) -> None:
    """Raise ValueError unless losses and features of a score pass are finite.

    Args:
        scores: of n samples.
        inputs: the source that these are in.
        index: int64[n], which of them.
    """
    of_layer = " Or name another layer: Scoring(features=...)."
    for name, values, more in (
        ("the loss", scores.loss, ""),
        ("features", scores.features, of_layer),
    ):
        faulty = _faulty_rows(values)
        if len(faulty):
            raise ValueError(
                f"{name} of samples must be finite: {len(faulty)} of {len(values)} are not, the "
                f"first at sample {index[faulty[0]]}; {cause(inputs, index[faulty])}{more}"
            )


def cause(inputs: Inputs, index: np.ndarray, ids: np.ndarray | None = None) -> str:
    """Why a network may have given what is no number, and what to do.

    Args:
        inputs: the source.
        index: int64[n], which samples are looked at.
        ids: [n], their names; None without.
    """
    most = 0.0
    numeric = [part for part in parts_of(inputs).values() if part.dtype.kind == "f"]
    for part in numeric:
        for rows, batch in fixed_batches(part, index, min(BATCH, len(index))):
            block = np.asarray(batch)[: rows.stop - rows.start]
            faulty = _faulty_rows(block)
            if len(faulty):
                first = rows.start + faulty[0]
                return (
                    f"sample {index[first]}{_named(ids, first)} has entries that are NaN or "
                    "infinite. Fill the gaps in, or leave such samples out."
                )
            most = max(most, float(abs(block).max(initial=0.0)))
    if most > LARGE:
        return f"every sample is finite, but one has an entry of size {most:.3g}. Scale the inputs."
    return (
        "every sample is finite. Try a lower train.learning_rate (the optimizer's, where you call "
        'fit yourself), or train.precision "float32".'
    )


def _faulty_rows(values: np.ndarray) -> np.ndarray:
    """The first rows that are not finite, int64[m], of a block at a time."""
    step = max(1, (1 << 24) // max(1, values[:1].nbytes))
    found = [
        start + np.flatnonzero(~np.isfinite(block).reshape(len(block), -1).all(axis=1))
        for start in range(0, len(values), step)
        for block in [np.asarray(values[start : start + step])]
    ]
    return np.concatenate(found) if found else np.zeros(0, np.int64)


def _named(ids: np.ndarray | None, row: int) -> str:
    return "" if ids is None else f" ({ids[row]})"

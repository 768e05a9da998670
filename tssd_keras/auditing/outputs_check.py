"""Any model's outputs, checked once, at the door."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from scipy.sparse import issparse

from tssd_keras.data.class_labels import class_labels
from tssd_keras.data.inputs import type_remedy
from tssd_keras.judge.common_size import of_common_size
from tssd_keras.judge.neighbours import projection
from tssd_keras.labels.golden import check_golden_labels

BLOCK_BYTES = 16 << 20  # of rows held as float64 at once
SUM_TO_ONE = 0.02  # how far from 1 probabilities may sum; half precision rounds
UNSEEN = 0.01  # what a probability of 0 counts as, at most
MIN_LOG_P = -80.0  # as of the score pass: keeps half-precision log-probabilities finite


@dataclass(frozen=True, kw_only=True, eq=False)
class ModelOutputs:
    """What a model says of N samples, and their labels.

    Attributes:
        log_p: float32[N, K], log-probabilities.
        unit: float16[N, d], features, rows of length 1; zeros without features.
        has_features: whether there are any.
        given: int64[N] in 0..K-1.
        true: int64[N], -1 where nobody knows.
    """

    log_p: np.ndarray
    unit: np.ndarray
    has_features: bool
    given: np.ndarray
    true: np.ndarray

    @property
    def n_classes(self) -> int:
        """K."""
        return self.log_p.shape[1]

    @property
    def of_unknown_truth(self) -> np.ndarray:
        """int64[n], the samples whose true label nobody knows."""
        return np.flatnonzero(self.true < 0)

    def without_predictions(self) -> ModelOutputs:
        """The same, and every class is as probable."""
        even = np.full_like(self.log_p, -np.log(self.n_classes))
        return replace(self, log_p=even)

    @property
    def loss(self) -> np.ndarray:
        """float32[N], cross-entropy of the given labels, in nats."""
        return -self.log_p[np.arange(len(self.given)), self.given]


def check_outputs(
    predictions: np.ndarray,
    labels: np.ndarray,
    features: np.ndarray | None,
    golden: np.ndarray | None,
    *,
    from_logits: bool,
) -> ModelOutputs:
    """Check the arguments of `outputs.audit`, see there.

    Raises:
        TypeError, ValueError: one of them does not fit.
    """
    log_p = log_probabilities(predictions, from_logits=from_logits)
    n, k = log_p.shape
    why = f"as predictions have {k} columns"
    given = class_labels("labels", labels, n=n, n_classes=k, why=why)
    true = np.full(n, -1)
    if golden is not None:
        true = class_labels(
            "golden", golden, n=n, n_classes=k, why=why, minus_one="where nobody knows"
        )
        check_golden_labels(
            true[true >= 0],
            k,
            remedy="Add some, leave out the columns of predictions that no label names, or leave "
            "golden out.",
        )
    if (true >= 0).all():
        raise ValueError("some labels must be judged: all are golden. Put -1 where nobody knows.")
    return ModelOutputs(
        log_p=log_p,
        unit=np.zeros((n, 1), np.float16) if features is None else unit_features(features, n),
        has_features=features is not None,
        given=given,
        true=true,
    )


def blocks(array: np.ndarray) -> Iterator[slice]:
    """Slices of a few rows each, for memory-mapped arrays."""
    size = max(1, BLOCK_BYTES // max(1, array[:1].nbytes))
    for start in range(0, len(array), size):
        yield slice(start, start + size)


def log_probabilities(predictions: np.ndarray, *, from_logits: bool) -> np.ndarray:
    """Turn predictions into log-probabilities.

    Args:
        predictions: float[N, K], probabilities or logits; may be memory-mapped.
        from_logits: whether they are logits.

    Returns:
        float32[N, K], at least `MIN_LOG_P`. A probability of 0 counts as half the least that is
        above 0, at most UNSEEN: of a few trees or neighbours it is no certainty.

    Raises:
        TypeError: they are no array of numbers.
        ValueError: their shape is another, a value is not finite, a row holds no
            probabilities, or all rows do where logits are said to be.
    """
    predictions = _numbers("predictions", predictions)
    if predictions.ndim != 2 or predictions.shape[1] < 2 or not len(predictions):
        raise ValueError(
            "predictions must have shape (N, K), a column a class and at least two, got "
            f"{predictions.shape}. A single column p of two classes becomes "
            "np.stack([1 - p, p], axis=1)."
        )
    out = np.empty(predictions.shape, np.float32)
    probable, least = from_logits, np.inf
    for rows in blocks(predictions):
        block = np.asarray(predictions[rows], np.float64)
        _check_finite("predictions", block, rows.start)
        probable &= not len(_no_probabilities(block))
        if from_logits:
            shifted = block - block.max(axis=1, keepdims=True)
            log_p = shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))
        else:
            _check_probabilities(block, rows.start)
            total = block.sum(axis=1, keepdims=True)  # 1, but for rounding
            log_p = np.log(np.maximum(block / total, 1e-300))
            least = min(least, block.min(where=block > 0, initial=np.inf))
        out[rows] = np.maximum(log_p, MIN_LOG_P)
    if not from_logits:
        np.maximum(out, np.log(min(least / 2, UNSEEN)), out=out)
    if probable:
        raise ValueError(
            "predictions must be logits where from_logits is True (--logits), and each of "
            f"{len(predictions)} rows holds probabilities: none negative, and their sum is 1. "
            "Leave it out."
        )
    return out


def unit_features(features: Any, n: int) -> np.ndarray:
    """Scale features as the feature stream reads them.

    Args:
        features: float[N, d], or [N, ...], which is flattened; may be memory-mapped, or a sparse
            matrix of SciPy.
        n: N, the number of predictions.

    Returns:
        float16[N, d], rows of length 1; a row of zeros stays. Wide sparse rows are projected.

    Raises:
        TypeError: they are no array of numbers.
        ValueError: the number of rows is another, or a value is not finite.
    """
    matrix = None
    if issparse(features):
        features = features.tocsr()
        matrix = projection(features.shape[1])
    else:
        features = _numbers("features", features)
    if features.ndim < 2 or features.shape[0] != n or not features.shape[1]:
        raise ValueError(
            f"features must have one row for each of {n} predictions, shape ({n}, d), d at least "
            f"1, got {features.shape}."
        )
    width = int(np.prod(features.shape[1:])) if matrix is None else matrix.shape[1]
    out = np.empty((n, width), np.float16)
    for rows in blocks(out if issparse(features) else features):
        block = features[rows]
        if issparse(block):
            block = block.toarray() if matrix is None else block @ matrix
        block = np.asarray(block, np.float64).reshape(-1, width)
        _check_finite("features", block, rows.start)
        block = of_common_size(block)
        length = np.linalg.norm(block, axis=1, keepdims=True)
        out[rows] = block / np.maximum(length, 1e-300)
    return out


def _numbers(name: str, array: Any) -> np.ndarray:
    """An array of numbers; of bfloat16 too, which NumPy knows by its name alone."""
    if isinstance(array, Iterator):
        raise TypeError(
            f"{name} must be an array, got a {type(array).__name__}, which may have no end. Try "
            "np.stack(list(...)) where it ends."
        )
    try:
        array = array if isinstance(array, np.ndarray) else np.asarray(array)
    except ValueError as error:
        raise ValueError(f"{name} must have rows of one length: {error}.") from error
    if array.dtype.kind not in "fiu" and not array.dtype.name.startswith(("bfloat", "float8")):
        raise TypeError(
            f"{name} must be numbers, got an array of type {array.dtype}."
            + type_remedy(array.dtype)
        )
    return array


def _check_finite(name: str, block: np.ndarray, start: int) -> None:
    wrong = np.flatnonzero(~np.isfinite(block).all(axis=1))
    if len(wrong):
        raise ValueError(
            f"{name} must be finite: some are NaN or infinite, the first of sample "
            f"{start + wrong[0]}."
        )


def _no_probabilities(block: np.ndarray) -> np.ndarray:
    """Rows that are negative somewhere, or do not sum to 1."""
    return np.flatnonzero((block < 0).any(axis=1) | (abs(block.sum(axis=1) - 1) > SUM_TO_ONE))


def _check_probabilities(block: np.ndarray, start: int) -> None:
    wrong = _no_probabilities(block)
    if len(wrong):
        row = block[wrong[0]]
        in_range = block.min() >= 0 and block.max() <= 1
        raise ValueError(
            "predictions must be probabilities, none negative and rows that sum to 1: sample "
            f"{start + wrong[0]} has a least of {row.min():.4g} and a sum of {row.sum():.4g}. "
            + (
                "All lie in 0..1, as sigmoid outputs do: normalise the rows, "
                "p / p.sum(axis=1, keepdims=True)."
                if in_range
                else "Logits take from_logits=True (--logits)."
            )
        )

"""What any model's outputs must be to be judged: checked once, at the door."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

BLOCK_BYTES = 16 << 20  # of rows that are looked at at a time
SUM_TO_ONE = 0.02  # how far from 1 probabilities may sum; half precision rounds
MIN_LOG_P = -80.0  # as of the score pass: keeps half-precision log-probabilities finite
SHOWN = 3


def blocks(array: np.ndarray) -> Iterator[slice]:
    """Slices of a few rows each, for arrays that lie on disk."""
    size = max(1, BLOCK_BYTES // max(1, array[:1].nbytes))
    for start in range(0, len(array), size):
        yield slice(start, start + size)


def log_probabilities(predictions: np.ndarray, *, from_logits: bool) -> np.ndarray:
    """Log-probabilities of predictions.

    Args:
        predictions: float[N, K], probabilities or logits; may be memory-mapped.
        from_logits: which of the two.

    Returns:
        float32[N, K], at least `MIN_LOG_P`.

    Raises:
        TypeError: they are no array of numbers.
        ValueError: another shape, a value that is not finite, or rows that are no
            probabilities.
    """
    predictions = _numbers("predictions", predictions)
    if predictions.ndim != 2 or predictions.shape[1] < 2 or not len(predictions):
        raise ValueError(
            "predictions must have shape (N, K), a column a class and at least two, got "
            f"{predictions.shape}. A single column p of two classes becomes "
            "np.stack([1 - p, p], axis=1)."
        )
    out = np.empty(predictions.shape, np.float32)
    for rows in blocks(predictions):
        block = np.asarray(predictions[rows], np.float64)
        _check_finite("predictions", block, rows.start)
        if from_logits:
            shifted = block - block.max(axis=1, keepdims=True)
            log_p = shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))
        else:
            _check_probabilities(block, rows.start)
            total = block.sum(axis=1, keepdims=True)  # 1, but for what rounding took or gave
            log_p = np.log(np.maximum(block / total, 1e-300))
        out[rows] = np.maximum(log_p, MIN_LOG_P)
    return out


def unit_features(features: np.ndarray, n: int) -> np.ndarray:
    """Features as the feature stream reads them.

    Args:
        features: float[N, d], or [N, ...], which is flattened; may be memory-mapped.
        n: N, samples that there must be.

    Returns:
        float16[N, d], rows of length 1; a row of zeros stays.

    Raises:
        TypeError: they are no array of numbers.
        ValueError: another number of samples, or a value that is not finite.
    """
    features = _numbers("features", features)
    if features.ndim < 2 or len(features) != n or not features.size:
        raise ValueError(
            f"features must have one row for each of {n} predictions, shape ({n}, d), d at least "
            f"1, got {features.shape}."
        )
    out = np.empty((n, int(np.prod(features.shape[1:]))), np.float16)
    for rows in blocks(features):
        block = np.asarray(features[rows], np.float64).reshape(-1, out.shape[1])
        _check_finite("features", block, rows.start)
        length = np.linalg.norm(block, axis=1, keepdims=True)
        out[rows] = block / np.maximum(length, 1e-300)
    return out


def _numbers(name: str, array: np.ndarray) -> np.ndarray:
    array = array if isinstance(array, np.ndarray) else np.asarray(array)
    if array.dtype.kind not in "fiu":
        raise TypeError(f"{name} must be numbers, got an array of type {array.dtype}.")
    return array


def _check_finite(name: str, block: np.ndarray, start: int) -> None:
    bad = np.flatnonzero(~np.isfinite(block).all(axis=1))
    if len(bad):
        raise ValueError(
            f"{name} must be finite: some are NaN or infinite, the first of sample "
            f"{start + bad[0]}."
        )


def _check_probabilities(block: np.ndarray, start: int) -> None:
    bad = np.flatnonzero((block < 0).any(axis=1) | (abs(block.sum(axis=1) - 1) > SUM_TO_ONE))
    if len(bad):
        row = block[bad[0]]
        raise ValueError(
            "predictions must be probabilities, none negative and rows that sum to 1: sample "
            f"{start + bad[0]} has a least of {row.min():.4g} and a sum of {row.sum():.4g}. Logits "
            "take from_logits=True (--logits)."
        )

"""Where a score stands among those of its given class.

Classes are not equally hard. A class that the network has hardly learned has high
losses throughout, its clean samples included. On one scale for all classes it would
lose its samples, be learned even less, and die out. Its own order still tells clean
from wrong.
"""

from __future__ import annotations

import numpy as np

N_QUANTILES = 64


def class_quantiles(values: np.ndarray, labels: np.ndarray, n_classes: int) -> np.ndarray:
    """Quantiles of the scores of each given class.

    Args:
        values: float[n].
        labels: int[n], given.
        n_classes: K.

    Returns:
        float32[K, N_QUANTILES], rising along a row; for a class without samples
        those of all samples together.
    """
    order = np.lexsort((values, labels))
    count = np.bincount(labels, minlength=n_classes)
    start = np.cumsum(count) - count
    level = (np.arange(N_QUANTILES) + 0.5) / N_QUANTILES
    within = np.minimum(level * count[:, None], np.maximum(count[:, None] - 1, 0)).astype(np.int64)
    table = values[order][np.minimum(start[:, None] + within, len(values) - 1)]
    table[count == 0] = np.quantile(values, level)
    return table.astype(np.float32)


def rank_among(values: np.ndarray, labels: np.ndarray, quantiles: np.ndarray) -> np.ndarray:
    """Share of the class's scores that lie below each score.

    Args:
        values: float[n].
        labels: int[n], the class that each is compared with.
        quantiles: float32[K, Q], from `class_quantiles`.

    Returns:
        float32[n] in [0, 1]; ties count by half.
    """
    n_classes, n_quantiles = quantiles.shape
    asked = _by_class(labels, values)
    table = _by_class(np.repeat(np.arange(n_classes), n_quantiles), quantiles.ravel())
    found = [np.searchsorted(table, asked, side) for side in ("left", "right")]
    return (sum(found) / (2 * n_quantiles) - labels).astype(np.float32)


def _by_class(labels: np.ndarray, values: np.ndarray) -> np.ndarray:
    """complex128[n]: NumPy orders complex numbers by the real part, the label, first."""
    key = np.empty(len(labels), np.complex128)
    key.real, key.imag = labels, np.asarray(values, np.float32)
    return key

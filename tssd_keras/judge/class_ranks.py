"""Where a score stands among those of its given class.

Classes are not equally hard: one that the network has hardly learned has high
losses throughout, its clean samples included. Findings by one scale for all, such
a class loses its samples, is learned even less, and dies out. Its own order
still tells clean from wrong.
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
    first = np.cumsum(count) - count
    level = (np.arange(N_QUANTILES) + 0.5) / N_QUANTILES
    within = np.minimum(level * count[:, None], np.maximum(count[:, None] - 1, 0)).astype(np.int64)
    table = values[order][np.minimum(first[:, None] + within, len(values) - 1)]
    table[count == 0] = np.quantile(values, level)
    return table.astype(np.float32)


def rank_among(values: np.ndarray, labels: np.ndarray, quantiles: np.ndarray) -> np.ndarray:
    """Share of the class's scores that lie below each score.

    Args:
        values: float[n].
        labels: int[n], the class each is compared with.
        quantiles: float32[K, Q], from `class_quantiles`.

    Returns:
        float32[n] in [0, 1]; ties count by half.
    """
    value = np.asarray(values, np.float32)[:, None]
    own = quantiles[labels]
    return (0.5 * ((own < value).mean(axis=1) + (own <= value).mean(axis=1))).astype(np.float32)

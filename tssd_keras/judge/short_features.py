"""Features in few numbers, so that a file can keep them: who is like whom stays to be seen."""

from __future__ import annotations

import numpy as np

SHORT = 32  # columns that are kept
SAMPLED = 4096  # rows that say which directions matter
BLOCK = 8192  # rows held at once as float32


def short_features(features: np.ndarray, *, seed: int = 0) -> np.ndarray:
    """Project features to their few main directions.

    Args:
        features: float[N, d]; may be memory-mapped.
        seed: draws the rows that the directions are found from.

    Returns:
        float16[N, min(d, SHORT)]: rows of length 1 (0 where all features are the mean); their
        inner products are near those of the centred features.

    Source:
        Halko, Martinsson and Tropp 2011: a randomized range finder with one power iteration.
    """
    n, width = features.shape
    rng = np.random.default_rng(seed)
    some = np.sort(rng.permutation(n)[:SAMPLED])
    sample = np.asarray(features[some], np.float32)
    centre = sample.mean(axis=0) if n else np.zeros(width, np.float32)
    basis = None
    if width > SHORT:
        sample = sample - centre
        start = sample.T @ (sample @ rng.standard_normal((width, SHORT)).astype(np.float32))
        basis = np.linalg.qr(sample.T @ (sample @ np.linalg.qr(start)[0]))[0]
    out = np.empty((n, min(width, SHORT)), np.float16)
    for start_row in range(0, n, BLOCK):
        rows = np.asarray(features[start_row : start_row + BLOCK], np.float32) - centre
        rows = rows if basis is None else rows @ basis
        length = np.linalg.norm(rows, axis=1, keepdims=True)
        out[start_row : start_row + BLOCK] = rows / np.maximum(length, 1e-6)
    return out

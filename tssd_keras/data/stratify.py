"""Stratified draws: so many of each class, at random."""

from __future__ import annotations

import numpy as np

SHORT_KEYS = 1 << 16  # labels below this are sorted as 16-bit keys, which takes linear time


def shuffled_by_class(labels: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Rows class by class, in random order within each.

    Args:
        labels: int[N], 0 or more.
        rng: gives one permutation of N.

    Returns:
        int32[N], or int64[N] of more than 2**31 rows: each of 0..N-1 once.
    """
    n = len(labels)
    # The generator draws the same for either width.
    order = rng.permutation(np.arange(n, dtype=np.int32 if n <= 1 << 31 else np.int64))
    keys = np.asarray(labels, np.uint16) if np.max(labels, initial=0) < SHORT_KEYS else labels
    return order[np.argsort(keys[order], kind="stable")]


def first_of_each(
    labels: np.ndarray,
    n_each: int | np.ndarray,
    rng: np.random.Generator,
    *,
    among: np.ndarray | None = None,
) -> np.ndarray:
    """Draw so many rows of each class, without replacement; a smaller class gives all it has.

    Args:
        labels: int[N], 0 or more.
        n_each: how many of each class, one number or int64[K].
        rng: gives one permutation of N, whatever else is asked for.
        among: bool[N], the rows that may be drawn; None: all.

    Returns:
        int64[n], rising, each row once.
    """
    order = shuffled_by_class(labels, rng)
    if among is not None:
        order = order[among[order]]
    count = np.bincount(labels if among is None else labels[order])
    end = np.cumsum(count)
    limit = np.asarray(n_each) if np.ndim(n_each) else np.full(len(count), n_each)
    drawn = np.zeros(len(labels), bool)
    for start, n in zip(end - count, np.minimum(count, limit[: len(count)]), strict=True):
        drawn[order[start : start + n]] = True
    return np.flatnonzero(drawn)

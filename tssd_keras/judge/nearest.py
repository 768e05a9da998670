"""The nearest of a fixed set of rows: scikit-learn's search, or an accelerator's matrix product.

On a processor scikit-learn's blocks are the faster ones, on an accelerator one matrix product
and a sort (docs/performance.md).
"""

from __future__ import annotations

import functools
import sys
from collections.abc import Callable
from typing import Any

import numpy as np

from tssd_keras.judge.sharing import ALONE, Sharing

LISTING = ("tensorflow", "jax")  # Keras's backends that list their devices
FEWEST = 1024  # rows are asked for in blocks of this or its doubles: few shapes, few compilations

Search = Callable[[np.ndarray], tuple[np.ndarray, np.ndarray]]


def nearest(among: np.ndarray, k: int, sharing: Sharing = ALONE) -> Search:
    """A search for the k nearest of float32[R, d] rows of length 1, k at most R.

    Args:
        among: the rows.
        k: how many are found.
        sharing: whose accelerators each search for their share of the rows.

    Returns:
        A function: float32[m, d] rows of length 1 -> their squared distances float32[m, k],
        nearest first, and which of R rows these are, int[m, k].
    """
    return by_keras(among, k, sharing) if on_accelerator() else by_scikit_learn(among, k)


def on_accelerator() -> bool:
    """Whether Keras is loaded and has another device than the processor."""
    keras = sys.modules.get("keras")
    if keras is None or keras.backend.backend() not in LISTING:
        return False
    return any(not name.lower().startswith("cpu") for name in keras.distribution.list_devices())


def by_scikit_learn(among: np.ndarray, k: int) -> Search:
    """The search on the processor; see `nearest`."""
    from sklearn.neighbors import NearestNeighbors

    found = NearestNeighbors(algorithm="brute").fit(among)

    def search(rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        distance, index = found.kneighbors(rows, k)
        return distance**2, index

    return search


def by_keras(among: np.ndarray, k: int, sharing: Sharing = ALONE) -> Search:
    """The search on Keras's devices; see `nearest`. Distances have their matrix precision."""
    on_devices = sharing.on_devices(_top_of_share(k), np.ascontiguousarray(among.T))

    def search(rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        size = max(FEWEST, 1 << (len(rows) - 1).bit_length())
        block = np.zeros((_multiple(size, sharing.n_devices), rows.shape[1]), np.float32)
        block[: len(rows)] = rows
        cosine, index = (found[: len(rows)] for found in on_devices(block))
        return np.maximum(2 - 2 * cosine, 0), index

    return search


@functools.cache
def _top_of_share(k: int) -> Callable:
    """One function for each k, so that it is compiled once."""
    from keras import ops

    def of_share(rows: Any, columns: Any) -> Any:
        return ops.top_k(ops.matmul(rows, columns), k)

    return of_share


def _multiple(n: int, of: int) -> int:
    """The least multiple that is at least n."""
    return -(-n // of) * of

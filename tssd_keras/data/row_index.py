"""Which of N samples a user means: an index, or a mask of truth values."""

from __future__ import annotations

from typing import Any

import numpy as np


def as_index(name: str, index: Any, n: int, *, of: str, masks: bool = False) -> np.ndarray:
    """Which samples are meant, each at most once.

    Args:
        name: of the argument, for messages.
        index: int[m] in 0..N-1, or bool[N] where masks are taken.
        n: N.
        of: what the samples are, for messages.
        masks: whether a mask stands for an index.

    Returns:
        int64[m].

    Raises:
        ValueError: it is nothing of the sort, empty, points at no sample, or at one twice.
    """
    wanted = "whole numbers, shape (n,)" + (f", or truth values, shape ({n},)" if masks else "")
    try:
        array = np.asarray(index)
    except ValueError as error:
        raise ValueError(f"{name} must be {wanted}, got rows of several lengths.") from error
    if masks and array.dtype == bool and array.shape == (n,):
        array = np.flatnonzero(array)
    if array.ndim == 1 and not len(array):
        raise ValueError(f"{name} must name one of the {n} {of} at least, it names none.")
    if array.ndim != 1 or array.dtype.kind not in "iu":
        mask = "" if masks else " A mask becomes an index by np.flatnonzero(mask)."
        raise ValueError(f"{name} must be {wanted}, got {array.dtype}{list(array.shape)}.{mask}")
    outside = np.flatnonzero((array < 0) | (array >= n))
    if len(outside):
        raise ValueError(
            f"{name} must point into the {n} {of}: {len(outside)} of {len(array)} entries do not, "
            f"the first is {array[outside[0]]} at {outside[0]}."
        )
    numbers, count = np.unique(array, return_counts=True)
    if len(numbers) < len(array):
        raise ValueError(
            f"{name} must name each sample once: {(count > 1).sum()} come more often, the first is "
            f"{numbers[count > 1][0]}."
        )
    return array.astype(np.int64)

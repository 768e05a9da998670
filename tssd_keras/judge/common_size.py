"""Rows of numbers so large or so small that their squares leave the range of floats."""

from __future__ import annotations

import numpy as np


def of_common_size(rows: np.ndarray) -> np.ndarray:
    """Float[n, d] rows whose lengths can be computed: those of extreme size by their largest entry.

    Other rows stay as they are, to the last bit. A row's direction stays in any case.
    """
    largest = 1e100 if rows.dtype == np.float64 else 1e15
    most = abs(rows).max(axis=1, initial=0.0)
    extreme = ((most > largest) | (most < 1 / largest)) & (most > 0)
    if not extreme.any():
        return rows
    return rows / np.where(extreme, most, 1.0).astype(rows.dtype)[:, None]

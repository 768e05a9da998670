"""A test split for data that bring none: some samples of each class."""

from __future__ import annotations

import numpy as np

from tssd_keras.data.stratify import first_of_each

GIVEN = "held-out (given labels)"  # accuracy is measured on labels that may be wrong
TRUE = "held-out"


def hold_out(
    labels: np.ndarray, n_classes: int, *, share: float, seed: int, keep: np.ndarray | None = None
) -> np.ndarray:
    """Choose a share of each class at random; at least two samples of each stay.

    Args:
        labels: int64[N] in 0..K-1, given.
        n_classes: K.
        share: of each class, in (0, 0.5], at least one sample where there are three.
        seed: of this draw only.
        keep: bool[N], samples that are not to be chosen (trusted ones and their equals).

    Returns:
        bool[N], which samples are held out.

    Raises:
        ValueError: no class has samples to spare.
    """
    n = len(labels)
    free = np.ones(n, bool) if keep is None else ~keep
    count = np.bincount(labels, minlength=n_classes)
    spare = np.minimum(np.bincount(labels[free], minlength=n_classes), count - 2)
    wanted = np.minimum(np.maximum(1, (share * count).astype(np.int64)), np.maximum(spare, 0))
    chosen = np.zeros(n, bool)
    chosen[first_of_each(labels, wanted, np.random.default_rng(seed), among=free)] = True
    if not chosen.any():
        raise ValueError(
            f"there is no test split, and none can be held out: no class of {n_classes} has more "
            "than 2 samples that are neither trusted nor equal to a trusted one. Add samples, or a "
            "test split."
        )
    return chosen

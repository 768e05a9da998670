"""The class-balanced samples of an epoch that does not take them all.

Source: the published schedules for Clothing-1M draw 1,000 class-balanced
batches of 32 an epoch (DivideMix, arXiv 2002.07394, and what followed it).
"""

from __future__ import annotations

import numpy as np

from tssd_keras.data.stratify import first_of_each

MIN_PER_CLASS = 2  # of an epoch; one sample of a class has no neighbours to be judged among
_STREAM = 1  # tells these random numbers from those that shuffle the same epoch


def draw_generator(seed: int, epoch: int) -> np.random.Generator:
    """The generator of an epoch's draw; it depends on seed and epoch alone, as a resume needs."""
    return np.random.default_rng((seed, epoch, _STREAM))


def draw_balanced(
    given: np.ndarray, n_samples: int, n_classes: int, rng: np.random.Generator
) -> np.ndarray:
    """Draw samples without replacement, as many of each class as can be.

    Args:
        given: int64[N] in 0..n_classes-1.
        n_samples: how many to draw.
        n_classes: K.
        rng: draws.

    Returns:
        int64[min(n_samples, N)], rows in rising order, each once. Classes differ
        by one sample at most; a class smaller than its share gives all it has,
        and the others make up for it.

    Raises:
        ValueError: n_samples is below 1.
    """
    if n_samples < 1:
        raise ValueError(f"n_samples must be at least 1, got {n_samples}.")
    count = np.bincount(given, minlength=n_classes)
    share = _shares(count, n_samples, rng)
    return first_of_each(given, share, rng)


def _shares(count: np.ndarray, n_samples: int, rng: np.random.Generator) -> np.ndarray:
    """Samples to draw of each class, int64[K]; `rng` chooses the classes that give one more."""
    total = min(n_samples, int(count.sum()))
    low, high = 0, int(count.max(initial=0))  # around the highest level that `total` fills
    while low < high:
        level = (low + high + 1) // 2
        if np.minimum(count, level).sum() <= total:
            low = level
        else:
            high = level - 1
    share = np.minimum(count, low)
    larger = rng.permutation(np.flatnonzero(count > low))
    share[larger[: total - int(share.sum())]] += 1
    return share

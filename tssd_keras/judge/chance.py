"""Answers held against chance: whether they agree with labels more often than unrelated ones do."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from scipy.optimize import linear_sum_assignment

SURELY = 2.0  # standard errors above chance


class Agreement(NamedTuple):
    """Of n answers with n given labels.

    Attributes:
        knows: whether they agree more often than by chance.
        share: of the labels that are answered.
        chance: what independent answers of the same frequencies would agree in.
    """

    knows: bool
    share: float
    chance: float


def renumbered(
    predicted: np.ndarray, given: np.ndarray, n_classes: int
) -> tuple[float, np.ndarray]:
    """How many labels answers would agree with if the labels numbered the classes otherwise.

    Args:
        predicted, given: int64[n] in 0..K-1.
        n_classes: K.

    Returns:
        The largest such share over all numberings, and int64[K]: the class that label k is then.
    """
    counts = np.zeros((n_classes, n_classes), np.int64)
    np.add.at(counts, (given, predicted), 1)
    _, to = linear_sum_assignment(-counts)
    return float(counts[np.arange(n_classes), to].sum()) / max(len(given), 1), to


def agreement(predicted: np.ndarray, given: np.ndarray, n_classes: int) -> Agreement:
    """Of int64[n] predicted classes with int64[n] given labels in 0..K-1."""
    n = max(len(given), 1)
    shares = [np.bincount(labels, minlength=n_classes) / n for labels in (predicted, given)]
    chance = float(shares[0][: len(shares[1])] @ shares[1])
    agree = float((predicted == given).mean()) if len(given) else 0.0
    knows = agree > chance + SURELY * np.sqrt(chance * (1 - chance) / n)
    return Agreement(bool(knows), agree, chance)

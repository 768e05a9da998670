"""The golden set: trusted samples, beside the noisy stream."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from tssd_keras.data.class_labels import check_enough_of_each
from tssd_keras.data.inputs import Inputs
from tssd_keras.data.stratify import first_of_each


@dataclass(frozen=True)
class Golden:
    """Trusted pairs (x_g, y_g).

    Attributes:
        inputs: M samples, an array or `data.inputs.Inputs`.
        labels: int64[M], trusted.
        given: int64[M], the sample's label in the noisy stream, -1 where unknown. A wrong one
            is a real example of a wrong label.
        stands_for: float64[M], above 0: the number of samples of the stream that each one
            stands for. None: all were chosen alike.
        at_random: bool[M], samples drawn at random within their true class, whatever their
            given label: those show the noise as it is. None: none, or unknown.
    """

    inputs: Inputs | np.ndarray
    labels: np.ndarray
    given: np.ndarray
    stands_for: np.ndarray | None = None
    at_random: np.ndarray | None = None

    def __len__(self) -> int:
        return len(self.labels)


def effective_weights(stands_for: np.ndarray) -> np.ndarray:
    """Weights of golden samples whose sum is the effective sample size.

    Args:
        stands_for: float[M], above 0.

    Returns:
        float64[M], proportional to `stands_for`; ones where all are equal. The sum is the
        number of equally weighted samples that tell as much.

    Source:
        Kish, "Survey Sampling", 1965, section 11.7 (effective sample size).
    """
    weight = np.asarray(stands_for, np.float64) / np.mean(stands_for)
    return weight * (weight.mean() / np.mean(weight**2))


def choose_per_class(
    labels: np.ndarray,
    per_class: int,
    n_classes: int,
    *,
    seed: int,
    remedy: str = "Try a smaller golden.per_class.",
) -> np.ndarray:
    """Choose the same number of samples of each class at random.

    Args:
        labels: int[N], the labels to stratify by (the true ones for a trusted set).
        per_class: how many of each class.
        n_classes: K.
        seed: of this draw only.
        remedy: what to try where a class has too few.

    Returns:
        int64[per_class * K], sorted sample indices.

    Raises:
        ValueError: a class has no more samples than that, so none is left to train on.
    """
    check_enough_of_each(
        f"each class must have at least {per_class + 1} samples, one more than golden.per_class",
        labels,
        n_classes,
        per_class + 1,
        remedy=remedy,
    )
    return first_of_each(labels, per_class, np.random.default_rng(seed))


def check_golden_labels(
    labels: np.ndarray, n_classes: int, *, remedy: str, names: Sequence[str] = ()
) -> None:
    """Raise ValueError unless each class has two golden samples, the least to learn from.

    Args:
        labels: int64[M] in 0..K-1, the trusted ones.
        n_classes: K.
        remedy: what to try.
        names: K names, or none.
    """
    check_enough_of_each(
        "each class must have at least 2 golden samples",
        labels,
        n_classes,
        2,
        remedy=remedy,
        names=names,
    )

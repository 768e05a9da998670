"""The golden set: which samples are trusted, and how they leave the noisy stream."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tssd_keras.inputs import Inputs

SOURCES = ("trusted", "certain", "none")


@dataclass(frozen=True)
class Golden:
    """Trusted pairs (x_g, y_g).

    Attributes:
        inputs: M samples, an array or `inputs.Inputs`.
        labels: int64[M], trusted.
        given: int64[M], the label the noisy stream had for the sample, -1 where
            unknown. A wrong one is a real example of a wrong label.
    """

    inputs: Inputs | np.ndarray
    labels: np.ndarray
    given: np.ndarray

    def __len__(self) -> int:
        return len(self.labels)


def choose_per_class(
    labels: np.ndarray, per_class: int, n_classes: int, *, seed: int
) -> np.ndarray:
    """Choose the same number of samples of each class at random.

    Args:
        labels: int[N], the labels to stratify by (the true ones for a trusted set).
        per_class: how many of each class.
        n_classes: K.
        seed: of this draw only.

    Returns:
        int64[per_class * K], sorted sample indices.

    Raises:
        ValueError: a class has not more samples than asked for, so that none
            would be left to train on.
    """
    count = np.bincount(labels, minlength=n_classes)
    short = np.flatnonzero(count <= per_class)
    if len(short):
        raise ValueError(
            f"each class must have more than golden.per_class = {per_class} samples: "
            f"{len(short)} of {n_classes} classes do not, the first is class {short[0]} with "
            f"{count[short[0]]}. Try a smaller golden.per_class."
        )
    rng = np.random.default_rng(seed)
    shuffled = rng.permutation(len(labels))
    by_class = shuffled[np.argsort(labels[shuffled], kind="stable")]
    first = np.cumsum(count) - count
    chosen = by_class[(first[:, None] + np.arange(per_class)).ravel()]
    return np.sort(chosen)

"""SimiFeat-V: a label is wrong where most of its nearest neighbours have another.

Source: Zhu, Dong and Liu, arXiv 2110.06283, algorithm 1 with local voting, k = 10. The paper's
features are those of a pretrained network under random augmentation, and 21 of its epochs vote;
here they are the recipe's samples as they are (of recipes/cifar10n_features.toml those of a
pretrained network), and they vote once.
"""

from __future__ import annotations

import numpy as np

from peers.problem import Outcome, Problem
from peers.pruned import train_on
from tssd_keras.judge.nearest import nearest

AT_ONCE = 4096  # rows whose neighbours are looked for together


def soft_labels(unit: np.ndarray, labels: np.ndarray, n_classes: int, k: int) -> np.ndarray:
    """float64[N, K]: shares of labels among the k nearest others.

    Args:
        unit: float32[N, d], of length 1.
        labels: int64[N].
        n_classes: K.
        k: at most N - 1.

    Raises:
        ValueError: k is not below N.
    """
    if not 0 < k < len(labels):
        raise ValueError(
            f"simifeat.k must lie between 1 and {len(labels) - 1}, one less than there are "
            f"samples, got {k}. Try --peer simifeat.k=10."
        )
    search, found = nearest(unit, k + 1), []
    for start in range(0, len(unit), AT_ONCE):
        index = search(unit[start : start + AT_ONCE])[1]
        itself = index == np.arange(start, start + len(index))[:, None]
        itself[~itself.any(axis=1), -1] = True  # copies came before it: the farthest goes
        found.append(index[~itself].reshape(len(index), k))
    return np.eye(n_classes)[labels[np.concatenate(found)]].mean(axis=1)


def agreement(soft: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """float64[N] in [0, 1]: cosine of each soft label and the given one (the paper's score)."""
    return soft[np.arange(len(labels)), labels] / np.linalg.norm(soft, axis=1)


def run(problem: Problem, *, k: int) -> Outcome:
    """Vote, keep the labels that agree with their vote, train.

    Args:
        problem: to learn from.
        k: neighbours that vote.
    """
    labels = problem.labels[problem.stream]
    soft = soft_labels(problem.flat(), labels, problem.n_classes, k)
    return train_on(problem, soft.argmax(axis=1) == labels, agreement(soft, labels))

"""The noise of the labels at hand, estimated: T[k, j] = P(given = j | true = k).

With a classifier that did not learn from the given labels, the transition
matrix is the one unknown of a mixture model: given label j was drawn from row
k of T, where k is hidden and the classifier says how probable each k is.
Expectation-maximisation finds T without any pair of true and given label.
Source: Dawid and Skene 1979, with the classifier in place of the prior.

With many classes a row has few samples for its K entries, and a weak
classifier's errors would pass for noise. So T leans towards symmetric noise of
the same overall rate, the more the fewer samples a row has.
"""

from __future__ import annotations

import numpy as np

MAX_SAMPLES = 20_000  # T has K * K entries; more samples than this no longer move them
N_ITER = 30
PSEUDO_COUNT = 5.0  # of each entry, times what it would be if the noise were symmetric


def posterior_true(log_p: np.ndarray, given: np.ndarray, transition: np.ndarray) -> np.ndarray:
    """P(true = k | sample, given label): what sample and label say together.

    Args:
        log_p: float[n, K], log P(true = k | sample).
        given: int[n].
        transition: float[K, K], T.

    Returns:
        float[n, K], rows sum to 1. Entry [i, given[i]] is the probability that
        the given label is right.
    """
    joint = np.exp(log_p) * transition.T[given]
    return joint / np.maximum(joint.sum(axis=1, keepdims=True), 1e-30)


def symmetric(n_classes: int, *, right: float) -> np.ndarray:
    """T of symmetric noise: float64[K, K], `right` on the diagonal, the rest evenly."""
    matrix = np.full((n_classes, n_classes), (1 - right) / (n_classes - 1))
    matrix[np.diag_indices(n_classes)] = right
    return matrix


def estimate_transition(
    log_p: np.ndarray, given: np.ndarray, n_classes: int, *, start_right: float = 0.8
) -> tuple[np.ndarray, np.ndarray]:
    """Estimate T from samples whose true label is not known.

    Args:
        log_p: float[n, K], log P(true = k | sample), by a classifier that has
            not seen the given labels.
        given: int[n].
        n_classes: K.
        start_right: diagonal of the T that the iteration starts from.

    Returns:
        float64[K, K], rows sum to 1, and float64[K], the share of each true class.
    """
    if n_classes == 1:
        return np.ones((1, 1)), np.ones(1)
    transition = symmetric(n_classes, right=start_right)
    order = np.argsort(given, kind="stable")
    log_p, given = np.asarray(log_p, np.float32)[order], given[order]
    present, first = np.unique(given, return_index=True)
    posterior = np.exp(log_p)
    for _ in range(N_ITER):
        posterior = posterior_true(log_p, given, transition.astype(np.float32))
        count = np.zeros((n_classes, n_classes))
        count[:, present] = np.add.reduceat(posterior, first, axis=0).T
        prior = symmetric(n_classes, right=np.trace(count) / count.sum())
        count += PSEUDO_COUNT * n_classes * prior
        transition = count / count.sum(axis=1, keepdims=True)
    return transition, posterior.mean(axis=0, dtype=np.float64)

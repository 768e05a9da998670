"""The noise of the labels at hand, estimated: T[k, j] = P(given = j | true = k).

With a classifier that did not learn from the given labels, the transition
matrix T is the one unknown of a mixture model. The given label j is drawn from row
k of T; k is hidden, and the classifier says how probable each k is.
Expectation-maximisation finds T without any pair of true and given label.
Source: Dawid and Skene 1979, with the classifier in place of the prior.

People's mistakes depend on the sample: people and classifier mistake the same samples for the
same other class. The classifier then agrees with wrong labels more often than the model allows, and
too few seem wrong. Golden samples drawn at random show it, as pairs of true and given label. They
always count (`corrected`).

With many classes a row has few samples for its K entries, and a weak
classifier's errors would pass for noise. So T leans towards symmetric noise of
the same overall rate: the fewer samples a row has, the more.
"""

from __future__ import annotations

import numpy as np
from scipy.optimize import brentq
from scipy.special import expit, gammaln, logit

MAX_SAMPLES = 20_000  # T has K * K entries; more samples than this no longer move them
N_ITER = 30
PSEUDO_COUNT = 5.0  # samples of symmetric noise, for each of its K entries, that a row starts from
MOST_CHANGE = 60.0  # of log-odds, by pairs; from either end of T it reaches half a pair in 1e19
STRENGTHS = np.geomspace(1.0, 1000.0, 25)  # pairs that an estimated row can count as


def posterior_true(log_p: np.ndarray, given: np.ndarray, transition: np.ndarray) -> np.ndarray:
    """P(true = k | sample, given label), by Bayes' rule.

    Args:
        log_p: float[n, K], log P(true = k | sample).
        given: int[n].
        transition: float[K, K], T.

    Returns:
        float[n, K], rows sum to 1. Entry [i, given[i]] is the probability that
        the given label is right.
    """
    joint = np.exp(log_p) * np.asarray(transition.T, log_p.dtype)[given]
    return joint / np.maximum(joint.sum(axis=1, keepdims=True), 1e-30)


def symmetric_with_diagonal(n_classes: int, right: float) -> np.ndarray:
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
    transition = symmetric_with_diagonal(n_classes, start_right)
    order = np.argsort(given, kind="stable")
    present, start = np.unique(given[order], return_index=True)
    by_given = np.split(np.exp(np.asarray(log_p, np.float32)[order]), start[1:])
    for _ in range(N_ITER):
        count = _expected_count(by_given, present, transition)
        share = count.sum(axis=1) / len(given)
        prior = symmetric_with_diagonal(n_classes, np.trace(count) / count.sum())
        count += PSEUDO_COUNT * n_classes * prior
        transition = count / count.sum(axis=1, keepdims=True)
    return transition, share


def _expected_count(
    by_given: list[np.ndarray], present: np.ndarray, transition: np.ndarray
) -> np.ndarray:
    """Samples of each true class and given label: float64[K, K], the sums of `posterior_true`.

    Two products of a matrix and a vector for each given label, without the posteriors themselves.

    Args:
        by_given: float32[n_j, K] for each given label, P(true = k | sample).
        present: int[...], these labels.
        transition: float[K, K], T.
    """
    count = np.zeros(transition.shape)
    for label, p in zip(present, by_given, strict=True):
        column = transition[:, label].astype(np.float32)
        with np.errstate(invalid="ignore"):  # some BLAS report it of finite numbers now and then
            count[:, label] = column * ((1 / np.maximum(p @ column, 1e-30)) @ p)
    if not np.isfinite(count).all():
        raise FloatingPointError("expected counts of labels must be finite: log_p holds NaN.")
    return count


def corrected(transition: np.ndarray, true: np.ndarray, given: np.ndarray) -> np.ndarray:
    """T as pairs of true and given label correct it.

    First the odds of all wrong labels are multiplied by one factor, which makes the expected number
    of right pairs the real one. Then each row is pooled with its pairs. The estimated row counts
    as so many pairs as make the pairs most likely (the concentration of a Dirichlet-multinomial;
    Minka, "Estimating a Dirichlet distribution", 2000).

    Args:
        transition: float[K, K], estimated.
        true, given: int[m], of samples drawn at random within their true class.

    Returns:
        float64[K, K], rows sum to 1.
    """
    if not len(true):
        return transition
    # Few pairs that are all right, or all wrong, do not prove that every label is.
    n_right = float(np.clip((true == given).sum(), 0.5, len(true) - 0.5))
    base = _with_right(transition, true, n_right)
    count = np.zeros(base.shape)
    np.add.at(count, (true, given), 1)
    likely = [_log_likelihood(count, strength * base) for strength in STRENGTHS]
    pooled = count + STRENGTHS[int(np.argmax(likely))] * base
    return pooled / pooled.sum(axis=1, keepdims=True)


def _with_right(transition: np.ndarray, true: np.ndarray, n_right: float) -> np.ndarray:
    """T with the odds of wrong labels so multiplied that `n_right` samples are right."""
    k = len(transition)
    log_odds = logit(np.clip(np.diag(transition), 1e-6, 1 - 1e-6))  # of a right label

    def excess(change: float) -> float:
        return float(expit(log_odds + change)[true].sum()) - n_right

    p_right = expit(log_odds + brentq(excess, -MOST_CHANGE, MOST_CHANGE))
    wrong = (transition + 1e-9) * (1 - np.eye(k))  # where nobody erred, any error is as likely
    wrong *= ((1 - p_right) / np.maximum(wrong.sum(axis=1), 1e-12))[:, None]
    return wrong + np.diag(p_right)


def _log_likelihood(count: np.ndarray, alpha: np.ndarray) -> float:
    """Of float[K, K] counts, their rows drawn from Dirichlet-multinomials; up to a constant."""
    alpha = np.maximum(alpha, 1e-9)
    rows = gammaln(alpha.sum(axis=1)) - gammaln((alpha + count).sum(axis=1))
    at = count.nonzero()  # elsewhere both terms are the same
    return float(rows.sum() + (gammaln(alpha[at] + count[at]) - gammaln(alpha[at])).sum())

"""From a classifier's scores to probabilities that hold on the set it judges."""

from __future__ import annotations

import numpy as np
from scipy.optimize import brentq
from scipy.special import expit, logit

N_ITER = 200
TOL = 1e-6
MIN_EXPECTED = 0.02  # an expected share is that far from none and from all
MIN_SLOPE = 0.05  # of Platt scaling, above 0: the order of the scores stays


def fit_platt(
    log_odds: np.ndarray, right: np.ndarray, weight: np.ndarray, n_samples: int
) -> tuple[float, float]:
    """Slope and offset that make expit(slope * log_odds + offset) a probability.

    The rows' truths are moved inwards to (n_samples + 1) / (n_samples + 2) and
    1 / (n_samples + 2). Else scores that tell all rows apart would give boundless certainty.

    Args:
        log_odds: float[n], scores of rows that the classifier was not fitted on.
        right: bool[n], the truth of each row.
        weight: float[n], how much each row counts.
        n_samples: how many samples the rows were made of, at least 1.

    Returns:
        slope, at least MIN_SLOPE, and offset.
        Source: Platt 1999, targets included.
    """
    from sklearn.linear_model import LogisticRegression

    counts = weight > 0
    log_odds, right, weight = log_odds[counts], right[counts], weight[counts]
    doubt = 1 / (n_samples + 2)
    fit = LogisticRegression(C=1e3).fit(
        np.tile(log_odds, 2)[:, None],
        np.concatenate([right, ~right]),
        sample_weight=np.concatenate([(1 - doubt) * weight, doubt * weight]),
    )
    slope, offset = float(fit.coef_[0, 0]), float(fit.intercept_[0])
    if slope >= MIN_SLOPE:
        return slope, offset
    share = float(np.average(right, weights=weight))
    return MIN_SLOPE, offset_for_share(MIN_SLOPE * log_odds, share, weight)


def offset_for_share(log_odds: np.ndarray, share: float, weight: np.ndarray | None = None) -> float:
    """The number that, added to log-odds float[n], makes their mean probability `share`."""
    log_odds = np.asarray(log_odds, np.float64)
    share = float(np.clip(share, 1e-12, 1 - 1e-12))

    def excess(offset: float) -> float:
        return float(np.average(expit(log_odds + offset), weights=weight)) - share

    return float(brentq(excess, -50.0 - log_odds.max(), 50.0 - log_odds.min()))


def correct_prior(log_odds: np.ndarray, trained_share: float) -> tuple[np.ndarray, float]:
    """Correct probabilities to the share of positives in the set they judge.

    Expectation-maximisation over the unknown share. Source: Saerens, Latinne
    and Decaestecker, "Adjusting the outputs of a classifier to new a priori
    probabilities", Neural Computation 2002.

    Args:
        log_odds: float[n], calibrated under the training share.
        trained_share: share of positives the classifier was calibrated on, in (0, 1).

    Returns:
        float64[n], corrected probabilities, and the share they imply.
    """
    log_odds = np.asarray(log_odds, np.float64) - logit(trained_share)
    share = trained_share
    for _ in range(N_ITER):
        p = expit(log_odds + logit(np.clip(share, 1e-4, 1 - 1e-4)))
        previous, share = share, float(p.mean()) if len(p) else share
        if abs(share - previous) < TOL:
            break
    return p, share


def share_by_pairs(
    score: np.ndarray,
    pair_score: np.ndarray,
    right: np.ndarray,
    weight: np.ndarray,
    expected: float,
    error: float,
) -> tuple[float, float]:
    """The share of right labels of a set, by random pairs of true and given label.

    The pairs' share alone would do. Scores make it surer: a logistic regression on them says
    which pairs there were too many of (a regression estimator; Cochran, "Sampling techniques",
    1977, chapter 7). Neither set may have been trained on when it was scored. The share that is
    expected beforehand counts as so many pairs as have a standard error like its own.

    Args:
        score: float[n], of the samples of the set, about log-odds; all alike where none is known.
        pair_score: float[m], of the pairs, m at least 1.
        right: bool[m], whether a pair's true and given label are the same.
        weight: float[m], above 0, how much each counts for the set.
        expected, error: the share that is expected before the pairs are seen, and how wrong it may
            be, above 0.

    Returns:
        The share and its standard error. Pairs that are all right do not prove that every label is:
        the error is at least that of half a pair.
    """
    expected = float(np.clip(expected, MIN_EXPECTED, 1 - MIN_EXPECTED))
    weight = weight * (weight.sum() / (weight**2).sum())  # sums to the effective number; Kish 1965
    slope = _slope(pair_score, right, weight)
    n_expected = expected * (1 - expected) / error**2
    score, pair_score = slope * score, slope * pair_score

    def excess(offset: float) -> float:
        of_pairs = float(weight @ (right - expit(pair_score + offset)))
        return of_pairs + n_expected * (expected - float(expit(score + offset).mean()))

    furthest = 50.0 + max(abs(score).max(), abs(pair_score).max())
    offset = float(brentq(excess, -furthest, furthest))
    p, of_pairs = expit(score + offset), expit(pair_score + offset)
    slack = float((p * (1 - p)).mean())
    information = float(weight @ (of_pairs * (1 - of_pairs))) + n_expected * slack
    least = 0.5 / (float(weight.sum()) + n_expected)
    return float(p.mean()), max(least, slack / float(np.sqrt(max(information, 1e-12))))


def _slope(score: np.ndarray, right: np.ndarray, weight: np.ndarray) -> float:
    """By how much a score moves the log-odds, at least 0; expected at 1, give or take 1."""
    from scipy.optimize import minimize

    def loss(at: np.ndarray) -> float:
        log_odds = at[0] + at[1] * score
        fit = np.logaddexp(0, log_odds) - right * log_odds
        return float(weight @ fit) + 0.5 * ((at[1] - 1) ** 2 + (at[0] / 10) ** 2)

    return max(0.0, float(minimize(loss, [0.0, 1.0]).x[1]))

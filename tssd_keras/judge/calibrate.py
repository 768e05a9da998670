"""From a classifier's scores to probabilities that hold on the set it judges."""

from __future__ import annotations

import numpy as np
from scipy.optimize import brentq
from scipy.special import expit, logit

N_ITER = 200
TOL = 1e-6
MIN_SLOPE = 0.05  # of Platt scaling, above 0: the order of the scores stays
CONTRADICTED = 3.0  # standard errors from a counted share to the estimated one


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


def contradicts(right: np.ndarray, weight: np.ndarray, share: float) -> bool:
    """Whether random samples deny an estimated share of right labels, by CONTRADICTED errors.

    Args:
        right: bool[m], which of their labels are right; without any (m = 0) nothing is denied.
        weight: float[m], above 0, how much each counts for the estimated set.
        share: estimated, of right labels.
    """
    if not len(right):
        return False
    n = weight.sum() ** 2 / (weight**2).sum()  # effective number; Kish 1965
    error = np.sqrt(max(share * (1 - share), 1 / n) / n)
    return bool(abs(np.average(right, weights=weight) - share) > CONTRADICTED * error)

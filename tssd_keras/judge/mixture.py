"""Two-component Gaussian mixtures in one dimension: many at once, in O(N).

A group is a set of scores that gets a mixture of its own: all samples for the
loss stream, one class for the feature stream. Scores are scaled to [0, 1]
within their group and counted into `N_BINS` bins; each bin stands at the mean
of its samples. Expectation-maximisation then runs on the bins of all groups
together, at a cost that does not grow with the number of samples. A bin is 20
times narrower than the smallest standard deviation allowed (the root of
`REG_COVAR`), so this differs from a fit on the samples by about 1e-4.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

REG_COVAR = 5e-4  # added to each variance, of scores in [0, 1]; DivideMix, arXiv 2002.07394
MAX_ITER = 100
TOL = 1e-4  # stop when the mean log-likelihood gains less, in nats
N_BINS = 1024
MIN_ASHMAN_D = 2.0  # modes closer than this are one; Ashman, Bird and Zepf 1994
FEWEST = 10  # scores, two for each of a mixture's five parameters; fewer are one heap


@dataclass(frozen=True)
class Mixtures:
    """Fitted mixtures of G groups; component 0 has the smaller mean.

    Attributes:
        low, high: float64[G], the smallest and largest score, mapped to 0 and 1.
        mean, variance, share: float64[G, 2], of the scaled scores.
        ashman_d: float64[G], distance of the two means in pooled deviations.
        bimodal: bool[G]; false where the scores are unimodal ("one heap"), so that
            the posterior means nothing.
    """

    low: np.ndarray
    high: np.ndarray
    mean: np.ndarray
    variance: np.ndarray
    share: np.ndarray
    ashman_d: np.ndarray
    bimodal: np.ndarray

    def p_low(self, score: np.ndarray, group: np.ndarray) -> np.ndarray:
        """Posterior of the component with the smaller mean, never rising with the score.

        With unequal variances the log-odds of two Gaussians are a parabola, which turns
        back beyond its vertex. There the value at the vertex is kept.

        Args:
            score: float[N], unscaled.
            group: int[N] in 0..G-1.

        Returns:
            float64[N] in [0, 1].
        """
        inverse = 1 / self.variance
        a = 0.5 * (inverse[:, 1] - inverse[:, 0])
        b = inverse[:, 0] * self.mean[:, 0] - inverse[:, 1] * self.mean[:, 1]
        log_height = np.log(self.share) - 0.5 * (np.log(self.variance) + self.mean**2 * inverse)
        c = log_height[:, 0] - log_height[:, 1]
        with np.errstate(divide="ignore", invalid="ignore"):
            vertex = -b / (2 * a)
        # Where a < 0 the posterior peaks at the vertex, and keeps that value left of it.
        left = np.where(a < 0, vertex, -np.inf)
        right = np.where(a > 0, vertex, np.inf)
        x = np.clip(scaled(score, group, self.low, self.high), left[group], right[group])
        log_odds = (a[group] * x + b[group]) * x + c[group]
        return 0.5 * (1 + np.tanh(0.5 * log_odds))


def scaled(score: np.ndarray, group: np.ndarray, low: np.ndarray, high: np.ndarray) -> np.ndarray:
    """Scores mapped to [0, 1] by their group's smallest and largest; 0 where those are equal."""
    span = high - low
    return (score - low[group]) / np.where(span > 0, span, 1.0)[group]


def fit_mixtures(score: np.ndarray, group: np.ndarray, n_groups: int) -> Mixtures:
    """Fit one two-component mixture to the scores of each group.

    The start is fixed: two means, by Lloyd's algorithm from the ends of the range. So
    the same scores give the same mixtures.

    Args:
        score: float[N], finite.
        group: int[N] in 0..n_groups-1.
        n_groups: G. Of a group with fewer than FEWEST scores, or none, `bimodal` is false.

    Returns:
        Mixtures of the G groups. They do not change with the order, the unit
        or the origin of the scores.

    Raises:
        ValueError: a score is not finite.

    Source:
        The mixture of DivideMix, arXiv 2002.07394, section 3.1. Bimodal by Ashman's D
        and by the Bayesian information criterion.
    """
    score = np.asarray(score, np.float64)
    infinite = np.flatnonzero(~np.isfinite(score))
    if len(infinite):
        raise ValueError(
            f"scores must be finite: {len(infinite)} of {len(score)} values are not, the first at "
            f"sample {infinite[0]}. Try a lower train.learning_rate."
        )
    low = np.full(n_groups, np.inf)
    high = np.full(n_groups, -np.inf)
    np.minimum.at(low, group, score)
    np.maximum.at(high, group, score)
    empty = ~np.isfinite(low)
    low[empty] = high[empty] = 0.0

    x, count = _bins(scaled(score, group, low, high), group, n_groups)
    n = count.sum(axis=1)
    mean, variance, share = _start(x, count)
    mean, variance, share = _expectation_maximisation(x, count, mean, variance, share)

    order = np.argsort(mean, axis=1)
    mean, variance, share = (np.take_along_axis(v, order, axis=1) for v in (mean, variance, share))
    ashman_d = np.sqrt(2.0) * (mean[:, 1] - mean[:, 0]) / np.sqrt(variance.sum(axis=1))
    spread = (high > low) & (n >= FEWEST)
    bimodal = spread & (ashman_d >= MIN_ASHMAN_D)
    bimodal &= _bic(_log_likelihood(x, count, mean, variance, share), 5, n) < _bic(
        _unimodal_log_likelihood(x, count), 2, n
    )
    return Mixtures(low, high, mean, variance, share, ashman_d, bimodal)


def _bins(x: np.ndarray, group: np.ndarray, n_groups: int) -> tuple[np.ndarray, np.ndarray]:
    """Scaled scores -> (mean score, count), each float64[G, N_BINS]."""
    cell = group * N_BINS + np.minimum((x * N_BINS).astype(np.int64), N_BINS - 1)
    size = n_groups * N_BINS
    count = np.bincount(cell, minlength=size).astype(np.float64)
    total = np.bincount(cell, weights=x, minlength=size)
    mean = np.divide(total, count, out=np.zeros(size), where=count > 0)
    return mean.reshape(n_groups, N_BINS), count.reshape(n_groups, N_BINS)


def _start(x: np.ndarray, count: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Hard assignment to the nearer of two means, begun at 0 and 1."""
    mean = np.tile([0.0, 1.0], (len(x), 1))
    for _ in range(20):
        upper = x > mean.mean(axis=1, keepdims=True)
        weight = np.stack([count * ~upper, count * upper], axis=1)
        mean = _moments(x, weight)[0]
    return _moments(x, weight)


def _moments(x: np.ndarray, weight: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Weights float64[G, 2, bins] -> mean, variance, share, each float64[G, 2]."""
    total = weight.sum(axis=2)
    n = np.maximum(total, 1e-12)
    mean = np.einsum("gcb,gb->gc", weight, x) / n
    deviation = x[:, None, :] - mean[:, :, None]
    variance = np.einsum("gcb,gcb->gc", weight, deviation**2) / n + REG_COVAR
    share = np.maximum(total / np.maximum(total.sum(axis=1, keepdims=True), 1e-12), 1e-12)
    return mean, variance, share


def _log_joint(
    x: np.ndarray, mean: np.ndarray, variance: np.ndarray, share: np.ndarray
) -> np.ndarray:
    """log P(component, score): float64[G, 2, bins]."""
    deviation = x[:, None, :] - mean[:, :, None]
    log_height = np.log(share) - 0.5 * np.log(2 * np.pi * variance)
    return log_height[:, :, None] - 0.5 * deviation**2 / variance[:, :, None]


def _log_likelihood(
    x: np.ndarray, count: np.ndarray, mean: np.ndarray, variance: np.ndarray, share: np.ndarray
) -> np.ndarray:
    joint = _log_joint(x, mean, variance, share)
    return (np.logaddexp(joint[:, 0], joint[:, 1]) * count).sum(axis=1)


def _expectation_maximisation(
    x: np.ndarray, count: np.ndarray, mean: np.ndarray, variance: np.ndarray, share: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Run EM on every group until it gains less than TOL, at most MAX_ITER times."""
    n = np.maximum(count.sum(axis=1), 1.0)
    previous = np.full(len(x), -np.inf)
    active = np.arange(len(x))
    for _ in range(MAX_ITER):
        xs, counts = x[active], count[active]
        joint = _log_joint(xs, mean[active], variance[active], share[active])
        total = np.logaddexp(joint[:, 0], joint[:, 1])
        level = (total * counts).sum(axis=1) / n[active]
        gain = level - previous[active]
        previous[active] = level
        weight = np.exp(joint - total[:, None]) * counts[:, None]
        mean[active], variance[active], share[active] = _moments(xs, weight)
        active = active[~(np.abs(gain) < TOL)]
        if not len(active):
            break
    return mean, variance, share


def _unimodal_log_likelihood(x: np.ndarray, count: np.ndarray) -> np.ndarray:
    n = np.maximum(count.sum(axis=1), 1.0)
    mean = (x * count).sum(axis=1) / n
    variance = (count * (x - mean[:, None]) ** 2).sum(axis=1) / n + REG_COVAR
    return -0.5 * n * (np.log(2 * np.pi * variance) + (variance - REG_COVAR) / variance)


def _bic(log_likelihood: np.ndarray, n_parameters: int, n: np.ndarray) -> np.ndarray:
    return n_parameters * np.log(np.maximum(n, 1.0)) - 2 * log_likelihood

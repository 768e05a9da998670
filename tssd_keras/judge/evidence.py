"""The meta classifier's material of a round: trusted samples, and the context of pairs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from tssd_keras.judge import calibrate, noise_matrix
from tssd_keras.judge.class_ranks import class_quantiles
from tssd_keras.judge.divide import Division
from tssd_keras.judge.golden_head import BLOCK, GoldenHead, fit_golden_head
from tssd_keras.judge.meta_features import PairContext
from tssd_keras.judge.meta_rows import TrainingRows, Trusted, golden_rows
from tssd_keras.judge.scores import Scores
from tssd_keras.judge.stand_ins import certain_rows, stand_ins
from tssd_keras.judge.threads import threads_for


@dataclass(frozen=True)
class Evidence:
    """A round's samples, and g's material to judge them by.

    Attributes:
        scores: of N samples.
        given: int64[N], their given labels.
        trusted: golden samples, or the certain positives that stand in for them.
        rejected: int64[n], the certain negatives beside stand-ins; None beside golden samples.
        context: of the pairs.
        class_share: float64[K], of each true class.
        estimated: float64[K, K], the transition matrix before golden pairs corrected it to
            the context's; None where they did not.
    """

    scores: Scores
    given: np.ndarray
    trusted: Trusted
    rejected: np.ndarray | None
    context: PairContext
    class_share: np.ndarray
    estimated: np.ndarray | None = None

    @property
    def n_trusted(self) -> int:
        """The effective number of trusted samples."""
        return round(float(self.trusted.weight.sum()))

    def rows(self, rng: np.random.Generator) -> TrainingRows:
        """The pairs that g learns from."""
        if self.rejected is not None:
            return certain_rows(self.context, self.trusted, self.scores, self.given, self.rejected)
        return golden_rows(
            self.context, self.trusted, self.class_share, rng, estimated=self.estimated
        )

    def contradicts(self, clean_share: float) -> bool:
        """Whether golden pairs, weighed by the stream's classes, deny a share of right labels."""
        true, given, _ = self.trusted.pairs
        count = np.bincount(true, minlength=len(self.class_share))
        weight = self.class_share[true] / count[true]
        return calibrate.contradicts(true == given, weight, clean_share)

    def corrected(self) -> Evidence:
        """The same, with the transition matrix as golden pairs correct it."""
        true, given, _ = self.trusted.pairs
        estimated = self.context.transition
        matrix = noise_matrix.corrected(estimated, true, given)
        return replace(self, context=replace(self.context, transition=matrix), estimated=estimated)


def gather(
    scores: Scores,
    given: np.ndarray,
    means: np.ndarray,
    division: Division,
    golden: Trusted | None,
    *,
    n_classes: int,
    n_folds: int,
    rng: np.random.Generator,
    on_part: Callable[[int], None],
    before: GoldenHead | None = None,
) -> Evidence | None:
    """Fit the golden head; by it estimate the transition matrix and the ranks within a class.

    Args:
        scores, given, means, division, golden, on_part: see `purify.Purifier.purify`;
            `on_part` is called twice.
        n_classes: K.
        n_folds: of stand-ins.
        rng: chooses stand-ins, and samples where there are more than MAX_SAMPLES.
        before: the golden head of the last round; a large one's fit begins there.

    Returns:
        Evidence, or None where no samples are golden and too few are certain.
    """
    trusted, rejected = golden, None
    if trusted is None:
        certain = stand_ins(scores, given, division, n_classes, n_folds, rng)
        if certain is None:
            return None
        trusted, rejected = certain
    head = fit_golden_head(
        trusted.scores.features,
        trusted.scores.log_p,
        trusted.labels,
        trusted.fold,
        n_classes,
        trusted.weight,
        before,
    )
    on_part(1)
    with threads_for(BLOCK * means.size):
        context, class_share = _pair_context(scores, given, means, division, head, rng)
    on_part(1)
    return Evidence(scores, given, trusted, rejected, context, class_share)


def _pair_context(
    scores: Scores,
    given: np.ndarray,
    means: np.ndarray,
    division: Division,
    head: GoldenHead,
    rng: np.random.Generator,
) -> tuple[PairContext, np.ndarray]:
    """The context of pairs, and the shares of the true classes, learned from some samples."""
    some, k = np.arange(len(given)), len(means)
    if len(some) > noise_matrix.MAX_SAMPLES:
        some = np.sort(rng.choice(len(some), noise_matrix.MAX_SAMPLES, replace=False))
    label = given[some]
    log_p = head.log_p(scores.features[some], scores.log_p[some])
    matrix, class_share = noise_matrix.estimate_transition(log_p, label, k)
    head_log_p = log_p[np.arange(len(some)), label]
    quantiles = [class_quantiles(v, label, k) for v in (scores.loss[some], head_log_p)]
    return PairContext(means, division, head, matrix, *quantiles), class_share

"""The meta classifier's material of a round: trusted samples, and the context of pairs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np

from tssd_keras.judge import noise_matrix
from tssd_keras.judge.calibrate import share_by_pairs
from tssd_keras.judge.class_ranks import class_quantiles
from tssd_keras.judge.divide import Division
from tssd_keras.judge.golden_head import BLOCK, GoldenHead, fit_golden_head
from tssd_keras.judge.meta_features import PairContext
from tssd_keras.judge.meta_rows import TrainingRows, Trusted, golden_rows
from tssd_keras.judge.place import Place
from tssd_keras.judge.scores import Scores
from tssd_keras.judge.stand_ins import certain_rows, stand_ins
from tssd_keras.judge.threads import over_blocks, threads_for

SHARE_SAMPLES = 10_000  # tell a share to half a point
LEAST_ERROR = 0.05  # of the share of right labels that neighbours and network expect
NETWORK_ERROR = 0.1  # of the one that head and network expect, where no neighbours speak


class Expected(NamedTuple):
    """A share that is expected, and how wrong it may be."""

    share: float
    error: float


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
        expected: share of right labels before golden pairs are seen; None without such pairs.
        estimated: float64[K, K], the transition matrix before golden pairs were counted in;
            None without such pairs.
    """

    scores: Scores
    given: np.ndarray
    trusted: Trusted
    rejected: np.ndarray | None
    context: PairContext
    class_share: np.ndarray
    expected: Expected | None = None
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

    def share_by_pairs(self) -> tuple[float, float]:
        """The share of right labels by the golden pairs, and its standard error.

        Raises:
            ValueError: there are none.
        """
        if self.expected is None:
            raise ValueError("there must be golden pairs to tell the share by, there are none.")
        true, given, _ = self.trusted.pairs
        count = np.bincount(true, minlength=len(self.class_share))
        weight = np.maximum(self.class_share[true], 1e-6) / count[true]
        before = self.trusted.score_before[self.trusted.is_pair]
        of_stream = self.context.place.score_before
        return share_by_pairs(of_stream, before, true == given, weight, *self.expected)


def gather(
    scores: Scores,
    given: np.ndarray,
    place: Place,
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
        scores, given, place, division, golden, on_part: see `purify.Purifier.purify`;
            `on_part` is called twice.
        n_classes: K.
        n_folds: of stand-ins.
        rng: chooses stand-ins, and samples where there are more than MAX_SAMPLES.
        before: the golden head of the last round; a large one's fit begins there.

    Returns:
        Evidence, or None where no samples are golden and too few are certain.
    """
    rejected = None
    if golden is None:
        certain = stand_ins(scores, given, place, division, n_classes, n_folds, rng)
        if certain is None:
            return None
        trusted, rejected = certain
    else:
        trusted = golden if golden.similarity.size else golden.placed(place)
    head = fit_golden_head(
        trusted.scores.features,
        place.class_log_p(trusted.similarity, trusted.scores.log_p),
        trusted.labels,
        trusted.fold,
        n_classes,
        trusted.weight,
        before,
        with_neighbours=place.silent is not None,
    )
    on_part(1)
    with threads_for(BLOCK * head.weight.size):
        context, class_share = _pair_context(scores, given, place, division, head, n_classes, rng)
    on_part(1)
    estimated, expected = None, None
    if trusted.is_pair.any():
        by_head = float(class_share @ np.diag(context.transition))
        expected = _expected(scores.log_p, given, place, by_head)
        true, pair_given, _ = trusted.pairs
        estimated = context.transition
        matrix = noise_matrix.corrected(estimated, true, pair_given)
        context = replace(context, transition=matrix)
    return Evidence(scores, given, trusted, rejected, context, class_share, expected, estimated)


def _pair_context(
    scores: Scores,
    given: np.ndarray,
    place: Place,
    division: Division,
    head: GoldenHead,
    k: int,
    rng: np.random.Generator,
) -> tuple[PairContext, np.ndarray]:
    """The context of pairs, and the shares of the true classes, learned from some samples."""
    some = np.arange(len(given))
    if len(some) > noise_matrix.MAX_SAMPLES:
        some = np.sort(rng.choice(len(some), noise_matrix.MAX_SAMPLES, replace=False))
    label = given[some]
    log_p = np.empty((len(some), k), np.float32)

    def put(block: slice) -> None:
        rows = some[block]
        pooled = place.class_log_p(place.similarity(rows), scores.log_p[rows])
        log_p[block] = head.log_p(scores.features[rows], pooled)

    over_blocks(put, len(some), BLOCK)
    matrix, class_share = noise_matrix.estimate_transition(log_p, label, k)
    head_log_p = log_p[np.arange(len(some)), label]
    quantiles = [class_quantiles(v, label, k) for v in (scores.loss[some], head_log_p)]
    return PairContext(place, division, head, matrix, *quantiles), class_share


def _expected(log_p: np.ndarray, given: np.ndarray, place: Place, by_head: float) -> Expected:
    """The share of right labels by neighbours and network, which no golden sample has a part in.

    The network learned from the labels, so that too many seem right to it. It errs the more, the
    further it is from what it says together with the neighbours.

    Args:
        log_p: float[N, K], the network's log-probabilities.
        given: int64[N].
        place: of the samples.
        by_head: the share that the golden head expects; taken where no neighbours speak.
    """
    if place.silent is None or place.silent.all():
        return Expected(by_head, NETWORK_ERROR)
    some = np.arange(0, len(given), -(-len(given) // SHARE_SAMPLES))
    alone = np.asarray(log_p[some], np.float32)
    both = place.class_log_p(place.similarity(some), alone)
    shares = []
    for one in (both, alone):
        matrix, class_share = noise_matrix.estimate_transition(one, given[some], one.shape[1])
        shares.append(float(class_share @ np.diag(matrix)))
    return Expected(shares[0], max(LEAST_ERROR, abs(shares[0] - shares[1])))

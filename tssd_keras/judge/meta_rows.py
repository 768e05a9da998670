"""The rows that the meta classifier learns from: pairs (sample, label), right and wrong."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np

from tssd_keras.judge.calibrate import log_odds
from tssd_keras.judge.meta_features import NAMES, Judge
from tssd_keras.judge.noise_matrix import corrected
from tssd_keras.judge.scores import Scores

DRAWS = 6  # wrong labels drawn for a golden sample
UNIFORM_SHARE = 0.1  # of these draws; the rest follow the estimated transition matrix
# Of the rows' weight, at most this share is of right labels. Platt's targets bound the odds of a
# right label by the number of golden samples; among rows that are nearly all right these odds would
# not exceed what is expected beforehand, and no label could ever be found more right than wrong.
MOST_RIGHT = 0.8
PAIRS = 200  # so many golden samples drawn at random count half by T, half as they were given


@dataclass(frozen=True)
class Trusted:
    """M samples under labels that are taken to be right.

    Attributes:
        scores: of the samples.
        labels: int64[M].
        given: int64[M], the labels the noisy stream had for them, -1 unknown.
        fold: int64[M], in which each sample is left out.
        weight: float64[M], how much each counts, of `golden.effective_weights`; by
            default all the same.
        at_random: bool[M], whether it was drawn at random among the samples of its true
            class, so that its given label shows the noise as it is; by default none was.
    """

    scores: Scores
    labels: np.ndarray
    given: np.ndarray
    fold: np.ndarray
    weight: np.ndarray = field(default_factory=lambda: np.ones(()))
    at_random: np.ndarray = field(default_factory=lambda: np.zeros((), bool))

    def __post_init__(self) -> None:
        for name in ("weight", "at_random"):
            value = np.broadcast_to(getattr(self, name), self.labels.shape)
            object.__setattr__(self, name, value)

    @property
    def pairs(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """True labels, given labels and folds of those drawn at random: int64[m] each."""
        known = self.at_random & (self.given >= 0)
        return self.labels[known], self.given[known], self.fold[known]


@dataclass(frozen=True)
class TrainingRows:
    """n pairs. The number of rows is the same each round.

    Attributes:
        features: float32[n, len(meta_features.NAMES)].
        right: bool[n], whether the pair's label is right.
        weight: float64[n], how much a row counts; 0 where it is padding.
        fold: int64[n], of the pair's sample.
    """

    features: np.ndarray
    right: np.ndarray
    weight: np.ndarray
    fold: np.ndarray

    @property
    def share(self) -> float:
        """Share of right labels, by weight."""
        return float(self.weight[self.right].sum() / self.weight.sum())

    @property
    def odds(self) -> float:
        """Log-odds of a right label among the rows."""
        return log_odds(self.share)


def golden_rows(
    judge: Judge,
    golden: Trusted,
    class_share: np.ndarray,
    rng: np.random.Generator,
    *,
    estimated: np.ndarray | None = None,
) -> TrainingRows:
    """Each golden sample under its own label, under drawn wrong ones, and under its given one.

    Rows are weighted so that together they stand for the noisy stream: true
    classes by their estimated shares, samples within a class by their weight,
    labels by the estimated transition matrix, not by how many of the golden
    samples were given a wrong one: they may have been chosen for that.
    Where that makes nearly all of them right, the wrong ones weigh more.

    Which label a sample is given can depend on the sample, which no matrix says. Where the
    judge's matrix is one that pairs corrected, those that were drawn at random partly stand
    under the label that they were given, the more the more of them there are; and
    none is judged by a matrix that its own pair went into.

    Args:
        judge: of the round.
        golden: M golden samples.
        class_share: float64[K], estimated share of each true class.
        rng: draws the wrong labels.
        estimated: float64[K, K], the transition matrix before pairs corrected it to the
            judge's; None where they did not.

    Returns:
        TrainingRows, (DRAWS + 2) * M of them.
    """
    labels, given = golden.labels, golden.given
    m, k = len(labels), len(class_share)
    real = np.where((given >= 0) & (given != labels), given, -1)
    under = np.concatenate(
        [labels[None], _wrong_labels(judge.transition, labels, rng), np.maximum(real, 0)[None]]
    )

    total = np.bincount(labels, golden.weight, minlength=k)
    sample_weight = golden.weight * (class_share / np.maximum(total, 1e-12))[labels]
    p_right = np.minimum(judge.transition[labels, labels], 0.999)  # wrong rows always count
    known = golden.at_random & (given >= 0) & (estimated is not None)
    as_given = sample_weight * known * known.sum() / (known.sum() + PAIRS)
    sample_weight = sample_weight - as_given
    weight = np.empty((DRAWS + 2, m))
    weight[0] = sample_weight * p_right + as_given * (given == labels)
    weight[1:-1] = sample_weight * (1 - p_right) / (DRAWS + (real >= 0))
    weight[-1] = np.where(real >= 0, weight[1] + as_given, 0.0)
    share = weight[0].sum() / weight.sum()
    if share > MOST_RIGHT:
        weight[1:] *= share / (1 - share) * (1 - MOST_RIGHT) / MOST_RIGHT
    right = np.zeros((DRAWS + 2, m), bool)
    right[0] = True

    repeat = np.tile(np.arange(m), DRAWS + 2)
    pairs = (
        golden.scores.features[repeat],
        golden.scores.log_p[repeat],
        under.ravel(),
        judge.head.out_of_fold[repeat],
    )
    if estimated is None:
        features = judge.features(*pairs)
    else:
        features = np.empty((len(repeat), len(NAMES)), np.float32)
        true, label, fold = golden.pairs
        for left_out in np.unique(golden.fold):
            rows, other = golden.fold[repeat] == left_out, fold != left_out
            matrix = corrected(estimated, true[other], label[other])
            features[rows] = replace(judge, transition=matrix).features(*(p[rows] for p in pairs))
    weight = weight.ravel() * (weight.size / weight.sum())
    return TrainingRows(features, right.ravel(), weight, golden.fold[repeat])


def _wrong_labels(
    transition: np.ndarray, labels: np.ndarray, rng: np.random.Generator
) -> np.ndarray:
    """Wrong labels int64[DRAWS, M], as the estimated noise would make them, some uniform."""
    k = len(transition)
    wrong = transition.copy()
    wrong[np.diag_indices(k)] = 0
    wrong /= np.maximum(wrong.sum(axis=1, keepdims=True), 1e-12)
    wrong = (1 - UNIFORM_SHARE) * wrong + UNIFORM_SHARE * (1 - np.eye(k)) / (k - 1)
    edges = np.cumsum(wrong, axis=1)[labels]
    drawn = np.empty((DRAWS, len(labels)), np.int64)
    for i in range(DRAWS):
        u = rng.random((len(labels), 1)) * edges[:, -1:]
        drawn[i] = np.minimum((u >= edges).sum(axis=1), k - 1)
    at_edge = drawn == labels  # by rounding only
    drawn[at_edge] = (drawn[at_edge] + 1) % k
    return drawn

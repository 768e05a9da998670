"""The rows that the meta classifier learns from: pairs (sample, label), right and wrong."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np
from scipy.special import logit

from tssd_keras.judge.meta_features import NAMES, PairContext
from tssd_keras.judge.noise_matrix import corrected
from tssd_keras.judge.place import Place
from tssd_keras.judge.scores import Scores

# docs/constants.md has the measurements of DRAWS and MOST_RIGHT.
DRAWS = 6  # wrong labels drawn for a golden sample; 1 to 12 differ by .006 AUROC of q at most
MOST_DRAWN = 6_000  # rows of drawn labels, where one for each golden sample is not more
UNIFORM_SHARE = 0.1  # of these draws; the rest follow the estimated transition matrix
# Of the rows' weight, at most this share is of right labels. Platt's targets bound the odds of a
# right label by the number of golden samples. Among rows that are nearly all right, the bound lies
# below the odds that are expected beforehand, so that no label could be found right. AUROC of q on
# labels of which 9 % are wrong, two golden samples a class: .837 at 0.7 to 0.95, .671 at 1.
MOST_RIGHT = 0.8


@dataclass(frozen=True)
class Trusted:
    """M samples whose labels are taken to be right.

    Attributes:
        scores: of the samples.
        labels: int64[M].
        given: int64[M], the labels the noisy stream had for them, -1 unknown.
        fold: int64[M], in which each sample is left out.
        weight: float64[M], how much each counts, of `labels.golden.effective_weights`; by
            default all the same.
        at_random: bool[M], drawn at random among the samples of the true class, so that
            the given label shows the noise as it is; by default none.
        similarity: float32[M, K], to each class, of the round's `place.Place`.
        before: float32[M, K], shares of the classes among neighbours before training; None
            where nobody looked.
        score_before: float32[M], how likely the given labels were right before training, as
            `place.Place.score_before`; 0 where nobody looked.
    """

    scores: Scores
    labels: np.ndarray
    given: np.ndarray
    fold: np.ndarray
    weight: np.ndarray = field(default_factory=lambda: np.ones(()))
    at_random: np.ndarray = field(default_factory=lambda: np.zeros((), bool))
    similarity: np.ndarray = field(default_factory=lambda: np.zeros((0, 0), np.float32))
    before: np.ndarray | None = None
    score_before: np.ndarray = field(default_factory=lambda: np.zeros((), np.float32))

    def __post_init__(self) -> None:
        for name in ("weight", "at_random", "score_before"):
            value = np.broadcast_to(getattr(self, name), self.labels.shape)
            object.__setattr__(self, name, value)

    def placed(self, place: Place) -> Trusted:
        """The same, by their place among a round's samples."""
        similarity = place.similarity_of(self.scores.features, self.before)
        return replace(self, similarity=similarity)

    @property
    def misgiven(self) -> np.ndarray:
        """bool[M]: whose given label is known and wrong."""
        return (self.given >= 0) & (self.given != self.labels)

    @property
    def is_pair(self) -> np.ndarray:
        """bool[M]: drawn at random, with a known given label: a pair that shows the noise."""
        return self.at_random & (self.given >= 0)

    @property
    def pairs(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """True labels, given labels and folds of the m pairs: int64[m] each."""
        pair = self.is_pair
        return self.labels[pair], self.given[pair], self.fold[pair]


@dataclass(frozen=True)
class TrainingRows:
    """n pairs, as many each round.

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
        return float(logit(self.share))


def n_drawn(n_golden: int) -> int:
    """Wrong labels drawn for each golden sample: DRAWS, fewer where golden samples are many."""
    return int(np.clip(MOST_DRAWN // n_golden, 1, DRAWS))


def golden_rows(
    context: PairContext,
    golden: Trusted,
    class_share: np.ndarray,
    rng: np.random.Generator,
    *,
    estimated: np.ndarray | None = None,
) -> TrainingRows:
    """Each golden sample under its true label, under drawn wrong ones, and under its given one.

    `row_weights` says how much each row counts. Where pairs corrected the context's
    transition matrix, no sample is judged by a matrix that its own pair went into.

    Args:
        context: of the round.
        golden: M golden samples.
        class_share: float64[K], estimated share of each true class.
        rng: draws the wrong labels.
        estimated: float64[K, K], the transition matrix before pairs corrected it to the
            context's; None where they did not.

    Returns:
        TrainingRows, (n_drawn(M) + 2) * M of them.
    """
    labels, given = golden.labels, golden.given
    wrong = _wrong_labels(context.transition, labels, rng)
    misgiven = np.where(golden.misgiven, given, 0)  # rows of weight 0 are padding
    label = np.concatenate([labels[None], wrong, misgiven[None]])
    weight = row_weights(golden, class_share, context.transition)
    right = np.zeros(label.shape, bool)
    right[0] = True
    sample = np.tile(np.arange(len(labels)), len(label))
    return TrainingRows(
        _features(context, golden, sample, label.ravel(), estimated),
        right.ravel(),
        weight.ravel() * (weight.size / weight.sum()),
        golden.fold[sample],
    )


def row_weights(golden: Trusted, class_share: np.ndarray, transition: np.ndarray) -> np.ndarray:
    """How much each golden row counts, so that together they stand for the noisy stream.

    True classes count by their estimated shares, samples within a class by their weight, labels
    by the transition matrix T: golden samples may have been chosen for their given labels, so
    it does not matter how many of these are wrong. For sample i of true label y_i and given
    label g_i, of golden weight w_i, with w(k) the sum of w over class k:

        s_i = w_i * class_share(y_i) / w(y_i)         the sample's share of the stream
        p_i = min(T[y_i, y_i], 0.999)                 P(right); below 1, so wrong rows count
        r_i = 1 if g_i is known and wrong, or 0

        w_right(i) = s_i * p_i                        under y_i
        w_wrong(i) = s_i * (1 - p_i) / (n + r_i)      under each of n drawn wrong labels
        w_given(i) = r_i * w_wrong(i)                 under g_i

    Where more than MOST_RIGHT of all weight is on right labels, all wrong ones are multiplied by
    one factor that makes it MOST_RIGHT.

    Returns:
        float64[n + 2, M]: true label, n = n_drawn(M) drawn wrong ones, given label.
    """
    labels, misgiven = golden.labels, golden.misgiven
    class_weight = np.bincount(labels, golden.weight, minlength=len(class_share))
    stands_for = golden.weight * (class_share / np.maximum(class_weight, 1e-12))[labels]
    p_right = np.minimum(transition[labels, labels], 0.999)

    n = n_drawn(len(labels))
    weight = np.empty((n + 2, len(labels)))
    weight[0] = stands_for * p_right
    wrong = stands_for * (1 - p_right) / (n + misgiven)
    weight[1:-1] = wrong
    weight[-1] = np.where(misgiven, wrong, 0.0)
    share = weight[0].sum() / weight.sum()
    if share > MOST_RIGHT:
        weight[1:] *= share / (1 - share) * (1 - MOST_RIGHT) / MOST_RIGHT
    return weight


def _features(
    context: PairContext,
    golden: Trusted,
    sample: np.ndarray,
    label: np.ndarray,
    estimated: np.ndarray | None,
) -> np.ndarray:
    """Meta-features of golden pairs, out of fold: float32[n, len(NAMES)].

    Args:
        context, golden, estimated: see `golden_rows`.
        sample: int64[n], indices of golden samples.
        label: int64[n], the label that each stands under.
    """
    pairs = (
        golden.similarity[sample],
        golden.scores.log_p[sample],
        label,
        context.head.out_of_fold[sample],
    )
    if estimated is None:
        return context.features(*pairs)
    features = np.empty((len(sample), len(NAMES)), np.float32)
    true, given, fold = golden.pairs
    for left_out in np.unique(golden.fold):
        rows, other = golden.fold[sample] == left_out, fold != left_out
        matrix = corrected(estimated, true[other], given[other])
        features[rows] = replace(context, transition=matrix).features(*(p[rows] for p in pairs))
    return features


def _wrong_labels(
    transition: np.ndarray, labels: np.ndarray, rng: np.random.Generator
) -> np.ndarray:
    """Wrong labels int64[n_drawn(M), M], as the estimated noise would make them, some uniform."""
    k = len(transition)
    wrong = transition.copy()
    wrong[np.diag_indices(k)] = 0
    wrong /= np.maximum(wrong.sum(axis=1, keepdims=True), 1e-12)
    wrong = (1 - UNIFORM_SHARE) * wrong + UNIFORM_SHARE * (1 - np.eye(k)) / (k - 1)
    edges = np.cumsum(wrong, axis=1)[labels]
    drawn = np.empty((n_drawn(len(labels)), len(labels)), np.int64)
    for i in range(len(drawn)):
        u = rng.random((len(labels), 1)) * edges[:, -1:]
        drawn[i] = np.minimum((u >= edges).sum(axis=1), k - 1)
    at_edge = drawn == labels  # by rounding only
    drawn[at_edge] = (drawn[at_edge] + 1) % k
    return drawn

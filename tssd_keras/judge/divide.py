"""PSD, Parallel Sample Division: two streams judge each label; agreement settles it.

Arrays in, arrays out; no Keras. Source: "Robust Noisy Label Learning via
Two-Stream Sample Distillation", arXiv 2404.10499; the loss stream is that of
DivideMix (arXiv 2002.07394), the feature stream follows PSDC (arXiv 2404.01853).
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from scipy.special import expit

from tssd_keras.data.class_labels import class_labels
from tssd_keras.judge.mixture import Mixtures, fit_mixtures
from tssd_keras.judge.roles import FLOOR, NEGATIVE, POSITIVE, SEMI_HARD, UNCERTAIN

EXPECTED_KEPT = 0.5  # of the right labels that are expected of a class: a floor


@dataclass(frozen=True)
class Division:
    """Both streams' judgement of N samples.

    Attributes:
        p_loss: float64[N], the loss stream's probability that the label is clean.
        p_feature: float64[N], the feature stream's.
        role: int8[N], an index into `roles.ROLES`: positive, negative or uncertain.
        loss_mixture: of the losses of all samples, one group.
        feature_mixture: of the similarities, one group a class; None where the place in feature
            space is told by log-odds.
        loss_abstains: whether the losses are unimodal, or that stream left out.
        feature_abstains: bool[K], the classes whose similarities are, or whose neighbours say
            nothing; all without that stream.
    """

    p_loss: np.ndarray
    p_feature: np.ndarray
    role: np.ndarray
    loss_mixture: Mixtures
    feature_mixture: Mixtures | None
    loss_abstains: bool
    feature_abstains: np.ndarray

    @property
    def speaks(self) -> bool:
        """Whether any stream says anything of any class."""
        return not (self.loss_abstains and self.feature_abstains.all())

    def mean_of_streams(self, labels: np.ndarray) -> np.ndarray:
        """float64[N]: mean probability by the streams that do not abstain, NaN where both do.

        Args:
            labels: int64[N], given.
        """
        says = np.stack([np.full(len(labels), not self.loss_abstains), self.of_features(labels)])
        total = np.where(says, np.stack([self.p_loss, self.p_feature]), 0.0).sum(axis=0)
        count = says.sum(axis=0)
        return np.where(count > 0, total / np.maximum(count, 1), np.nan)

    def of_features(self, labels: np.ndarray) -> np.ndarray:
        """bool[N]: of which labels the feature stream says something."""
        return ~self.feature_abstains[labels]

    def silenced(self) -> Division:
        """The same scores, and nobody is judged by them."""
        return replace(
            self,
            p_loss=np.full_like(self.p_loss, 0.5),
            p_feature=np.full_like(self.p_feature, 0.5),
            role=np.full_like(self.role, UNCERTAIN),
            loss_abstains=True,
            feature_abstains=np.ones_like(self.feature_abstains),
        )


def divide(
    loss: np.ndarray,
    similarity: np.ndarray,
    labels: np.ndarray,
    n_classes: int,
    *,
    threshold: float = 0.5,
    streams: tuple[str, ...] = ("loss", "feature"),
    silent: np.ndarray | None = None,
) -> Division:
    """Divide samples by loss and by place in feature space (PSD).

    Args:
        loss: float[N], cross-entropy of the given label in nats; entry i is
            sample i, measured without augmentation or dropout.
        similarity: float[N], mean cosine similarity to the given class, or log-odds of the
            given label among the neighbours' labels.
        labels: int[N] in 0..n_classes-1, given.
        n_classes: K.
        threshold: a stream is certain of a clean label above this probability,
            and of a wrong one up to 1 - threshold; in [0.5, 1).
        streams: which streams judge; one left out abstains.
        silent: bool[K], where `similarity` is log-odds: the classes of which they say nothing.
            None: it is a similarity, with a mixture of two Gaussians a class.

    Returns:
        Division. A stream whose scores are unimodal abstains (the loss stream as a
        whole, the feature stream class by class), with probability 0.5, and the
        other decides alone; where both abstain the sample is uncertain.

    Raises:
        ValueError: arrays of different length, a label out of range, or a loss
            or similarity that is not finite.
    """
    loss, similarity = np.asarray(loss, np.float64), np.asarray(similarity, np.float64)
    labels = class_labels("labels", labels, n_classes=n_classes)
    if not len(loss) == len(similarity) == len(labels):
        raise ValueError(
            "loss, similarity and labels must have one entry a sample, got "
            f"{len(loss)}, {len(similarity)} and {len(labels)}."
        )
    for name, values in (("loss", loss), ("similarity", similarity)):
        check_finite(name, values)
    whole = np.zeros(len(loss), np.int64)
    loss_mixture = fit_mixtures(loss, whole, 1)
    feature_mixture = fit_mixtures(similarity, labels, n_classes) if silent is None else None
    loss_abstains = "loss" not in streams or not bool(loss_mixture.bimodal[0])
    feature_abstains = np.array(silent) if feature_mixture is None else ~feature_mixture.bimodal
    if "feature" not in streams:
        feature_abstains[:] = True
    p_loss = loss_mixture.p_low(loss, whole)
    p_feature = feature_posterior(feature_mixture, similarity, labels)
    loss_says, feature_says = np.full(len(loss), not loss_abstains), ~feature_abstains[labels]
    p_loss[~loss_says] = 0.5
    p_feature[~feature_says] = 0.5
    role = _roles(p_loss, p_feature, loss_says, feature_says, threshold)
    return Division(
        p_loss, p_feature, role, loss_mixture, feature_mixture, loss_abstains, feature_abstains
    )


def feature_posterior(
    mixture: Mixtures | None, similarity: np.ndarray, labels: np.ndarray
) -> np.ndarray:
    """The feature stream's probability that labels are right, float64[n], abstentions aside."""
    if mixture is None:
        return expit(np.asarray(similarity, np.float64))
    return 1 - mixture.p_low(similarity, labels)


def _roles(
    p_loss: np.ndarray,
    p_feature: np.ndarray,
    loss_says: np.ndarray,
    feature_says: np.ndarray,
    threshold: float,
) -> np.ndarray:
    """Roles int8[N] by both streams' probabilities, bool[N] telling where each says something.

    Positive: both are certain that the label is clean. Negative: both are certain that it
    is wrong. Uncertain: they differ, one of them is not certain, or none says anything.
    """
    by_loss = np.where(loss_says, p_loss, p_feature)
    by_feature = np.where(feature_says, p_feature, p_loss)
    role = np.full(len(p_loss), UNCERTAIN, np.int8)
    role[(by_loss > threshold) & (by_feature > threshold)] = POSITIVE
    role[(by_loss <= 1 - threshold) & (by_feature <= 1 - threshold)] = NEGATIVE
    role[~loss_says & ~feature_says] = UNCERTAIN
    return role


def rank_in_class(
    posterior: np.ndarray, raw: np.ndarray, labels: np.ndarray, n_classes: int
) -> np.ndarray:
    """Rank within the given class by posterior, raw scores breaking its ties.

    Args:
        posterior: float[N], monotone in raw within a class.
        raw: float[N], larger is cleaner.
        labels: int[N], given.
        n_classes: K.

    Returns:
        int64[N], 0 for the cleanest of its class.
    """
    order = np.lexsort((-raw, -posterior, labels))
    count = np.bincount(labels, minlength=n_classes)
    start = np.cumsum(count) - count
    rank = np.empty(len(labels), np.int64)
    rank[order] = np.arange(len(labels)) - start[labels[order]]
    return rank


def apply_floor(
    role: np.ndarray,
    division: Division,
    loss: np.ndarray,
    similarity: np.ndarray,
    labels: np.ndarray,
    n_classes: int,
    *,
    floor_count: int = 10,
    floor_share: float = 0.02,
    expected: np.ndarray | None = None,
) -> np.ndarray:
    """Give each class its best few samples, so that no class dies out.

    Args:
        role: int8[N], roles before the floor; positive and semi-hard are kept.
        division: both streams' probabilities.
        loss, similarity: float[N], raw scores, to break ties.
        labels: int[N], given.
        n_classes: K.
        floor_count: at most so many of a class...
        floor_share: ...and at most this share of it, rounded up; or, if that is more,
        expected: float[K], half as many as right labels of the class are expected.

    Returns:
        int8[N]: the best of each class by the mean of their two ranks get the role
        "floor", unless they were kept already.
    """
    mean_rank = rank_in_class(division.p_loss, -np.asarray(loss), labels, n_classes) + (
        rank_in_class(division.p_feature, np.asarray(similarity), labels, n_classes)
    )
    best = rank_in_class(-mean_rank.astype(np.float64), -np.asarray(loss), labels, n_classes)
    count = np.bincount(labels, minlength=n_classes)
    floor = np.minimum(floor_count, np.ceil(floor_share * count)).astype(np.int64)
    if expected is not None:
        floor = np.minimum(np.maximum(floor, least_kept(expected)), count)
    kept = (role == POSITIVE) | (role == SEMI_HARD)
    out = role.copy()
    out[(best < floor[labels]) & ~kept] = FLOOR
    return out


def least_kept(expected: np.ndarray) -> np.ndarray:
    """int64[K]: how many a class must keep, where so many right labels of it are expected."""
    return np.ceil(EXPECTED_KEPT * np.asarray(expected)).astype(np.int64)


def classes_short(role: np.ndarray, labels: np.ndarray, expected: np.ndarray) -> np.ndarray:
    """The classes that keep fewer than `least_kept` under int8[N] roles, before the floor."""
    kept = (role == POSITIVE) | (role == SEMI_HARD)
    n_kept = np.bincount(labels[kept], minlength=len(expected))
    return np.flatnonzero(n_kept < least_kept(expected))


def check_finite(name: str, values: np.ndarray) -> None:
    """Raise ValueError unless all scores of samples are finite."""
    infinite = np.flatnonzero(~np.isfinite(values))
    if len(infinite):
        raise ValueError(
            f"{name} must be finite: {len(infinite)} of {len(values)} values are not, the first "
            f"at sample {infinite[0]}. Try a lower train.learning_rate."
        )

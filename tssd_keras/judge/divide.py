"""PSD, Parallel Sample Division: two streams judge each label, and where they agree it is settled.

Arrays in, arrays out; no Keras. Source: "Robust Noisy Label Learning via
Two-Stream Sample Distillation", arXiv 2404.10499; the loss stream is that of
DivideMix (arXiv 2002.07394), the feature stream follows PSDC (arXiv 2404.01853).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import sparse

from tssd_keras.data.class_labels import class_labels
from tssd_keras.judge.mixture import Mixtures, fit_mixtures

# The last is not this module's to give: a person has decided, and no round judges the sample.
ROLES = ("positive", "negative", "uncertain", "semi-hard", "floor", "decided")
POSITIVE, NEGATIVE, UNCERTAIN, SEMI_HARD, FLOOR, DECIDED = range(len(ROLES))


@dataclass(frozen=True)
class Division:
    """What the two streams say of N samples.

    Attributes:
        p_loss: float64[N], the loss stream's probability that the label is clean.
        p_feature: float64[N], the feature stream's.
        role: int8[N], an index into `ROLES`: positive, negative or uncertain.
        loss_mixture: of the losses of all samples, one group.
        feature_mixture: of the similarities, one group a class.
        loss_abstains: whether the losses form one heap.
        feature_abstains: bool[K], the classes whose similarities form one heap.
    """

    p_loss: np.ndarray
    p_feature: np.ndarray
    role: np.ndarray
    loss_mixture: Mixtures
    feature_mixture: Mixtures
    loss_abstains: bool
    feature_abstains: np.ndarray


def unit_rows(features: np.ndarray) -> np.ndarray:
    """Rows scaled to length 1 (a row of zeros stays), in the same dtype: float[N, d]."""
    norm = np.linalg.norm(features.astype(np.float32), axis=1, keepdims=True)
    return (features / np.maximum(norm, 1e-12)).astype(features.dtype)


def class_means(
    features: np.ndarray, labels: np.ndarray, n_classes: int, *, block: int = 1024
) -> np.ndarray:
    """Mean of the unit feature rows of each given class, read block by block.

    Args:
        features: float[N, d], rows of length 1; may be memory-mapped.
        labels: int[N], given.
        n_classes: K.
        block: rows held at once as float32; so many stay in a core's cache.

    Returns:
        float32[K, d]; zeros for a class without samples.
    """
    total = np.zeros((n_classes, features.shape[1]))
    for start in range(0, len(labels), block):
        rows = np.asarray(features[start : start + block], np.float32)
        own = labels[start : start + block]
        member = sparse.csr_array(
            (np.ones(len(own), np.float32), (own, np.arange(len(own)))), (n_classes, len(own))
        )
        total += member @ rows
    count = np.bincount(labels, minlength=n_classes)
    return (total / np.maximum(count, 1)[:, None]).astype(np.float32)


def own_class_similarity(
    features: np.ndarray, labels: np.ndarray, means: np.ndarray, *, block: int = 1024
) -> np.ndarray:
    """Mean cosine similarity of each sample to its given class, itself included.

    The rows have length 1, so the mean over the class of their inner products
    is the inner product with the class's mean: exact, in O(N d), and no N x N
    matrix is built.

    Args:
        features: float[N, d], rows of length 1.
        labels: int[N], given.
        means: float32[K, d], from `class_means`.
        block: rows held at once as float32; so many stay in a core's cache.

    Returns:
        float32[N].
    """
    similarity = np.empty(len(labels), np.float32)
    for start in range(0, len(labels), block):
        rows = slice(start, start + block)
        similarity[rows] = np.einsum(
            "nd,nd->n", np.asarray(features[rows], np.float32), means[labels[rows]]
        )
    return similarity


def divide(
    loss: np.ndarray,
    similarity: np.ndarray,
    labels: np.ndarray,
    n_classes: int,
    *,
    threshold: float = 0.5,
    streams: tuple[str, ...] = ("loss", "feature"),
) -> Division:
    """Divide samples by loss and by place in feature space (PSD).

    Args:
        loss: float[N], cross-entropy of the given label in nats; entry i is
            sample i, measured without augmentation or dropout.
        similarity: float[N], mean cosine similarity to the given class.
        labels: int[N] in 0..n_classes-1, given.
        n_classes: K.
        threshold: a stream is certain of a clean label above this probability,
            and of a wrong one up to 1 - threshold; in [0.5, 1).
        streams: which streams judge; one left out abstains.

    Returns:
        Division: positive where both streams are certain that the label is
        clean, negative where both are certain that it is wrong, uncertain
        elsewhere: where they differ and, above 0.5, where one is not certain.
        A stream whose scores
        form one heap abstains (the loss stream as a whole, the feature stream
        class by class) and the other decides alone; where both abstain the
        sample is uncertain, with both probabilities 0.5.

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
        _check_finite(name, values)
    whole = np.zeros(len(loss), np.int64)
    loss_mixture = fit_mixtures(loss, whole, 1)
    feature_mixture = fit_mixtures(similarity, labels, n_classes)
    loss_abstains = "loss" not in streams or not bool(loss_mixture.bimodal[0])
    feature_abstains = ~feature_mixture.bimodal
    if "feature" not in streams:
        feature_abstains[:] = True

    p_loss = loss_mixture.p_low(loss, whole)
    p_feature = 1 - feature_mixture.p_low(similarity, labels)
    loss_says = np.full(len(loss), not loss_abstains)
    feature_says = ~feature_abstains[labels]
    p_loss[~loss_says] = 0.5
    p_feature[~feature_says] = 0.5

    by_loss = np.where(loss_says, p_loss, p_feature)
    by_feature = np.where(feature_says, p_feature, p_loss)
    role = np.full(len(loss), UNCERTAIN, np.int8)
    role[(by_loss > threshold) & (by_feature > threshold)] = POSITIVE
    role[(by_loss <= 1 - threshold) & (by_feature <= 1 - threshold)] = NEGATIVE
    role[~loss_says & ~feature_says] = UNCERTAIN
    return Division(
        p_loss, p_feature, role, loss_mixture, feature_mixture, loss_abstains, feature_abstains
    )


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
    first = np.cumsum(count) - count
    rank = np.empty(len(labels), np.int64)
    rank[order] = np.arange(len(labels)) - first[labels[order]]
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
) -> np.ndarray:
    """Give each class its best few samples, so that no class dies out.

    Args:
        role: int8[N], roles before the floor; positive and semi-hard are kept.
        division: both streams' probabilities.
        loss, similarity: float[N], raw scores, to break ties.
        labels: int[N], given.
        n_classes: K.
        floor_count: at most so many of a class...
        floor_share: ...and at most this share of it, rounded up.

    Returns:
        int8[N]: the best of each class by the mean of its two ranks, where they
        were not kept already, get the role "floor".
    """
    mean_rank = rank_in_class(division.p_loss, -np.asarray(loss), labels, n_classes) + (
        rank_in_class(division.p_feature, np.asarray(similarity), labels, n_classes)
    )
    best = rank_in_class(-mean_rank.astype(np.float64), -np.asarray(loss), labels, n_classes)
    count = np.bincount(labels, minlength=n_classes)
    floor = np.minimum(floor_count, np.ceil(floor_share * count)).astype(np.int64)
    kept = (role == POSITIVE) | (role == SEMI_HARD)
    out = role.copy()
    out[(best < floor[labels]) & ~kept] = FLOOR
    return out


def _check_finite(name: str, values: np.ndarray) -> None:
    bad = np.flatnonzero(~np.isfinite(values))
    if len(bad):
        raise ValueError(
            f"{name} must be finite: {len(bad)} of {len(values)} values are not, the first at "
            f"sample {bad[0]}. Try a lower train.learning_rate."
        )

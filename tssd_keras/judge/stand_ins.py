"""Golden source "certain": the division's certain samples stand in for golden ones."""

from __future__ import annotations

import numpy as np

from tssd_keras.data.stratify import shuffled_by_class
from tssd_keras.judge.divide import Division
from tssd_keras.judge.golden_head import assign_folds
from tssd_keras.judge.meta_features import PairContext
from tssd_keras.judge.meta_rows import TrainingRows, Trusted
from tssd_keras.judge.place import Place
from tssd_keras.judge.roles import NEGATIVE, POSITIVE
from tssd_keras.judge.scores import Scores

CERTAIN_PER_CLASS = 50  # stand-ins a class, where no golden samples are at hand


def stand_ins(
    scores: Scores,
    given: np.ndarray,
    place: Place,
    division: Division,
    n_classes: int,
    n_folds: int,
    rng: np.random.Generator,
) -> tuple[Trusted, np.ndarray] | None:
    """Certain positives in place of golden samples, and as many certain negatives.

    Args:
        scores, given, place, division: of the N samples.
        n_classes: K.
        n_folds: F.
        rng: chooses among them.

    Returns:
        The positives, CERTAIN_PER_CLASS of each class (a class with fewer gives
        some twice), and int64[CERTAIN_PER_CLASS * K], the indices of the
        negatives. None where a class has fewer than 2 F positives, or all
        classes together fewer than 2 F negatives.
    """
    positive = np.flatnonzero(division.role == POSITIVE)
    negative = np.flatnonzero(division.role == NEGATIVE)
    count = np.bincount(given[positive], minlength=n_classes)
    if count.min() < 2 * n_folds or len(negative) < 2 * n_folds:
        return None
    order = positive[shuffled_by_class(given[positive], rng)]
    start = np.cumsum(count) - count
    pick = np.arange(CERTAIN_PER_CLASS)[None] % count[:, None]
    chosen = order[(start[:, None] + pick).ravel()]
    # A sample that is picked twice stays in one fold, so that it is never judged by itself.
    unique, inverse = np.unique(chosen, return_inverse=True)
    fold = assign_folds(given[unique], n_folds, seed=int(rng.integers(2**31)))[inverse]
    rejected = np.sort(rng.choice(negative, CERTAIN_PER_CLASS * n_classes, replace=True))
    similarity = place.similarity(chosen)
    labels = given[chosen]
    return Trusted(scores.take(chosen), labels, labels, fold, similarity=similarity), rejected


def certain_rows(
    context: PairContext,
    positives: Trusted,
    scores: Scores,
    given: np.ndarray,
    rejected: np.ndarray,
) -> TrainingRows:
    """Certain positives and negatives, each under its given label.

    Args:
        context: of the round.
        positives: from `stand_ins`.
        scores, given: of the N samples.
        rejected: int64[n], indices of the negatives, from `stand_ins`.

    Returns:
        TrainingRows, all of one weight.
    """
    right = context.features(
        positives.similarity,
        positives.scores.log_p,
        positives.labels,
        context.head.out_of_fold,
    )
    negatives = scores.take(rejected)
    similarity = context.place.similarity(rejected)
    pooled = context.place.class_log_p(similarity, negatives.log_p)
    head_log_p = context.head.log_p(negatives.features, pooled)
    wrong = context.features(similarity, negatives.log_p, given[rejected], head_log_p)
    n_folds = int(positives.fold.max()) + 1
    return TrainingRows(
        np.concatenate([right, wrong]),
        np.arange(len(right) + len(wrong)) < len(right),
        np.ones(len(right) + len(wrong)),
        np.concatenate([positives.fold, rejected % n_folds]),
    )

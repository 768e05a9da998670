"""`tssd_keras.audit`: labels judged by the outputs of any model, in the streams of training.

Without golden labels nothing here loads Keras.
"""

from __future__ import annotations

import csv
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from tssd_keras.auditing.outputs_check import log_probabilities, unit_features
from tssd_keras.data.class_labels import class_labels
from tssd_keras.judge.divide import ROLES, Division, class_means, own_class_similarity
from tssd_keras.judge.divide import divide as divide_streams
from tssd_keras.judge.golden_head import assign_folds
from tssd_keras.labels.golden import check_golden_labels
from tssd_keras.recipe.checks import as_settings
from tssd_keras.recipe.recipe import DivideRecipe, PurifyRecipe

GOLDEN = "golden"
BY_HEART = 0.99  # share of labels that no honest model's predictions agree with, wrong ones and all


@dataclass(frozen=True, kw_only=True, eq=False)
class LabelAudit:
    """What is said of N labels.

    Attributes:
        given: int64[N].
        score: float64[N], probability that the label is right: q with golden labels,
            else the mean of the streams that say something. NaN where nobody says
            anything, and of golden samples.
        q: float64[N], the meta classifier's; NaN without golden labels.
        p_loss, p_feature: float64[N], both streams' probability; 0.5 where one
            abstains, NaN of golden samples.
        role: object[N] of str: positive (the label is taken to be right), negative
            (wrong), uncertain, semi-hard (uncertain, but right as q has it), golden.
        suggested: int64[N], the most probable class.
        confidence: float64[N], its probability.
        order: int64[n], the samples that are not golden, the most suspect first.
        loss_abstains: whether the losses form one heap, so that they tell nothing.
        feature_abstains: bool[K], the same of each class's features; all without features.
        notes: what a person should know, a line each.
    """

    given: np.ndarray
    score: np.ndarray
    q: np.ndarray
    p_loss: np.ndarray
    p_feature: np.ndarray
    role: np.ndarray
    suggested: np.ndarray
    confidence: np.ndarray
    order: np.ndarray
    loss_abstains: bool
    feature_abstains: np.ndarray
    notes: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.given)

    @property
    def suspect(self) -> np.ndarray:
        """bool[N]: whose label is no likelier to be right than wrong."""
        return np.nan_to_num(self.score, nan=1.0) <= 0.5

    def write_csv(self, path: str | Path, class_names: tuple[str, ...] | None = None) -> None:
        """Write one row a sample; `rank` counts from 1, the most suspect."""
        rank = np.zeros(len(self), np.int64)
        rank[self.order] = np.arange(1, len(self.order) + 1)

        def named(label: int) -> object:
            return int(label) if class_names is None else class_names[label]

        with open(path, "w", newline="", encoding="utf-8") as file:
            writer = csv.writer(file)
            numbers = ("score", "q", "p_loss", "p_feature", "confidence")
            writer.writerow(("index", "given", "suggested", "role", *numbers, "rank"))
            for i in range(len(self)):
                values = [float(getattr(self, name)[i]) for name in numbers]
                cells = ["" if np.isnan(v) else f"{v:.6g}" for v in values]
                labels = (named(self.given[i]), named(self.suggested[i]))
                writer.writerow((i, *labels, self.role[i], *cells, rank[i] or ""))


def audit(
    predictions: np.ndarray,
    labels: np.ndarray,
    features: np.ndarray | None = None,
    golden: np.ndarray | None = None,
    *,
    from_logits: bool = False,
    divide: DivideRecipe | None = None,
    purify: PurifyRecipe | None = None,
) -> LabelAudit:
    """Say which labels are wrong, from what any model says of the samples.

    The predictions must be out-of-sample: of a model that was not trained on the
    sample (cross-validation, or a held-out split). A model agrees with labels that it has
    seen, wrong ones too: the losses then form one heap, that stream abstains,
    and the wrong labels that were learned are missed. The features may be of a model that saw
    none of the labels at all, for instance a pretrained one.

    Args:
        predictions: float[N, K], probabilities, or logits with `from_logits`.
        labels: int[N] in 0..K-1, given, possibly wrong.
        features: float[N, d] of the same or of another model. None: the feature stream
            abstains.
        golden: int[N], the true label where somebody knows it, -1 elsewhere; at
            least two of each class, chosen at random. None: no purification, and
            no Keras.
        from_logits: whether the predictions are logits.
        divide: threshold and streams; what is about rounds has no effect.
        purify: settings of the purification.

    Returns:
        LabelAudit. Arrays may be memory-mapped; they are read in blocks.

    Raises:
        ValueError, TypeError: an argument does not fit, see its message.
    """
    settings = as_settings("divide", divide, DivideRecipe)
    purify_settings = as_settings("purify", purify, PurifyRecipe)
    log_p = log_probabilities(predictions, from_logits=from_logits)
    n, k = log_p.shape
    why = f"as predictions have {k} columns"
    given = class_labels("labels", labels, n=n, n_classes=k, why=why)
    known = np.full(n, -1)
    if golden is not None:
        known = class_labels(
            "golden", golden, n=n, n_classes=k, why=why, minus_one="where nobody knows"
        )
        check_golden_labels(known[known >= 0], k, remedy="Add some, or leave golden out.")
    rows = np.flatnonzero(known < 0)
    if not len(rows):
        raise ValueError("some labels must be judged: all are golden. Put -1 where nobody knows.")

    unit = np.zeros((n, 1), np.float16) if features is None else unit_features(features, n)
    loss = -log_p[np.arange(n), given]
    own, own_unit = given[rows], unit[rows] if len(rows) < n else unit
    means = class_means(own_unit, own, k)
    similarity = own_class_similarity(own_unit, own, means)
    streams = tuple(name for name in settings.streams if name == "loss" or features is not None)
    if not streams:
        raise ValueError('divide.streams is ("feature",), so features must be given, got None.')
    division = divide_streams(
        loss[rows], similarity, own, k, threshold=settings.threshold, streams=streams
    )
    role, q = division.role, np.full(len(rows), np.nan)
    suggested, confidence = log_p.argmax(axis=1), np.exp(log_p.max(axis=1).astype(np.float64))
    if golden is not None:
        found = _purified(log_p, unit, loss, given, known, rows, means, division, purify_settings)
        role, q = found.role, found.q.astype(np.float64)
        suggested[rows], confidence[rows] = found.suggested, found.confidence
        suggested = np.where(known >= 0, known, suggested)
        confidence[known >= 0] = 1.0
    score = np.where(np.isnan(q), _mean_of_streams(division, own), q)
    margin = _margin(log_p[rows], own)
    order = rows[np.lexsort((margin, np.nan_to_num(score, nan=0.5)))]

    def everywhere(values: np.ndarray) -> np.ndarray:
        out = np.full(n, np.nan)
        out[rows] = values
        return out

    names = np.full(n, GOLDEN, object)
    names[rows] = [ROLES[r] for r in role]
    return LabelAudit(
        given=given,
        score=everywhere(score),
        q=everywhere(q),
        p_loss=everywhere(division.p_loss),
        p_feature=everywhere(division.p_feature),
        role=names,
        suggested=suggested,
        confidence=confidence,
        order=order,
        loss_abstains=division.loss_abstains,
        feature_abstains=division.feature_abstains,
        notes=tuple(_notes(division, features is not None, log_p.argmax(axis=1) == given)),
    )


def _purified(log_p, unit, loss, given, known, rows, means, division, settings):
    """What MSP makes of the division; see `purify.Purification`."""
    from tssd_keras.judge.meta_rows import Trusted  # loads Keras
    from tssd_keras.judge.purify import Purifier
    from tssd_keras.judge.scores import Scores

    half = log_p.astype(np.float16)
    trusted = np.flatnonzero(known >= 0)
    labels = known[trusted]
    golden = Trusted(
        Scores(-log_p[trusted, labels], unit[trusted], half[trusted]),
        labels,
        given[trusted],
        assign_folds(labels, settings.folds, seed=settings.seed),
    )
    purifier = Purifier("trusted", log_p.shape[1], settings)
    scores = Scores(loss[rows], unit[rows], half[rows])
    return purifier.purify(scores, given[rows], means, division, golden=golden)


def _mean_of_streams(division: Division, labels: np.ndarray) -> np.ndarray:
    """float64[n]: mean of the posteriors of the streams that say something, NaN where none does."""
    says = np.stack(
        [np.full(len(labels), not division.loss_abstains), ~division.feature_abstains[labels]]
    )
    total = np.where(says, np.stack([division.p_loss, division.p_feature]), 0.0).sum(axis=0)
    count = says.sum(axis=0)
    return np.where(count > 0, total / np.maximum(count, 1), np.nan)


def _margin(log_p: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """float32[n]: log-probability of the label less that of the best other class; breaks ties."""
    at = np.arange(len(labels))
    own = log_p[at, labels]
    log_p[at, labels] = -np.inf
    return own - log_p.max(axis=1)


def _notes(division: Division, has_features: bool, agree: np.ndarray):
    if agree.mean() > BY_HEART:
        yield (
            f"the predictions agree with {agree.mean():.2%} of the labels, as those of a model do "
            "that has learned these very labels: wrong ones that it learned cannot be found. Use "
            "predictions for samples that the model was not trained on (cross-validation)"
        )
    if division.loss_abstains:
        yield "the loss stream abstains: the losses form one heap, not two"
    n, k = int(division.feature_abstains.sum()), len(division.feature_abstains)
    if not has_features:
        yield "the feature stream abstains: no features were given"
    elif n:
        yield f"the feature stream abstains in {n} of {k} classes: their similarities form one heap"

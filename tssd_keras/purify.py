"""MSP, Meta Sample Purification: is this given label right?

A meta classifier learns from trusted pairs and settles what the two streams
leave open. Source: "Robust Noisy Label Learning via Two-Stream Sample
Distillation", arXiv 2404.10499; the choices that its abstract leaves open are
explained in docs/method.md.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field

import numpy as np

from tssd_keras import calibrate, meta_features, transition
from tssd_keras.divide import NEGATIVE, POSITIVE, SEMI_HARD, UNCERTAIN, Division
from tssd_keras.golden_head import assign_folds, fit_golden_head
from tssd_keras.meta_features import Judge
from tssd_keras.models.meta_classifier import MetaClassifier
from tssd_keras.recipe import PurifyRecipe
from tssd_keras.score import Scores

REACHES = ("auto", "uncertain", "all")
DRAWS = 6  # wrong labels drawn for a golden sample
UNIFORM_SHARE = 0.1  # of these draws; the rest follow the estimated transition matrix
CERTAIN_PER_CLASS = 50  # stand-ins a class, where no golden samples are at hand
BLOCK = 8192


@dataclass(frozen=True)
class Purification:
    """What MSP says of N samples.

    Attributes:
        q: float32[N], probability that the given label is right.
        role: int8[N], the division's roles with the uncertain settled: semi-hard
            where q exceeds the criterion; under reach "all" a positive whose q
            does not is uncertain.
        suggested: int64[N], the most probable true class.
        confidence: float32[N], its probability.
        record: plain figures of the round, for its row in the record.
    """

    q: np.ndarray
    role: np.ndarray
    suggested: np.ndarray
    confidence: np.ndarray
    record: dict[str, object] = field(default_factory=dict)


@dataclass(frozen=True)
class TrainingRows:
    """Pairs the meta classifier learns from: n rows, weight 0 where a row is padding."""

    features: np.ndarray
    right: np.ndarray
    weight: np.ndarray
    fold: np.ndarray

    @property
    def share(self) -> float:
        """Share of right labels, by weight."""
        return float(self.weight[self.right].sum() / self.weight.sum())


class Purifier:
    """MSP with its warm-started meta classifier.

    Args:
        source: "trusted", or "certain" where the division's own certain samples
            stand in for golden ones.
        n_classes: K.
        settings: see `recipe.PurifyRecipe`. Reach "uncertain" settles uncertain
            samples only; "all" can also take back a positive; "auto" takes
            "all" where, on out-of-fold golden rows, q ranks labels better than
            the streams do.
    """

    def __init__(self, source: str, n_classes: int, settings: PurifyRecipe) -> None:
        self.source = source
        self.n_classes = n_classes
        self.settings = settings
        names = meta_features.NAMES if source == "trusted" else meta_features.INDEPENDENT
        self._columns = [meta_features.NAMES.index(name) for name in names]
        self._names = names
        self._classifier = MetaClassifier(len(names), settings.folds, seed=settings.seed)
        self._past: deque[np.ndarray] = deque(maxlen=settings.history)

    def purify(
        self,
        scores: Scores,
        given: np.ndarray,
        means: np.ndarray,
        division: Division,
        *,
        golden_scores: Scores | None = None,
        golden_labels: np.ndarray | None = None,
        golden_given: np.ndarray | None = None,
        round_index: int = 0,
    ) -> Purification | None:
        """Judge every sample of the noisy stream.

        Args:
            scores: of the N samples.
            given: int64[N], their given labels.
            means: float32[K, d], of unit features, by given class.
            division: of the same round.
            golden_scores: of the M golden samples, for source "trusted".
            golden_labels: int64[M], trusted.
            golden_given: int64[M], the labels the noisy stream had, -1 unknown.
            round_index: counts the rounds; part of the draws' seed.

        Returns:
            Purification, or None where source is "certain" and the division left
            too few certain samples to learn from.
        """
        rng = np.random.default_rng((self.settings.seed, round_index))
        if self.source == "certain":
            stand_ins = self._stand_ins(scores, given, division, rng)
            if stand_ins is None:
                return None
            golden_scores, golden_labels, negatives = stand_ins
        else:
            negatives = None
        fold = assign_folds(golden_labels, self.settings.folds, seed=self.settings.seed)
        head = fit_golden_head(
            golden_scores.features, golden_scores.log_p, golden_labels, fold, self.n_classes
        )
        some = np.arange(len(given))
        if len(some) > transition.MAX_SAMPLES:
            some = np.sort(rng.choice(len(some), transition.MAX_SAMPLES, replace=False))
        matrix, class_share = transition.estimate_transition(
            head.log_p(scores.features[some], scores.log_p[some]), given[some], self.n_classes
        )
        judge = Judge(means, division, head, matrix)
        if negatives is None:
            rows = self._golden_rows(
                judge, golden_scores, golden_labels, golden_given, fold, class_share, rng
            )
        else:
            rows = self._certain_rows(
                judge, scores, given, golden_scores, golden_labels, fold, negatives
            )
        self._classifier.fit(rows.features[:, self._columns], rows.right, rows.weight, rows.fold)

        held_out = self._classifier.logits(rows.features[:, self._columns], rows.fold)
        slope, offset = calibrate.fit_platt(held_out, rows.right, rows.weight)
        logit, quantiles = np.empty(len(given), np.float32), []
        suggested = np.empty(len(given), np.int64)
        confidence = np.empty(len(given), np.float32)
        for start in range(0, len(given), BLOCK):
            block = slice(start, start + BLOCK)
            head_log_p = head.log_p(scores.features[block], scores.log_p[block])
            features = judge.features(
                scores.features[block], scores.log_p[block], given[block], head_log_p
            )[:, self._columns]
            logit[block] = slope * self._classifier.logits(features) + offset
            p_true = transition.posterior_true(head_log_p, given[block], matrix)
            suggested[block] = p_true.argmax(axis=1)
            confidence[block] = p_true.max(axis=1)
            quantiles.append(features)
        self._past.append(logit)
        q, clean_share = calibrate.correct_prior(np.mean(self._past, axis=0), rows.share)

        reach = self.settings.reach
        auroc_q, auroc_streams = self._rank_quality(rows, held_out)
        if reach == "auto":
            # Under "certain" the rows were chosen by the streams: they cannot show the streams wrong.
            trusted_better = self.source == "trusted" and auroc_q > auroc_streams
            reach = "all" if trusted_better else "uncertain"
        criterion = self._criterion(q[division.role == UNCERTAIN])
        role = settle(division.role, q, criterion, reach)
        kept = (role == POSITIVE) | (role == SEMI_HARD)
        record = {
            "reach": reach,
            "criterion": criterion,
            "estimated_clean_share": clean_share,
            "network_share": head.network_share,
            "golden_auroc_q": auroc_q if self.source == "trusted" else None,
            "golden_auroc_streams": auroc_streams if self.source == "trusted" else None,
            "shift": self._shift(rows, np.concatenate(quantiles), kept),
        }
        return Purification(q.astype(np.float32), role, suggested, confidence, record)

    def _golden_rows(
        self,
        judge: Judge,
        scores: Scores,
        labels: np.ndarray,
        given: np.ndarray,
        fold: np.ndarray,
        class_share: np.ndarray,
        rng: np.random.Generator,
    ) -> TrainingRows:
        """Each golden sample under its own label, under drawn wrong ones, and under its given one.

        Rows are weighted so that together they stand for the noisy stream: true
        classes by their estimated shares, labels by the estimated transition
        matrix. The number of rows is the same each round.
        """
        m, k = len(labels), self.n_classes
        wrong = judge.transition.copy()
        wrong[np.diag_indices(k)] = 0
        wrong /= np.maximum(wrong.sum(axis=1, keepdims=True), 1e-12)
        wrong = (1 - UNIFORM_SHARE) * wrong + UNIFORM_SHARE * (1 - np.eye(k)) / (k - 1)
        edges = np.cumsum(wrong, axis=1)[labels]
        drawn = (rng.random((DRAWS, m, 1)) * edges[:, -1:] > edges).sum(axis=2)
        drawn = np.minimum(drawn, k - 1)
        drawn[drawn == labels] = (drawn[drawn == labels] + 1) % k  # rounding at an edge
        real = np.where((given >= 0) & (given != labels), given, -1)
        under = np.concatenate([labels[None], drawn, np.maximum(real, 0)[None]])

        count = np.bincount(labels, minlength=k)
        sample_weight = (class_share / np.maximum(count, 1))[labels]
        p_right = judge.transition[labels, labels]
        weight = np.empty((DRAWS + 2, m))
        weight[0] = sample_weight * p_right
        weight[1:-1] = sample_weight * (1 - p_right) / (DRAWS + (real >= 0))
        weight[-1] = np.where(real >= 0, weight[1], 0.0)
        right = np.zeros((DRAWS + 2, m), bool)
        right[0] = True

        repeat = np.tile(np.arange(m), DRAWS + 2)
        features = judge.features(
            scores.features[repeat],
            scores.log_p[repeat],
            under.ravel(),
            judge.head.out_of_fold[repeat],
        )
        weight = weight.ravel() * (weight.size / weight.sum())
        return TrainingRows(features, right.ravel(), weight, np.tile(fold, DRAWS + 2))

    def _stand_ins(
        self, scores: Scores, given: np.ndarray, division: Division, rng: np.random.Generator
    ) -> tuple[Scores, np.ndarray, np.ndarray] | None:
        """Certain positives as golden samples, and as many certain negatives; None if too few."""
        positive = np.flatnonzero(division.role == POSITIVE)
        negative = np.flatnonzero(division.role == NEGATIVE)
        count = np.bincount(given[positive], minlength=self.n_classes)
        if count.min() < 2 * self.settings.folds or len(negative) < 2 * self.settings.folds:
            return None
        order = rng.permutation(positive)
        order = order[np.argsort(given[order], kind="stable")]
        first = np.cumsum(count) - count
        # A class with too few gives some of them twice, so that the number of rows stays.
        pick = np.arange(CERTAIN_PER_CLASS)[None] % count[:, None]
        chosen = np.sort(order[(first[:, None] + pick).ravel()])
        draw = rng.choice(negative, CERTAIN_PER_CLASS * self.n_classes, replace=True)
        return scores.take(chosen), given[chosen], np.sort(draw)

    def _certain_rows(
        self,
        judge: Judge,
        scores: Scores,
        given: np.ndarray,
        positive_scores: Scores,
        positive_labels: np.ndarray,
        fold: np.ndarray,
        negative: np.ndarray,
    ) -> TrainingRows:
        """Certain positives and negatives, each under its given label."""
        positives = judge.features(
            positive_scores.features,
            positive_scores.log_p,
            positive_labels,
            judge.head.out_of_fold,
        )
        rejected = scores.take(negative)
        negatives = judge.features(rejected.features, rejected.log_p, given[negative])
        right = np.arange(len(positives) + len(negatives)) < len(positives)
        negative_fold = np.arange(len(negatives)) % self.settings.folds
        return TrainingRows(
            np.concatenate([positives, negatives]),
            right,
            np.ones(len(right)),
            np.concatenate([fold, negative_fold]),
        )

    def _rank_quality(self, rows: TrainingRows, held_out: np.ndarray) -> tuple[float, float]:
        """AUROC of the out-of-fold scores, and of the lesser stream posterior, on the same rows."""
        from sklearn.metrics import roc_auc_score

        streams = [meta_features.NAMES.index(n) for n in ("p_loss_stream", "p_feature_stream")]
        lesser = rows.features[:, streams].min(axis=1)
        use = rows.weight > 0
        return tuple(
            float(roc_auc_score(rows.right[use], s[use], sample_weight=rows.weight[use]))
            for s in (held_out, lesser)
        )

    def _criterion(self, q: np.ndarray) -> float:
        """The q above which an uncertain label is taken to be right."""
        if not self.settings.target_precision or not len(q):
            return 0.5
        order = np.sort(q)[::-1]
        precision = np.cumsum(order) / np.arange(1, len(order) + 1)
        reached = np.flatnonzero(precision >= self.settings.target_precision)
        return float(order[reached[-1]]) - 1e-9 if len(reached) else 1.0

    def _shift(
        self, rows: TrainingRows, features: np.ndarray, kept: np.ndarray
    ) -> dict[str, list[list[float]]]:
        """Quartiles of each meta-feature on golden positives, beside those on kept samples."""
        if not kept.any():
            return {}
        golden = rows.features[rows.right & (rows.weight > 0)][:, self._columns]
        levels = (0.25, 0.5, 0.75)
        sides = [np.quantile(side, levels, axis=0) for side in (golden, features[kept])]
        return {
            name: [[round(float(v), 4) for v in side[:, i]] for side in sides]
            for i, name in enumerate(self._names)
        }


def settle(role: np.ndarray, q: np.ndarray, criterion: float, reach: str) -> np.ndarray:
    """Settle what the streams left open.

    Args:
        role: int8[N], from the division.
        q: float[N], probability that the given label is right.
        criterion: an uncertain sample is mined above this.
        reach: "uncertain" or "all".

    Returns:
        int8[N]: uncertain samples above the criterion are semi-hard; under reach
        "all" positives that are rather wrong than right (q <= 0.5) are uncertain.
    """
    out = role.copy()
    out[(role == UNCERTAIN) & (q > criterion)] = SEMI_HARD
    if reach == "all":
        out[(role == POSITIVE) & (q <= 0.5)] = UNCERTAIN
    return out

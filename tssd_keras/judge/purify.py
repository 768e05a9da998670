"""MSP, Meta Sample Purification: is this given label right?

A meta classifier learns from trusted pairs and settles what the two streams
leave open. Source: "Robust Noisy Label Learning via Two-Stream Sample
Distillation", arXiv 2404.10499; the choices that its abstract leaves open are
explained in docs/method.md.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import numpy as np

from tssd_keras.judge import calibrate, meta_features
from tssd_keras.judge import noise_matrix as transition
from tssd_keras.judge.class_ranks import class_quantiles
from tssd_keras.judge.divide import Division
from tssd_keras.judge.golden_head import GoldenHead, fit_golden_head
from tssd_keras.judge.history import RecentMean
from tssd_keras.judge.meta_features import Judge
from tssd_keras.judge.meta_rows import TrainingRows, Trusted, golden_rows
from tssd_keras.judge.roles import POSITIVE, SEMI_HARD, UNCERTAIN
from tssd_keras.judge.scores import Scores
from tssd_keras.judge.settle import overrule, settle
from tssd_keras.judge.stand_ins import certain_rows, stand_ins
from tssd_keras.recipe.recipe import PurifyRecipe

if TYPE_CHECKING:
    from tssd_keras.judge.meta_classifier import MetaClassifier

BLOCK = 8192  # samples judged at once
QUARTILES = (0.25, 0.5, 0.75)


@dataclass(frozen=True)
class Purification:
    """What MSP says of N samples.

    Attributes:
        q: float32[N], probability that the given label is right.
        role: int8[N], the division's roles with the uncertain settled; see `settle`.
        suggested: int64[N], the most probable true class.
        confidence: float32[N], its probability.
        transition: float64[K, K], estimated: P(given = column | true = row).
        record: plain figures of the round, for its row in the record.
    """

    q: np.ndarray
    role: np.ndarray
    suggested: np.ndarray
    confidence: np.ndarray
    transition: np.ndarray
    record: dict[str, object] = field(default_factory=dict)


@dataclass(frozen=True)
class _Found:
    """What g, fitted to one set of rows, says.

    Attributes:
        held_out: float32[n], of the rows, out of fold.
        log_odds: float[N], of the samples, calibrated, free of the rows' share of right ones.
        features: float32[N, F], that it read of them.
        suggested: int64[N], the most probable true class; confidence float32[N], its probability.
    """

    held_out: np.ndarray
    log_odds: np.ndarray
    features: np.ndarray
    suggested: np.ndarray
    confidence: np.ndarray


class Purifier:
    """MSP with its warm-started meta classifier.

    Args:
        source: "trusted", or "certain" where the division's own certain samples
            stand in for golden ones.
        n_classes: K.
        settings: see `recipe.PurifyRecipe`. Reach "uncertain" settles uncertain
            samples only; "all" opens what q denies, too (see `overrule`); "auto"
            takes "all" where, on out-of-fold golden rows, q ranks labels better than
            the streams do.
        n_rows: samples of the whole stream, where rounds judge parts of it; by
            default as many as the first round judges.
    """

    PARTS = 4  # of `purify`, as `on_part` counts them

    def __init__(
        self, source: str, n_classes: int, settings: PurifyRecipe, n_rows: int | None = None
    ) -> None:
        self.source = source
        self.n_classes = n_classes
        self.settings = settings
        self.n_rows = n_rows
        self._names = meta_features.NAMES if source == "trusted" else meta_features.INDEPENDENT
        self._columns = [meta_features.NAMES.index(name) for name in self._names]
        self._classifier: MetaClassifier | None = None
        self._past: RecentMean | None = None

    def purify(
        self,
        scores: Scores,
        given: np.ndarray,
        means: np.ndarray,
        division: Division,
        *,
        golden: Trusted | None = None,
        rows: np.ndarray | None = None,
        round_index: int = 0,
        on_part: Callable[[int], None] = lambda n: None,
    ) -> Purification | None:
        """Judge the samples of a round.

        Args:
            scores: of N samples.
            given: int64[N], their given labels.
            means: float32[K, d], of unit features, by given class.
            division: of the same round.
            golden: the golden samples; None under source "certain".
            rows: int64[N], which of the stream's samples these are; by default
                the first N. Log-odds are averaged over the rounds that judged a sample.
            round_index: counts the rounds; part of the draws' seed.
            on_part: called with 1 after each of `PARTS` parts, for a progress bar.

        Returns:
            Purification, or None where source is "certain" and the division left
            too few certain samples to learn from.
        """
        rng = np.random.default_rng((self.settings.seed, round_index))
        rejected = None
        if golden is None:
            certain = stand_ins(scores, given, division, self.n_classes, self.settings.folds, rng)
            if certain is None:
                return None
            golden, rejected = certain
        head = fit_golden_head(
            golden.scores.features,
            golden.scores.log_p,
            golden.labels,
            golden.fold,
            self.n_classes,
            golden.weight,
        )
        n_golden = round(float(golden.weight.sum()))
        on_part(1)
        judge, class_share = self._judge_of(scores, given, means, division, head, rng)
        on_part(1)
        if self._classifier is None:
            from tssd_keras.judge.meta_classifier import MetaClassifier  # loads Keras: not before

            self._classifier = MetaClassifier(
                np.array([meta_features.DIRECTIONS[name] for name in self._names]),
                self.settings.folds,
                n_golden,
                seed=self.settings.seed,
            )
        if rejected is None:
            pairs = golden_rows(judge, golden, class_share, rng)
        else:
            pairs = certain_rows(judge, golden, scores, given, rejected)
        found = self._found(self._classifier, pairs, n_golden, judge, scores, given)
        on_part(1)
        true, label, _ = golden.pairs
        clean_share = calibrate.correct_prior(found.log_odds + pairs.odds, pairs.share)[1]
        weight = class_share[true] / np.bincount(true, minlength=self.n_classes)[true]
        by_pairs = calibrate.contradicts(true == label, weight, clean_share)
        if by_pairs:
            estimated = judge.transition
            judge = replace(judge, transition=transition.corrected(estimated, true, label))
            pairs = golden_rows(judge, golden, class_share, rng, estimated=estimated)
            found = self._found(self._classifier, pairs, n_golden, judge, scores, given)
        on_part(1)
        past = self._averaged(rows, found.log_odds)
        if by_pairs:
            clean_share = float(class_share @ np.diag(judge.transition))
            q = calibrate.sigmoid(past + calibrate.offset_for_share(past, clean_share))
        else:
            q, clean_share = calibrate.correct_prior(past + pairs.odds, pairs.share)

        auroc_q, auroc_streams = _rank_quality(pairs, found.held_out)
        reach = self._reach(auroc_q, auroc_streams)
        role = overrule(division.role, q) if reach == "all" else division.role
        criterion = self._criterion(q[role == UNCERTAIN])
        role = settle(role, q, criterion)
        trusted = self.source == "trusted"  # else the rows are the streams' own choice
        record = {
            "reach": reach,
            "criterion": criterion,
            "estimated_clean_share": clean_share,
            "corrected_by_pairs": by_pairs,
            "network_share": head.network_share,
            "golden_auroc_q": auroc_q if trusted else None,
            "golden_auroc_streams": auroc_streams if trusted else None,
            "shift": self._shift(pairs, found.features, (role == POSITIVE) | (role == SEMI_HARD)),
        }
        return Purification(
            q.astype(np.float32),
            role,
            found.suggested,
            found.confidence,
            judge.transition,
            record,
        )

    def _judge_of(
        self,
        scores: Scores,
        given: np.ndarray,
        means: np.ndarray,
        division: Division,
        head: GoldenHead,
        rng: np.random.Generator,
    ) -> tuple[Judge, np.ndarray]:
        """The round's judge, and the shares of the true classes, learned from some samples."""
        some = np.arange(len(given))
        if len(some) > transition.MAX_SAMPLES:
            some = np.sort(rng.choice(len(some), transition.MAX_SAMPLES, replace=False))
        label, k = given[some], self.n_classes
        log_p = head.log_p(scores.features[some], scores.log_p[some])
        matrix, class_share = transition.estimate_transition(log_p, label, k)
        own = log_p[np.arange(len(some)), label]
        quantiles = [class_quantiles(v, label, k) for v in (scores.loss[some], own)]
        return Judge(means, division, head, matrix, *quantiles), class_share

    def _averaged(self, rows: np.ndarray | None, log_odds: np.ndarray) -> np.ndarray:
        """float32[N]: the samples' log-odds, averaged over the last rounds that judged them."""
        rows = np.arange(len(log_odds)) if rows is None else rows
        if self._past is None:
            self._past = RecentMean(self.n_rows or len(log_odds), self.settings.history)
        self._past.update(rows, log_odds)
        return self._past.mean(rows)

    def _found(
        self,
        classifier: MetaClassifier,
        pairs: TrainingRows,
        n_golden: int,
        judge: Judge,
        scores: Scores,
        given: np.ndarray,
    ) -> _Found:
        """Fit g to the rows, calibrate it, and ask it of the samples."""
        own = pairs.features[:, self._columns]
        classifier.fit(own, pairs.right, pairs.weight, pairs.fold)
        held_out = classifier.logits(own, pairs.fold)  # each by the member that has not seen it
        slope, offset = calibrate.fit_platt(held_out, pairs.right, pairs.weight, n_golden)
        logit, features, suggested, confidence = self._judge(classifier, judge, scores, given)
        # Rounds differ in the share of right rows, so what is averaged must be free of it.
        return _Found(
            held_out, slope * logit + offset - pairs.odds, features, suggested, confidence
        )

    def _judge(
        self, classifier: MetaClassifier, judge: Judge, scores: Scores, given: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
        """g's log-odds, the meta-features it read, suggested classes and their probability."""
        n = len(given)
        logit, confidence = np.empty(n, np.float32), np.empty(n, np.float32)
        features = np.empty((n, len(self._columns)), np.float32)
        suggested = np.empty(n, np.int64)
        for start in range(0, n, BLOCK):
            block = slice(start, start + BLOCK)
            unit, log_p = scores.features[block], scores.log_p[block]
            head_log_p = judge.head.log_p(unit, log_p)
            features[block] = judge.features(unit, log_p, given[block], head_log_p)[
                :, self._columns
            ]
            logit[block] = classifier.logits(features[block])
            p_true = transition.posterior_true(head_log_p, given[block], judge.transition)
            suggested[block], confidence[block] = p_true.argmax(axis=1), p_true.max(axis=1)
        return logit, features, suggested, confidence

    def _reach(self, auroc_q: float, auroc_streams: float) -> str:
        if self.settings.reach != "auto":
            return self.settings.reach
        # Under "certain" the streams chose the rows, which so cannot show the streams wrong.
        better = self.source == "trusted" and auroc_q > auroc_streams
        return "all" if better else "uncertain"

    def _criterion(self, q: np.ndarray) -> float:
        """The q above which an uncertain label is taken to be right."""
        if not self.settings.target_precision or not len(q):
            return 0.5
        order = np.sort(q)[::-1]
        precision = np.cumsum(order) / np.arange(1, len(order) + 1)
        reached = np.flatnonzero(precision >= self.settings.target_precision)
        return max(0.5, float(order[reached[-1]]) - 1e-9) if len(reached) else 1.0

    def _shift(
        self, rows: TrainingRows, features: np.ndarray, kept: np.ndarray
    ) -> dict[str, list[list[float]]]:
        """Quartiles of each meta-feature on golden positives, beside those on kept samples."""
        if not kept.any():
            return {}
        golden = rows.features[rows.right & (rows.weight > 0)][:, self._columns]
        sides = [np.quantile(side, QUARTILES, axis=0) for side in (golden, features[kept])]
        return {
            name: [[round(float(v), 4) for v in side[:, i]] for side in sides]
            for i, name in enumerate(self._names)
        }


def _rank_quality(rows: TrainingRows, held_out: np.ndarray) -> tuple[float, float]:
    """AUROC of the out-of-fold scores, and of the lesser stream posterior, on the same rows."""
    from sklearn.metrics import roc_auc_score

    use = rows.weight > 0
    streams = [meta_features.NAMES.index(n) for n in ("p_loss_stream", "p_feature_stream")]

    def auroc(score: np.ndarray) -> float:
        return float(roc_auc_score(rows.right[use], score[use], sample_weight=rows.weight[use]))

    return auroc(held_out), auroc(rows.features[:, streams].min(axis=1))

"""The meta classifier in a round: fitted to rows, calibrated on them, asked about the samples."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from tssd_keras.judge.calibrate import fit_platt
from tssd_keras.judge.evidence import Evidence
from tssd_keras.judge.meta_features import DIRECTIONS, NAMES
from tssd_keras.judge.meta_rows import TrainingRows
from tssd_keras.judge.noise_matrix import posterior_true
from tssd_keras.judge.state import State
from tssd_keras.judge.threads import over_blocks, threads_for
from tssd_keras.judge.top_classes import TopClasses

if TYPE_CHECKING:
    from tssd_keras.judge.meta_classifier import MetaClassifier

BLOCK = 1024  # samples whose meta-features are computed at once; they stay in a core's cache


@dataclass(frozen=True)
class Answers:
    """The answers of g, fitted to one set of rows.

    Attributes:
        rows: the n pairs that it learned from.
        held_out: float32[n], log-odds of the rows, out of fold.
        log_odds: float32[N], of the samples, calibrated, free of the rows' share of right ones.
        features: float32[N, F], of the samples, as g read them.
        right_features: float32[m, F], of the rows whose label is right, as g read them.
        top: the most probable true classes of the samples.
    """

    rows: TrainingRows
    held_out: np.ndarray
    log_odds: np.ndarray
    features: np.ndarray
    right_features: np.ndarray
    top: TopClasses

    def rank_quality(self) -> tuple[float, float]:
        """AUROC on the rows, out of fold: of g's log-odds, and of the lesser stream posterior."""
        from sklearn.metrics import roc_auc_score

        use = self.rows.weight > 0
        right, weight = self.rows.right[use], self.rows.weight[use]
        streams = [NAMES.index(name) for name in ("p_loss_stream", "p_feature_stream")]

        def auroc(score: np.ndarray) -> float:
            return float(roc_auc_score(right, score[use], sample_weight=weight))

        return auroc(self.held_out), auroc(self.rows.features[:, streams].min(axis=1))


class Asker:
    """The meta classifier g between rounds: it is fitted anew, from where it was, and asked.

    Args:
        names: of the meta-features that g reads.
        n_folds: members of g.
        seed: of g's initial weights.
    """

    def __init__(self, names: tuple[str, ...], n_folds: int, *, seed: int) -> None:
        self.names, self._n_folds, self._seed = names, n_folds, seed
        self._columns = [NAMES.index(name) for name in names]
        self._classifier: MetaClassifier | None = None

    def ask(self, evidence: Evidence, rows: TrainingRows) -> Answers:
        """Fit g to rows, calibrate it on them out of fold, and ask it of the samples."""
        classifier = self._warm(evidence.n_trusted)
        read = rows.features[:, self._columns]
        classifier.fit(read, rows.right, rows.weight, rows.fold)
        held_out = classifier.logits(read, rows.fold)  # each by the member that has not seen it
        with threads_for(0):
            slope, offset = fit_platt(held_out, rows.right, rows.weight, evidence.n_trusted)
        features, top = self._pairs(evidence)
        logit = classifier.logits(features)
        # Rounds differ in the share of right rows, so what is averaged must be free of it.
        log_odds = slope * logit + offset - rows.odds
        rights = read[rows.right & (rows.weight > 0)]
        return Answers(rows, held_out, log_odds, features, rights, top)

    def get_state(self) -> State:
        """What `set_state` takes; empty before g was first asked."""
        return {} if self._classifier is None else self._classifier.get_state()

    def set_state(self, state: State) -> None:
        """Let g go on from where another was."""
        self._classifier = None
        if state:
            self._warm(int(state["n_samples"])).set_state(state)

    def _warm(self, n_trusted: int) -> MetaClassifier:
        """g, made when first asked for."""
        if self._classifier is None:
            from tssd_keras.judge.meta_classifier import MetaClassifier  # loads Keras: not before

            direction = np.array([DIRECTIONS[name] for name in self.names])
            self._classifier = MetaClassifier(direction, self._n_folds, n_trusted, seed=self._seed)
        return self._classifier

    def _pairs(self, evidence: Evidence) -> tuple[np.ndarray, TopClasses]:
        """The meta-features that g reads of the samples, and their most probable true classes."""
        n, given, context = len(evidence.given), evidence.given, evidence.context
        features = np.empty((n, len(self._columns)), np.float32)
        top = TopClasses.empty(n, len(context.transition))

        def put(block: slice) -> None:
            unit, log_p = evidence.scores.features[block], evidence.scores.log_p[block]
            similarity = context.place.similarity(block)
            pooled = context.place.class_log_p(similarity, log_p)
            head_log_p = context.head.log_p(unit, pooled)
            p_true = posterior_true(head_log_p, given[block], context.transition)
            top.put(block, p_true)
            pairs = context.features(
                similarity, log_p, given[block], head_log_p, pooled=pooled, p_true=p_true
            )
            features[block] = pairs[:, self._columns]

        over_blocks(put, n, BLOCK)
        return features, top

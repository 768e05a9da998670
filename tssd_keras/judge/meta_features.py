"""Meta-features: the numbers by which the meta classifier judges a pair (sample, label).

The pair need not be the one in the data: golden samples are also judged under other
labels, to show the meta classifier wrong ones.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.special import expit, logit

from tssd_keras.judge.class_ranks import rank_among
from tssd_keras.judge.divide import Division, feature_posterior
from tssd_keras.judge.golden_head import GoldenHead
from tssd_keras.judge.noise_matrix import posterior_true
from tssd_keras.judge.place import Place

# Meta-feature -> 1 where a label is the likelier right the higher it is, -1 the lower, 0 neither.
DIRECTIONS = {
    "loss": -1,
    "p_label": 1,
    "p_best_other": 0,
    "margin": 1,
    "entropy": 0,
    "similarity_own": 1,
    "similarity_best_other": 0,
    "similarity_margin": 1,
    "pooled_margin": 1,
    "p_loss_stream": 1,
    "p_feature_stream": 1,
    "head_log_p": 1,
    "head_margin": 1,
    "right_log_odds": 1,
    "loss_rank": -1,
    "head_rank": 1,
}
NAMES = tuple(DIRECTIONS)

# Under golden source "certain" the streams choose the training rows. Left out here are their
# grounds: the label's loss and probability, its similarity, both posteriors.
INDEPENDENT = (
    "p_best_other",
    "entropy",
    "similarity_best_other",
    "head_log_p",
    "head_margin",
    "right_log_odds",
    "head_rank",
)

MAX_LOG_ODDS = 15.0  # of a label being right, by head and noise
P_EDGE = expit(-MAX_LOG_ODDS)
BLOCK = 8192  # pairs judged at once


@dataclass(frozen=True)
class PairContext:
    """A round's mixtures, head and noise, by which pairs are judged.

    Attributes:
        place: of the round's samples in feature space.
        division: the streams' mixtures.
        head: the golden head.
        transition: float64[K, K], estimated P(given | true).
        loss_quantiles, head_quantiles: float32[K, Q], of the loss and of the
            head's log-probability of the given label, by given class.
    """

    place: Place
    division: Division
    head: GoldenHead
    transition: np.ndarray
    loss_quantiles: np.ndarray
    head_quantiles: np.ndarray

    def features(
        self,
        similarity: np.ndarray,
        log_p: np.ndarray,
        labels: np.ndarray,
        head_log_p: np.ndarray,
        *,
        pooled: np.ndarray | None = None,
        p_true: np.ndarray | None = None,
    ) -> np.ndarray:
        """Meta-features of n pairs.

        Args:
            similarity: float32[n, K], to each class, of `place`.
            log_p: float[n, K], the network's log-probabilities.
            labels: int[n], the label of each pair.
            head_log_p: float[n, K], the golden head's; out of fold for pairs that the head
                was fitted on.
            pooled: float32[n, K], `place.class_log_p` of similarity and log_p; None: not known yet.
            p_true: float[n, K], `posterior_true` of head_log_p and labels; None: not known yet.

        Returns:
            float32[n, len(NAMES)], columns as in `NAMES`.
        """
        log_p = np.asarray(log_p, np.float32)
        label_log_p, other_log_p = _label_and_best_other(log_p, labels)
        label_similarity, other_similarity = _label_and_best_other(similarity, labels)
        if pooled is None:
            pooled = self.place.class_log_p(similarity, log_p)
        if p_true is None:
            p_true = posterior_true(head_log_p, labels, self.transition)
        label_pooled, other_pooled = _label_and_best_other(pooled, labels)
        label_head, other_head = _label_and_best_other(head_log_p, labels)
        p = np.exp(log_p)
        loss = -label_log_p
        p_loss, p_feature = self._streams(loss, self.place.score(similarity, labels), labels)
        p_right = p_true[np.arange(len(labels)), labels]
        columns = (
            loss,
            np.exp(label_log_p),
            np.exp(other_log_p),
            label_log_p - other_log_p,
            -(p * log_p).sum(axis=1),
            label_similarity,
            other_similarity,
            label_similarity - other_similarity,
            label_pooled - other_pooled,
            p_loss,
            p_feature,
            label_head,
            label_head - other_head,
            logit(np.clip(p_right, P_EDGE, 1 - P_EDGE)),
            rank_among(loss, labels, self.loss_quantiles),
            rank_among(label_head, labels, self.head_quantiles),
        )
        return np.stack(columns, axis=1).astype(np.float32)

    def _streams(
        self, loss: np.ndarray, place_score: np.ndarray, labels: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        """Both posteriors of arbitrary pairs; 0.5 where a stream abstains."""
        division = self.division
        p_loss = division.loss_mixture.p_low(loss, np.zeros(len(loss), np.int64))
        p_feature = feature_posterior(division.feature_mixture, place_score, labels)
        if division.loss_abstains:
            p_loss[:] = 0.5
        p_feature[division.feature_abstains[labels]] = 0.5
        return p_loss, p_feature


def _label_and_best_other(rows: np.ndarray, labels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The entry of the label, and the largest of the others."""
    index = np.arange(len(labels))
    others = rows.copy()
    others[index, labels] = -np.inf
    return rows[index, labels], others.max(axis=1)

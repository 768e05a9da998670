"""The golden head: a linear classifier of features, fitted on trusted samples alone.

The network's own head was trained on wrong labels and repeats systematic ones
(asymmetric noise). The features under it are far less spoilt: a linear classifier
of a few trusted samples sees what the network's head cannot. Beside the features it
reads the square roots of the network's probabilities, and its answer is pooled with
the network's own. Golden samples are not trained on, so they tell how far the
network can be trusted. Log-probabilities in place of the roots did worse: the few
large ones rule the fit (docs/method.md).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from scipy.special import log_softmax

from tssd_keras.data.stratify import shuffled_by_class

C = 25.0  # inverse strength of the L2 penalty, for feature rows of length 1
P_SCALE = 0.4  # of the square roots of the probabilities, whose rows have length 1 too
MAX_ITER = 300


class Voice(NamedTuple):
    """Powers of the probabilities of network (and neighbours) and of head, when multiplied."""

    network: float
    head: float


NETWORK_VOICES = (0.25, 0.5, 0.75, 1.0, 1.5)
HEAD_VOICES = (0.0, 0.25, 0.5, 1.0, 1.5)
USUAL_VOICE = Voice(1.0, 0.5)
CERTAINTY = 4.0
LEAST_LOG_P = -7.0  # of the head: it can be outvoted


@dataclass(frozen=True)
class GoldenHead:
    """Mean of the heads fitted on all folds but one.

    Attributes:
        weight: float32[d + K, K], bias: float32[K].
        voice: how loudly network and head speak in the pooled answer; the most likely on the
            golden samples, out of fold.
        out_of_fold: float32[M, K], log-probabilities of the golden samples by
            the head that was not fitted on them, pooled.
    """

    weight: np.ndarray
    bias: np.ndarray
    voice: Voice
    out_of_fold: np.ndarray

    def log_p(self, features: np.ndarray, network_log_p: np.ndarray) -> np.ndarray:
        """Log-probability of each class being the true one.

        Args:
            features: float[n, d], rows of length 1.
            network_log_p: float[n, K].

        Returns:
            float32[n, K].
        """
        linear = log_softmax(_rows(features, network_log_p) @ self.weight + self.bias, axis=1)
        return _pooled(linear, np.asarray(network_log_p, np.float32), self.voice)


def _pooled(linear: np.ndarray, network: np.ndarray, voice: Voice) -> np.ndarray:
    """Log of the product of both probabilities to the powers of their voices."""
    linear = np.maximum(linear, LEAST_LOG_P)
    return log_softmax(voice.network * network + voice.head * linear, axis=1)


def _best_voice(
    linear: np.ndarray, network: np.ndarray, labels: np.ndarray, weight: np.ndarray
) -> Voice:
    """The voices under which the golden labels are most likely, of those expected beforehand.

    A pair (network, head) is expected near USUAL_VOICE, with CERTAINTY nats a squared step.
    """
    index = np.arange(len(labels))

    def log_likelihood(voice: Voice) -> float:
        from_usual = np.log(voice.network / USUAL_VOICE.network) ** 2
        from_usual += (voice.head - USUAL_VOICE.head) ** 2
        fit = _pooled(linear, network, voice)[index, labels]
        return float(weight @ fit) - CERTAINTY * from_usual

    return max((Voice(n, h) for n in NETWORK_VOICES for h in HEAD_VOICES), key=log_likelihood)


def _rows(features: np.ndarray, network_log_p: np.ndarray) -> np.ndarray:
    """The head's inputs: float32[n, d + K]."""
    root_p = np.exp(np.asarray(network_log_p, np.float32) / 2)
    return np.concatenate([np.asarray(features, np.float32), P_SCALE * root_p], axis=1)


def assign_folds(labels: np.ndarray, n_folds: int, *, seed: int) -> np.ndarray:
    """Stratified folds: int64[M] in 0..n_folds-1, each class spread as evenly as it can be.

    Two samples of a class are enough, whatever n_folds is. scikit-learn's StratifiedKFold
    warns where a class has fewer than n_folds samples, and fails where all have.
    """
    fold = np.empty(len(labels), np.int64)
    fold[shuffled_by_class(labels, np.random.default_rng(seed))] = np.arange(len(labels)) % n_folds
    return fold


def fit_golden_head(
    features: np.ndarray,
    network_log_p: np.ndarray,
    labels: np.ndarray,
    fold: np.ndarray,
    n_classes: int,
    weight: np.ndarray | None = None,
) -> GoldenHead:
    """Fit one head for each fold left out, and average them.

    Args:
        features: float[M, d], rows of length 1.
        network_log_p: float[M, K], the network's log-probabilities.
        labels: int[M], trusted.
        fold: int[M], from `assign_folds`.
        n_classes: K; a class without samples gets probability 0 (log -30).
        weight: float[M], how much each sample counts; by default 1.

    Returns:
        GoldenHead.
    """
    from sklearn.linear_model import LogisticRegression

    rows = _rows(features, network_log_p)
    n_folds = int(fold.max()) + 1
    counts = np.ones(len(labels)) if weight is None else weight
    weight = np.zeros((rows.shape[1], n_classes))
    bias = np.zeros(n_classes)
    out_of_fold = np.empty((len(labels), n_classes), np.float32)
    for k in range(n_folds):
        rest = fold != k
        head = LogisticRegression(C=C, max_iter=MAX_ITER).fit(
            rows[rest], labels[rest], sample_weight=counts[rest]
        )
        fold_weight = np.zeros_like(weight)
        fold_bias = np.full(n_classes, -30.0)
        if len(head.classes_) == 2:  # one row stands for the difference of the two
            fold_weight[:, head.classes_] = head.coef_.T * np.array([-0.5, 0.5])
            fold_bias[head.classes_] = head.intercept_ * np.array([-0.5, 0.5])
        else:
            fold_weight[:, head.classes_] = head.coef_.T
            fold_bias[head.classes_] = head.intercept_
        out_of_fold[~rest] = log_softmax(rows[~rest] @ fold_weight + fold_bias, axis=1)
        weight += fold_weight / n_folds
        bias += fold_bias / n_folds
    network = np.asarray(network_log_p, np.float32)
    voice = _best_voice(out_of_fold, network, labels, counts)
    return GoldenHead(
        weight.astype(np.float32),
        bias.astype(np.float32),
        voice,
        _pooled(out_of_fold, network, voice),
    )

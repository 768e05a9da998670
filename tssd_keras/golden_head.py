"""The golden head: a linear classifier of features, fitted on trusted samples alone.

The network's own head was trained on wrong labels and repeats them where they
are systematic (asymmetric noise); the features under it are far less spoilt,
so that a linear classifier fitted on a few trusted samples sees what the
network's own head cannot. It reads unit features only: adding the network's
own log-probabilities, as first proposed, made it slightly worse where it is
needed most (docs/method.md).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

C = 25.0  # inverse strength of the L2 penalty, for feature rows of length 1
MAX_ITER = 300


@dataclass(frozen=True)
class GoldenHead:
    """Mean of the heads fitted on all folds but one.

    Attributes:
        weight: float32[d, K], bias: float32[K].
        out_of_fold: float32[M, K], log-probabilities of the golden samples by
            the head that was not fitted on them.
    """

    weight: np.ndarray
    bias: np.ndarray
    out_of_fold: np.ndarray

    def log_p(self, features: np.ndarray) -> np.ndarray:
        """Log-probability of each class being the true one: unit rows [n, d] -> float32[n, K]."""
        return log_softmax(np.asarray(features, np.float32) @ self.weight + self.bias)


def log_softmax(logits: np.ndarray) -> np.ndarray:
    """Log-softmax of each row, in the logits' own dtype."""
    shifted = logits - logits.max(axis=1, keepdims=True)
    return shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))


def assign_folds(labels: np.ndarray, n_folds: int, *, seed: int) -> np.ndarray:
    """Stratified folds: int64[M] in 0..n_folds-1, each class spread as evenly as it can be."""
    order = np.random.default_rng(seed).permutation(len(labels))
    by_class = order[np.argsort(labels[order], kind="stable")]
    fold = np.empty(len(labels), np.int64)
    fold[by_class] = np.arange(len(labels)) % n_folds
    return fold


def fit_golden_head(
    features: np.ndarray, labels: np.ndarray, fold: np.ndarray, n_classes: int
) -> GoldenHead:
    """Fit one head for each fold left out, and average them.

    Args:
        features: float[M, d], rows of length 1.
        labels: int[M], trusted.
        fold: int[M], from `assign_folds`.
        n_classes: K; a class without samples gets probability 0 (log -30).

    Returns:
        GoldenHead.
    """
    from sklearn.linear_model import LogisticRegression

    features = np.asarray(features, np.float32)
    n_folds = int(fold.max()) + 1
    weight = np.zeros((features.shape[1], n_classes))
    bias = np.zeros(n_classes)
    out_of_fold = np.empty((len(labels), n_classes), np.float32)
    for k in range(n_folds):
        rest = fold != k
        head = LogisticRegression(C=C, max_iter=MAX_ITER).fit(features[rest], labels[rest])
        own_weight = np.zeros((features.shape[1], n_classes))
        own_bias = np.full(n_classes, -30.0)
        if len(head.classes_) == 2:  # one row stands for the difference of the two
            own_weight[:, head.classes_] = head.coef_.T * np.array([-0.5, 0.5])
            own_bias[head.classes_] = head.intercept_ * np.array([-0.5, 0.5])
        else:
            own_weight[:, head.classes_] = head.coef_.T
            own_bias[head.classes_] = head.intercept_
        out_of_fold[~rest] = log_softmax(features[~rest] @ own_weight + own_bias)
        weight += own_weight / n_folds
        bias += own_bias / n_folds
    return GoldenHead(weight.astype(np.float32), bias.astype(np.float32), out_of_fold)

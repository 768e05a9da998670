"""Gold loss correction: trusted samples tell how labels are confused, and the loss goes by it.

Source: Hendrycks et al., arXiv 1802.05300, algorithm 1. C[i, j] is P(given j | true i): the mean
prediction of a network that was trained on the given labels, over the trusted samples of class i.
A second network learns given labels through C and trusted ones as they are.
"""

from __future__ import annotations

import numpy as np
from keras import ops

from peers.problem import Outcome, Problem
from peers.training import PeerStep, Taken, fit, log_probabilities, step
from tssd_keras.train.steps import objective

SMALLEST = 1e-12  # of a probability


def corruption(p: np.ndarray, labels: np.ndarray, n_classes: int) -> np.ndarray:
    """float64[K, K]: row i is the mean of p over the rows of class i; float[M, K], int[M]."""
    return np.stack([p[labels == k].mean(axis=0, dtype=np.float64) for k in range(n_classes)])


def corrected(logits, labels, matrix):
    """-log sum_i p_i C[i, y]: float[n, K], int[n], float32[K, K] -> float32[n]."""
    p = ops.softmax(ops.cast(logits, "float32"), axis=-1)
    own = ops.take_along_axis(ops.matmul(p, matrix), labels[:, None], axis=1)[:, 0]
    return -ops.log(ops.maximum(own, SMALLEST))


class Corrected(PeerStep):
    """Rows up to `n` by the corrected loss, the trusted ones behind them by cross-entropy."""

    def __init__(self, networks, *, n: int, matrix: np.ndarray, **base) -> None:
        super().__init__(networks, **base)
        self.n, self.matrix = n, np.asarray(matrix, np.float32)

    def loss_of(self, logits, labels, rows, weight):
        """See `PeerStep.loss_of`."""
        trusted = objective.cross_entropy(logits[0], labels)
        given = corrected(logits[0], labels, ops.convert_to_tensor(self.matrix))
        return objective.weighted_mean(ops.where(rows < self.n, given, trusted), weight)


def run(problem: Problem) -> Outcome:
    """Train on the stream, estimate C, train anew on stream and golden samples."""
    first = problem.networks()
    fit(problem, step(problem, PeerStep, first), evaluate=False)
    golden = problem.golden
    p = np.exp(log_probabilities(problem, first[0], golden))
    matrix = corruption(p, problem.labels[golden], problem.n_classes)
    second = step(problem, Corrected, problem.networks(), n=problem.n, matrix=matrix)
    every = Taken(np.arange(len(problem.labels)), problem.labels)
    return Outcome(fit(problem, second, lambda epoch: every))

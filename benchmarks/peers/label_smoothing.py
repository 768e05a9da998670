"""Label smoothing: a share of each target is spread over all classes.

Source: Szegedy et al., arXiv 1512.00567, section 7; against wrong labels Lukasik et al., arXiv
2003.02819. The share is 0.1 in both.
"""

from __future__ import annotations

from keras import ops

from peers.problem import Outcome, Problem
from peers.training import PeerStep, fit, step
from tssd_keras.train.steps import objective


def smoothed(logits, labels, smoothing: float):
    """-sum_k t_k log p_k with t = (1 - s) onehot(y) + s / K: float[n, K], int[n] -> float32[n]."""
    log_p = ops.log_softmax(ops.cast(logits, "float32"), axis=-1)
    own = objective.cross_entropy(logits, labels)
    return (1 - smoothing) * own - smoothing * ops.mean(log_p, axis=-1)


class Smoothed(PeerStep):
    """Cross-entropy to smoothed targets."""

    def __init__(self, networks, *, smoothing: float, **base) -> None:
        super().__init__(networks, **base)
        self.smoothing = smoothing

    def loss_of(self, logits, labels, rows, weight):
        """See `PeerStep.loss_of`."""
        losses = smoothed(logits[0], labels, self.smoothing)
        return objective.weighted_mean(losses, weight)


def run(problem: Problem, *, smoothing: float) -> Outcome:
    """Train on the stream.

    Args:
        problem: to learn from.
        smoothing: share of a target that all classes get alike, in [0, 1).
    """
    return Outcome(fit(problem, step(problem, Smoothed, problem.networks(), smoothing=smoothing)))

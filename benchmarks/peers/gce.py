"""Generalized cross-entropy: between cross-entropy (q towards 0) and absolute error (q = 1).

Source: Zhang and Sabuncu, arXiv 1805.07836, equation 6; q = 0.7 as in their section 4. The
truncated loss of their section 3.3, which drops samples, is not here.
"""

from __future__ import annotations

from keras import ops

from peers.problem import Outcome, Problem
from peers.training import PeerStep, fit, step
from tssd_keras.train.steps import objective


def generalized(logits, labels, q: float):
    """(1 - p_y^q) / q: float[n, K], int[n] -> float32[n]."""
    return -ops.expm1(-q * objective.cross_entropy(logits, labels)) / q


class Generalized(PeerStep):
    """The loss L_q."""

    def __init__(self, networks, *, q: float, **base) -> None:
        super().__init__(networks, **base)
        self.q = q

    def loss_of(self, logits, labels, rows, weight):
        """See `PeerStep.loss_of`."""
        return objective.weighted_mean(generalized(logits[0], labels, self.q), weight)


def run(problem: Problem, *, q: float) -> Outcome:
    """Train on the stream.

    Args:
        problem: to learn from.
        q: of the loss, in (0, 1].
    """
    if not 0 < q <= 1:
        raise ValueError(f"gce.q must lie in (0, 1], got {q}.")
    return Outcome(fit(problem, step(problem, Generalized, problem.networks(), q=q)))

"""Training on the labels that a method keeps, which judged them once and beforehand."""

from __future__ import annotations

import numpy as np

from peers.problem import Outcome, Problem
from peers.training import PeerStep, Taken, fit, step


def train_on(problem: Problem, kept: np.ndarray, score: np.ndarray) -> Outcome:
    """Cross-entropy on the kept samples of the stream, by a new network.

    Args:
        problem: to learn from.
        kept: bool[N].
        score: float[N], for the outcome.

    Raises:
        ValueError: nothing is kept.
    """
    rows = problem.stream[kept]
    if not len(rows):
        raise ValueError(
            f"a label must be kept to train on, none of {problem.n} is. Leave the method out."
        )
    taken = Taken(rows, problem.labels[rows])
    accuracy = fit(problem, step(problem, PeerStep, problem.networks()), lambda epoch: taken)
    return Outcome(accuracy, score, kept)

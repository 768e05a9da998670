"""Co-teaching: of each batch, each of two networks learns what the other finds easiest.

Source: Han et al., arXiv 1804.06872, algorithm 1: R(T) = 1 - min(T / T_k tau, tau), T_k = 10. The
rate of wrong labels tau is given to it, as in the paper: the true one, which no user knows.
"""

from __future__ import annotations

import keras
import numpy as np
from keras import ops

from peers.problem import Outcome, Problem
from peers.training import PeerStep, Taken, fit, given_losses, step
from tssd_keras.train.steps import objective


def kept_share(epoch: int, rate: float, epochs_to_full_rate: int) -> float:
    """R(T) of an epoch, counted from 0: T is one more."""
    return 1 - min((epoch + 1) / epochs_to_full_rate * rate, rate)


def smallest(losses, weight, share):
    """1 for the floor(share * m) smallest of the m rows with weight, else 0: float32[n]."""
    counts = ops.cast(weight > 0, "float32")
    masked = ops.where(counts > 0, losses, np.inf)
    rank = ops.cast(ops.argsort(ops.argsort(masked)), "float32")
    # A share of 0.6 of 5 is 3, though 0.6 * 5 is a little less in float32.
    return counts * ops.cast(rank < ops.floor(share * ops.sum(counts) + 1e-4), "float32")


class CoTeaching(PeerStep):
    """Two networks; each is stepped on the other's choice."""

    def __init__(self, networks, **base) -> None:
        super().__init__(networks, **base)
        self.share = keras.Variable(1.0, trainable=False, dtype="float32", name="share")

    def loss_of(self, logits, labels, rows, weight):
        """See `PeerStep.loss_of`."""
        losses = [objective.cross_entropy(one, labels) for one in logits]
        chosen = [smallest(ops.stop_gradient(one), weight, self.share.value) for one in losses]
        both = zip(losses, reversed(chosen), strict=True)
        return sum(objective.weighted_mean(one, by_other) for one, by_other in both) / 2


def run(problem: Problem, *, epochs_to_full_rate: int) -> Outcome:
    """Train on the stream; evaluated by the mean of both networks' probabilities.

    Args:
        problem: to learn from.
        epochs_to_full_rate: T_k, epochs until as many samples are left out as labels are wrong.

    Raises:
        ValueError: the true labels, and so the rate, are not known.
    """
    rate = problem.noise_rate
    if rate is None:
        raise ValueError(
            "co-teaching must be given the share of wrong labels, and these data have no true "
            "labels to tell it by. Leave co-teaching out of --methods."
        )
    networks = problem.networks(2)
    both = step(problem, CoTeaching, networks)

    def take(epoch: int) -> Taken:
        both.share.assign(kept_share(epoch, rate, epochs_to_full_rate))
        return Taken(problem.stream, problem.labels[problem.stream])

    accuracy = fit(problem, both, take)
    loss = np.mean([given_losses(problem, network) for network in networks], axis=0)
    kept = np.zeros(problem.n, bool)
    kept[np.argsort(loss, kind="stable")[: int((1 - rate) * problem.n)]] = True
    return Outcome(accuracy, -loss, kept)

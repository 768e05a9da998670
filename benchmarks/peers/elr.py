"""Early-learning regularization: what the network said before it fitted wrong labels holds it.

Source: Liu et al., arXiv 2007.00151, equations 6 and 7 (ELR, not ELR+). Strength 3 and momentum
0.7 are theirs for CIFAR-10.
"""

from __future__ import annotations

import keras
from keras import ops

from peers.problem import Outcome, Problem
from peers.training import PeerStep, fit, step
from tssd_keras.train.steps import objective

SMALLEST = 1e-4  # of a probability, as in the authors' experiments: the logarithm stays finite


def probabilities(logits):
    """float[n, K] -> float32[n, K], within [SMALLEST, 1 - SMALLEST]."""
    p = ops.softmax(ops.cast(logits, "float32"), axis=-1)
    return ops.clip(p, SMALLEST, 1 - SMALLEST)


def moved(target, p, momentum: float):
    """t <- momentum t + (1 - momentum) p / sum(p): float32[n, K] each; no slope goes through."""
    p = ops.stop_gradient(p)
    return momentum * target + (1 - momentum) * p / ops.sum(p, axis=-1, keepdims=True)


def regularization(p, target):
    """log(1 - <p, t>) of each row, float32[n]: falls as prediction and target agree."""
    return ops.log(1 - ops.sum(p * target, axis=-1))


class EarlyLearning(PeerStep):
    """Cross-entropy + strength * regularization; a target for each row of the problem.

    Args:
        networks: one.
        n: rows that have a target.
        n_classes: K.
        strength: lambda.
        momentum: beta, of the targets.
        base: of `BaseStep`.
    """

    def __init__(self, networks, *, n: int, n_classes: int, strength, momentum, **base) -> None:
        super().__init__(networks, **base)
        self.strength, self.momentum = strength, momentum
        self.targets = keras.Variable(
            ops.zeros((n, n_classes)), trainable=False, dtype="float32", name="targets"
        )

    def loss_of(self, logits, labels, rows, weight):
        """See `PeerStep.loss_of`."""
        p = probabilities(logits[0])
        before = ops.take(self.targets.value, rows, axis=0)
        target = ops.where(weight[:, None] > 0, moved(before, p, self.momentum), before)
        self.targets.assign(ops.scatter_update(self.targets.value, rows[:, None], target))
        losses = objective.cross_entropy(logits[0], labels)
        return objective.weighted_mean(losses + self.strength * regularization(p, target), weight)


def run(problem: Problem, *, strength: float, momentum: float) -> Outcome:
    """Train on the stream.

    Args:
        problem: to learn from.
        strength: lambda, 0 or more.
        momentum: beta, in [0, 1).
    """
    own = {"n": problem.n, "n_classes": problem.n_classes}
    own |= {"strength": strength, "momentum": momentum}
    return Outcome(fit(problem, step(problem, EarlyLearning, problem.networks(), **own)))

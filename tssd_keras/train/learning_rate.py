"""The learning rate of each epoch."""

from __future__ import annotations

import math

from tssd_keras.recipe.method_sections import TrainRecipe


def learning_rate(train: TrainRecipe, epoch: int) -> float:
    """Learning rate of an epoch, counted from 0: the schedule times the ramp.

    The ramp of n epochs rises linearly, 1/(n + 1), 2/(n + 1), ..., and is 1 from epoch n on.
    It does not delay the schedule.

    Source:
        The ramp: Goyal et al., arXiv 1706.02677, section 2.2; theirs goes by step.
    """
    ramp = min(1.0, (epoch + 1) / (train.ramp_up_epochs + 1))
    return ramp * _SCHEDULES[train.schedule](train, epoch)


def _constant(train: TrainRecipe, epoch: int) -> float:
    return train.learning_rate


def _cosine(train: TrainRecipe, epoch: int) -> float:
    return train.learning_rate * 0.5 * (1 + math.cos(math.pi * epoch / train.epochs))


def _step(train: TrainRecipe, epoch: int) -> float:
    return train.learning_rate / 10 ** sum(epoch >= at for at in train.decay_epochs)


_SCHEDULES = {"constant": _constant, "cosine": _cosine, "step": _step}

"""Learning-rate schedules that count steps, where epochs get shorter."""

from __future__ import annotations

import keras

ENDS = (
    *("CosineDecay", "PolynomialDecay"),
    *("CosineDecayRestarts", "PiecewiseConstantDecay"),
)  # schedules that mean to end, or to change, at a step; others go on for ever


def steps_of_schedule(model: keras.Model) -> tuple[str, int] | None:
    """The name of a model's schedule and the step by which it has done all that it does.

    Returns:
        None where the learning rate is no schedule of Keras, or counts no steps.
    """
    optimizer = getattr(model, "optimizer", None)
    optimizer = getattr(optimizer, "inner_optimizer", optimizer)  # of LossScaleOptimizer
    schedule = getattr(optimizer, "_learning_rate", None)  # `learning_rate` is the rate of now
    if not isinstance(schedule, keras.optimizers.schedules.LearningRateSchedule):
        return None
    steps = getattr(schedule, "decay_steps", None) or getattr(schedule, "first_decay_steps", None)
    if steps is None:
        steps = max(getattr(schedule, "boundaries", None) or [0])
    if not isinstance(steps, int | float) or not steps:
        return None
    warmup = getattr(schedule, "warmup_steps", 0)
    return type(schedule).__name__, int(steps) + int(warmup if isinstance(warmup, int) else 0)


def batches_trained(optimizer: keras.optimizers.Optimizer) -> int:
    """By which a schedule counts: of several whose gradients are accumulated, each one."""
    inner = getattr(optimizer, "inner_optimizer", optimizer)  # of LossScaleOptimizer
    count = getattr(inner, "_iterations", getattr(inner, "iterations", 0))
    # A sum is a tensor on one device and on several; NumPy remarks on how others become arrays.
    return int(keras.ops.add(count, 0))


def schedule_note(model: keras.Model, *, n_epochs: int, n_full: int, most: int) -> str:
    """What a user should know of a schedule that will not finish; empty if there is nothing.

    Args:
        model: compiled.
        n_epochs: of this `fit`.
        n_full: of them have `most` steps; the others may have fewer.
        most: steps of an epoch.
    """
    found = steps_of_schedule(model)
    if found is None:
        return ""
    name, ends = found
    taken = batches_trained(model.optimizer)
    total = n_epochs * most
    if n_full < n_epochs and ends > taken + n_full * most:
        return (
            f"the learning rate's {name} counts steps ({ends}), and epochs get shorter as labels "
            f"are rejected: {n_epochs} epochs of at most {most} steps are {total} at most, and "
            "fewer will be taken, so that it decays later than planned and may not finish. Give "
            f"every epoch as many steps: tssd.feed(batch_size=..., steps={most})."
        )
    if n_full == n_epochs and name in ENDS and ends > taken + total:
        before = f", after {taken} before" if taken else ""
        return (
            f"the learning rate's {name} will not finish: it takes {ends} steps, and {n_epochs} "
            f"epochs of {most} steps are {total}{before}. Give it as many as there are."
        )
    return ""

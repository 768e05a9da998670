"""A recipe and its data -> networks, training step, optimizer and callbacks."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

import keras
import numpy as np

from tssd_keras import models
from tssd_keras.data.moments import moments_of_some
from tssd_keras.judge.record import RoundRecord
from tssd_keras.labels.known import Labels
from tssd_keras.labels.prepare import Prepared
from tssd_keras.progress import bar
from tssd_keras.recipe.method_sections import TrainRecipe
from tssd_keras.recipe.recipe import Recipe
from tssd_keras.train import devices
from tssd_keras.train.augment import Augment
from tssd_keras.train.callback import TSSD
from tssd_keras.train.device_inputs import DeviceInputs
from tssd_keras.train.learning_rate import learning_rate
from tssd_keras.train.settings import Drawing
from tssd_keras.train.steps import Mixmatch, mixmatch_step, weighted_step
from tssd_keras.train.steps.base_step import BaseStep
from tssd_keras.train.steps.mixmatch import lambda_u_by_noise
from tssd_keras.train.steps.semi_supervised import SemiSupervisedSchedule

SEEDS_APART = 1_000_003  # from one network's seed to the next one's


def on_device(prepared: Prepared) -> Prepared:
    """The same data, with training and evaluation samples in the device's memory.

    Raises:
        ValueError: there are several devices.
    """
    if (layout := devices.layout()).n > 1:
        raise ValueError(
            f"train.on_device is for one device, got {layout}: each would hold all samples, and a "
            "batch would be sent all the same. Leave it out."
        )
    data = dataclasses.replace(prepared.data, inputs=DeviceInputs(prepared.data.inputs))
    eval_inputs = DeviceInputs(prepared.eval_inputs)
    return dataclasses.replace(prepared, data=data, eval_inputs=eval_inputs)


def networks(recipe: Recipe, prepared: Prepared) -> list[keras.Model]:
    """The recipe's network, or several of its kind with initial weights of their own."""
    moments = None
    if recipe.model.normalise:
        inputs, seed = prepared.data.inputs, recipe.train.seed
        moments = moments_of_some(inputs, prepared.stream, seed=seed)
    made = [
        models.build(
            recipe.model.name,
            prepared.data.inputs.shape[1:],
            str(prepared.data.inputs.dtype),
            len(prepared.data.class_names),
            width=recipe.model.width,
            seed=recipe.train.seed + i * SEEDS_APART,
            weights=recipe.model.weights,
            precision=recipe.train.precision,
            moments=moments,
        )
        for i in range(recipe.train.networks)
    ]
    for network in made:
        devices.normalise_together(network, on=True)
    return made


def training_step(recipe: Recipe, networks: list[keras.Model]) -> BaseStep:
    """The training step of the recipe's objective."""
    settings: dict[str, Any] = {
        "weight_decay": recipe.train.weight_decay,
        "augment": Augment(**dataclasses.asdict(recipe.augment)),
        "ema": recipe.train.ema,
        "seed": recipe.train.seed,
    }
    if recipe.objective.kind != "mixmatch":
        return weighted_step(networks, **settings)
    return mixmatch_step(
        networks,
        settings=Mixmatch(
            temperature=recipe.objective.temperature,
            alpha=recipe.objective.alpha,
            penalty=recipe.objective.warmup_penalty,
            weak_guesses=recipe.objective.weak_guesses,
        ),
        **settings,
    )


def optimizer(train: TrainRecipe) -> keras.optimizers.Optimizer:
    """The optimizer of a recipe; weight decay is the step's, not the optimizer's."""
    if train.optimizer == "sgd":
        return keras.optimizers.SGD(train.learning_rate, momentum=train.momentum)
    return keras.optimizers.Adam(train.learning_rate)


def callback(recipe: Recipe, prepared: Prepared, on_round: Callable[[RoundRecord], None]) -> TSSD:
    """The TSSD callback of a run; under objective "plain" it feeds, and never divides.

    Args:
        recipe: of the run.
        prepared: its data.
        on_round: takes each round's record.
    """
    plain = recipe.objective.kind == "plain"
    given, truth = prepared.given.copy(), prepared.truth
    stream = prepared.stream
    if recipe.golden.train_on and prepared.golden is not None:
        given[prepared.golden_index] = prepared.golden.labels
        stream = np.union1d(stream, prepared.golden_index)
    golden = prepared.golden if recipe.golden.source == "trusted" else recipe.golden.source
    decided = None if prepared.decided is None else prepared.decided.labels(len(given))[stream]
    return TSSD(
        prepared.data.inputs,
        Labels(
            given[stream],
            true=None if truth is None else truth[stream],
            decided=decided,
            index=stream,
            ids=None if prepared.data.ids is None else prepared.data.ids[stream],
            n_classes=len(prepared.data.class_names),
        ),
        golden="none" if plain else golden,
        warmup_epochs=None if plain else recipe.train.warmup_epochs,
        drawing=Drawing(
            epoch_samples=recipe.train.balanced_batches * recipe.train.batch_size or None,
            seed=recipe.train.seed,
        ),
        divide=recipe.divide,
        purify=recipe.purify,
        on_round=on_round,
        on_progress=bar,
    )


def schedules(recipe: Recipe, tssd: TSSD) -> list[keras.callbacks.Callback]:
    """What changes from epoch to epoch: the learning rate, and mixmatch's unlabelled loss."""
    train = recipe.train
    rates = keras.callbacks.LearningRateScheduler(lambda epoch: learning_rate(train, epoch))
    if recipe.objective.kind != "mixmatch":
        return [rates]
    ramp_epochs, weight = recipe.objective.ramp_epochs, lambda_u(recipe, tssd)
    return [rates, SemiSupervisedSchedule(train.warmup_epochs, ramp_epochs, weight)]


def lambda_u(recipe: Recipe, tssd: TSSD) -> Callable[[], float]:
    """Gives the weight of the unlabelled loss; "auto": by the noise that the last round saw."""
    weight = recipe.objective.lambda_u
    if not isinstance(weight, str):
        return lambda: weight

    def by_noise() -> float:
        last = tssd.rounds[-1]
        clean_share = last.purification.estimated_clean_share
        if clean_share is None:
            judged = tssd.table.drawn & (tssd.table.decided < 0)
            clean_share = last.roles.kept / int(judged.sum())
        return lambda_u_by_noise(1 - clean_share, tssd.n_classes)

    return by_noise

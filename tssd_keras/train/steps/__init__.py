"""What one update does. Only this file asks which backend runs."""

from __future__ import annotations

import importlib
from typing import Any

import keras
import numpy as np

from tssd_keras.train.augment import Augment
from tssd_keras.train.backends import check_backend
from tssd_keras.train.steps.base_step import BaseStep
from tssd_keras.train.steps.semi_supervised import Mixmatch, SemiSupervised

_UPDATES = {
    "tensorflow": ("tssd_keras.train.steps.tensorflow_step", "TensorFlowUpdate"),
    "jax": ("tssd_keras.train.steps.jax_step", "JaxUpdate"),
}
_TRIALS = {
    "tensorflow": "tssd_keras.train.steps.tensorflow_trial",
    "jax": "tssd_keras.train.steps.jax_trial",
}


def weighted_step(
    network: keras.Model | list[keras.Model],
    *,
    weight_decay: float = 0.0,
    augment: Augment | None = None,
    ema: float = 0.0,
    seed: int = 0,
) -> BaseStep:
    """The training step of the backend that runs; see `BaseStep`.

    Args:
        network: one, or several that are stepped together.
        weight_decay, augment, ema, seed: of `BaseStep`.

    Raises:
        RuntimeError: there is no step for this backend.
        ValueError: there is no network.
    """
    settings = {"weight_decay": weight_decay, "augment": augment, "ema": ema, "seed": seed}
    return on_backend(BaseStep)(_as_list(network), **settings)


def mixmatch_step(
    network: keras.Model | list[keras.Model],
    *,
    settings: Mixmatch | None = None,
    weight_decay: float = 0.0,
    augment: Augment | None = None,
    ema: float = 0.0,
    seed: int = 0,
) -> SemiSupervised:
    """The semi-supervised training step of the backend that runs; see `SemiSupervised`.

    It needs two things of `fit`: the callback `semi_supervised.SemiSupervisedSchedule`, and
    `TSSD.feed(model=step)`, which keeps samples without weight in the feed.

    Args:
        network: one, or several that are stepped together.
        settings: of the objective.
        weight_decay, augment, ema, seed: of `BaseStep`.

    Raises:
        RuntimeError: there is no step for this backend.
        ValueError: there is no network, or its samples cannot be mixed.
    """
    base = {"weight_decay": weight_decay, "augment": augment, "ema": ema, "seed": seed}
    return on_backend(SemiSupervised)(_as_list(network), settings=settings or Mixmatch(), **base)


def _as_list(network) -> list[keras.Model]:
    return list(network) if isinstance(network, list | tuple) else [network]


def on_backend(objective: type) -> type:
    """An objective with the update of the backend that runs.

    Args:
        objective: `BaseStep` or a subclass, which has a `step_loss`.

    Raises:
        RuntimeError: there is no step for this backend.
    """
    backend = check_backend()
    module, name = _UPDATES[backend]
    update = getattr(importlib.import_module(module), name)
    return type(f"{objective.__name__}On{backend.title()}", (update, objective), {})


def accuracy() -> keras.metrics.Metric:
    """The metric "accuracy", for `compile(weighted_metrics=[accuracy()])`.

    Given by its name instead, Keras would make its variables within the first
    trace, and TensorFlow would have to trace again.
    """
    return keras.metrics.SparseCategoricalAccuracy(name="accuracy")


def tried_updates(model: keras.Model, batches: list[Any]) -> list[list[np.ndarray]] | None:
    """What one `train_step` makes of the trainable weights and the optimizer's variables.

    Every variable that the step sets is put back, so that the model is trained as if nothing had
    been. Python's and NumPy's generators and attributes of the model are the caller's to put back.

    Args:
        model: compiled and built, before an epoch begins.
        batches: (x, y, weight) of one shape; the step begins each from the model as it is.

    Returns:
        A list of arrays a batch; None: the step does what could not be put back, such as printing.

    Raises:
        Exception: whatever the step raises.
    """
    return importlib.import_module(_TRIALS[check_backend()]).tried_updates(model, batches)

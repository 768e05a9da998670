"""What one update does. Only this file asks which backend runs."""

from __future__ import annotations

import importlib

import keras

from tssd_keras.augment import Augment
from tssd_keras.steps.base_step import BaseStep

_STEPS = {
    "tensorflow": ("tssd_keras.steps.tensorflow_step", "TensorFlowStep"),
    "jax": ("tssd_keras.steps.jax_step", "JaxStep"),
}


def weighted_step(
    network: keras.Model,
    *,
    weight_decay: float = 0.0,
    augment: Augment | None = None,
    seed: int = 0,
) -> BaseStep:
    """The training step of the backend that runs; see `BaseStep`.

    Raises:
        RuntimeError: there is no step for this backend.
    """
    backend = keras.backend.backend()
    if backend not in _STEPS:
        raise RuntimeError(
            f"the backend must be one of {', '.join(_STEPS)}, Keras runs on {backend!r}. "
            "Set KERAS_BACKEND=tensorflow or jax before Keras is imported."
        )
    module, name = _STEPS[backend]
    return getattr(importlib.import_module(module), name)(
        network, weight_decay=weight_decay, augment=augment, seed=seed
    )


def accuracy() -> keras.metrics.Metric:
    """The metric "accuracy", for `compile(weighted_metrics=[accuracy()])`.

    Given by its name instead, Keras would make its variables within the first
    trace, and TensorFlow would have to trace again.
    """
    return keras.metrics.SparseCategoricalAccuracy(name="accuracy")

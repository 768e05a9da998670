"""What a model's own step would change, on JAX: the step is called, and its state is dropped."""

from __future__ import annotations

from typing import Any

import jax
import keras
import numpy as np


def tried_updates(model: keras.Model, batches: list[Any]) -> list[list[np.ndarray]] | None:
    """See `steps.tried_updates`. A step gets its state and returns it, so little must be put back.

    Without `jit_compile` a step may set variables by itself; those of the model are put back.
    """
    groups = (
        list(model.trainable_variables),
        list(model.non_trainable_variables),
        list(model.optimizer.variables),
        list(model.metrics_variables),
    )
    state = tuple([variable.value for variable in group] for group in groups)

    def step(state, data):
        return model.train_step(state, data)[1]

    try:
        batches = [keras.tree.map_structure(jax.device_put, batch) for batch in batches]
        if model.jit_compile:
            traced = jax.jit(step).trace(state, batches[0])
            if traced.jaxpr.effects:  # prints, or calls Python
                return None
            step = traced.lower().compile()
        found = []
        for batch in batches:
            trainable, _, optimizer, _ = step(state, batch)
            found.append([np.asarray(array) for array in (*trainable, *optimizer)])
        return found
    finally:
        for group, values in zip(groups, state, strict=True):
            for variable, value in zip(group, values, strict=True):
                if variable.value is not value:
                    variable.assign(value)

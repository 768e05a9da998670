"""What a Keras layer draws as `feed(map=...)`: a function of the drawing seed, epoch and batch.

A training that was cut off then goes on with the numbers that it would have drawn. Only generators
that Keras knows can be set so: those of layers, not what a function draws by itself.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

STATE = "seed_generator_state"  # Keras' name of the variable


def random_states(function: Any, *, foreign: bool = False) -> list[Any]:
    """States [2] of the random generators of a layer and of those within it, in their order.

    Args:
        function: a Keras layer; of any other function none is known.
        foreign: whether Keras runs on another backend than TensorFlow and the layer in
            TensorFlow's graph: Keras' augmentation layers have further generators there, once
            they were called in one.
    """
    import keras

    from tssd_keras.train.looking import every_layer

    if not isinstance(function, keras.layers.Layer):
        return []
    if not foreign:
        return [variable for variable in function.variables if variable.name == STATE]
    layers = [function, *every_layer(function).values()]
    found = [getattr(layer, "_backend_generators", {}) for layer in layers]
    return [generator.state for by_backend in found for generator in by_backend.values()]


def batch_keys(key: tuple[int, ...], steps: Iterable[int], n_generators: int) -> np.ndarray:
    """States for the generators of some batches, int64[steps, n_generators, 2], below 2**31.

    Args:
        key: of `Feed.plan_and_key`.
        steps: numbers of the batches in their epoch.
        n_generators: of the layer.
    """
    steps = list(steps)
    keys = np.zeros((len(steps), n_generators, 2), np.int64)
    for row, step in zip(keys, steps, strict=True):
        row[:] = np.random.default_rng((*key, step)).integers(2**31, size=row.shape)
    return keys

"""A multi-layer perceptron, for small images and tables of numbers."""

from __future__ import annotations

import keras
from keras import layers

from tssd_keras.models import blocks


def mlp(
    shape: tuple[int, ...], dtype: str, n_classes: int, *, width: int = 0, seed: int = 0
) -> keras.Model:
    """Two hidden layers of `width` (256) rectified units.

    Args:
        shape: of one sample.
        width: 0 for the default.
        dtype, n_classes, seed: of `models.build`.

    Returns:
        keras.Model: [n, *shape] -> logits float32[n, K]; layer "features" is [n, width].
    """
    draw = blocks.seeds(seed)
    inputs, x = blocks.rescaled_input(shape, dtype)
    x = layers.Flatten()(x)
    for name in ("hidden", blocks.FEATURES):
        x = layers.Dense(
            width or 256,
            activation="relu",
            kernel_initializer=keras.initializers.HeNormal(seed=next(draw)),
            name=name,
        )(x)
    return keras.Model(inputs, blocks.head(x, n_classes, draw), name="mlp")

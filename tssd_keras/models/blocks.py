"""What the networks share."""

from __future__ import annotations

from collections.abc import Iterator

import keras
import numpy as np
from keras import layers

FEATURES = "features"  # name of the layer that gives the penultimate features


def seeds(seed: int) -> Iterator[int]:
    """Endless seeds, one for each weight of a network."""
    rng = np.random.default_rng(seed)
    while True:
        yield int(rng.integers(2**31))


def rescaled_input(shape: tuple[int, ...], dtype: str):
    """An input, and what the network computes with: uint8 is brought to 0..1 in the network."""
    inputs = keras.Input(shape, dtype=dtype, name="inputs")
    scale = 1 / 255 if dtype == "uint8" else 1.0
    return inputs, layers.Rescaling(scale, name="rescaled")(inputs)


def conv(x, width: int, size: int, draw: Iterator[int], *, stride: int = 1):
    """Convolution without bias, weights from He et al., arXiv 1502.01852."""
    return layers.Conv2D(
        width,
        size,
        stride,
        padding="same",
        use_bias=False,
        kernel_initializer=keras.initializers.HeNormal(seed=next(draw)),
    )(x)


def batch_norm(x):
    """Batch normalisation whose moving statistics keep up with short epochs."""
    return layers.BatchNormalization(momentum=0.9, epsilon=1e-5)(x)


def head(features, n_classes: int, draw: Iterator[int]):
    """The last layer: logits, float32 also under mixed precision."""
    return layers.Dense(
        n_classes,
        dtype="float32",
        kernel_initializer=keras.initializers.GlorotUniform(seed=next(draw)),
        name="logits",
    )(features)

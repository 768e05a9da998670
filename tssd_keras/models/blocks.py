"""Parts that the networks share: inputs, convolutions, blocks, features, the last layer."""

from __future__ import annotations

import contextlib
import warnings
from collections.abc import Iterator

import keras
import numpy as np
from keras import layers

FEATURES = "features"  # name of the layer that gives the penultimate features

# Keras' policies: what layers compute in. Variables are float32, or float64 under the last.
PRECISIONS = {"float32": "float32", "bfloat16": "mixed_bfloat16", "float64": "float64"}


@contextlib.contextmanager
def computing_in(precision: str) -> Iterator[None]:
    """Sets what new layers compute in, unless they name a type; the old policy comes back.

    Raises:
        ValueError: float64, which JAX takes for float32 unless it was told otherwise.
    """
    if precision == "float64":
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # JAX says that it made float32 of it
            made = keras.backend.standardize_dtype(keras.ops.zeros((), "float64").dtype)
        if made != "float64":
            raise ValueError(
                f'train.precision = "float64" must have a backend that computes in it, and '
                f"{keras.backend.backend()} makes {made} of it. Set JAX_ENABLE_X64=1 in the "
                "environment before Python starts."
            )
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy(PRECISIONS[precision])
    try:
        yield
    finally:
        keras.config.set_dtype_policy(before)


def in_full() -> str:
    """float64 where layers compute in it; else float32, also under mixed precision."""
    return "float64" if keras.config.dtype_policy().variable_dtype == "float64" else "float32"


def seeds(seed: int) -> Iterator[int]:
    """Endless seeds, one for each weight of a network."""
    rng = np.random.default_rng(seed)
    while True:
        yield int(rng.integers(2**31))


RESCALED = "rescaled"  # name of the layer that makes numbers to compute with


def rescaled_input(shape: tuple[int, ...], dtype: str):
    """An input, and the numbers that the network computes with: uint8 becomes 0..1.

    They are float32 (`in_full`) under mixed precision too, so that only the next layer rounds them.
    """
    inputs = keras.Input(shape, dtype=dtype, name="inputs")
    scale = 1 / 255 if dtype == "uint8" else 1.0
    return inputs, layers.Rescaling(scale, dtype=in_full(), name=RESCALED)(inputs)


def normalise(network: keras.Model, mean: np.ndarray, deviation: np.ndarray) -> None:
    """Have the network bring each channel to mean 0 and deviation 1 in place of 0..1.

    Args:
        network: just built, with an input of `rescaled_input`.
        mean: float[C], of the samples' last axis, in their own units.
        deviation: float[C], above 0; infinite for a constant column, which becomes 0.
    """
    layer = network.get_layer(RESCALED)
    layer.scale = (1 / np.asarray(deviation)).tolist()
    layer.offset = (-np.asarray(mean) / deviation).tolist()


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


def pooled_features(x):
    """The mean over an image's places: the layer "features", float32 also under mixed precision."""
    return layers.GlobalAveragePooling2D(dtype=in_full(), name=FEATURES)(x)


def head(features, n_classes: int, draw: Iterator[int]):
    """The last layer: logits, float32 also under mixed precision."""
    return layers.Dense(
        n_classes,
        dtype=in_full(),
        kernel_initializer=keras.initializers.GlorotUniform(seed=next(draw)),
        name="logits",
    )(features)


def preact_network(
    shape: tuple[int, ...],
    dtype: str,
    n_classes: int,
    *,
    stem: int,
    stages: list[tuple[int, int]],
    seed: int,
    name: str,
) -> keras.Model:
    """Stem, stages of pre-activated blocks, a last normalisation, global average pooling, head.

    Args:
        shape: (height, width, channels).
        dtype: of the samples.
        n_classes: K.
        stem: channels of the first convolution.
        stages: channels and number of blocks; all but the first begin by halving the image.
        seed: of the initial weights.
        name: of the model.
    """
    draw = seeds(seed)
    inputs, x = rescaled_input(shape, dtype)
    x = conv(x, stem, 3, draw)
    for stage, (width, count) in enumerate(stages):
        for block in range(count):
            x = preact_block(x, width, draw, stride=2 if stage and not block else 1)
    x = layers.ReLU()(batch_norm(x))
    x = pooled_features(x)
    return keras.Model(inputs, head(x, n_classes, draw), name=name)


def preact_block(x, width: int, draw: Iterator[int], *, stride: int):
    """Two convolutions, each after normalisation and rectification, beside a short cut."""
    normed = layers.ReLU()(batch_norm(x))
    short = x
    if stride > 1 or x.shape[-1] != width:
        short = conv(normed, width, 1, draw, stride=stride)
    y = conv(normed, width, 3, draw, stride=stride)
    y = conv(layers.ReLU()(batch_norm(y)), width, 3, draw)
    return layers.Add()([y, short])

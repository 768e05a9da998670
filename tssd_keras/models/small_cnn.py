"""A three-layer convolutional network that trains on two cores."""

from __future__ import annotations

import keras
from keras import layers

from tssd_keras.models import blocks

N_FEATURES = 128
LARGE = 48  # pixels: images from here on are halved at once and pooled at the end


def small_cnn(
    shape: tuple[int, ...], dtype: str, n_classes: int, *, width: int = 0, seed: int = 0
) -> keras.Model:
    """Convolutions of `width`, 2 and 4 times `width`, then the features.

    Args:
        shape: (height, width, channels).
        width: of the first convolution, 0 for the default: 16, or 32 for
            images of 48 pixels and more.
        dtype, n_classes, seed: of `models.build`.

    Returns:
        keras.Model: [n, *shape] -> logits float32[n, K]; layer "features" is
        [n, 128] by a dense layer, or for large images the pooled [n, 4 * width].
    """
    draw = blocks.seeds(seed)
    large = min(shape[:2]) >= LARGE
    width = width or (32 if large else 16)
    inputs, x = blocks.rescaled_input(shape, dtype)
    for i, multiple in enumerate((1, 2, 4)):
        x = blocks.conv(x, multiple * width, 3, draw, stride=2 if large and i == 0 else 1)
        x = layers.ReLU()(blocks.batch_norm(x))
        if not (large and multiple == 4):
            x = layers.MaxPooling2D(padding="same")(x)
    if large:
        x = blocks.pooled_features(x)
    else:
        x = layers.Dense(
            N_FEATURES,
            activation="relu",
            kernel_initializer=keras.initializers.HeNormal(seed=next(draw)),
            name=blocks.FEATURES,
        )(layers.Flatten()(x))
    return keras.Model(inputs, blocks.head(x, n_classes, draw), name="small_cnn")

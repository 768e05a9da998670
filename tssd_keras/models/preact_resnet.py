"""PreAct ResNet-18, the network of the published CIFAR and Tiny-ImageNet results.

Source: He, Zhang, Ren and Sun, "Identity Mappings in Deep Residual Networks",
arXiv 1603.05027, for small images: a 3 x 3 stem without pooling, four stages
of two blocks, a last normalisation, global average pooling.
"""

from __future__ import annotations

import keras
from keras import layers

from tssd_keras.models import blocks


def preact_resnet18(
    shape: tuple[int, ...], dtype: str, n_classes: int, *, width: int = 0, seed: int = 0
) -> keras.Model:
    """PreAct ResNet-18.

    Args:
        shape: (height, width, channels).
        dtype: of the samples; uint8 is scaled to 0..1.
        n_classes: K.
        width: of the first stage, 0 for 64.
        seed: of the initial weights.

    Returns:
        keras.Model: [n, *shape] -> logits float32[n, K]; layer "features" is
        [n, 8 * width].
    """
    draw = blocks.seeds(seed)
    width = width or 64
    inputs, x = blocks.rescaled_input(shape, dtype)
    x = blocks.conv(x, width, 3, draw)
    for stage, multiple in enumerate((1, 2, 4, 8)):
        for first in (True, False):
            x = _block(x, multiple * width, draw, stride=2 if stage and first else 1)
    x = layers.ReLU()(blocks.batch_norm(x))
    x = layers.GlobalAveragePooling2D(name=blocks.FEATURES)(x)
    return keras.Model(inputs, blocks.head(x, n_classes, draw), name="preact_resnet18")


def _block(x, width: int, draw, *, stride: int):
    """Two convolutions, each after normalisation and rectification, beside a short cut."""
    normed = layers.ReLU()(blocks.batch_norm(x))
    short = x
    if stride > 1 or x.shape[-1] != width:
        short = blocks.conv(normed, width, 1, draw, stride=stride)
    y = blocks.conv(normed, width, 3, draw, stride=stride)
    y = blocks.conv(layers.ReLU()(blocks.batch_norm(y)), width, 3, draw)
    return layers.Add()([y, short])

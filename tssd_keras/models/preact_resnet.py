"""PreAct ResNet-18 and -34; the first is the network of the published CIFAR results.

Source: He, Zhang, Ren and Sun, "Identity Mappings in Deep Residual Networks",
arXiv 1603.05027, for small images: a 3 x 3 stem without pooling, four stages
of blocks, a last normalisation, global average pooling.
"""

from __future__ import annotations

import keras

from tssd_keras.models import blocks

WIDTH = 64  # of the first stage, as published


def preact_resnet18(
    shape: tuple[int, ...], dtype: str, n_classes: int, *, width: int = 0, seed: int = 0
) -> keras.Model:
    """PreAct ResNet-18: stages of 2, 2, 2 and 2 blocks.

    Args:
        shape: (height, width, channels).
        width: of the first stage, 0 for 64.
        dtype, n_classes, seed: of `models.build`.

    Returns:
        keras.Model: [n, *shape] -> logits float32[n, K]; layer "features" is
        [n, 8 * width].
    """
    return _network(shape, dtype, n_classes, (2, 2, 2, 2), width, seed, "preact_resnet18")


def preact_resnet34(
    shape: tuple[int, ...], dtype: str, n_classes: int, *, width: int = 0, seed: int = 0
) -> keras.Model:
    """As `preact_resnet18`, with stages of 3, 4, 6 and 3 blocks."""
    return _network(shape, dtype, n_classes, (3, 4, 6, 3), width, seed, "preact_resnet34")


def _network(
    shape: tuple[int, ...],
    dtype: str,
    n_classes: int,
    counts: tuple[int, ...],
    width: int,
    seed: int,
    name: str,
) -> keras.Model:
    """Stages of so many blocks, each twice as wide as the one before."""
    widths = [(width or WIDTH) * 2**stage for stage in range(len(counts))]
    stages = list(zip(widths, counts, strict=True))
    return blocks.preact_network(
        shape, dtype, n_classes, stem=widths[0], stages=stages, seed=seed, name=name
    )

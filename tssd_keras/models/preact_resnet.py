"""PreAct ResNet-18 and -34; the first is the network of the published CIFAR results.

Source: He, Zhang, Ren and Sun, "Identity Mappings in Deep Residual Networks",
arXiv 1603.05027, for small images: a 3 x 3 stem without pooling, four stages
of blocks, a last normalisation, global average pooling.
"""

from __future__ import annotations

import keras

from tssd_keras.models import blocks


def preact_resnet18(
    shape: tuple[int, ...], dtype: str, n_classes: int, *, width: int = 0, seed: int = 0
) -> keras.Model:
    """PreAct ResNet-18: stages of 2, 2, 2 and 2 blocks.

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
    widths = [(width or 64) * multiple for multiple in (1, 2, 4, 8)]
    return blocks.preact_network(
        shape,
        dtype,
        n_classes,
        stem=widths[0],
        stages=list(zip(widths, (2, 2, 2, 2), strict=True)),
        seed=seed,
        name="preact_resnet18",
    )


def preact_resnet34(
    shape: tuple[int, ...], dtype: str, n_classes: int, *, width: int = 0, seed: int = 0
) -> keras.Model:
    """PreAct ResNet-34: as `preact_resnet18`, with stages of 3, 4, 6 and 3 blocks."""
    widths = [(width or 64) * multiple for multiple in (1, 2, 4, 8)]
    return blocks.preact_network(
        shape,
        dtype,
        n_classes,
        stem=widths[0],
        stages=list(zip(widths, (3, 4, 6, 3), strict=True)),
        seed=seed,
        name="preact_resnet34",
    )

"""WideResNet of 16 layers; the narrowest trains on two cores.

Source: Zagoruyko and Komodakis, "Wide Residual Networks", arXiv 1605.07146,
without dropout.
"""

from __future__ import annotations

import keras

from tssd_keras.models import blocks

STEM = 16


def wide_resnet16(
    shape: tuple[int, ...], dtype: str, n_classes: int, *, width: int = 0, seed: int = 0
) -> keras.Model:
    """WRN-16-k: a stem of 16 channels, three stages of two blocks.

    Args:
        shape: (height, width, channels).
        width: of the first stage, 16 * k; 0 for 16 (WRN-16-1), 128 for WRN-16-8.
        dtype, n_classes, seed: of `models.build`.

    Returns:
        keras.Model: [n, *shape] -> logits float32[n, K]; layer "features" is
        [n, 4 * width].
    """
    width = width or STEM
    return blocks.preact_network(
        shape,
        dtype,
        n_classes,
        stem=STEM,
        stages=[(width, 2), (2 * width, 2), (4 * width, 2)],
        seed=seed,
        name="wide_resnet16",
    )

"""A strong policy in the manner of RandAugment, for a whole batch of bytes at once.

Every operation is a setting of two formulas, one of tones and one of places,
so each image of a batch can get its own without a loop, a branch or the host:

    tones    y = round(gain * (x - low - pivot) + pivot), y >= threshold inverted, low bits dropped
    places   one affine map, one gather

Gains are multiples of 1/256 and colours whole numbers, so every product is
exact in float32 and all backends give the same bytes.

`keras.layers.RandAugment` does not take its place (docs/performance.md, the same
images): it is 6 to 9 times slower on TensorFlow and 24 times or more on JAX, XLA
does not compile it on TensorFlow, the same draws give other bits on another
backend, and all images of a batch get the same operations.

Source: RandAugment, arXiv 1909.13719, with the magnitude drawn for each image
and the ranges of FixMatch, arXiv 2001.07685, appendix D (tones to both sides,
as in RandAugment). Without `equalize`, which needs a histogram of each image;
shears are about the centre.
"""

from __future__ import annotations

import numpy as np
from keras import ops

from tssd_keras.train.augment import geometry

OPERATIONS = (
    "identity",
    "auto_contrast",
    "brightness",
    "colour",
    "contrast",
    "posterize",
    "sharpness",
    "solarize",
    "rotate",
    "shear_x",
    "shear_y",
    "translate_x",
    "translate_y",
)
TONE = 0.9  # brightness, colour, contrast and sharpness change by up to this share
DROPPED_BITS = 4  # posterize drops up to so many of eight
DEGREES = 30.0
SHEAR = 0.3
TRANSLATE = 0.3  # of the image's height or width
GREY = (19595, 38470, 7471)  # red, green and blue in grey, of 65,536, as Pillow has it
ROUND = 0.5 + 1 / 1024  # halves go up, and not down for an error in the last bit


def strong(images, operation, magnitude):
    """Each image under operations of its own, one after the other.

    Args:
        images: uint8[n, H, W, C], C 1 or 3 (red, green, blue).
        operation: int[n, m], the m operations of each image, places in `OPERATIONS`.
        magnitude: float32[n, m] in -1..1; at 0 only `auto_contrast` changes an image.
            `posterize` and `solarize` take its size, `auto_contrast` and `identity` ignore it.

    Returns:
        uint8[n, H, W, C].
    """
    for i in range(operation.shape[1]):
        which = {name: operation[:, i] == place for place, name in enumerate(OPERATIONS)}
        images = _tones(images, which, magnitude[:, i])
        images = _places(images, which, magnitude[:, i])
    return images


def _tones(images, which, magnitude):
    """Images after their operations of tones; `which` maps an operation to its images, bool[n]."""

    def only(name, value=1.0):
        """`value` for images under this operation, 0 for others: float32[n, 1, 1, 1]."""
        return ops.cast(which[name], "float32")[:, None, None, None] * value

    magnitude = magnitude[:, None, None, None]
    size = ops.abs(magnitude)
    x = ops.cast(images, "float32")
    grey = _grey(images, x)
    pivot = (
        only("colour") * grey
        + only("contrast") * ops.cast(geometry.mean_colour(ops.cast(grey, "int32")), "float32")
        + only("sharpness") * _smooth(x)
    )
    blended = sum(only(name) for name in ("brightness", "colour", "contrast", "sharpness"))
    gain = 1 + blended * ops.round(magnitude * (TONE * 256)) / 256
    low, spread = _range(x)
    gain = gain + only("auto_contrast") * (255 / spread - 1)
    low = only("auto_contrast") * low
    y = ops.clip(ops.floor(gain * (x - low - pivot) + pivot + ROUND), 0, 255)
    threshold = 256 - only("solarize") * ops.round(size * 256)
    y = ops.where(y >= threshold, 255 - y, y)
    bits = ops.cast(only("posterize") * ops.round(size * DROPPED_BITS), "int32")
    step = ops.take(2.0 ** np.arange(DROPPED_BITS + 1, dtype="float32"), bits)
    return ops.cast(ops.floor(y / step) * step, "uint8")


def _grey(images, x):
    """Brightness of each pixel, a whole number: float32[n, H, W, 1]."""
    if images.shape[-1] == 1:
        return x
    total = sum(share * x[..., i : i + 1] for i, share in enumerate(GREY))
    return ops.floor((total + 32768) / 65536)


def _smooth(x):
    """Pillow's filter SMOOTH: the mean of five times the pixel and its eight neighbours, rounded.

    Edge pixels neighbour themselves.
    """
    height, width = x.shape[1:3]
    padded = ops.pad(x, ((0, 0), (1, 1), (1, 1), (0, 0)), mode="symmetric")
    rows = sum(padded[:, i : i + height] for i in range(3))
    box = sum(rows[:, :, i : i + width] for i in range(3))
    return ops.floor((box + 4 * x) / 13 + 0.5)


def _range(x):
    """Smallest value and spread of each image and channel: float32[n, 1, 1, C] each.

    An image of one tone has low 0 and spread 255, and stays as it is.
    """
    low = ops.min(x, axis=(1, 2), keepdims=True)
    spread = ops.max(x, axis=(1, 2), keepdims=True) - low
    flat = spread == 0
    return ops.where(flat, 0.0, low), ops.where(flat, 255.0, spread)


def _places(images, which, magnitude):
    """Images after their operations of places; see `_tones`."""

    def only(name, value):
        """`value` for images under this operation, 0 for others: float32[n]."""
        return ops.cast(which[name], "float32") * value

    height, width = images.shape[1:3]
    angle = only("rotate", magnitude * np.float32(np.deg2rad(DEGREES)))
    cos, sin = ops.cos(angle), ops.sin(angle)
    shear_x, shear_y = (only(f"shear_{axis}", magnitude * SHEAR) for axis in "xy")
    linear = ops.stack([cos, sin + shear_y, shear_x - sin, cos], axis=-1)
    shift = ops.stack(
        [
            only("translate_y", magnitude * (TRANSLATE * height)),
            only("translate_x", magnitude * (TRANSLATE * width)),
        ],
        axis=-1,
    )
    return geometry.affine(images, ops.reshape(linear, (-1, 2, 2)), shift)

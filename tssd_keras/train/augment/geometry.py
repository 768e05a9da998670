"""Where pixels go: crops, flips, cutout and affine maps of a whole batch, in keras.ops.

Random draws are arguments. Source pixels are found by whole numbers, so every
backend gives the same bits. A batch is one gather, whatever each image gets.
Images are [n, H, W, C] of any dtype, and keep it.
"""

from __future__ import annotations

import keras
import numpy as np
from keras import ops

FIXED = 1 << 12  # an affine map's numbers are whole multiples of 1 / FIXED


def crop_and_flip(images, corner, flipped, *, pixels: int, padding: str = "zero"):
    """Cut a window of the images' size out of the padded images, then mirror some.

    Args:
        images: [n, H, W, C].
        corner: int[n, 2] in 0..2 * pixels, row and column of the window's upper left corner in the
            padded image; (pixels, pixels) is the image itself.
        flipped: bool[n], which are mirrored left to right.
        pixels: padded on each side.
        padding: "zero", or "reflect": the image mirrored at its edge pixels, which needs
            `pixels` below H and W.

    Returns:
        The same shape and dtype.
    """
    height, width = images.shape[1:3]
    rows = _line(height) + corner[:, :1] - pixels
    columns = ops.where(flipped[:, None], _line(width)[:, ::-1], _line(width))
    columns = columns + corner[:, 1:] - pixels
    if padding == "reflect":
        rows, columns = _reflected(rows, height), _reflected(columns, width)
    return _gather(images, rows[:, :, None], columns[:, None, :])


def crop(images, corner, *, pixels: int, padding: str = "zero"):
    """`crop_and_flip` without mirroring."""
    return crop_and_flip(images, corner, np.zeros(1, bool), pixels=pixels, padding=padding)


def flip(images, flipped):
    """Mirror some of the images left to right: [n, H, W, C], bool[n]."""
    return crop_and_flip(images, np.zeros((1, 2), np.int32), flipped, pixels=0)


def cutout(images, centre, *, size: int, fill=None):
    """Cover a square of each image; parts outside the image are cut off.

    Args:
        images: [n, H, W, C].
        centre: int[n, 2], row and column; the square begins size // 2 pixels before it.
        size: of the square's sides, in pixels.
        fill: its colour, in the images' dtype; None: each image's mean colour.

    Returns:
        The same shape and dtype.

    Source:
        DeVries and Taylor, arXiv 1708.04552; the mean is 0 of their normalised images.
    """
    height, width = images.shape[1:3]
    rows, columns = (
        _within(_line(length) - centre[:, axis : axis + 1] + size // 2, size)
        for axis, length in enumerate((height, width))
    )
    covered = ops.logical_and(rows[:, :, None, None], columns[:, None, :, None])
    fill = mean_colour(images) if fill is None else ops.cast(fill, images.dtype)
    return ops.where(covered, fill, images)


def mean_colour(images):
    """Mean of each image and channel, rounded for whole numbers: [n, H, W, C] -> [n, 1, 1, C]."""
    if "float" in keras.backend.standardize_dtype(images.dtype):
        mean = ops.mean(ops.cast(images, "float32"), axis=(1, 2), keepdims=True)
    else:
        n = images.shape[1] * images.shape[2]
        mean = (ops.sum(ops.cast(images, "int32"), axis=(1, 2), keepdims=True) + n // 2) // n
    return ops.cast(mean, images.dtype)


def affine(images, linear, shift, *, fill=0):
    """Fetch each pixel from the place that an affine map about the centre gives.

    The nearest pixel is taken, as in the published policies. The map is rounded to
    multiples of 1 / `FIXED`; the rest is arithmetic of whole numbers.

    Args:
        images: [n, H, W, C].
        linear: float[n, 2, 2]; the pixel at (y, x) from the centre, y downwards, comes from
            linear @ (y, x) + shift. The identity leaves every pixel in its place.
        shift: float[n, 2], in pixels.
        fill: colour of places outside the image, in the images' dtype.

    Returns:
        The same shape and dtype.
    """
    height, width = images.shape[1:3]
    linear = ops.cast(ops.round(linear * FIXED), "int32")[:, :, :, None, None]
    shift = ops.cast(ops.round(shift * 2 * FIXED), "int32")[:, :, None, None]
    # In half pixels from the centre, so that these are whole numbers for even sizes too.
    y = 2 * _line(height)[:, :, None] - (height - 1)
    x = 2 * _line(width)[:, None, :] - (width - 1)
    rows, columns = (
        (linear[:, i, 0] * y + linear[:, i, 1] * x + shift[:, i] + length * FIXED) // (2 * FIXED)
        for i, length in enumerate((height, width))
    )
    return _gather(images, rows, columns, fill=fill)


def _line(length: int) -> np.ndarray:
    """Places along an axis: int32[1, length]."""
    return np.arange(length, dtype=np.int32)[None]


def _reflected(places, length: int):
    """Places outside the axis, mirrored at its end pixels; they lie less than `length` outside."""
    return (length - 1) - ops.abs((length - 1) - ops.abs(places))


def _within(places, length: int):
    """Which places lie on the axis: bool, of the same shape."""
    return ops.logical_and(places >= 0, places < length)


def _gather(images, rows, columns, *, fill=0):
    """Pixels [n, H, W, C] at int[n or 1, H, W] rows and columns; `fill` outside the image."""
    n, (height, width, channels) = ops.shape(images)[0], images.shape[1:]
    inside = ops.logical_and(_within(rows, height), _within(columns, width))
    image_start = ops.arange(n, dtype="int32")[:, None, None] * (height * width)
    # Places outside point at one extra pixel behind the last: one gather, no select.
    places = ops.where(inside, image_start + rows * width + columns, n * height * width)
    pixels = ops.reshape(images, (-1, channels))
    outside = ops.full((1, channels), fill, dtype=images.dtype)
    return ops.take(ops.concatenate([pixels, outside]), places, axis=0)

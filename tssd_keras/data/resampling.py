"""Resizing as TensorFlow and Keras do, in NumPy: each result is a weighted sum of a few pixels.

Pillow weighs all pixels that a result covers (antialiasing), Keras by default those
beside its centre only. A network that was trained on one sees other images under the other.
"""

from __future__ import annotations

import functools
import math
import threading
from collections.abc import Callable

import numpy as np
from scipy.sparse import csr_array

Kernel = Callable[[np.ndarray], np.ndarray]


def _triangle(x: np.ndarray) -> np.ndarray:
    return np.maximum(1 - x, 0)


def _keys(x: np.ndarray) -> np.ndarray:
    """Cubic convolution, a = -0.5. Source: Keys, IEEE ASSP 29 (1981), equation 15."""
    near = (1.5 * x - 2.5) * x * x + 1
    far = ((-0.5 * x + 2.5) * x - 4) * x + 2
    return np.where(x < 1, near, np.where(x < 2, far, 0))


def _mitchell(x: np.ndarray) -> np.ndarray:
    """B = C = 1/3. Source: Mitchell and Netravali, SIGGRAPH 1988, equation 8."""
    near = ((7 * x - 12) * x * x + 16 / 3) / 6
    far = (((-7 / 3 * x + 12) * x - 20) * x + 32 / 3) / 6
    return np.where(x < 1, near, np.where(x < 2, far, 0))


def _gaussian(x: np.ndarray) -> np.ndarray:
    return np.where(x < 1.5, np.exp(-2 * x * x), 0)  # sigma is half a pixel


def _lanczos(radius: int) -> Kernel:
    return lambda x: np.where(x < radius, np.sinc(x) * np.sinc(x / radius), 0)


# Interpolation -> kernel of the distance in pixels, and the distance from which it is 0.
KERNELS: dict[str, tuple[Kernel, float]] = {
    "bilinear": (_triangle, 1),
    "bicubic": (_keys, 2),
    "lanczos3": (_lanczos(3), 3),
    "lanczos5": (_lanczos(5), 5),
    "gaussian": (_gaussian, 1.5),
    "mitchellcubic": (_mitchell, 2),
}
INTERPOLATIONS = (*KERNELS, "nearest", "area")
CUBIC_STEPS = 1024  # TensorFlow has a table of so many places between two pixels
STRETCH, CROP, PAD = "stretch", "crop", "pad"


def resized(
    pixels: np.ndarray, size: tuple[int, int], interpolation: str, out: np.ndarray | None = None
) -> np.ndarray:
    """An image of another size.

    Args:
        pixels: [height, width, channels].
        size: (height, width) of the result.
        interpolation: of `INTERPOLATIONS`.
        out: where to put it, C-contiguous; None: into a new array.

    Returns:
        float32[*size, channels]; some kernels leave the range of the pixels.
    """
    if out is None:
        out = np.empty((*size, pixels.shape[2]), np.float32)
    if interpolation == "bilinear" and pixels.dtype == np.uint8:
        _between_four(pixels, out)
        return out
    rows, down = _weights(pixels.shape[0], size[0], interpolation)
    columns, across = _weights(pixels.shape[1], size[1], interpolation)
    # Of a large photograph a small part.
    read = pixels.take(rows, 0).take(columns, 1).astype(np.float32)
    tall = (down @ read.reshape(len(rows), -1)).reshape(size[0], len(columns), -1)
    both = across @ tall.swapaxes(0, 1).reshape(len(columns), -1)
    out[...] = both.reshape(size[1], size[0], -1).swapaxes(0, 1)
    return out


def _between_four(pixels: np.ndarray, out: np.ndarray) -> None:
    """Each result lies between four pixels: the same sums as sparse ones, in a third of the time.

    Args:
        pixels: uint8[height, width, channels].
        out: float32[*size, channels], C-contiguous, is written.
    """
    height, width, channels = pixels.shape
    lines, down = _two(height, out.shape[0], 1)
    columns, across = _two(width, out.shape[1], channels)
    left = out.reshape(len(out), -1)
    n, wide = left.shape[1], width > 2 * out.shape[1]  # of a large photograph a small part
    tall = (len(out), 2 * n if wide else width * channels)
    upper, lower = (_scratch(name, tall, np.float32) for name in ("upper", "lower"))
    for part, line, share in zip((upper, lower), lines, down, strict=True):
        # Mode "clip" writes at once, the default one into a copy.
        read = _scratch("line", (len(out), width * channels))
        pixels.reshape(height, -1).take(line, 0, out=read, mode="clip")
        if wide:
            read = read.take(columns.reshape(-1), 1, out=_scratch("few", tall), mode="clip")
        np.copyto(part, read)
        part *= share[:, None]
    upper += lower
    right = _scratch("right", left.shape, np.float32)
    if wide:
        np.multiply(upper[:, :n], across[0], out=left)
        np.multiply(upper[:, n:], across[1], out=right)
    else:
        for side, column, share in zip((left, right), columns, across, strict=True):
            upper.take(column, 1, out=side, mode="clip")
            side *= share
    left += right


_HELD = threading.local()


def _scratch(name: str, shape: tuple[int, int], dtype: type = np.uint8) -> np.ndarray:
    """An array of this thread, to be written: the system takes long to give new memory."""
    size = shape[0] * shape[1]
    held = getattr(_HELD, name, None)
    if held is None or held.size < size:
        held = np.empty(size, dtype)
        setattr(_HELD, name, held)
    return held[:size].reshape(shape)


def fitted(
    pixels: np.ndarray,
    size: tuple[int, int],
    interpolation: str,
    how: str = STRETCH,
    out: np.ndarray | None = None,
) -> np.ndarray:
    """An image brought to a size.

    Args:
        pixels: [height, width, channels].
        size: (height, width) of the result.
        interpolation: of `INTERPOLATIONS`.
        how: what becomes of its shape: "stretch" it, "crop" the middle of the wanted shape,
            or "pad" it with zeros.
        out: where to put it, C-contiguous; None: into a new array.

    Returns:
        float32[*size, channels].
    """
    if how == CROP:
        return resized(np.ascontiguousarray(_middle(pixels, size)), size, interpolation, out)
    if how != PAD:
        return resized(pixels, size, interpolation, out)
    # In single precision, as Keras: a length at the edge of a whole number is the same.
    lengths = np.array(pixels.shape[:2], np.float32)
    wanted = np.array(size, np.float32)
    inner = lengths / (lengths / wanted).max()
    top, left = np.maximum(np.floor((wanted - inner) / 2), 0).astype(int)
    height, width = np.floor(inner).astype(int)
    if out is None:
        out = np.empty((*size, pixels.shape[2]), np.float32)
    out[...] = 0
    out[top : top + height, left : left + width] = resized(pixels, (height, width), interpolation)
    return out


def _middle(pixels: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """The largest middle part of the size's shape."""
    (height, width), (tall, wide) = pixels.shape[:2], size
    crop_height = max(min(height, int(np.float32(width * tall) / np.float32(wide))), 1)
    crop_width = max(min(width, int(np.float32(height * wide) / np.float32(tall))), 1)
    top, left = (height - crop_height) // 2, (width - crop_width) // 2
    return pixels[top : top + crop_height, left : left + crop_width]


@functools.lru_cache(maxsize=256)
def _weights(n: int, n_out: int, interpolation: str) -> tuple[np.ndarray, csr_array]:
    """Which pixels of a line make up the results, and how much each is of each.

    Args:
        n: pixels of the line.
        n_out: of the result.
        interpolation: of `INTERPOLATIONS`.

    Returns:
        int64[m], pixels, and float32[n_out, m], rows of sum 1.
    """
    scale = np.float32(n) / np.float32(n_out)
    place = np.arange(n_out, dtype=np.float32)
    if interpolation == "nearest":
        index = np.minimum(np.floor((place + np.float32(0.5)) * scale).astype(int), n - 1)
        return _sparse(index[:, None], np.ones((n_out, 1)))
    if interpolation == "area":
        begin, end = place * scale, (place + 1) * scale
        first = np.floor(begin).astype(int)
        index = first[:, None] + np.arange(math.ceil(scale) + 1)
        weights = np.minimum(index + 1, end[:, None]) - np.maximum(index, begin[:, None])
        weights = np.maximum(weights, 0)
    else:
        kernel, radius = KERNELS[interpolation]
        centre = (place + np.float32(0.5)) * scale - np.float32(0.5)
        if interpolation == "bicubic":
            centre = np.round(centre * CUBIC_STEPS) / CUBIC_STEPS
        first = np.ceil(centre - radius).astype(int)
        index = first[:, None] + np.arange(math.floor(2 * radius) + 1)
        weights = kernel(np.abs(index - centre[:, None]))
    return _sparse(index, np.where((index >= 0) & (index < n), weights, 0))


@functools.lru_cache(maxsize=256)
def _two(n: int, n_out: int, channels: int) -> tuple[np.ndarray, np.ndarray]:
    """The two pixels of a line that each result lies between, and how much each is of it.

    Args:
        n: pixels of the line.
        n_out: of the result.
        channels: values of a pixel, which lie side by side.

    Returns:
        int64[2, n_out * channels], places, and float32[2, n_out * channels]: the second is 0
        where there is one pixel.
    """
    used, weights = _weights(n, n_out, "bilinear")
    ends = np.stack([weights.indptr[:-1], weights.indptr[1:] - 1])
    share = weights.data[ends]
    share[1, ends[0] == ends[1]] = 0
    place = used[weights.indices[ends]]
    beside = place[:, :, None] * channels + np.arange(channels)
    return beside.reshape(2, -1), np.repeat(share, channels, axis=1)


def _sparse(index: np.ndarray, weights: np.ndarray) -> tuple[np.ndarray, csr_array]:
    """The places with weights, and rows of these weights, each scaled to sum 1."""
    out, tap = np.nonzero(weights)
    weights = (weights / weights.sum(axis=1, keepdims=True)).astype(np.float32)
    used, place = np.unique(index[out, tap], return_inverse=True)
    return used, csr_array((weights[out, tap], (out, place)), shape=(len(index), len(used)))

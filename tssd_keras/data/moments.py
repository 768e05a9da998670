"""Mean and deviation of each column of the samples: a channel of images, a feature of tables."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import NamedTuple

import numpy as np

from tssd_keras.data.inputs import Inputs

SOME = 10_000  # samples are enough for the columns
BLOCK_BYTES = 64 << 20  # of samples as float64 that are held at a time


class Moments(NamedTuple):
    """Of C columns, in the samples' own units.

    Attributes:
        mean: float64[C].
        deviation: float64[C], infinite where a column does not vary.
    """

    mean: np.ndarray
    deviation: np.ndarray


def block_size(inputs: Inputs) -> int:
    """How many samples are read at a time."""
    return max(1, BLOCK_BYTES // (8 * max(int(np.prod(inputs.shape[1:])), 1)))


def blocks(index: np.ndarray, size: int) -> Iterator[np.ndarray]:
    """The indices, so many at a time."""
    for start in range(0, len(index), size):
        yield index[start : start + size]


def by_column(inputs: Inputs, rows: np.ndarray) -> np.ndarray:
    """Samples as float64[n, pixels, C]; C is 1 where they are neither images nor tables."""
    columns = inputs.shape[-1] if len(inputs.shape) in (2, 4) else 1
    return np.asarray(inputs.read(rows), np.float64).reshape(len(rows), -1, columns)


def moments(
    inputs: Inputs,
    index: np.ndarray,
    size: int | None = None,
    on_block: Callable[[int], None] = lambda n: None,
) -> Moments:
    """Moments of some samples, read once; blocks are merged as by Chan et al., 1983.

    Args:
        inputs: samples.
        index: int[n], which of them.
        size: of them in memory at a time, by default 64 MiB of them.
        on_block: called with the number of samples read.

    Raises:
        ValueError: a sample is not finite.
    """
    count, mean, squares = 0, np.zeros(1), np.zeros(1)
    for rows in blocks(index, size or block_size(inputs)):
        x = by_column(inputs, rows)
        finite = np.isfinite(x).all(axis=(1, 2))
        if not finite.all():
            raise ValueError(
                "samples must be finite where they are brought to mean 0 and deviation 1, sample "
                f"{rows[~finite][0]} is not. Drop it or fill in the gaps."
            )
        n = x.shape[0] * x.shape[1]
        block_mean = x.mean(axis=(0, 1))
        shift = block_mean - mean
        squares = squares + ((x - block_mean) ** 2).sum(axis=(0, 1))
        squares = squares + shift**2 * (count * n / (count + n))
        mean = mean + shift * (n / (count + n))
        count += n
        on_block(len(rows))
    deviation = np.sqrt(squares / max(count, 1))
    constant = deviation <= 1e-12 * np.abs(mean)  # rounding alone leaves this
    return Moments(mean, np.where(constant, np.inf, deviation))


def moments_of_some(inputs: Inputs, index: np.ndarray, *, seed: int) -> Moments:
    """Moments of these samples, or of 10,000 of them at random where they are more."""
    if len(index) > SOME:
        index = np.sort(np.random.default_rng(seed).choice(index, SOME, replace=False))
    return moments(inputs, index)

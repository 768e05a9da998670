"""Similarity to each class by its mean feature: a place in feature space, by class means."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import numpy as np
from scipy import sparse

from tssd_keras.judge.nearest import on_accelerator
from tssd_keras.judge.sharing import ALONE, Sharing, total

BLOCK = 1024  # rows held at once as float32; they stay in a core's cache
ON_DEVICE = 8192  # rows that an accelerator adds up at once


class ClassMeans:
    """The means of the given classes, to which samples are more or less similar.

    The rows have length 1, so a row's inner product with a class's mean is the mean of its
    cosine similarities to the class, itself included: exact, in O(N d), without an N x N matrix.

    Args:
        features: float[N, d], rows of length 1; may be memory-mapped.
        labels: int64[N] in 0..K-1, given.
        n_classes: K.
        sharing: who adds up a share of the rows each.

    Source:
        PSDC, arXiv 2404.01853.
    """

    def __init__(
        self,
        features: np.ndarray,
        labels: np.ndarray,
        n_classes: int,
        sharing: Sharing = ALONE,
    ) -> None:
        self._features, self._labels = features, labels
        self.means = class_means(features, labels, n_classes, sharing)
        self.silent: np.ndarray | None = None
        self.score_before = np.zeros(len(labels), np.float32)

    def similarity(self, rows: slice | np.ndarray) -> np.ndarray:
        """Of some of the samples to each class, float32[n, K]."""
        return self.similarity_of(self._features[rows])

    def similarity_of(self, features: np.ndarray, before: np.ndarray | None = None) -> np.ndarray:
        """Of other samples to each class, float[m, d] -> float32[m, K]; `before` is not used."""
        return np.asarray(features, np.float32) @ self.means.T

    def scores(self) -> np.ndarray:
        """Of every sample what the feature stream reads, float32[N]."""
        out = np.empty(len(self._labels), np.float32)
        for start in range(0, len(out), BLOCK):
            rows = slice(start, start + BLOCK)
            features = np.asarray(self._features[rows], np.float32)
            out[rows] = np.einsum("nd,nd->n", features, self.means[self._labels[rows]])
        return out

    @staticmethod
    def score(similarity: np.ndarray, labels: np.ndarray) -> np.ndarray:
        """What the feature stream reads of float32[n, K] similarities: that to the label."""
        return similarity[np.arange(len(labels)), labels]

    @staticmethod
    def class_log_p(similarity: np.ndarray, log_p: np.ndarray) -> np.ndarray:
        """Log-probabilities of the true class: the network's alone."""
        return np.asarray(log_p, np.float32)


def class_means(
    features: np.ndarray, labels: np.ndarray, n_classes: int, sharing: Sharing = ALONE
) -> np.ndarray:
    """Mean of the unit feature rows of each given class, read block by block.

    Args:
        features, labels, n_classes, sharing: see `ClassMeans`.

    Returns:
        float32[K, d]; zeros for a class without samples.
    """
    of_block, size = sums_by_scipy(n_classes), BLOCK
    if on_accelerator() and sharing.n_devices > 1:
        size = ON_DEVICE * sharing.n_devices
        of_block = sums_by_keras(n_classes, sharing, size)

    def of_rows(rows: slice) -> np.ndarray:
        return of_block(features[rows], labels[rows])

    found = total(len(labels), of_rows, size, sharing)
    count = np.bincount(labels, minlength=n_classes)
    return (found / np.maximum(count, 1)[:, None]).astype(np.float32)


def sums_by_scipy(n_classes: int) -> Callable:
    """The sums of each class's rows on the processor.

    Returns:
        A function: float[m, d] rows, int[m] labels -> float[K, d].
    """

    def of_block(features: np.ndarray, labels: np.ndarray) -> np.ndarray:
        ones, at = np.ones(len(labels), np.float32), (labels, np.arange(len(labels)))
        member = sparse.csr_array((ones, at), (n_classes, len(labels)))
        return member @ np.asarray(features, np.float32)

    return of_block


def sums_by_keras(n_classes: int, sharing: Sharing, size: int) -> Callable:
    """The same on this process's accelerators, each for its share of the block.

    Args:
        n_classes: K.
        sharing: their number is `n_devices`.
        size: rows of a block, at most; a multiple of that number.
    """
    on_devices = sharing.on_devices(_sums_of_share(n_classes))

    def of_block(features: np.ndarray, labels: np.ndarray) -> np.ndarray:
        rows = np.zeros((size, features.shape[1]), features.dtype)
        at = np.full(size, -1, np.int32)
        rows[: len(labels)], at[: len(labels)] = features, labels
        return on_devices(rows, at)[0].sum(axis=0)

    return of_block


@functools.cache
def _sums_of_share(n_classes: int) -> Callable:
    """One function for each number of classes, so that it is compiled once."""
    from keras import ops

    def of_share(rows: Any, labels: Any) -> Any:
        member = ops.one_hot(labels, n_classes, dtype="float32")  # nothing where a label is -1
        return (ops.matmul(ops.transpose(member), ops.cast(rows, "float32"))[None],)

    return of_share

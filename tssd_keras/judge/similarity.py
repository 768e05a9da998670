"""Similarity to each class by its mean feature: a place in feature space, by class means."""

from __future__ import annotations

import numpy as np
from scipy import sparse

BLOCK = 1024  # rows held at once as float32; they stay in a core's cache


class ClassMeans:
    """The means of the given classes, to which samples are more or less similar.

    The rows have length 1, so a row's inner product with a class's mean is the mean of its
    cosine similarities to the class, itself included: exact, in O(N d), without an N x N matrix.

    Args:
        features: float[N, d], rows of length 1; may be memory-mapped.
        labels: int64[N] in 0..K-1, given.
        n_classes: K.

    Source:
        PSDC, arXiv 2404.01853.
    """

    def __init__(self, features: np.ndarray, labels: np.ndarray, n_classes: int) -> None:
        self._features, self._labels = features, labels
        self.means = class_means(features, labels, n_classes)
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


def class_means(features: np.ndarray, labels: np.ndarray, n_classes: int) -> np.ndarray:
    """Mean of the unit feature rows of each given class, read block by block.

    Args:
        features, labels, n_classes: see `ClassMeans`.

    Returns:
        float32[K, d]; zeros for a class without samples.
    """
    total = np.zeros((n_classes, features.shape[1]))
    for start in range(0, len(labels), BLOCK):
        rows = np.asarray(features[start : start + BLOCK], np.float32)
        given = labels[start : start + BLOCK]
        member = sparse.csr_array(
            (np.ones(len(given), np.float32), (given, np.arange(len(given)))),
            (n_classes, len(given)),
        )
        total += member @ rows
    count = np.bincount(labels, minlength=n_classes)
    return (total / np.maximum(count, 1)[:, None]).astype(np.float32)

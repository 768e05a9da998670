"""How close features lie to those of the given class: the input of the feature stream."""

from __future__ import annotations

import numpy as np
from scipy import sparse


def class_means(
    features: np.ndarray, labels: np.ndarray, n_classes: int, *, block: int = 1024
) -> np.ndarray:
    """Mean of the unit feature rows of each given class, read block by block.

    Args:
        features: float[N, d], rows of length 1; may be memory-mapped.
        labels: int[N], given.
        n_classes: K.
        block: rows held at once as float32; 1024 stay in a core's cache.

    Returns:
        float32[K, d]; zeros for a class without samples.
    """
    total = np.zeros((n_classes, features.shape[1]))
    for start in range(0, len(labels), block):
        rows = np.asarray(features[start : start + block], np.float32)
        given = labels[start : start + block]
        member = sparse.csr_array(
            (np.ones(len(given), np.float32), (given, np.arange(len(given)))),
            (n_classes, len(given)),
        )
        total += member @ rows
    count = np.bincount(labels, minlength=n_classes)
    return (total / np.maximum(count, 1)[:, None]).astype(np.float32)


def own_class_similarity(
    features: np.ndarray, labels: np.ndarray, means: np.ndarray, *, block: int = 1024
) -> np.ndarray:
    """Mean cosine similarity of each sample to its given class, itself included.

    The rows have length 1, so the mean of inner products over the class is the inner
    product with the class's mean: exact, in O(N d), without an N x N matrix.

    Args:
        features: float[N, d], rows of length 1.
        labels: int[N], given.
        means: float32[K, d], from `class_means`.
        block: rows held at once as float32; 1024 stay in a core's cache.

    Returns:
        float32[N].
    """
    similarity = np.empty(len(labels), np.float32)
    for start in range(0, len(labels), block):
        rows = slice(start, start + block)
        similarity[rows] = np.einsum(
            "nd,nd->n", np.asarray(features[rows], np.float32), means[labels[rows]]
        )
    return similarity

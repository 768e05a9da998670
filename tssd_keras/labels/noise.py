"""Label noise: transition matrices, labels drawn from them, and the hash of labels.

Conventions: `matrix[i, j]` is P(given label = j | true label = i), so rows sum
to 1. Noise is drawn once for a whole training split, before samples leave it: labels and their
hash depend on the true labels and the seed alone.
"""

from __future__ import annotations

import hashlib

import numpy as np

from tssd_keras.labels.class_maps import asymmetric_map
from tssd_keras.recipe.checks import check_matrix
from tssd_keras.recipe.choices import MATRIX_NOISES


def symmetric(n_classes: int, rate: float, *, include_true: bool = False) -> np.ndarray:
    """Transition matrix of symmetric noise: a flipped label is uniform over the classes.

    Args:
        n_classes: K, at least 2.
        rate: share of labels that are redrawn, in [0, 1].
        include_true: whether the redrawn label can be the true one, as in
            DivideMix (arXiv 2002.07394). Then the share of wrong labels is
            rate * (K - 1) / K: "50 %" on ten classes is 45 %.

    Returns:
        float64[K, K], rows sum to 1.
    """
    if include_true:
        matrix = np.full((n_classes, n_classes), rate / n_classes)
        matrix[np.diag_indices(n_classes)] += 1 - rate
        return matrix
    matrix = np.full((n_classes, n_classes), rate / (n_classes - 1))
    matrix[np.diag_indices(n_classes)] = 1 - rate
    return matrix


def pair(n_classes: int, rate: float) -> np.ndarray:
    """Transition matrix of pair noise: class i becomes class i + 1 (mod K).

    Args:
        n_classes: K, at least 2.
        rate: share of each class that is flipped, in [0, 1].

    Returns:
        float64[K, K], rows sum to 1. Source: Co-teaching, arXiv 1804.06872.
    """
    return _flip(np.roll(np.arange(n_classes), -1), rate)


def asymmetric(class_names: tuple[str, ...], rate: float, dataset: str) -> np.ndarray:
    """Transition matrix of class-dependent noise between look-alike classes.

    Args:
        class_names: K names in label order.
        rate: share of each affected class that is flipped, in [0, 1].
        dataset: whose confusions to use, one of `class_maps.ASYMMETRIC_MAPS`.

    Returns:
        float64[K, K], rows sum to 1. Classes without a look-alike stay.

    Raises:
        ValueError: no map is known for the data set, or its classes are missing.
    """
    return _flip(asymmetric_map(dataset, class_names), rate)


def _flip(target: np.ndarray, rate: float) -> np.ndarray:
    """Row i moves the share `rate` to class target[i]; target[i] == i moves nothing."""
    matrix = np.eye(len(target))
    moved = np.flatnonzero(target != np.arange(len(target)))
    matrix[moved, moved] = 1 - rate
    matrix[moved, target[moved]] = rate
    return matrix


def transition_matrix(
    kind: str,
    class_names: tuple[str, ...],
    *,
    rate: float = 0.0,
    include_true: bool = False,
    matrix: object = None,
    dataset: str = "",
) -> np.ndarray:
    """The transition matrix that a recipe's [noise] section asks for.

    Args:
        kind: one of `recipe.choices.MATRIX_NOISES`.
        class_names: K names in label order.
        rate: see `symmetric`, `pair`, `asymmetric`; unused by "none" and "matrix".
        include_true: see `symmetric`.
        matrix: K rows of K numbers, for kind "matrix".
        dataset: whose look-alike classes, for kind "asymmetric".

    Returns:
        float64[K, K], rows sum to 1.

    Raises:
        ValueError: unknown kind, or a matrix that is no transition matrix.
    """
    n_classes = len(class_names)
    if kind == "none":
        return np.eye(n_classes)
    if kind == "symmetric":
        return symmetric(n_classes, rate, include_true=include_true)
    if kind == "asymmetric":
        return asymmetric(class_names, rate, dataset)
    if kind == "pair":
        return pair(n_classes, rate)
    if kind == "matrix":
        return check_matrix(matrix, n_classes)
    raise ValueError(f"noise.kind must be one of {', '.join(MATRIX_NOISES)}, got {kind!r}.")


def draw_labels(true_labels: np.ndarray, matrix: np.ndarray, *, seed: int) -> np.ndarray:
    """Draw one given label for each true label.

    Args:
        true_labels: int[N] in 0..K-1.
        matrix: float64[K, K], P(given = j | true = i).
        seed: of these draws only.

    Returns:
        int64[N]. Label i depends on true label i, the matrix, the seed and i alone: one
        uniform number a sample, in index order.
    """
    uniform = np.random.default_rng(seed).random(len(true_labels))
    edges = np.cumsum(matrix, axis=1)
    edges /= edges[:, -1:]  # a gap at the top would go to the last class, however improbable
    given = np.empty(len(true_labels), np.int64)
    for label in range(len(matrix)):  # classes, not samples
        rows = np.flatnonzero(true_labels == label)
        given[rows] = np.searchsorted(edges[label], uniform[rows], side="right")
    return given


def labels_sha256(labels: np.ndarray) -> str:
    """SHA-256 of the labels as little-endian int64 in index order, in hexadecimal."""
    return hashlib.sha256(np.ascontiguousarray(labels, dtype="<i8").tobytes()).hexdigest()


def confusion(true: np.ndarray, given: np.ndarray, n_classes: int) -> np.ndarray:
    """Counts of given labels for each true label.

    Args:
        true: int[N] in 0..K-1.
        given: int[N] in 0..K-1.
        n_classes: K.

    Returns:
        int64[K, K], counts; `[i, j]` is of true label i and given label j.
    """
    pairs = np.asarray(true, np.int64) * n_classes + np.asarray(given, np.int64)
    counts = np.bincount(pairs, minlength=n_classes * n_classes)
    return counts.reshape(n_classes, n_classes).astype(np.int64)

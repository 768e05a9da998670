"""Instance-dependent label noise: a sample's looks decide the class that it is mistaken for.

Source: Xia et al., "Part-dependent Label Noise", arXiv 2006.07836, as in the
authors' code: each sample has a flip rate of its own, and each class a random
linear map from pixels to wrong classes.
"""

from __future__ import annotations

from collections.abc import Callable
from statistics import NormalDist

import numpy as np

from tssd_keras.data.class_labels import class_labels
from tssd_keras.data.inputs import Inputs
from tssd_keras.data.moments import block_size, blocks, by_column, moments

SPREAD = 0.1  # standard deviation of the flip rates before they are cut off at 0 and 1


def draw_instance_labels(
    inputs: Inputs,
    true_labels: np.ndarray,
    n_classes: int,
    *,
    rate: float,
    seed: int,
    batch_size: int | None = None,
    on_batch: Callable[[int], None] | None = None,
) -> np.ndarray:
    """Draw one given label for each sample, from its true label and its pixels.

    Sample i of class y keeps its label with probability 1 - q_i, else goes to class j != y
    with probability softmax(x_i W_y)_j. q_i is normal(rate, 0.1) cut off to [0, 1]; W_y is
    normal(0, 1) [d, K]; x_i is the flattened sample, standardised over the split (see
    `by_column`). On images the softmax is nearly hard, as logits grow with the root of d.

    Args:
        inputs: N samples; read twice, in blocks, never held as a whole.
        true_labels: int[N] in 0..K-1.
        n_classes: K, at least 2.
        rate: the flip rates' centre, in [0, 1]. At 0 no label changes. Cutting off moves
            their mean: 0.1 gives 0.129, 0.2 gives 0.206, 0.3 and 0.5 hardly change.
        seed: of these draws only.
        batch_size: samples read at a time, by default 64 MiB of them; changes labels by
            rounding in float64 only.
        on_batch: called with the number of samples read; the calls add up to 2 N, or to
            nothing at rate 0.

    Returns:
        int64[N]. Other samples matter to label i through means and deviations only. Of the
        i-th pair of uniform numbers the first is q_i's quantile. The second, if below q_i,
        flips the label and draws the wrong one.

    Raises:
        ValueError: labels, rate or classes are out of range, or a sample is not finite.
    """
    n, d = len(inputs), int(np.prod(inputs.shape[1:]))
    true_labels = _checked(true_labels, n, n_classes, rate)
    if rate == 0:
        return true_labels.copy()
    per_sample, *per_class = np.random.SeedSequence(seed).spawn(1 + n_classes)
    draws = np.random.default_rng(per_sample).random((n, 2))
    q = _flip_rates(draws[:, 0], rate)
    size = batch_size or block_size(inputs)
    read = on_batch or (lambda n: None)
    mean, deviation = moments(inputs, np.arange(n), size, read)
    given = np.empty(n, np.int64)
    for label in range(n_classes):
        members = np.flatnonzero(true_labels == label)
        if not len(members):
            continue
        weight = np.random.default_rng(per_class[label]).standard_normal((d, n_classes))
        for rows in blocks(members, size):
            x = (by_column(inputs, rows) - mean) / deviation
            wrong = _wrong_class(x.reshape(len(rows), d) @ weight, label, draws[rows, 1] / q[rows])
            given[rows] = np.where(draws[rows, 1] < q[rows], wrong, label)
            read(len(rows))
    return given


def _checked(true_labels: np.ndarray, n: int, n_classes: int, rate: float) -> np.ndarray:
    if not 0 <= rate <= 1:
        raise ValueError(f"noise.rate must lie in 0..1, got {rate}.")
    if n_classes < 2:
        raise ValueError(f"there must be at least 2 classes to mistake, got {n_classes}.")
    return class_labels("true_labels", true_labels, n=n, n_classes=n_classes)


def _flip_rates(uniform: np.ndarray, rate: float) -> np.ndarray:
    """float64[N] in [0, 1]: quantiles of the normal distribution cut off to [0, 1]."""
    normal = NormalDist(rate, SPREAD)
    low, high = normal.cdf(0.0), normal.cdf(1.0)
    quantile = np.clip(low + uniform * (high - low), low, np.nextafter(1.0, 0.0))
    q = np.fromiter(map(normal.inv_cdf, quantile.tolist()), np.float64, len(uniform))
    return np.clip(q, 1e-12, 1)  # is divided by


def _wrong_class(logits: np.ndarray, label: int, uniform: np.ndarray) -> np.ndarray:
    """int64[n]: the class whose share of the softmax holds the number of 0..1; K if none does."""
    logits[:, label] = -np.inf
    edges = np.cumsum(np.exp(logits - logits.max(axis=1, keepdims=True)), axis=1)
    edges /= edges[:, -1:]
    return (uniform[:, None] >= edges).sum(axis=1)

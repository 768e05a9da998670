"""The objective, in keras.ops: one copy for all backends.

Softmax and loss are float32. Where a network gives float64, what is called float32 here is that.
"""

from __future__ import annotations

import math

import keras
from keras import ops


def in_full(values):
    """float64 as it is, and any other float as float32."""
    double = keras.backend.standardize_dtype(values.dtype) == "float64"
    return values if double else ops.cast(values, "float32")


def cross_entropy(logits, labels):
    """Cross-entropy of each row in nats: float[n, K], int[n] -> float32[n]."""
    return keras.losses.sparse_categorical_crossentropy(labels, in_full(logits), from_logits=True)


def weighted_mean(values, weight):
    """sum(weight * values) / sum(weight), 0 where no row carries weight: float32 scalar.

    Keras' own reduction divides by the number of rows instead, so that a batch
    of small weights would take a small step.
    """
    weight = ops.cast(weight, values.dtype)
    return ops.sum(weight * values) / ops.maximum(ops.sum(weight), 1e-8)


def weighted_cross_entropy(logits, labels, weight):
    """The objective "weighted": float[n, K], int[n], float[n] -> float32 scalar, in nats."""
    return weighted_mean(cross_entropy(logits, labels), weight)


def l2_penalty(variables, weight_decay: float):
    """Half the squared length of the variables times `weight_decay`: float32 scalar.

    Its slope is weight_decay * w: the coupled weight decay of the published
    schedules. Keras' own `weight_decay` is decoupled.
    """
    squares = [ops.sum(ops.square(in_full(v))) for v in variables]
    double = any(keras.backend.standardize_dtype(one.dtype) == "float64" for one in squares)
    total = sum(ops.cast(one, "float64" if double else "float32") for one in squares)
    return 0.5 * weight_decay * total


def mean_prediction(logits: list):
    """Logits of the mean of several networks' probabilities; those of one network as they are.

    Args:
        logits: M of float[n, K].

    Returns:
        float[n, K].
    """
    if len(logits) == 1:
        return logits[0]
    log_p = ops.stack([ops.log_softmax(in_full(one), axis=-1) for one in logits])
    return ops.logsumexp(log_p, axis=0) - math.log(len(logits))

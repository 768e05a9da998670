"""A network as the score pass takes it: with two outputs, unit features and log-probabilities."""

from __future__ import annotations

import keras
import numpy as np
from keras import ops

SUM_TO_ONE = 0.02  # how far from 1 probabilities may sum; half precision rounds
MIN_LOG_P = -80.0  # keeps half-precision log-probabilities finite


def scoring_model(
    network: keras.Model, *, features: str | None = None, from_logits: bool | None = None
) -> keras.Model:
    """The network with two outputs: unit features float16[n, d], log-probabilities float32[n, K].

    It shares the network's variables. Build it once: each new model is compiled.

    Args:
        network: a functional or sequential model, inputs -> logits or probabilities.
        features: name of the layer whose output is the feature vector; by
            default the input of the Dense layer that the output comes from.
        from_logits: see `two_outputs`.

    Raises:
        ValueError: the network is not functional, has several outputs, has no
            such layer, or does not end in a Dense layer.
    """
    if not getattr(network, "inputs", None) or not getattr(network, "outputs", None):
        raise ValueError(
            f"the model must be functional or sequential and built, got {type(network).__name__}, "
            "whose layers cannot be looked into. Pass TSSD(scoring=Scoring(score_model=...)), a "
            "keras.Model that shares its layers and gives (features, logits)."
        )
    if len(network.outputs) > 1:
        raise ValueError(
            f"the model must have one output, got {len(network.outputs)}. Pass "
            "TSSD(scoring=Scoring(score_model=...)), a keras.Model that shares its layers and "
            "gives (features, logits) of the classes that are judged."
        )
    if features is None:
        feature_output = _last_dense(network).input
    else:
        names = {layer.name for layer in network.layers}
        if features not in names:
            raise ValueError(
                f"features must name a layer of the model, got {features!r}. Its layers are "
                f"{', '.join(sorted(names))}."
            )
        feature_output = network.get_layer(features).output
    return two_outputs(network.inputs, feature_output, network.outputs[0], from_logits=from_logits)


def _last_dense(network: keras.Model) -> keras.layers.Dense:
    """The last Dense layer; only activations, dropout and the like may follow it."""
    tensor = network.outputs[0]
    may_follow = (
        keras.layers.Activation,
        keras.layers.Softmax,
        keras.layers.Dropout,
        keras.layers.Identity,
    )
    while True:
        layer = next((one for one in network.layers if _gives(one, tensor)), None)
        if isinstance(layer, keras.layers.Dense):
            return layer
        if not isinstance(layer, may_follow):
            raise ValueError(
                "the model must end in a Dense layer for its features to be told, and ends in "
                f"{'something else' if layer is None else layer.name}. Name the layer that gives "
                "the features: TSSD(scoring=Scoring(features=...))."
            )
        tensor = layer.input


def _gives(layer: keras.Layer, tensor) -> bool:
    try:
        return layer.output is tensor
    except (AttributeError, ValueError):  # the layer was called several times, or never
        return False


def two_outputs(
    inputs, feature_output, prediction, *, from_logits: bool | None = None
) -> keras.Model:
    """A model of unit features and log-probabilities over symbolic tensors.

    Args:
        inputs: of the model.
        feature_output: float[n, ...], flattened to a vector.
        prediction: float[n, K], logits or probabilities.
        from_logits: which of the two; None: not if the predictions of a sample
            of zeros look like probabilities.

    Raises:
        ValueError: `from_logits` contradicts these predictions.
    """
    flat = ops.reshape(
        ops.cast(feature_output, "float32"), (-1, int(np.prod(feature_output.shape[1:])))
    )
    # A length of squares overflows half precision; the division is done before the cast.
    unit = flat / ops.maximum(ops.sqrt(ops.sum(ops.square(flat), axis=-1, keepdims=True)), 1e-12)
    has_probabilities = _gives_probabilities(keras.Model(inputs, prediction))
    if from_logits is None:
        from_logits = not has_probabilities
    elif from_logits == has_probabilities:
        raise ValueError(
            f"from_logits is {from_logits}, but the model gives "
            f"{'' if has_probabilities else 'no '}probabilities: of a sample of zeros they "
            f"{'' if has_probabilities else 'do not '}sum to 1. Leave from_logits out."
        )
    prediction = ops.cast(prediction, "float32")
    if from_logits:
        log_p = ops.log_softmax(prediction, axis=-1)
    else:
        log_p = ops.log(ops.maximum(prediction, 1e-30))
    log_p = ops.maximum(log_p, MIN_LOG_P)
    return keras.Model(inputs, [ops.cast(unit, "float16"), log_p], name="scoring")


def _gives_probabilities(model: keras.Model) -> bool:
    """Whether the predictions of a sample of zeros are in 0..1 and sum to 1."""
    zeros = [ops.zeros((1, *x.shape[1:]), x.dtype) for x in model.inputs]
    p = ops.convert_to_numpy(ops.cast(model(zeros, training=False), "float32"))
    return bool((p >= 0).all() and abs(p.sum() - 1) < SUM_TO_ONE)

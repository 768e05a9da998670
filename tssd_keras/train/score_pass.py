"""The score pass: one quiet forward over all samples, in source order."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import keras
import numpy as np
from keras import ops

from tssd_keras.data.inputs import Inputs
from tssd_keras.judge.scores import Scores

IN_MEMORY = 1 << 30  # bytes of half-precision results; larger ones are memory-mapped
SUM_TO_ONE = 0.02  # how far from 1 probabilities may sum; half precision rounds
MIN_LOG_P = -80.0  # keeps half-precision log-probabilities finite


def scoring_model(
    network: keras.Model, *, features: str | None = None, from_logits: bool | None = None
) -> keras.Model:
    """The network with two outputs: unit features float16[n, d], log-probabilities float32[n, K].

    It shares the network's variables. Build it once: a model built anew is
    compiled anew.

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
            "whose layers cannot be looked into. Pass TSSD(score_model=...), a keras.Model that "
            "shares its layers and gives (features, logits)."
        )
    if len(network.outputs) > 1:
        raise ValueError(
            f"the model must have one output, got {len(network.outputs)}. Pass "
            "TSSD(score_model=...), a keras.Model that shares its layers and gives (features, "
            "logits) of the classes that are judged."
        )
    if features is None:
        feature_output = _last_dense(network).input
    else:
        known = {layer.name for layer in network.layers}
        if features not in known:
            raise ValueError(
                f"features must name a layer of the model, got {features!r}. Its layers are "
                f"{', '.join(sorted(known))}."
            )
        feature_output = network.get_layer(features).output
    return two_outputs(network.inputs, feature_output, network.outputs[0], from_logits=from_logits)


def _last_dense(network: keras.Model) -> keras.layers.Dense:
    """The Dense layer whose output is the network's, but for activations and the like."""
    tensor = network.outputs[0]
    behind = (
        keras.layers.Activation,
        keras.layers.Softmax,
        keras.layers.Dropout,
        keras.layers.Identity,
    )
    while True:
        layer = next((one for one in network.layers if _gives(one, tensor)), None)
        if isinstance(layer, keras.layers.Dense):
            return layer
        if not isinstance(layer, behind):
            raise ValueError(
                "the model must end in a Dense layer for its features to be told, and ends in "
                f"{'something else' if layer is None else layer.name}. Name the layer that gives "
                "the features: TSSD(features=...)."
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
        from_logits: which of the two; None: whatever the predictions of a
            sample of zeros look like.

    Raises:
        ValueError: `from_logits` is not what the predictions look like.
    """
    flat = ops.reshape(
        ops.cast(feature_output, "float32"), (-1, int(np.prod(feature_output.shape[1:])))
    )
    # A length of squares overflows half precision; the division is done before the cast.
    unit = flat / ops.maximum(ops.sqrt(ops.sum(ops.square(flat), axis=-1, keepdims=True)), 1e-12)
    seen = _gives_probabilities(keras.Model(inputs, prediction))
    if from_logits is None:
        from_logits = not seen
    elif from_logits == seen:
        raise ValueError(
            f"from_logits is {from_logits}, but the model gives "
            f"{'probabilities' if seen else 'no probabilities'}: of a sample of zeros they "
            f"{'sum to 1' if seen else 'do not sum to 1'}. Leave from_logits out."
        )
    prediction = ops.cast(prediction, "float32")
    if from_logits:
        log_p = ops.log_softmax(prediction, axis=-1)
    else:
        log_p = ops.log(ops.maximum(prediction, 1e-30))
    log_p = ops.maximum(log_p, MIN_LOG_P)
    return keras.Model(inputs, [ops.cast(unit, "float16"), log_p], name="scoring")


def _gives_probabilities(model: keras.Model) -> bool:
    """Whether predictions are in 0..1 and sum to 1, looked at on a sample of zeros."""
    zeros = [ops.zeros((1, *x.shape[1:]), x.dtype) for x in model.inputs]
    p = ops.convert_to_numpy(ops.cast(model(zeros, training=False), "float32"))
    return bool((p >= 0).all() and abs(p.sum() - 1) < SUM_TO_ONE)


def fixed_batches(
    inputs: Inputs, index: np.ndarray, batch_size: int
) -> Iterator[tuple[slice, np.ndarray]]:
    """Samples in order, in batches of one shape; the next is read while this one is used.

    Args:
        inputs: the source.
        index: int64[n], which samples.
        batch_size: B; the last batch is filled up with its first sample.

    Yields:
        The slice of `index` that a batch holds, and the batch [B, ...].
    """

    def batch_from(start: int) -> np.ndarray:
        rows = index[start : start + batch_size]
        return inputs.read(np.concatenate([rows, np.repeat(rows[:1], batch_size - len(rows))]))

    if not len(index):
        return
    with ThreadPoolExecutor(1) as reader:
        upcoming = reader.submit(batch_from, 0)
        for start in range(0, len(index), batch_size):
            batch = upcoming.result()
            if start + batch_size < len(index):
                upcoming = reader.submit(batch_from, start + batch_size)
            yield slice(start, min(start + batch_size, len(index))), batch


def score_pass(
    model: keras.Model,
    inputs: Inputs,
    index: np.ndarray,
    labels: np.ndarray,
    *,
    batch_size: int = 1024,
    on_batch: Callable[[int], None] | None = None,
) -> Scores:
    """Score samples.

    Args:
        model: from `scoring_model`.
        inputs: the source.
        index: int64[N], which samples.
        labels: int64[N], the label whose loss is asked for.
        batch_size: of the pass; does not change its result but for rounding.
        on_batch: called with the number of samples done, for a progress bar.

    Returns:
        Scores of the N samples, in the order of `index`. Above 1 GiB the
        half-precision arrays live in a temporary file, not in memory.
    """
    n = len(index)
    d, k = (int(output.shape[-1]) for output in model.outputs)
    loss = np.empty(n, np.float32)
    features, log_p = _half_precision(n, d), _half_precision(n, k)
    for rows, batch in fixed_batches(inputs, index, min(batch_size, n)):
        size = rows.stop - rows.start
        unit, batch_log_p = (out[:size] for out in model.predict_on_batch(batch))
        features[rows] = unit
        log_p[rows] = batch_log_p
        loss[rows] = -batch_log_p[np.arange(size), labels[rows]]
        if on_batch is not None:
            on_batch(size)
    return Scores(loss, features, log_p)


def _half_precision(n: int, width: int) -> np.ndarray:
    """An array [n, width], in memory or in a temporary file that goes with it."""
    if 2 * n * width <= IN_MEMORY:
        return np.empty((n, width), np.float16)
    with tempfile.TemporaryFile() as file:  # the mapping keeps the unlinked file alive
        return np.memmap(file, np.float16, "w+", shape=(n, width))

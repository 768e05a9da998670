"""Several networks as one plain Keras model, for saving: no layer of this library is in it."""

from __future__ import annotations

import keras
from keras import layers


def mean_network(networks: list[keras.Model]) -> keras.Model:
    """The mean of the networks' probabilities; one network alone as it is (it gives logits).

    Args:
        networks: M of them, the same inputs -> logits float[n, K].

    Returns:
        keras.Model, inputs -> float32[n, K].
    """
    if len(networks) == 1:
        return networks[0]
    like = networks[0].inputs[0]
    inputs = keras.Input(like.shape[1:], dtype=like.dtype, name="inputs")
    named = [
        keras.Model(network.inputs, network.outputs[0], name=f"network_{i}")
        for i, network in enumerate(networks)
    ]
    p = [layers.Softmax(dtype="float32")(network(inputs)) for network in named]
    return keras.Model(inputs, layers.Average(dtype="float32")(p), name="mean_network")

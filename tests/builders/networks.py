"""Networks as `models.build` makes them, each once for all tests that change nothing of it."""

import functools
import random

import keras
import numpy as np

from tssd_keras import models

IMAGES = {
    "mlp": (8, 8, 1),
    "preact_resnet18": (32, 32, 3),
    "preact_resnet34": (32, 32, 3),
    "resnet50": (32, 32, 3),
    "small_cnn": (28, 28, 1),
    "wide_resnet16": (32, 32, 3),
}


def states():
    """Of the generators that all of a program shares."""
    kind, keys, *rest = np.random.get_state()
    return random.getstate(), kind, keys.tolist(), rest


@functools.cache
def building(name, seed, dtype="uint8"):
    """A network for tests that change nothing of it, and the shared generators around its making.

    To build one takes longer than all that is asked of it.
    """
    width = 8 if name.startswith("preact") else 0
    before = states()
    network = models.build(name, IMAGES[name], dtype, 5, width=width, seed=seed)
    return network, before, states()


def built(name, seed, dtype="uint8"):
    return building(name, seed, dtype)[0]


def answers(network, samples):
    """TensorFlow is quicker to answer once without compiling the network, JAX compiles anyhow."""
    if keras.backend.backend() == "jax":
        return network.predict_on_batch(samples)
    return keras.ops.convert_to_numpy(network(samples, training=False))

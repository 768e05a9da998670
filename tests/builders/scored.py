"""A small network to be scored, and samples for it."""

import keras
import numpy as np
from keras import layers

N, D, K = 37, 6, 3


def network(last=None):
    keras.utils.set_random_seed(0)
    inputs = keras.Input((4,))
    features = layers.Dense(D, activation="tanh", name="features")(inputs)
    dropped = layers.Dropout(0.5)(features)
    return keras.Model(inputs, layers.Dense(K, activation=last, name="logits")(dropped))


def samples():
    """N samples float32[N, 4] and their labels."""
    rng = np.random.default_rng(1)
    return rng.normal(size=(N, 4)).astype("float32"), rng.integers(0, K, N)

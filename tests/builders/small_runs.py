"""Blobs with wrong labels, and a tiny network for them: a `fit` of a moment."""

import keras
import numpy as np
from keras import layers

from tssd_keras import TSSD, Drawing

N, K, D = 360, 4, 8


def blobs(*, n=N, seed=0):
    """x float32[n, D], true labels, labels of which 30 % are wrong."""
    rng = np.random.default_rng(seed)
    truth = rng.integers(0, K, n)
    x = (rng.normal(0, 3, (K, D))[truth] + rng.normal(0, 1, (n, D))).astype("float32")
    return x, truth, np.where(rng.random(n) < 0.3, (truth + 1) % K, truth)


def network(*, rate=1e-2, dropout=0.2):
    """Its dropout draws numbers, so that a resume must bring back a generator.

    A few steps take TensorFlow less time than compiling them.
    """
    keras.utils.set_random_seed(1)
    model = keras.Sequential(
        [
            keras.Input((D,)),
            layers.Dense(16, activation="relu"),
            layers.Dropout(dropout),
            layers.Dense(K, activation="softmax"),
        ]
    )
    loss = keras.losses.SparseCategoricalCrossentropy(reduction="mean_with_sample_weight")
    eager = keras.backend.backend() == "tensorflow"
    model.compile(keras.optimizers.Adam(rate), loss=loss, run_eagerly=eager)
    return model


class Several(keras.Model):
    """A model of several networks, as a feed asks for them; each has weights of its own."""

    def __init__(self, n_networks):
        super().__init__()
        self.networks = [network() for _ in range(n_networks)]

    def call(self, x, training=None):
        return [one(x, training=training) for one in self.networks]

    def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None, training=True):
        weights = keras.ops.reshape(sample_weight, (-1, len(self.networks)))
        losses = [keras.losses.sparse_categorical_crossentropy(y, p, True) for p in y_pred]
        return keras.ops.mean(weights * keras.ops.stack(losses, axis=1))


def new_tssd(golden=40, **settings):
    """A TSSD of the blobs; the last `golden` of them are trusted."""
    x, truth, given = blobs()
    trusted = (x[-golden:], truth[-golden:]) if golden else None
    n = N - golden
    settings = {"warmup_epochs": 2, "drawing": Drawing(seed=3), **settings}
    return TSSD(x[:n], given[:n], golden=trusted, **settings)


def fit(model, tssd, epochs, *, feed=None, before=(), behind=(), batch_size=32, **settings):
    """A `fit` by a TSSD among other callbacks; its History."""
    return model.fit(
        tssd.feed(batch_size) if feed is None else feed,
        epochs=epochs,
        callbacks=[*before, tssd, *behind],
        shuffle=False,
        **{"verbose": 0, **settings},
    )


def same_tables(one, other):
    """Raise AssertionError unless two tables agree bit for bit."""
    there = other.get_state()
    for name, column in one.get_state().items():
        np.testing.assert_array_equal(column, there[name], err_msg=name)

"""A subclassed model with layers of one's own.

    python examples/your_model/subclassed.py
    KERAS_BACKEND=jax python examples/your_model/subclassed.py

After "Making new layers and models via subclassing" (keras.io/guides). Scikit-learn's table of cell
samples, benign or malignant; 25 % of the labels are wrong, and they are names, not numbers.
`plain` and `with_tssd` differ in three lines.
"""

import keras
import numpy as np
from keras import layers, ops
from sklearn.datasets import load_breast_cancer
from sklearn.metrics import roc_auc_score

from tssd_keras import TSSD

N_TEST = 170


def data():
    """x_train, given labels, right labels, x_test, y_test; columns are standardised."""
    x, y = load_breast_cancer(return_X_y=True)
    rng = np.random.default_rng(0)
    order = rng.permutation(len(y))
    x, y = x[order], y[order]
    x = ((x - x[N_TEST:].mean(axis=0)) / x[N_TEST:].std(axis=0)).astype("float32")
    given = np.where(rng.random(len(y)) < 0.25, 1 - y, y)
    return x[N_TEST:], given[N_TEST:], y[N_TEST:], x[:N_TEST], y[:N_TEST]


class Linear(layers.Layer):
    """x @ w + b, with weights that are made when the input's width is known."""

    def __init__(self, units):
        super().__init__()
        self.units = units

    def build(self, input_shape):
        """Make the weights."""
        self.w = self.add_weight(shape=(input_shape[-1], self.units), initializer="he_normal")
        self.b = self.add_weight(shape=(self.units,), initializer="zeros")

    def call(self, inputs):
        """Multiply and add."""
        return ops.matmul(inputs, self.w) + self.b


class Block(layers.Layer):
    """Linear, relu and dropout; large outputs cost something."""

    def __init__(self, units):
        super().__init__()
        self.linear, self.dropout = Linear(units), layers.Dropout(0.2)

    def call(self, inputs, training=False):
        """Add a loss of its own, as a layer may."""
        x = ops.relu(self.linear(inputs))
        self.add_loss(1e-4 * ops.mean(ops.square(x)))
        return self.dropout(x, training=training)


class Classifier(keras.Model):
    """Two blocks, and a layer of classes."""

    def __init__(self):
        super().__init__()
        self.first, self.second = Block(64), Block(32)
        self.head = layers.Dense(2, activation="softmax")

    def call(self, inputs, training=False):
        """One after the other."""
        x = self.first(inputs, training=training)
        return self.head(self.second(x, training=training))


def plain(x, y):
    """As it was."""
    keras.utils.set_random_seed(0)
    model = Classifier()
    model.compile(optimizer="adam", loss=keras.losses.SparseCategoricalCrossentropy())
    model.fit(x, y, batch_size=16, epochs=20, verbose=0)
    return model


def with_tssd(x, y):
    """With the callback."""
    keras.utils.set_random_seed(0)
    model = Classifier()
    model.compile(optimizer="adam", loss=keras.losses.SparseCategoricalCrossentropy())
    tssd = TSSD(x, y, warmup_epochs=3)
    model.fit(tssd.feed(16), epochs=20, callbacks=[tssd], shuffle=False, verbose=0)
    return model, tssd


def accuracy(model, x, y):
    """Share of samples whose most probable class is theirs."""
    return float(np.mean(model.predict(x, verbose=0).argmax(axis=1) == y))


def main():
    """Train without and with TSSD; print and return what came of it."""
    x, given, right, x_test, y_test = data()
    model, tssd = with_tssd(x, given)
    result = {
        "auroc": roc_auc_score(given == right, tssd.table.clean_score),
        "plain": accuracy(plain(x, given), x_test, y_test),
        "tssd": accuracy(model, x_test, y_test),
    }
    print("label-error AUROC {auroc:.3f}".format(**result))
    print("test accuracy without TSSD {plain:.3f}, with TSSD {tssd:.3f}".format(**result))
    return tssd, result


if __name__ == "__main__":
    main()

"""Transfer learning: a base that knows something, frozen, then fine-tuned.

    python examples/your_model/transfer.py
    KERAS_BACKEND=jax python examples/your_model/transfer.py

After "Transfer learning & fine-tuning" (keras.io/guides). The base learns scikit-learn's
digits 0 to 4, rightly labelled: it stands for weights that you download. Then it shall tell 5 to 9
apart, of whose labels 40 % are wrong: first with the base frozen, then with all of it at a small
learning rate. The same TSSD goes through both. `plain` and `with_tssd` differ in four lines.
"""

import keras
import numpy as np
from keras import layers
from sklearn.datasets import load_digits
from sklearn.metrics import roc_auc_score

from tssd_keras import TSSD

N_TEST = 250
MORE = {"initial_epoch": 10, "epochs": 20, "verbose": 0}  # the second fit goes on with epoch 10
SPARSE = "sparse_categorical_crossentropy"


def data():
    """Of digits 5 to 9: x_train, given labels, right labels, x_test, y_test."""
    digits = load_digits()
    late = digits.target >= 5
    x, y = digits.images[late][..., None].astype("float32"), digits.target[late] - 5
    rng = np.random.default_rng(1)
    wrong = rng.random(len(y)) < 0.4
    given = np.where(wrong, (y + rng.integers(1, 5, len(y))) % 5, y)
    return x[N_TEST:], given[N_TEST:], y[N_TEST:], x[:N_TEST], y[:N_TEST]


def pretrained_base():
    """Images -> 64 numbers, trained on digits 0 to 4."""
    keras.utils.set_random_seed(0)
    base = keras.Sequential([keras.Input((8, 8, 1)), layers.Rescaling(1 / 16)], name="base")
    for width in (16, 32):
        base.add(layers.Conv2D(width, 3, padding="same", activation="relu"))
    base.add(layers.Flatten())
    base.add(layers.Dense(64, activation="relu"))
    early = keras.Sequential([base, layers.Dense(5, activation="softmax")])
    early.compile(keras.optimizers.Adam(3e-3), SPARSE)
    digits = load_digits(n_class=5)
    early.fit(digits.images[..., None], digits.target, epochs=5, verbose=0)
    return base


def make_model(base):
    """The base, which stays in inference mode, and a new layer of classes."""
    inputs = keras.Input((8, 8, 1))
    x = base(inputs, training=False)
    x = layers.Dropout(0.2)(x)
    return keras.Model(inputs, layers.Dense(5, activation="softmax")(x))


def plain(base, x, y):
    """As it was."""
    model = make_model(base)
    base.trainable = False
    model.compile(optimizer=keras.optimizers.Adam(1e-2), loss=SPARSE)
    model.fit(x, y, epochs=10, verbose=0)
    base.trainable = True
    model.compile(optimizer=keras.optimizers.Adam(2e-3), loss=SPARSE)
    model.fit(x, y, **MORE)
    return model


def with_tssd(base, x, y):
    """With the callback."""
    model = make_model(base)
    base.trainable = False
    model.compile(optimizer=keras.optimizers.Adam(1e-2), loss=SPARSE)
    tssd = TSSD(x, y, warmup_epochs=6)
    model.fit(tssd.feed(32), epochs=10, callbacks=[tssd], shuffle=False, verbose=0)
    base.trainable = True
    model.compile(optimizer=keras.optimizers.Adam(2e-3), loss=SPARSE)
    model.fit(tssd.feed(32), callbacks=[tssd], shuffle=False, **MORE)
    return model, tssd


def accuracy(model, x, y):
    """Share of samples whose most probable class is theirs."""
    return float(np.mean(model.predict(x, verbose=0).argmax(axis=1) == y))


def main():
    """Train without and with TSSD; print and return what came of it."""
    x, given, right, x_test, y_test = data()
    base = pretrained_base()
    weights = base.get_weights()
    model, tssd = with_tssd(base, x, given)
    result = {"tssd": accuracy(model, x_test, y_test)}
    base.set_weights(weights)
    result["plain"] = accuracy(plain(base, x, given), x_test, y_test)
    result["auroc"] = roc_auc_score(given == right, tssd.table.clean_score)
    print("label-error AUROC {auroc:.3f}".format(**result))
    print("test accuracy without TSSD {plain:.3f}, with TSSD {tssd:.3f}".format(**result))
    return tssd, result


if __name__ == "__main__":
    main()

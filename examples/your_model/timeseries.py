"""Time series: convolutions, BatchNormalization, and callbacks that watch validation data.

    python examples/your_model/timeseries.py
    KERAS_BACKEND=jax python examples/your_model/timeseries.py

After "Timeseries classification from scratch" (keras.io/examples/timeseries). The series are
made up: saw teeth, sines and square waves of any period and phase, in noise. 30 % of the labels
are wrong. `plain` and `with_tssd` differ in five lines.
"""

import keras
import numpy as np
from keras import layers
from scipy import signal
from sklearn.metrics import roc_auc_score

from tssd_keras import TSSD

N, N_TEST, LENGTH = 1300, 300, 64
FIT = {"epochs": 12, "verbose": 0}
WAVES = (signal.sawtooth, np.sin, signal.square)


def series():
    """Series float32[N, LENGTH, 1], given labels, right labels."""
    rng = np.random.default_rng(0)
    right = rng.integers(0, len(WAVES), N)
    time = rng.uniform(0.2, 0.5, (N, 1)) * np.arange(LENGTH) + rng.uniform(0, 6.28, (N, 1))
    x = np.stack([WAVES[kind](t) for kind, t in zip(right, time, strict=True)])
    x = x + 0.6 * rng.normal(size=x.shape)
    wrong = (rng.random(N) < 0.3) & (np.arange(N) >= N_TEST)
    given = np.where(wrong, (right + rng.integers(1, 3, N)) % 3, right)
    return x[..., None].astype("float32"), given, right


def make_model():
    """Three convolutions, each with BatchNormalization, and their mean over time."""
    keras.utils.set_random_seed(0)
    inputs = keras.Input((LENGTH, 1))
    x = inputs
    for _ in range(3):
        x = layers.Conv1D(24, 5, padding="same")(x)
        x = layers.ReLU()(layers.BatchNormalization(momentum=0.9)(x))
    x = layers.GlobalAveragePooling1D()(x)
    return keras.Model(inputs, layers.Dense(3, activation="softmax")(x))


def plain(x, y):
    """As it was."""
    model = make_model()
    model.compile(keras.optimizers.Adam(3e-3), loss="sparse_categorical_crossentropy")
    slower = keras.callbacks.ReduceLROnPlateau(monitor="val_loss", factor=0.5, patience=4)
    model.fit(x, y, validation_split=0.2, callbacks=[slower], **FIT)
    return model


def with_tssd(x, y):
    """With the callback."""
    model = make_model()
    model.compile(keras.optimizers.Adam(3e-3), loss="sparse_categorical_crossentropy")
    slower = keras.callbacks.ReduceLROnPlateau(monitor="val_loss", factor=0.5, patience=4)
    n = int(0.8 * len(x))
    tssd = TSSD(x[:n], y[:n], warmup_epochs=4)
    last = (x[n:], y[n:])
    model.fit(tssd.feed(32), validation_data=last, callbacks=[tssd, slower], shuffle=False, **FIT)
    return model, tssd


def accuracy(model, x, y):
    """Share of series whose most probable class is theirs."""
    return float(np.mean(model.predict(x, verbose=0).argmax(axis=1) == y))


def main():
    """Train without and with TSSD; print and return what came of it."""
    x, given, right = series()
    x_test, y_test = x[:N_TEST], right[:N_TEST]
    x, given, right = x[N_TEST:], given[N_TEST:], right[N_TEST:]
    model, tssd = with_tssd(x, given)
    is_right = (given == right)[: len(tssd.table)]
    result = {
        "auroc": roc_auc_score(is_right, tssd.table.clean_score),
        "plain": accuracy(plain(x, given), x_test, y_test),
        "tssd": accuracy(model, x_test, y_test),
    }
    print("label-error AUROC {auroc:.3f}".format(**result))
    print("test accuracy without TSSD {plain:.3f}, with TSSD {tssd:.3f}".format(**result))
    return tssd, result


if __name__ == "__main__":
    main()

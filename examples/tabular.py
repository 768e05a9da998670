"""A table of numbers with wrong labels, and a perceptron of your own.

    python examples/tabular.py
    KERAS_BACKEND=jax python examples/tabular.py

569 cell samples of scikit-learn's breast cancer table, 30 numbers each, benign
or malignant. A quarter of the labels is turned round; ten samples of each class
are trusted. The same network is trained twice: on all labels, then with TSSD.
"""

import keras
import numpy as np
from sklearn.datasets import load_breast_cancer

from tssd_keras import TSSD

N_TEST = 170


def table():
    """Numbers float32[569, 30] and labels, in random order; the first N_TEST are to test on.

    Every column is standardised by the others' mean and deviation.
    """
    x, y = load_breast_cancer(return_X_y=True)
    order = np.random.default_rng(0).permutation(len(y))
    x, y = x[order], y[order]
    train = x[N_TEST:]
    return ((x - train.mean(axis=0)) / train.std(axis=0)).astype("float32"), y


def my_model():
    """A plain Keras perceptron, compiled."""
    keras.utils.set_random_seed(0)
    model = keras.Sequential(
        [
            keras.Input((30,)),
            keras.layers.Dense(64, activation="relu"),
            keras.layers.Dense(32, activation="relu"),
            keras.layers.Dense(2, activation="softmax"),
        ]
    )
    model.compile(
        optimizer="adam",
        loss=keras.losses.SparseCategoricalCrossentropy(reduction="mean_with_sample_weight"),
    )
    return model


def accuracy(model, x, y):
    """Share of samples whose most probable class is theirs."""
    return float(np.mean(model.predict(x, verbose=0).argmax(axis=1) == y))


def main(epochs=30):
    """Train without and with TSSD; print and return what came of it."""
    x, y = table()
    x_test, y_test, x, y = x[:N_TEST], y[:N_TEST], x[N_TEST:], y[N_TEST:]
    trusted = np.concatenate([np.flatnonzero(y == label)[:10] for label in (0, 1)])
    x_train, y_right = np.delete(x, trusted, axis=0), np.delete(y, trusted)
    wrong = np.random.default_rng(1).random(len(y_right)) < 0.25
    y_train = np.where(wrong, 1 - y_right, y_right)

    plain = my_model()
    plain.fit(x_train, y_train, batch_size=16, epochs=epochs, verbose=0)

    tssd = TSSD(x_train, y_train, golden=(x[trusted], y[trusted]), warmup_epochs=3)
    model = my_model()
    model.fit(tssd.feed(batch_size=16), epochs=epochs, callbacks=[tssd], shuffle=False, verbose=0)

    suspects = np.argsort(tssd.table.q)[:50]  # the labels least likely to be right
    result = {
        "plain": accuracy(plain, x_test, y_test),
        "tssd": accuracy(model, x_test, y_test),
        "wrong_among_suspects": float(wrong[suspects].mean()),
    }
    print(f"test accuracy without TSSD {result['plain']:.3f}, with TSSD {result['tssd']:.3f}")
    print(f"of the 50 labels judged worst, {result['wrong_among_suspects']:.0%} are wrong")
    return tssd, result


if __name__ == "__main__":
    main()

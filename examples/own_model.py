"""Your own Keras model, trained on wrong labels with the TSSD callback.

    python examples/own_model.py
    KERAS_BACKEND=jax python examples/own_model.py

The model, its loss and its optimizer are plain Keras. Four things are new:
the callback, the feed in place of (x, y), `shuffle=False` (the feed shuffles),
and a loss that divides by the sum of the weights.
"""

import keras
import numpy as np
from sklearn.datasets import load_digits

from tssd_keras import TSSD


def wrong_labels(y, share, seed):
    """Your data come with wrong labels; here they are made."""
    rng = np.random.default_rng(seed)
    wrong = rng.random(len(y)) < share
    return np.where(wrong, (y + rng.integers(1, 10, len(y))) % 10, y)


def my_model():
    """Any classifier with one output."""
    return keras.Sequential(
        [
            keras.Input((8, 8, 1)),
            keras.layers.Conv2D(16, 3, padding="same", activation="relu"),
            keras.layers.MaxPooling2D(),
            keras.layers.Conv2D(32, 3, padding="same", activation="relu"),
            keras.layers.Flatten(),
            keras.layers.Dense(64, activation="relu"),
            keras.layers.Dropout(0.2),
            keras.layers.Dense(10, activation="softmax"),
        ]
    )


def main(epochs=30):
    """Train; print what was found; return the callback and the accuracy."""
    keras.utils.set_random_seed(0)
    digits = load_digits()
    x, y = digits.images[..., None].astype("float32") / 16, digits.target
    x_test, y_test = x[-360:], y[-360:]
    x_trusted, y_trusted = x[:100], y[:100]  # checked by hand: about ten of each class
    x_train, y_right = x[100:-360], y[100:-360]
    y_train = wrong_labels(y_right, share=0.4, seed=1)

    tssd = TSSD(x_train, y_train, golden=(x_trusted, y_trusted), warmup_epochs=6)
    model = my_model()
    model.compile(
        optimizer="adam",
        loss=keras.losses.SparseCategoricalCrossentropy(reduction="mean_with_sample_weight"),
        metrics=["accuracy"],
    )
    model.fit(
        tssd.feed(batch_size=32),
        epochs=epochs,
        callbacks=[tssd],
        shuffle=False,
        verbose=0,
    )
    accuracy = float(np.mean(model.predict(x_test, verbose=0).argmax(axis=1) == y_test))

    suspects = np.argsort(tssd.table.q)[:20]  # the labels least likely to be right
    found = float(np.mean(y_train[suspects] != y_right[suspects]))
    print(f"test accuracy {accuracy:.3f}")
    print(f"of the 20 labels judged worst, {found:.0%} are wrong")
    print(f"samples kept: {int(tssd.table.kept.sum())} of {len(y_train)}")
    return tssd, accuracy


if __name__ == "__main__":
    main()

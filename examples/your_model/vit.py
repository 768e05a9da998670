"""A vision transformer: patches, attention, ten classes.

    python examples/your_model/vit.py
    KERAS_BACKEND=jax python examples/your_model/vit.py

After "Image classification with Vision Transformer" (keras.io/examples/vision), on scikit-learn's
digits: four by four patches of two by two pixels. 40 % of the labels are wrong.
`plain` and `with_tssd` differ in three lines.
"""

import keras
import numpy as np
from keras import layers, ops
from sklearn.datasets import load_digits
from sklearn.metrics import roc_auc_score

from tssd_keras import TSSD

N_TEST, PATCH, WIDTH, BLOCKS = 597, 2, 32, 1


def data():
    """x_train, given labels, right labels, x_test, y_test."""
    digits = load_digits()
    x, y = digits.images[..., None].astype("float32"), digits.target
    rng = np.random.default_rng(1)
    wrong = rng.random(len(y)) < 0.4
    given = np.where(wrong, (y + rng.integers(1, 10, len(y))) % 10, y)
    return x[N_TEST:], given[N_TEST:], y[N_TEST:], x[:N_TEST], y[:N_TEST]


class Patches(layers.Layer):
    """Images [n, 8, 8, 1] -> patches [n, 16, 4]."""

    def call(self, images):
        """Cut the images up."""
        patches = ops.image.extract_patches(images, PATCH)
        return ops.reshape(patches, (-1, patches.shape[1] * patches.shape[2], patches.shape[3]))


class PatchEncoder(layers.Layer):
    """Patches -> tokens: what a patch shows, and where it is."""

    def __init__(self, n_patches):
        super().__init__()
        self.n_patches = n_patches
        self.projection = layers.Dense(WIDTH)
        self.position = layers.Embedding(n_patches, WIDTH)

    def call(self, patches):
        """Project the patches and add their places."""
        return self.projection(patches) + self.position(ops.arange(self.n_patches))


def make_model(x_train):
    """Blocks of attention and perceptron; ten logits come out."""
    keras.utils.set_random_seed(0)
    normalize = layers.Normalization()
    normalize.adapt(x_train)
    inputs = keras.Input((8, 8, 1))
    tokens = PatchEncoder(16)(Patches()(normalize(inputs)))
    for _ in range(BLOCKS):
        x = layers.LayerNormalization(epsilon=1e-6)(tokens)
        tokens = layers.MultiHeadAttention(2, WIDTH // 2)(x, x) + tokens
        x = layers.LayerNormalization(epsilon=1e-6)(tokens)
        x = layers.Dense(2 * WIDTH, activation="gelu")(x)
        tokens = layers.Dense(WIDTH)(x) + tokens
    x = layers.Flatten()(layers.LayerNormalization(epsilon=1e-6)(tokens))
    x = layers.Dense(64, activation="gelu")(layers.Dropout(0.3)(x))
    return keras.Model(inputs, layers.Dense(10)(x))


def plain(x, y):
    """As it was."""
    model = make_model(x)
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(optimizer=keras.optimizers.AdamW(5e-3, weight_decay=1e-4), loss=loss)
    model.fit(x, y, batch_size=64, epochs=12, verbose=0)
    return model


def with_tssd(x, y):
    """With the callback."""
    model = make_model(x)
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(optimizer=keras.optimizers.AdamW(5e-3, weight_decay=1e-4), loss=loss)
    tssd = TSSD(x, y, warmup_epochs=4)
    model.fit(tssd.feed(64), epochs=12, callbacks=[tssd], shuffle=False, verbose=0)
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

"""A folder of images, two classes, one unit: is the digit even or odd?

    python examples/your_model/image_folder.py
    KERAS_BACKEND=jax python examples/your_model/image_folder.py

After "Image classification from scratch" (keras.io/examples/vision). The folders hold
scikit-learn's digits as PNG files; 30 % of the training images lie in the wrong one.
`plain` and `with_tssd` differ in four lines, the import among them.
"""

import tempfile
from pathlib import Path

import keras
import numpy as np
from keras import layers
from PIL import Image
from sklearn.datasets import load_digits
from sklearn.metrics import roc_auc_score

import tssd_keras

CLASSES = ("even", "odd")
N_TEST = 500
READ = {"color_mode": "grayscale", "image_size": (8, 8)}


def write_images(root):
    """Folders train/even, train/odd, test/even, test/odd; a file's name begins with its digit."""
    digits = load_digits()
    wrong = np.random.default_rng(1).random(len(digits.target)) < 0.3
    for i, (image, digit) in enumerate(zip(digits.images, digits.target, strict=True)):
        part, flip = ("test", False) if i < N_TEST else ("train", wrong[i])
        folder = root / part / CLASSES[(digit + flip) % 2]
        folder.mkdir(parents=True, exist_ok=True)
        Image.fromarray((image * 15).astype("uint8")).save(folder / f"{digit}_{i:04}.png")


def make_model():
    """Two convolutions; one number comes out, the logit of "odd"."""
    keras.utils.set_random_seed(0)
    inputs = keras.Input((8, 8, 1))
    x = layers.Rescaling(1 / 255)(inputs)
    for width in (16, 32):
        x = layers.Conv2D(width, 3, padding="same", activation="relu")(x)
    x = layers.Flatten()(layers.MaxPooling2D()(x))
    x = layers.Dense(64, activation="relu")(x)
    return keras.Model(inputs, layers.Dense(1)(x))


def plain(root):
    """As it was."""
    lighter = layers.RandomBrightness(0.1)
    train = keras.utils.image_dataset_from_directory(root / "train", **READ, seed=1)
    train = train.map(lambda x, y: (lighter(x, training=True), y))
    model = make_model()
    loss = keras.losses.BinaryCrossentropy(from_logits=True)
    model.compile(optimizer=keras.optimizers.Adam(4e-3), loss=loss)
    model.fit(train, epochs=12, verbose=0)
    return model


def with_tssd(root):
    """With the callback."""
    lighter = layers.RandomBrightness(0.1)
    train = tssd_keras.from_directory(root / "train", **READ)
    tssd = tssd_keras.TSSD(train, warmup_epochs=3)
    model = make_model()
    loss = keras.losses.BinaryCrossentropy(from_logits=True)
    model.compile(optimizer=keras.optimizers.Adam(4e-3), loss=loss)
    model.fit(tssd.feed(32, map=lighter), epochs=12, callbacks=[tssd], shuffle=False, verbose=0)
    return model, tssd


def accuracy(model, root):
    """Share of the test images whose class is found."""
    test = tssd_keras.from_directory(root / "test", **READ)
    x = test.inputs.read(np.arange(len(test)))
    return float(np.mean((model.predict(x, verbose=0)[:, 0] > 0) == test.labels))


def main():
    """Train without and with TSSD; print and return what came of it."""
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        write_images(root)
        model, tssd = with_tssd(root)
        odd = np.array([int(Path(name).name[0]) % 2 for name in tssd.table.ids])
        result = {
            "auroc": roc_auc_score(tssd.table.given == odd, tssd.table.clean_score),
            "plain": accuracy(plain(root), root),
            "tssd": accuracy(model, root),
        }
    print("label-error AUROC {auroc:.3f}".format(**result))
    print("test accuracy without TSSD {plain:.3f}, with TSSD {tssd:.3f}".format(**result))
    return tssd, result


if __name__ == "__main__":
    main()

"""ResNet-50, for images of 224 pixels, with ImageNet weights if they are at hand.

Source: He, Zhang, Ren and Sun, "Deep Residual Learning for Image Recognition",
arXiv 1512.03385, as keras.applications has it.
"""

from __future__ import annotations

import random
import warnings
from collections.abc import Iterator
from pathlib import Path

import keras
from keras import layers, ops

from tssd_keras.models import blocks
from tssd_keras.models.weights_file import check_weights_file

WEIGHTS_URL = (
    "https://storage.googleapis.com/tensorflow/keras-applications/resnet/"
    "resnet50_weights_tf_dim_ordering_tf_kernels_notop.h5"
)
WEIGHTS_MD5 = "4d473c1dd8becc155b73f8504c6f6626"  # as Keras has it for this file
IMAGENET_MEAN = (123.68, 116.779, 103.939)  # of red, green and blue, in 0..255


def resnet50(
    shape: tuple[int, ...],
    dtype: str,
    n_classes: int,
    *,
    width: int = 0,
    seed: int = 0,
    weights: str = "",
) -> keras.Model:
    """ResNet-50.

    Args:
        shape: (height, width, 3), at least 32 pixels high and wide.
        dtype: of the samples. uint8 images (red, green, blue) lose the mean of
            ImageNet and become blue, green, red, as the ImageNet weights expect;
            others stay as they are.
        width: 0; this network has one width only.
        weights: "imagenet", or a file of ImageNet weights without the last
            layer; empty: none. By name they are downloaded once from
            `WEIGHTS_URL` to where Keras keeps them; otherwise nothing ever is.
        n_classes, seed: of `models.build`.

    Returns:
        keras.Model: [n, *shape] -> logits float32[n, K]; layer "features" is [n, 2048].

    Raises:
        ValueError: the width is not 0, or the file holds something else.
        FileNotFoundError: there is no such file.
        ConnectionError: they could not be downloaded.
    """
    if width:
        raise ValueError(f"model.width must be 0 for resnet50, got {width}.")
    file = _file_of(weights) if weights else None
    draw = blocks.seeds(seed)
    inputs = keras.Input(shape, dtype=dtype, name="inputs")
    body = _body(_as_imagenet(inputs) if dtype == "uint8" else inputs)
    if file:
        _load(body, file)
    else:
        _initialise(body, draw)
    features = blocks.pooled_features(body.output)
    return keras.Model(inputs, blocks.head(features, n_classes, draw), name="resnet50")


def _as_imagenet(x):
    """Colours 0..255 as the ImageNet weights expect them: blue, green, red, around 0."""
    offset = [-mean for mean in IMAGENET_MEAN]
    x = layers.Rescaling(1.0, offset=offset, dtype=blocks.in_full(), name="rescaled")(x)
    return ops.flip(x, axis=-1)


def _body(x) -> keras.Model:
    """The convolutions. They take no seeds, so theirs come from Python's; its state is put back."""
    state = random.getstate()
    try:
        return keras.applications.ResNet50(include_top=False, weights=None, input_tensor=x)
    finally:
        random.setstate(state)


def _initialise(body: keras.Model, draw: Iterator[int]) -> None:
    """Weights from He et al., arXiv 1502.01852, in place of the unseeded ones."""
    for layer in body.layers:
        if isinstance(layer, layers.Conv2D):
            he = keras.initializers.HeNormal(seed=next(draw))
            layer.kernel.assign(he(layer.kernel.shape))


def _file_of(weights: str) -> Path:
    if weights == "imagenet":
        return _downloaded()
    file = Path(weights)
    if not file.is_file():
        raise FileNotFoundError(
            'model.weights must be "imagenet" or a file of ImageNet weights, '
            f"{file} is none. Download {WEIGHTS_URL} and name that file."
        )
    return file


def _downloaded() -> Path:
    """The file where keras.applications keeps it, fetched if it is not there."""
    try:
        return Path(
            keras.utils.get_file(
                origin=WEIGHTS_URL,
                cache_subdir="models",
                file_hash=WEIGHTS_MD5,
                hash_algorithm="md5",
            )
        )
    except Exception as error:  # Keras raises a bare Exception where there is no network
        raise ConnectionError(
            f'model.weights = "imagenet" needs the network once: {WEIGHTS_URL} could not be '
            f'fetched ({error}). Bring that file and set model.weights to it, or to "" for '
            "random ones."
        ) from error


def _load(body: keras.Model, file: Path) -> None:
    try:
        check_weights_file(file)
        with warnings.catch_warnings():  # one for every layer, before the error that counts
            warnings.simplefilter("ignore")
            body.load_weights(file)
    except (ValueError, KeyError, OSError) as error:
        reason = str(error).partition("\n")[0].rstrip(".")
        raise ValueError(
            "model.weights must be a file of ResNet-50's weights without its last layer (.h5, or "
            f".weights.h5 of Keras 3), {file} is not: {reason}. Try {WEIGHTS_URL}."
        ) from error

"""Keras models: input -> logits, with the penultimate features in the layer "features"."""

from __future__ import annotations

import keras

from tssd_keras.data.moments import Moments
from tssd_keras.models import blocks
from tssd_keras.models.ensemble import mean_network
from tssd_keras.models.mlp import mlp
from tssd_keras.models.preact_resnet import preact_resnet18, preact_resnet34
from tssd_keras.models.resnet50 import resnet50
from tssd_keras.models.small_cnn import small_cnn
from tssd_keras.models.wide_resnet import wide_resnet16
from tssd_keras.recipe.method_sections import ModelRecipe

__all__ = ["MODELS", "build", "mean_network"]

MODELS = {
    "mlp": mlp,
    "preact_resnet18": preact_resnet18,
    "preact_resnet34": preact_resnet34,
    "resnet50": resnet50,
    "small_cnn": small_cnn,
    "wide_resnet16": wide_resnet16,
}


def build(
    name: str,
    shape: tuple[int, ...],
    dtype: str,
    n_classes: int,
    *,
    width: int = 0,
    seed: int = 0,
    weights: str = "",
    precision: str = "float32",
    moments: Moments | None = None,
) -> keras.Model:
    """The network of a name; see the functions of `MODELS`.

    Args:
        name: one of `MODELS`.
        shape: of one sample.
        dtype: of the samples; the first layer brings uint8 to 0..1.
        n_classes: K.
        width: of the network's first part; 0: its default.
        seed: of the initial weights.
        weights: of resnet50; "": random ones.
        precision: of `blocks.PRECISIONS`. Under "bfloat16" the layers compute in bfloat16;
            variables, normalisation's statistics, pooled features and logits are float32. Under
            "float64" all are float64; JAX must have been told to know it (JAX_ENABLE_X64=1), and
            Keras' normalisation computes in float32 there.
        moments: mean and deviation of each channel, which the first layer brings to 0 and 1,
            of bytes and of floats; None: neither.

    Returns:
        keras.Model: [n, *shape] -> logits float32[n, K] (float64 under that precision), with
            features in the layer "features".

    Raises:
        ValueError: the name or the precision is unknown, the backend lacks the precision, or the
            network takes no such width, weights or samples.
        FileNotFoundError: there is no file of these weights.
        ConnectionError: the weights could not be downloaded.
    """
    if name not in MODELS:
        raise ValueError(f"model.name must be one of {', '.join(MODELS)}, got {name!r}.")
    if precision not in blocks.PRECISIONS:
        raise ValueError(
            f"train.precision must be one of {', '.join(blocks.PRECISIONS)}, got {precision!r}."
        )
    normalise = moments is not None
    settings = ModelRecipe(name=name, width=width, weights=weights, normalise=normalise)
    for mistake in settings.mistakes():
        raise ValueError(f"model.{mistake}.")
    settings.check_samples(shape)
    files = {"weights": weights} if weights else {}
    with blocks.computing_in(precision):
        network = MODELS[name](shape, dtype, n_classes, width=width, seed=seed, **files)
    if moments is not None:
        blocks.normalise(network, *moments)
    return network

"""Keras models: input -> logits, with the penultimate features in the layer "features"."""

from __future__ import annotations

import keras

from tssd_keras.models.mlp import mlp
from tssd_keras.models.preact_resnet import preact_resnet18
from tssd_keras.models.small_cnn import small_cnn
from tssd_keras.recipe import ModelRecipe

MODELS = {"mlp": mlp, "preact_resnet18": preact_resnet18, "small_cnn": small_cnn}


def build(
    name: str, shape: tuple[int, ...], dtype: str, n_classes: int, *, width: int = 0, seed: int = 0
) -> keras.Model:
    """The network of a name; see the functions of `MODELS`.

    Raises:
        ValueError: the name is not known, or the samples are no images where
            the network takes images.
    """
    if name not in MODELS:
        raise ValueError(f"model.name must be one of {', '.join(MODELS)}, got {name!r}.")
    ModelRecipe(name=name).check_samples(shape)
    return MODELS[name](shape, dtype, n_classes, width=width, seed=seed)

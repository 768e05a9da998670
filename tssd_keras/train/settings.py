"""Settings of the callback that no recipe has: how it looks into a model, how it draws samples."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from tssd_keras.recipe.argument import as_whole

if TYPE_CHECKING:
    import keras

# Where it is set, a process is one of several (jax.distributed.initialize).
COORDINATOR = "JAX_COORDINATOR_ADDRESS"
N_PROCESSES, PROCESS = "JAX_NUM_PROCESSES", "JAX_PROCESS_ID"


@dataclass(frozen=True, kw_only=True)
class Scoring:
    """How a model is looked into.

    Attributes:
        features: path of the layer that gives the features, like "inner/layer"; None: they are
            what the last Dense layer or convolution reads that gives the model's output.
        score_model: for models that cannot be looked into: a keras.Model that shares their
            layers, inputs -> (features, logits or probabilities).
        output: which output is judged, of a model with several: its name or place in the labels,
            which are then a dict or a tuple of targets, one an output, as `fit` takes them.
        batch_size: samples scored at once.

    Raises:
        TypeError: a setting is of another type.
        ValueError: `batch_size` is below 1, or both `features` and `score_model` are given.
    """

    features: str | None = None
    score_model: keras.Model | None = None
    output: str | int | None = None
    batch_size: int = 1024

    def __post_init__(self) -> None:
        as_whole("batch_size", self.batch_size, 1)
        if not isinstance(self.features, str | None):
            raise TypeError(f"features must be the name of a layer, got {self.features!r}.")
        if self.score_model is not None and not _is_model(self.score_model):
            raise TypeError(
                "score_model must be a keras.Model, inputs -> (features, logits or "
                f"probabilities), got {self.score_model!r:.100} of type "
                f"{type(self.score_model).__name__}."
            )
        if self.features is not None and self.score_model is not None:
            raise ValueError(
                f"features = {self.features!r} has no effect beside score_model, which gives "
                "features of its own. Leave one of them out."
            )


@dataclass(frozen=True, kw_only=True)
class Drawing:
    """How an epoch's samples are drawn and ordered.

    Attributes:
        epoch_samples: an epoch draws so many samples, as many of each given class; it trains
            on those of them that carry weight, and a round judges no others. What earlier
            rounds said of the rest stays. A draw stays until the next round, so that nothing
            is trained on unjudged. None, or more than there are: an epoch is every sample.
        seed: of the draws and of the order; `PurifyRecipe` has a seed of its own.

    Raises:
        TypeError: a setting is not a whole number.
        ValueError: `epoch_samples` is below 1, or `seed` below 0.
    """

    epoch_samples: int | None = None
    seed: int = 0

    def __post_init__(self) -> None:
        if self.epoch_samples is not None:
            as_whole("epoch_samples", self.epoch_samples, 1)
        as_whole("seed", self.seed, 0, most=None)


def as_verbose(value: object) -> bool:
    """Whether rounds are printed, in the words that Keras' `fit` takes; raises ValueError."""
    if isinstance(value, str | bool | int | np.integer) and value in ("auto", 0, 1, 2):
        return value != 0
    raise ValueError(
        'verbose must be "auto", 1, 2 or True, to print a line a round, or 0 or False, got '
        f"{value!r} of type {type(value).__name__}."
    )


def _is_model(thing: object) -> bool:
    """Whether something is a keras.Model; who has one has loaded Keras."""
    keras = sys.modules.get("keras")
    return keras is not None and isinstance(thing, keras.Model)

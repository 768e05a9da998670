"""Settings of the callback that no recipe has: how it looks into a model, how it draws samples."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import keras


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
        from_logits: whether the model gives logits; None: see `scoring_model.scoring_model`.
        batch_size: samples scored at once.

    Raises:
        TypeError: a setting is of another type.
        ValueError: `batch_size` is below 1, or both `features` and `score_model` are given.
    """

    features: str | None = None
    score_model: keras.Model | None = None
    output: str | int | None = None
    from_logits: bool | None = None
    batch_size: int = 1024

    def __post_init__(self) -> None:
        as_whole("batch_size", self.batch_size, 1)
        if not isinstance(self.features, str | None):
            raise TypeError(f"features must be the name of a layer, got {self.features!r}.")
        if not isinstance(self.from_logits, bool | None):
            raise TypeError(f"from_logits must be True, False or None, got {self.from_logits!r}.")
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
        as_whole("seed", self.seed, 0)


def as_path(name: str, value: object) -> str | None:
    """A path as text, or None; raises TypeError for anything else."""
    if value is None:
        return None
    if not isinstance(value, str | os.PathLike) or not os.fspath(value):
        raise TypeError(f"{name} must be the path of a file, got {value!r}.")
    return str(os.fspath(value))


def as_whole(name: str, value: object, least: int) -> int:
    """A whole number of at least `least`; raises TypeError or ValueError otherwise."""
    if isinstance(value, bool) or not isinstance(value, int | np.integer):
        raise TypeError(
            f"{name} must be a whole number, got {value!r} of type {type(value).__name__}."
        )
    if value < least:
        raise ValueError(f"{name} must be at least {least}, got {value}.")
    return int(value)

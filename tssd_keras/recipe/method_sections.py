"""The sections of a recipe that say how it is trained: [augment] to [train]."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated

from tssd_keras.recipe.checks import a_seed, at_most, not_a_choice
from tssd_keras.recipe.choices import (
    MODELS,
    OBJECTIVES,
    OPTIMIZERS,
    PADDINGS,
    PLACES,
    PRECISIONS,
    REACHES,
    REJECTED,
    SCHEDULES,
    STREAMS,
)


@dataclass(frozen=True, kw_only=True)
class AugmentRecipe:
    """[augment]: how images are changed at random, in training only. By default not at all."""

    crop: Annotated[int, "padding on each side before a window is cut out, pixels; 0: off"] = 0
    padding: Annotated[str, "reflect: mirrored at the edges", PADDINGS] = "zero"
    flip: Annotated[bool, "mirror half of the images left to right"] = False
    cutout: Annotated[int, "sides of a square in the image's mean colour, pixels; 0: off"] = 0
    strong: Annotated[int, "operations of a RandAugment-like policy on each image; 0: off"] = 0
    magnitude: Annotated[float, "strong: largest share of a full change that is drawn"] = 1.0

    def mistakes(self) -> Iterator[str]:
        yield from not_a_choice(self)
        for name in ("crop", "cutout", "strong"):
            if getattr(self, name) < 0:
                yield f"{name} must be 0 (off) or more, got {getattr(self, name)}"
        if not 0 < self.magnitude <= 1:
            yield f"magnitude must lie above 0 and up to 1, got {self.magnitude}"

    @property
    def on(self) -> tuple[str, ...]:
        """The settings that change images."""
        return tuple(n for n in ("crop", "flip", "cutout", "strong") if getattr(self, n))

    def check_samples(self, shape: tuple[int, ...], dtype: str) -> None:
        """Raise ValueError unless samples of this shape and type can be changed so."""
        if not self.on:
            return
        settings = ", ".join(f"augment.{name}" for name in self.on)
        if len(shape) != 3:
            raise ValueError(
                f"{settings} change images of shape (height, width, channels), the samples have "
                f"shape {shape}. Leave them out."
            )
        side = min(shape[:2])
        if self.cutout > side:
            raise ValueError(
                f"augment.cutout must be at most {side}, the shorter side of images of shape "
                f"{shape}, got {self.cutout}. Try {side // 2}."
            )
        if self.crop >= side:
            raise ValueError(
                f"augment.crop must be below {side}, the shorter side of images of shape {shape}, "
                f"got {self.crop}. Try {side // 8}."
            )
        if self.strong and (dtype != "uint8" or shape[2] not in (1, 3)):
            raise ValueError(
                "augment.strong changes images of bytes (uint8) in one or three channels, the "
                f"samples are {dtype} of shape {shape}. Set it to 0."
            )


@dataclass(frozen=True, kw_only=True)
class ModelRecipe:
    """[model]: the network."""

    name: Annotated[str, "which network", MODELS] = "small_cnn"
    width: Annotated[int, "units or channels of the first layer; 0: the network's own"] = 0
    weights: Annotated[
        str, 'resnet50: "imagenet" (downloaded once) or a file of them; empty: random'
    ] = ""
    normalise: Annotated[
        bool, "bring each channel to mean 0, deviation 1; else bytes to 0..1, floats as they are"
    ] = False

    def mistakes(self) -> Iterator[str]:
        yield from not_a_choice(self)
        if self.width < 0:
            yield f"width must be 0 (the model's own) or more, got {self.width}"
        yield from at_most(self, width=_WIDEST.get(self.name, 16_384))
        if self.width and self.name == "resnet50":
            yield f'width must be 0 for name "resnet50", which has one width only, got {self.width}'
        if self.normalise and self.name == "resnet50":
            yield 'normalise is not for name "resnet50", which has its own normalisation'
        if self.weights and self.name != "resnet50":
            yield f'weights is for name "resnet50" only, got "{self.weights}" with "{self.name}"'

    def check_samples(self, shape: tuple[int, ...]) -> None:
        """Raise ValueError unless the network takes samples of this shape."""
        if self.name != "mlp" and len(shape) != 3:
            raise ValueError(
                f"model {self.name} takes images of shape (height, width, channels), the samples "
                f'have shape {shape}. Try model.name = "mlp".'
            )
        if self.name == "resnet50" and (shape[2] != 3 or min(shape[:2]) < 32):
            raise ValueError(
                "model resnet50 takes images of three colours and at least 32 x 32 pixels, the "
                f'samples have shape {shape}. Try data.image_size, or model.name = "small_cnn".'
            )


# Weights grow with the square of the width: up to here they take 3 GiB at most.
_WIDEST = {"mlp": 16_384, "preact_resnet18": 512, "small_cnn": 1024}


@dataclass(frozen=True, kw_only=True)
class ObjectiveRecipe:
    """[objective]: what is minimised."""

    kind: Annotated[str, "which loss, see below", OBJECTIVES] = "weighted"
    temperature: Annotated[float, "mixmatch: of the targets; below 1 sharpens them"] = 0.5
    alpha: Annotated[float, "mixmatch: of mixup's Beta, 0.5 or a whole number up to 64"] = 4.0
    lambda_u: Annotated[
        float | str, 'mixmatch: weight of the unlabelled loss; "auto": by the noise found'
    ] = "auto"
    ramp_epochs: Annotated[int, "mixmatch: epochs in which lambda_u rises from 0"] = 16
    warmup_penalty: Annotated[
        bool, "mixmatch: add the negative entropy in the warm-up, for asymmetric noise"
    ] = False
    weak_guesses: Annotated[bool, "mixmatch: guess on views with crop and flip alone (AugDesc)"] = (
        False
    )

    def mistakes(self) -> Iterator[str]:
        yield from not_a_choice(self)
        if not 0 < self.temperature <= 1:
            yield f"temperature must lie above 0 and up to 1, got {self.temperature}"
        if self.alpha != 0.5 and not (1 <= self.alpha <= 64 and float(self.alpha).is_integer()):
            yield f"alpha must be 0.5 or a whole number in 1..64, got {self.alpha}"
        if self.ramp_epochs < 0:
            yield f"ramp_epochs must be 0 or more, got {self.ramp_epochs}"
        if isinstance(self.lambda_u, str):
            if self.lambda_u != "auto":
                yield f'lambda_u must be a number or "auto", got "{self.lambda_u}"'
        elif not 0 <= self.lambda_u < math.inf:
            yield f"lambda_u must be 0 or more, got {self.lambda_u}"


@dataclass(frozen=True, kw_only=True)
class DivideRecipe:
    """[divide]: how the two streams judge (PSD)."""

    threshold: Annotated[
        float, "t: a stream calls a label right above t, wrong up to 1 - t, else uncertain"
    ] = 0.5
    every: Annotated[int, "epochs from one round to the next"] = 1
    history: Annotated[int, "rounds whose losses are averaged; 5 helps at 80-90 % noise"] = 1
    streams: Annotated[tuple[str, ...], "streams that judge", STREAMS] = STREAMS
    place: Annotated[str, "what the feature stream looks at", PLACES] = "neighbours"
    place_every: Annotated[int, "rounds from one search for neighbours to the next"] = 3
    floor_count: Annotated[int, "samples that each class keeps at least, or floor_share"] = 10
    floor_share: Annotated[float, "share of its class, if that is less than floor_count"] = 0.02
    rejected: Annotated[
        str, "what labels judged wrong count for; auto: q, while none of them is fitted", REJECTED
    ] = "auto"

    def mistakes(self) -> Iterator[str]:
        yield from not_a_choice(self)
        if not 0.5 <= self.threshold < 1:
            yield f"threshold must lie in 0.5..1, 1 excluded, got {self.threshold}"
        for name in ("every", "history", "floor_count", "place_every"):
            if getattr(self, name) < 1:
                yield f"{name} must be at least 1, got {getattr(self, name)}"
        yield from at_most(self, every=1_000_000, history=1000, floor_count=1_000_000)
        if not 0 < self.floor_share <= 1:
            yield f"floor_share must lie above 0 and up to 1, got {self.floor_share}"
        if not self.streams or set(self.streams) - set(STREAMS):
            yield f"streams must be some of {', '.join(STREAMS)}, got {list(self.streams)}"


@dataclass(frozen=True, kw_only=True)
class PurifyRecipe:
    """[purify]: how the meta classifier judges (MSP)."""

    reach: Annotated[
        str, "uncertain: settle those only; all: also reopen what q denies", REACHES
    ] = "auto"
    folds: Annotated[int, "folds of the golden set, for out-of-fold scores"] = 5
    target_precision: Annotated[
        float, "expected share of right labels among the mined; 0: mine where q > 0.5"
    ] = 0.0
    history: Annotated[int, "last rounds whose log-odds are averaged into q"] = 20
    seed: Annotated[int, "seed of folds, drawn labels and the meta classifier"] = 0

    def mistakes(self) -> Iterator[str]:
        yield from not_a_choice(self)
        if self.folds < 2:
            yield f"folds must be at least 2, got {self.folds}"
        if self.history < 1:
            yield f"history must be at least 1, got {self.history}"
        yield from at_most(self, folds=1000, history=1000)
        if not 0 <= self.target_precision < 1:
            yield f"target_precision must lie in 0..1, 1 excluded, got {self.target_precision}"
        yield from a_seed("seed", self.seed)


@dataclass(frozen=True, kw_only=True)
class TrainRecipe:
    """[train]: epochs, batches, optimizer and learning rate."""

    epochs: Annotated[int, "epochs in all, the warm-up included"] = 40
    warmup_epochs: Annotated[int, "epochs on every label before the first division"] = 6
    batch_size: Annotated[int, "samples a batch"] = 64
    balanced_batches: Annotated[int, "class-balanced batches an epoch draws; 0: all samples"] = 0
    seed: Annotated[int, "seed of initial weights, order of samples, and draws"] = 0
    networks: Annotated[int, "1, or 2 that divide the samples for each other"] = 1
    ema: Annotated[float, "momentum of a running mean of the weights; 0: off"] = 0.0
    optimizer: Annotated[str, "optimizer of Keras", OPTIMIZERS] = "sgd"
    learning_rate: Annotated[float, "highest learning rate"] = 0.02
    momentum: Annotated[float, "sgd: share of the last step that is kept"] = 0.9
    weight_decay: Annotated[float, "coupled: weight_decay * w is added to the gradient"] = 0.01
    schedule: Annotated[str, "learning rate by epoch", SCHEDULES] = "cosine"
    decay_epochs: Annotated[tuple[int, ...], "step: divide the rate by 10 from these on"] = ()
    ramp_up_epochs: Annotated[int, "first epochs in which the learning rate rises linearly"] = 0
    save_every: Annotated[int, "epochs from one state that is kept for --resume to the next"] = 1
    steps_per_execution: Annotated[int, "updates in one call of the device"] = 1
    on_device: Annotated[bool, "JAX: keep all samples in the device's memory"] = False
    precision: Annotated[str, "what layers compute in; losses at least in float32", PRECISIONS] = (
        "float32"
    )

    def mistakes(self) -> Iterator[str]:
        yield from not_a_choice(self)
        for name in ("epochs", "batch_size", "save_every", "steps_per_execution"):
            if getattr(self, name) < 1:
                yield f"{name} must be at least 1, got {getattr(self, name)}"
        yield from at_most(
            self,
            epochs=1_000_000,
            batch_size=65_536,
            balanced_batches=1_000_000,
            save_every=1_000_000,
            steps_per_execution=1000,
        )
        if self.warmup_epochs < 1:
            yield (
                "warmup_epochs must be at least 1 (a network that has seen nothing cannot judge), "
                f"got {self.warmup_epochs}"
            )
        if self.balanced_batches < 0:
            yield f"balanced_batches must not be negative, got {self.balanced_batches}"
        if self.networks not in (1, 2):
            yield f"networks must be 1 or 2, got {self.networks}"
        if not 0 <= self.ema < 1:
            yield f"ema must lie in 0..1, 1 excluded, got {self.ema}"
        if not 0 <= self.ramp_up_epochs < max(self.epochs, 1):
            yield (
                f"ramp_up_epochs must be 0 or more and below epochs, got {self.ramp_up_epochs} of "
                f"{self.epochs}"
            )
        if self.learning_rate <= 0:
            yield f"learning_rate must be above 0, got {self.learning_rate}"
        if not 0 <= self.momentum < 1:
            yield f"momentum must lie in 0..1, 1 excluded, got {self.momentum}"
        if self.weight_decay < 0:
            yield f"weight_decay must not be negative, got {self.weight_decay}"
        if (self.schedule == "step") != bool(self.decay_epochs):
            yield (
                f'decay_epochs goes with schedule "step", got schedule "{self.schedule}" and '
                f"{list(self.decay_epochs)}"
            )
        yield from a_seed("seed", self.seed)

    def check_draw(self, n_classes: int) -> None:
        """Raise ValueError if the batches that an epoch draws are too few for the classes."""
        drawn = self.balanced_batches * self.batch_size
        if 0 < drawn < 2 * n_classes:
            raise ValueError(
                f"an epoch must draw at least 2 samples of each of {n_classes} classes, "
                f"train.balanced_batches * train.batch_size draws {drawn} in all. Try "
                f"train.balanced_batches = {-(-2 * n_classes // self.batch_size)} or more."
            )

"""The sections of a recipe that say how it is trained: [augment] to [train]."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

from tssd_keras.recipe.checks import a_seed, at_most, one_of
from tssd_keras.recipe.choices import (
    MODELS,
    OBJECTIVES,
    OPTIMIZERS,
    PADDINGS,
    PRECISIONS,
    REACHES,
    SCHEDULES,
    STREAMS,
)


@dataclass(frozen=True, kw_only=True)
class AugmentRecipe:
    """[augment]: how images are changed at random, in training only. By default not at all."""

    crop: int = 0  # pixels of padding on each side, out of which a window is cut
    padding: str = "zero"  # or "reflect": the image mirrored at its edges
    flip: bool = False  # mirror half of the images left to right
    cutout: int = 0  # sides of a square covered with the image's mean colour, in pixels
    strong: int = 0  # operations of a strong policy (as RandAugment) on each image
    magnitude: float = 1.0  # strong: each image draws up to this share of the largest change

    def mistakes(self) -> Iterator[str]:
        yield from one_of("padding", self.padding, PADDINGS)
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

    name: str = "small_cnn"
    width: int = 0  # of the first layer; 0: the model's own default
    # resnet50: "imagenet" (downloaded once), or a file of such weights; empty: random ones.
    weights: str = ""
    normalise: bool = False  # each channel to mean 0, deviation 1; else bytes to 0..1, floats not

    def mistakes(self) -> Iterator[str]:
        yield from one_of("name", self.name, MODELS)
        if self.width < 0:
            yield f"width must be 0 (the model's own) or more, got {self.width}"
        yield from at_most(self, width=_WIDEST.get(self.name, 16_384))
        if self.width and self.name == "resnet50":
            yield f'width must be 0 for name "resnet50", which has one width only, got {self.width}'
        if self.normalise and self.name == "resnet50":
            yield 'normalise is not for name "resnet50", which normalises by means of its own'
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

    # "weighted": cross-entropy on samples by their weight. "mixmatch": those without weight are
    # learned from too, without their label. "plain": cross-entropy on all samples, for comparison.
    kind: str = "weighted"
    temperature: float = 0.5  # mixmatch: of the targets; below 1 sharpens them
    alpha: float = 4.0  # mixmatch: of mixup's Beta distribution, 0.5 or a whole number
    lambda_u: float | str = "auto"  # mixmatch: weight of the unlabelled loss; auto: by noise
    ramp_epochs: int = 16  # mixmatch: in which lambda_u rises from 0, after the warm-up
    warmup_penalty: bool = False  # mixmatch: negative entropy in the warm-up, for asymmetric noise
    weak_guesses: bool = False  # mixmatch: guess on views with crop and flip alone (AugDesc)

    def mistakes(self) -> Iterator[str]:
        yield from one_of("kind", self.kind, OBJECTIVES)
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
    """[divide]: PSD, how the two streams judge."""

    # A stream is certain of a clean label above it, of a wrong one up to 1 - it.
    threshold: float = 0.5
    every: int = 1  # epochs from one round to the next
    history: int = 1  # rounds whose losses are averaged; 5 helps at 80-90 % noise
    streams: tuple[str, ...] = STREAMS
    floor_count: int = 10  # each class keeps at least so many samples...
    floor_share: float = 0.02  # ...or this share of it, whichever is less

    def mistakes(self) -> Iterator[str]:
        if not 0.5 <= self.threshold < 1:
            yield f"threshold must lie in 0.5..1, 1 excluded, got {self.threshold}"
        for name in ("every", "history", "floor_count"):
            if getattr(self, name) < 1:
                yield f"{name} must be at least 1, got {getattr(self, name)}"
        yield from at_most(self, every=1_000_000, history=1000, floor_count=1_000_000)
        if not 0 < self.floor_share <= 1:
            yield f"floor_share must lie above 0 and up to 1, got {self.floor_share}"
        if not self.streams or set(self.streams) - set(STREAMS):
            yield f"streams must be some of {', '.join(STREAMS)}, got {list(self.streams)}"


@dataclass(frozen=True, kw_only=True)
class PurifyRecipe:
    """[purify]: MSP, how the meta classifier judges."""

    reach: str = "auto"  # "uncertain": settle those only; "all": also open what q denies
    folds: int = 5  # of the golden set, for out-of-fold scores
    target_precision: float = 0.0  # of what is mined, as q expects it; 0: mine where q > 0.5
    history: int = 20  # last rounds whose log-odds are averaged into q
    seed: int = 0

    def mistakes(self) -> Iterator[str]:
        yield from one_of("reach", self.reach, REACHES)
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
    """[train]: the schedule."""

    epochs: int = 40
    warmup_epochs: int = 6  # epochs on every label before the first division
    batch_size: int = 64
    # An epoch draws so many class-balanced batches; 0: an epoch is all samples.
    balanced_batches: int = 0
    seed: int = 0  # initial weights, order of samples, draws
    networks: int = 1  # 2: each divides the samples for the other
    ema: float = 0.0  # momentum of a running mean of the weights, which is judged by; 0: off
    optimizer: str = "sgd"
    learning_rate: float = 0.02
    momentum: float = 0.9  # sgd only
    weight_decay: float = 0.01  # coupled: weight_decay * w is added to the gradient
    schedule: str = "cosine"  # of the learning rate, by epoch
    decay_epochs: tuple[int, ...] = ()  # schedule "step": divide by 10 from these epochs on
    # The learning rate rises linearly over so many first epochs, then follows the schedule; it has
    # nothing to do with warmup_epochs, which are about labels.
    ramp_up_epochs: int = 0
    on_device: bool = False  # JAX: all samples in the device's memory, for sets that fit there
    precision: str = "float32"  # or "bfloat16": what layers compute in; losses stay float32

    def mistakes(self) -> Iterator[str]:
        for name in ("epochs", "batch_size"):
            if getattr(self, name) < 1:
                yield f"{name} must be at least 1, got {getattr(self, name)}"
        yield from at_most(self, epochs=1_000_000, batch_size=65_536, balanced_batches=1_000_000)
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
        yield from one_of("optimizer", self.optimizer, OPTIMIZERS)
        yield from one_of("schedule", self.schedule, SCHEDULES)
        yield from one_of("precision", self.precision, PRECISIONS)
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

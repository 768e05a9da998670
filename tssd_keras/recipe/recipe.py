"""A whole recipe: its sections, and what contradicts what between them.

`toml` reads it from a file. `DEFAULT` is the run without a file: that of
recipes/digits.toml.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from dataclasses import dataclass, field

from tssd_keras.recipe.choices import LOOK_ALIKES
from tssd_keras.recipe.data_sections import DataRecipe, GoldenRecipe, NoiseRecipe
from tssd_keras.recipe.method_sections import (
    AugmentRecipe,
    DivideRecipe,
    ModelRecipe,
    ObjectiveRecipe,
    PurifyRecipe,
    TrainRecipe,
)


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """One run, whole."""

    data: DataRecipe = field(default_factory=DataRecipe)
    noise: NoiseRecipe = field(default_factory=NoiseRecipe)
    golden: GoldenRecipe = field(default_factory=GoldenRecipe)
    augment: AugmentRecipe = field(default_factory=AugmentRecipe)
    model: ModelRecipe = field(default_factory=ModelRecipe)
    objective: ObjectiveRecipe = field(default_factory=ObjectiveRecipe)
    divide: DivideRecipe = field(default_factory=DivideRecipe)
    purify: PurifyRecipe = field(default_factory=PurifyRecipe)
    train: TrainRecipe = field(default_factory=TrainRecipe)

    def mistakes(self) -> Iterator[str]:
        """Every mistake, each with its section; contradictions between sections too."""
        for section in dataclasses.fields(self):
            for mistake in getattr(self, section.name).mistakes():
                yield f"[{section.name}] {mistake}"
        weighted = self.objective.kind != "plain"
        if weighted and self.train.warmup_epochs >= self.train.epochs:
            yield (
                f"[train] warmup_epochs must be below epochs, got {self.train.warmup_epochs} of "
                f'{self.train.epochs}: no sample would ever be divided; objective.kind = "plain" '
                "trains so"
            )
        if weighted and self.golden.train_on:
            yield (
                '[golden] train_on is for objective.kind "plain" only: a network that was fitted '
                "on the golden samples cannot be judged by them"
            )
        if self.objective.weak_guesses and not (self.augment.strong or self.augment.cutout):
            yield (
                "[objective] weak_guesses goes with augment.strong or augment.cutout, got neither: "
                "without, all views are weak"
            )
        if self.noise.kind == "asymmetric" and self.dataset not in LOOK_ALIKES:
            yield (
                f'[noise] kind "asymmetric" is defined for {", ".join(LOOK_ALIKES)}, got the '
                f'data set "{self.dataset}"; try kind "pair" or "matrix"'
            )

    @property
    def dataset(self) -> str:
        """The data set's plain name: "fashion_mnist" of the TFDS builder "fashion_mnist/3.0.1"."""
        if self.data.source == "tfds":
            return self.data.name.split("/")[0].split(":")[0]
        return self.data.source


# What the digits run sets beside the sections' own defaults.
DEFAULT: dict[str, object] = {
    "noise": {"kind": "symmetric"},
    "model": {"width": 32},
    "objective": {"lambda_u": 5.0},
    "purify": {"target_precision": 0.95},
    "train": {"weight_decay": 0.02},
}

"""Recipes made of one recipe: with parts of the method left out or added, by noise, by seed."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from tssd_keras.recipe.checks import did_you_mean
from tssd_keras.recipe.recipe import Recipe
from tssd_keras.recipe.toml import RecipeError, load_recipe

NO_GOLDEN = ("golden.source=none",)
TRUSTED = ("objective.kind=weighted", "golden.source=trusted")
MIXMATCH = ("objective.kind=mixmatch", "golden.source=trusted")
EMA = "train.ema=0.99"

# From less to more; what a recipe sets besides stays.
VARIANTS: dict[str, tuple[str, ...]] = {
    "plain": ("objective.kind=plain",),
    "plain+golden": ("objective.kind=plain", "golden.source=trusted", "golden.train_on=true"),
    "loss stream": ("objective.kind=weighted", *NO_GOLDEN, 'divide.streams=["loss"]'),
    "feature stream": ("objective.kind=weighted", *NO_GOLDEN, 'divide.streams=["feature"]'),
    "PSD": ("objective.kind=weighted", *NO_GOLDEN),
    "PSD+MSP certain": ("objective.kind=weighted", "golden.source=certain"),
    "PSD+MSP": TRUSTED,
    "PSD+MSP, reach uncertain": (*TRUSTED, "purify.reach=uncertain"),
    "PSD+MSP, reach all": (*TRUSTED, "purify.reach=all"),
    "PSD+MSP, EMA": (*TRUSTED, EMA),
    "PSD+MSP, 2 networks": (*TRUSTED, "train.networks=2"),
    "mixmatch": MIXMATCH,
    "mixmatch, EMA": (*MIXMATCH, EMA),
    "mixmatch, 2 networks": (*MIXMATCH, "train.networks=2"),
}
AS_IT_IS = "as the recipe says"


@dataclass(frozen=True)
class Planned:
    """One run: its recipe, and what tells it from the others."""

    case: str
    variant: str
    seed: int
    recipe: Recipe

    @property
    def title(self) -> str:
        """What tells it from the others, in words."""
        return f"{self.case}, {self.variant}, seed {self.seed}"


def seeded(seed: int) -> tuple[str, ...]:
    """One seed for all that is drawn; the noise's is another, as in the recipes."""
    return (
        f"noise.seed={100 + seed}",
        f"golden.seed={seed}",
        f"purify.seed={seed}",
        f"train.seed={seed}",
    )


def plan(
    path: Path,
    overrides: Iterable[str],
    *,
    noises: Iterable[str],
    variants: Iterable[str],
    seeds: Iterable[int],
) -> list[Planned]:
    """Every run of an ablation: seed by seed, so that whole comparisons come first.

    Args:
        path: of the recipe.
        overrides: "section.key=value", for all runs.
        noises: "KIND:RATE", e.g. "symmetric:0.4"; none: the recipe's own noise.
        variants: of `VARIANTS`.
        seeds: of all that is drawn.

    Raises:
        RecipeError: a setting, noise or variant does not fit; says which run's. Or a setting
            would be lost, since each run sets it itself.
    """
    overrides, variants = tuple(overrides), tuple(dict.fromkeys(variants))
    cases = [_case(text) for text in dict.fromkeys(noises)] or [(AS_IT_IS, ())]
    for name in variants:
        if name not in VARIANTS:
            raise RecipeError(
                f"a variant must be one of {'; '.join(VARIANTS)}, got {name!r}"
                f"{did_you_mean(name, VARIANTS)}"
            )
    runs = [
        (case, variant, seed, (*noise, *VARIANTS[variant], *seeded(seed)))
        for seed in seeds
        for case, noise in cases
        for variant in variants
    ]
    _check_kept(overrides, [own for *_, own in runs])
    return [
        Planned(case, variant, seed, _recipe(path, overrides, own, f"{case}, {variant}"))
        for case, variant, seed, own in runs
    ]


def firsts(planned: list[Planned]) -> list[Planned]:
    """The first run of each variant and of each noise: what to look at before any of them runs."""
    by_variant = {one.variant: one for one in reversed(planned)}
    by_case = {one.case: one for one in reversed(planned)}
    return list(dict.fromkeys([*reversed(by_variant.values()), *reversed(by_case.values())]))


def _check_kept(overrides: Iterable[str], own: list[tuple[str, ...]]) -> None:
    """Raise RecipeError if all runs set for themselves what was asked for."""
    set_by_all = set.intersection(*({_key(text) for text in texts} for texts in own))
    for text in overrides:
        if _key(text) in set_by_all:
            raise RecipeError(
                f"--set {text} would be lost: the variants, --noise and --seeds set {_key(text)} "
                "in each run. Leave it out."
            )


def _key(override: str) -> str:
    return override.partition("=")[0].strip()


def _recipe(path: Path, overrides: tuple[str, ...], own: tuple[str, ...], title: str) -> Recipe:
    try:
        return load_recipe(path, (*overrides, *own))
    except RecipeError as error:
        load_recipe(path, overrides)  # its own mistakes are told as its own
        raise RecipeError(
            f"{error}\n  That is of the run {title}. Change it, or name those that fit with --only."
        ) from error


def _case(text: str) -> tuple[str, tuple[str, ...]]:
    kind, colon, rate = text.partition(":")
    if not (kind and colon and rate):
        raise RecipeError(f"--noise takes KIND:RATE, got {text!r}; try symmetric:0.4")
    return f"{kind} {rate}", (f"noise.kind={kind}", f"noise.rate={rate}")

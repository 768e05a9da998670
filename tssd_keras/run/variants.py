"""Recipes made of one recipe: with parts of the method left out or added, by noise, by seed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from tssd_keras.recipe.checks import did_you_mean
from tssd_keras.recipe.recipe import Recipe
from tssd_keras.recipe.toml import RecipeError, load_recipe

NO_GOLDEN = ("golden.source=none",)
TRUSTED = ("objective.kind=weighted", "golden.source=trusted")
MIXMATCH = ("objective.kind=mixmatch", "golden.source=trusted")
EMA = "train.ema=0.99"

# From less to more; other settings of a recipe stay.
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
    """One run of an ablation, or of peers.

    Attributes:
        case: the noise, in words.
        variant: of `VARIANTS`, or a method's name.
        seed: of all that is drawn.
        recipe: of the run.
        settings: "section.key=value", what the run sets beside the recipe's file and overrides.
    """

    case: str
    variant: str
    seed: int
    recipe: Recipe
    settings: tuple[str, ...] = ()

    @property
    def title(self) -> str:
        """Its name among the others."""
        return f"{self.case}, {self.variant}, seed {self.seed}"


def seeded(seed: int) -> tuple[str, ...]:
    """Settings that let one seed rule all draws; the noise's is 100 higher, as in the recipes."""
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
    among: Mapping[str, tuple[str, ...]] = VARIANTS,
    word: str = "variant",
    option: str = "--only",
) -> list[Planned]:
    """Every run of an ablation, or of peers: seed by seed, so that whole comparisons come first.

    Args:
        path: of the recipe.
        overrides: "section.key=value", for all runs.
        noises: "KIND:RATE" or "file:PATH", e.g. "symmetric:0.4" or "file:labels.npy"; none: the
            recipe's own noise.
        variants: of `among`.
        seeds: of all that is drawn.
        among: what can be run: name -> settings.
        word: what such a name is called in errors.
        option: of the command line, which takes the names.

    Raises:
        RecipeError: a setting, noise or variant does not fit; says in which run. Or each run
            sets by itself what an override sets.
    """
    overrides, variants = tuple(overrides), tuple(dict.fromkeys(variants))
    cases = _cases(noises)
    for name in variants:
        if name not in among:
            raise RecipeError(
                f"a {word} must be one of {'; '.join(among)}, got {name!r}"
                f"{did_you_mean(name, among)}"
            )
    runs = [
        (case, variant, seed, (*noise, *among[variant], *seeded(seed)))
        for seed in seeds
        for case, noise in cases
        for variant in variants
    ]
    _check_kept(overrides, [settings for *_, settings in runs], word)
    planned = []
    for case, variant, seed, settings in runs:
        recipe = _recipe(path, overrides, settings, f"{case}, {variant}", option)
        planned.append(Planned(case, variant, seed, recipe, settings))
    return planned


def firsts(planned: list[Planned]) -> list[Planned]:
    """The first run of each variant and of each noise, to be checked before any of them runs."""
    by_variant = {plan.variant: plan for plan in reversed(planned)}
    by_case = {plan.case: plan for plan in reversed(planned)}
    return list(dict.fromkeys([*reversed(by_variant.values()), *reversed(by_case.values())]))


def _check_kept(overrides: Iterable[str], of_runs: list[tuple[str, ...]], word: str) -> None:
    """Raise RecipeError if every run's own settings hide an override."""
    set_by_all = set.intersection(*({_key(text) for text in settings} for settings in of_runs))
    for text in overrides:
        if _key(text) in set_by_all:
            raise RecipeError(
                f"--set {text} would be lost: the {word}s, --noise and --seeds set {_key(text)} "
                "in each run. Leave it out."
            )


def _key(override: str) -> str:
    return override.partition("=")[0].strip()


def _recipe(
    path: Path, overrides: tuple[str, ...], settings: tuple[str, ...], title: str, option: str
) -> Recipe:
    """The recipe of one run; names the run where its own settings do not fit."""
    try:
        return load_recipe(path, (*overrides, *settings))
    except RecipeError as error:
        load_recipe(path, overrides)  # mistakes of the recipe itself name no run
        raise RecipeError(
            f"{error}\n  That is of the run {title}. Change it, or ask for those that fit, by "
            f"{option} and --noise."
        ) from error


def _case(text: str) -> tuple[str, tuple[str, ...]]:
    """Title and settings of one KIND:RATE or file:PATH."""
    kind, colon, value = text.partition(":")
    if not (kind and colon and value):
        raise RecipeError(
            f"--noise takes KIND:RATE or file:PATH, got {text!r}; try symmetric:0.4 or "
            "file:labels.npy"
        )
    if kind == "file":
        title = Path(value).stem.replace("|", "/")  # it becomes a cell of Markdown
        return f"labels {title}", ("noise.kind=file", f"noise.labels={value}")
    return f"{kind} {value}", (f"noise.kind={kind}", f"noise.rate={value}", "noise.labels=")


def _cases(noises: Iterable[str]) -> list[tuple[str, tuple[str, ...]]]:
    """Title and settings of each noise; raises RecipeError where two have one title."""
    found: dict[str, tuple[str, ...]] = {}
    for text in dict.fromkeys(noises):
        title, settings = _case(text)
        if title in found:
            raise RecipeError(
                f"each --noise must have a title of its own in the table: {text} has {title!r}, "
                f"as {found[title][-1].partition('=')[2]} has. Give the files other names."
            )
        found[title] = settings
    return list(found.items()) or [(AS_IT_IS, ())]

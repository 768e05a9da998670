"""A run in words, before it begins."""

from __future__ import annotations

from collections.abc import Iterator

from tssd_keras.data.duplicates import summary
from tssd_keras.data.labelled_data import LabelledData
from tssd_keras.labels.prepare import Prepared
from tssd_keras.recipe.recipe import AugmentRecipe, Recipe

BAD_IMAGES_NAMED = 3  # by a run that trains; left_out.csv lists all


def describe(recipe: Recipe, prepared: Prepared, *, most: int | None = None) -> str:
    """What will be trained, on what; a few lines.

    Args:
        recipe: of the run.
        prepared: its data.
        most: bad images named; None: all that were left out.
    """
    data = prepared.data
    rate = prepared.effective_noise_rate
    wrong = "not known" if rate is None else f"{rate:.2%}"
    if prepared.truth is not None:
        labelled = prepared.given >= 0
        known = labelled & (prepared.truth >= 0)
        if known.sum() < labelled.sum():
            wrong += f" of the {known.sum():,} whose true label is known"
    shape = "x".join(map(str, data.inputs.shape[1:]))
    lines = [
        f"data: {data.name}, {len(data.inputs):,} training samples of {shape} "
        f"({data.inputs.dtype}), {len(data.class_names)} classes",
        f"labels: noise {recipe.noise.kind}, wrong labels {wrong}, sha256 "
        f"{prepared.labels_sha256[:16]}...",
        f"stream: {len(prepared.stream):,} samples; golden: {recipe.golden.source}, "
        f"{len(prepared.golden_index):,}; accuracy on {prepared.evaluated_on}: "
        f"{len(prepared.eval_labels):,}",
        f"network: {recipe.model.name} in {recipe.train.precision}"
        f"{', channels normalised' * recipe.model.normalise}; objective: "
        f"{recipe.objective.kind}; {recipe.train.epochs} epochs, {recipe.train.warmup_epochs} of "
        "them warm-up",
    ]
    if recipe.augment.on:
        lines.append(f"augmentation in training: {augmentation(recipe.augment)}")
    lines += [f"without effect here: {setting}" for setting in _without_effect(recipe, prepared)]
    lines += (*data.notes, *prepared.notes)
    lines += left_out(data, most=most)
    if prepared.duplicates is not None and len(prepared.duplicates):
        lines.append(f"equal samples: {summary(prepared.duplicates)}")
    return "\n".join(lines)


def left_out(data: LabelledData, *, most: int | None = None) -> list[str]:
    """The bad images that were left out, a line each below their number; none if there are none.

    Args:
        data: of a source.
        most: images that are named; None: all.
    """
    if not data.left_out:
        return []
    named = [f"  {each.split}: {each.reason}" for each in data.left_out[:most]]
    more = len(data.left_out) - len(named)
    rest = [f"  ... and {more:,} more, listed in left_out.csv"] if more else []
    return [f"left out: {len(data.left_out):,} bad images", *named, *rest]


def augmentation(augment: AugmentRecipe) -> str:
    """What is done to training images, in words."""
    words = {
        "crop": f"crop after {augment.padding} padding by {augment.crop} pixels",
        "flip": "flip",
        "strong": f"{augment.strong} strong operations up to magnitude {augment.magnitude}",
        "cutout": f"cutout of {augment.cutout} x {augment.cutout} pixels",
    }
    return ", ".join(words[name] for name in words if name in augment.on)


def _without_effect(recipe: Recipe, prepared: Prepared) -> Iterator[str]:
    """Settings other than their defaults that these data give nothing to do."""
    data, golden, default = recipe.data, recipe.golden, Recipe()
    own_split = data.source not in ("folder", "table") or prepared.data.evaluated_on == "test"
    if data.test_share != default.data.test_share and own_split:
        yield "data.test_share (the data have a test split)"
    if data.split_seed != default.data.split_seed and own_split and not data.validation_share:
        yield "data.split_seed (nothing is held out)"
    marked = golden.ids or prepared.data.trusted is not None
    if golden.at_most_per_class and not marked:
        yield "golden.at_most_per_class (no samples are marked as trusted: golden.per_class counts)"

"""A run in words, before it begins."""

from __future__ import annotations

from collections.abc import Iterator

from tssd_keras.data.duplicates import summary
from tssd_keras.data.labelled_data import LabelledData
from tssd_keras.labels.prepare import Prepared
from tssd_keras.recipe.method_sections import AugmentRecipe
from tssd_keras.recipe.recipe import Recipe

BAD_IMAGES_NAMED = 3  # by a run that trains; left_out.csv lists all


def describe(recipe: Recipe, prepared: Prepared, *, most: int | None = None) -> str:
    """The data and the training in a few lines.

    Args:
        recipe: of the run.
        prepared: its data.
        most: how many bad images are named; None: all that were left out.
    """
    data = prepared.data
    shape = "x".join(map(str, data.inputs.shape[1:]))
    lines = [
        f"data: {data.name}, {len(data.inputs):,} training samples of {shape} "
        f"({data.inputs.dtype}), {len(data.class_names)} classes",
        f"labels: noise {recipe.noise.kind}, wrong labels {_wrong(prepared)}, sha256 "
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


def _wrong(prepared: Prepared) -> str:
    """The share of wrong labels, and of how many it is where not all true labels are known."""
    rate = prepared.effective_noise_rate
    text = "not known" if rate is None else f"{rate:.2%}"
    if prepared.truth is None:
        return text
    labelled = prepared.given >= 0
    n_known = int((labelled & (prepared.truth >= 0)).sum())
    if n_known < labelled.sum():
        text += f" of the {n_known:,} whose true label is known"
    return text


def left_out(data: LabelledData, *, most: int | None = None) -> list[str]:
    """The number of bad images that were left out and a line each; no line if there are none.

    Args:
        data: of a source.
        most: how many images are named; None: all.
    """
    if not data.left_out:
        return []
    named = [f"  {image.split}: {image.reason}" for image in data.left_out[:most]]
    n_more = len(data.left_out) - len(named)
    rest = [f"  ... and {n_more:,} more, listed in left_out.csv"] if n_more else []
    return [f"left out: {len(data.left_out):,} bad images", *named, *rest]


def augmentation(augment: AugmentRecipe) -> str:
    """The augmentation in words."""
    words = {
        "crop": f"crop after {augment.padding} padding by {augment.crop} pixels",
        "flip": "flip",
        "strong": f"{augment.strong} strong operations up to magnitude {augment.magnitude}",
        "cutout": f"cutout of {augment.cutout} x {augment.cutout} pixels",
    }
    return ", ".join(words[name] for name in words if name in augment.on)


def _without_effect(recipe: Recipe, prepared: Prepared) -> Iterator[str]:
    """Settings that differ from their defaults without effect on these data."""
    data, golden, default = recipe.data, recipe.golden, Recipe()
    has_test = data.source not in ("folder", "table") or prepared.data.evaluated_on == "test"
    if data.test_share != default.data.test_share and has_test:
        yield "data.test_share (the data have a test split)"
    if data.split_seed != default.data.split_seed and has_test and not data.validation_share:
        yield "data.split_seed (nothing is held out)"
    marked = golden.ids or prepared.data.trusted is not None
    if golden.at_most_per_class and not marked:
        yield "golden.at_most_per_class (no samples are marked as trusted: golden.per_class counts)"

"""Encoded images and their labels -> LabelledData: size, check, decoding ahead or on demand."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from tssd_keras.data.decoding import BadImage, image_size
from tssd_keras.data.files import EncodedFiles, SomeFiles
from tssd_keras.data.inputs import ArrayInputs, EncodedImages, Inputs, Subset
from tssd_keras.data.labelled_data import LabelledData, LeftOut
from tssd_keras.data.sources import image_check
from tssd_keras.data.sources.hold_out import GIVEN, TRUE
from tssd_keras.data.sources.image_check import Examined
from tssd_keras.recipe.recipe import DataRecipe

TRAIN, TEST = "train", "test"


@dataclass(frozen=True, kw_only=True)
class ImageSplit:
    """One split as a source finds it.

    Attributes:
        files: N encoded images.
        labels: int64[N], given.
        true_labels: int64[N], -1 where unknown; None where all are.
        ids: object[N] of str, see `as_ids`, or None.
        trusted: bool[N], or None.
    """

    files: EncodedFiles
    labels: np.ndarray
    true_labels: np.ndarray | None = None
    ids: np.ndarray | None = None
    trusted: np.ndarray | None = None

    def take(self, index: np.ndarray) -> ImageSplit:
        """Some of the samples."""

        def some(column: np.ndarray | None) -> np.ndarray | None:
            return None if column is None else column[index]

        return ImageSplit(
            files=SomeFiles(self.files, index),
            labels=self.labels[index],
            true_labels=some(self.true_labels),
            ids=some(self.ids),
            trusted=some(self.trusted),
        )

    def to_judge_on(self) -> ImageSplit:
        """The same samples under the true labels where these are known, else the given ones."""
        labels, truth = self.labels, self.true_labels
        right = labels if truth is None else np.where(truth >= 0, truth, labels)
        return dataclasses.replace(self, labels=right, true_labels=None, trusted=None)


# The samples that can be used and their digests, uint8[N, 16] or None -> bool[N], which are
# held out to judge on.
Choice = Callable[[ImageSplit, np.ndarray | None], np.ndarray]


def labelled_images(
    name: str,
    train: ImageSplit,
    test: ImageSplit | Choice,
    class_names: tuple[str, ...],
    recipe: DataRecipe,
    *,
    shape: tuple[int | None, ...] = (None, None, 3),
    test_name: str = TEST,
) -> LabelledData:
    """The data of two splits of images, checked.

    Where all images fit into `cache_gib` when decoded they are decoded once
    into memory; else they stay where they are and are decoded batch by batch.
    One decoder serves both ways, so this changes no pixel.

    Args:
        name: of the data set, for messages.
        train: its training split.
        test: its test split, whose labels count as right; or what chooses
            samples of the training split that are held out to judge on, once
            those that cannot be used have left.
        class_names: K names.
        recipe: image_size, cache_gib, check_images, skip_bad_images.
        shape: (height, width, channels) that the data set promises; None where it does not.
        test_name: what the data set calls its test split.

    Raises:
        ValueError: images of several sizes without image_size, images with
            neither 1 nor 3 channels, or images that cannot be used.
    """
    splits = {TRAIN: train}
    if isinstance(test, ImageSplit):
        splits[test_name] = test
    common = _common_shape(splits, shape, recipe, name)
    samples = sum(len(s.files) for s in splits.values())
    gib = samples * int(np.prod(common)) / 2**30
    cached = gib <= recipe.cache_gib
    resize = recipe.image_size > 0

    looked: dict[str, Examined] = {}
    arrays: dict[str, np.ndarray] = {}
    for split, found in splits.items():
        images = EncodedImages(found.files, common, resize=resize)
        if cached:
            arrays[split] = np.empty(images.shape, np.uint8)
        if cached or recipe.check_images:
            looked[split] = image_check.examine(images, f"{name}/{split}", out=arrays.get(split))
    bad = {split: seen.bad for split, seen in looked.items()}
    if not recipe.skip_bad_images:
        image_check.refuse(bad, {split: len(s.files) for split, s in splits.items()})

    inputs: dict[str, Inputs] = {}
    digests: dict[str, np.ndarray | None] = {}
    for split, found in splits.items():
        seen = looked.get(split)
        digests[split] = None if seen is None else seen.digests
        if bad.get(split):
            good = np.setdiff1d(np.arange(len(found.files)), list(bad[split]))
            splits[split] = found.take(good)
            digests[split] = looked[split].digests[good]
            if cached:
                arrays[split] = arrays[split][good]
        if cached:
            inputs[split] = ArrayInputs(arrays[split])
        else:
            inputs[split] = EncodedImages(splits[split].files, common, resize=resize)
    evaluated_on = TEST
    if not isinstance(test, ImageSplit):
        held_out = test(splits[TRAIN], digests[TRAIN])
        whole, pixels, hashes = splits[TRAIN], inputs[TRAIN], digests[TRAIN]
        for split, chosen in ((TRAIN, ~held_out), (test_name, held_out)):
            index = np.flatnonzero(chosen)
            splits[split], inputs[split] = whole.take(index), Subset(pixels, index)
            digests[split] = None if hashes is None else hashes[index]
        truth = splits[test_name].true_labels
        evaluated_on = TRUE if truth is not None and (truth >= 0).all() else GIVEN
        splits[test_name] = splits[test_name].to_judge_on()
    train, test = splits[TRAIN], splits[test_name]
    return LabelledData(
        name=name,
        inputs=inputs[TRAIN],
        labels=train.labels,
        true_labels=train.true_labels,
        test_inputs=inputs[test_name],
        test_labels=test.labels,
        class_names=class_names,
        ids=train.ids,
        test_ids=test.ids,
        trusted=train.trusted,
        digests=digests[TRAIN],
        test_digests=digests[test_name],
        evaluated_on=evaluated_on,
        left_out=tuple(LeftOut(s, reason) for s, b in bad.items() for reason in b.values()),
        notes=(_where(cached, gib, looked), *_conversions(looked)),
    )


def _common_shape(
    splits: dict[str, ImageSplit], shape: tuple[int | None, ...], recipe: DataRecipe, name: str
) -> tuple[int, int, int]:
    """(height, width, channels) of every decoded image."""
    channels = shape[-1] or 3
    if len(shape) != 3 or channels not in (1, 3):
        raise ValueError(
            f"images of {name} must have shape (height, width, channels) with 1 or 3 channels, "
            f"got {shape}."
        )
    if recipe.image_size:
        return recipe.image_size, recipe.image_size, channels
    if shape[0] and shape[1]:
        return shape[0], shape[1], channels
    for split in splits.values():  # the first readable image says; the check compares the others
        for i in range(len(split.files)):
            try:
                return *image_size(split.files[i]), channels
            except BadImage:
                continue
    return 1, 1, channels  # no image can be read: the check says why


def _where(cached: bool, gib: float, looked: dict[str, Examined]) -> str:
    if cached:
        return f"images: decoded once into memory, {gib:.2f} GiB"
    checked = "each checked" if looked else "not checked"
    return (
        f"images: {checked}, decoded batch by batch (in memory they would take {gib:.2f} GiB, "
        "more than data.cache_gib)"
    )


def _conversions(looked: dict[str, Examined]) -> list[str]:
    """What was converted on the way, and which image was the first."""
    notes = []
    for split, seen in looked.items():
        for what, count in sorted(seen.converted.items()):
            done = "laid on white" if what == "transparency" else "converted"
            notes.append(
                f"images: {count:,} {split} images with {what} {done}, the first is "
                f"{seen.first_converted[what]}"
            )
    return notes

"""Encoded images and their labels -> LabelledData: size, check, decoding ahead or on demand."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from tssd_keras.data.decoding import BadImage, image_size
from tssd_keras.data.files import EncodedFiles, SomeFiles
from tssd_keras.data.inputs import ArrayInputs, EncodedImages, Inputs, Subset
from tssd_keras.data.labelled_data import LabelledData, LeftOut, class_name_mistakes
from tssd_keras.data.sources import image_check
from tssd_keras.data.sources.hold_out import GIVEN, TRUE
from tssd_keras.data.sources.image_check import Examined
from tssd_keras.recipe.data_sections import DataRecipe

TRAIN, TEST = "train", "test"


@dataclass(frozen=True, kw_only=True)
class ImageSplit:
    """One split of a source.

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
# held out to evaluate on.
Choice = Callable[[ImageSplit, np.ndarray | None], np.ndarray]


@dataclass(frozen=True)
class _Loaded:
    """One split as a network reads it.

    Attributes:
        split: N samples.
        inputs: their pixels.
        digests: uint8[N, 16], or None where nobody looked.
    """

    split: ImageSplit
    inputs: Inputs
    digests: np.ndarray | None

    def take(self, index: np.ndarray) -> _Loaded:
        """Some of the samples."""
        digests = None if self.digests is None else self.digests[index]
        return _Loaded(self.split.take(index), Subset(self.inputs, index), digests)


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

    Images that fit into `cache_gib` are decoded once into memory; others stay where they
    are and are decoded batch by batch. One decoder serves both ways: no pixel differs.

    Args:
        name: of the data set, for messages.
        train: its training split.
        test: its test split, whose labels count as right; or what chooses the samples of the
            training split that are held out, once those that cannot be used have left.
        class_names: K names.
        recipe: image_size, cache_gib, check_images, skip_bad_images.
        shape: (height, width, channels) that the data set promises; None where it does not.
        test_name: what the data set calls its test split.

    Raises:
        ValueError: images of several sizes without image_size, images with neither 1 nor 3
            channels, images that cannot be used, or class names that cannot.
    """
    for mistake in class_name_mistakes(class_names):  # before hours of decoding
        raise ValueError(f"{name}: {mistake}")
    splits = {TRAIN: train} | ({test_name: test} if isinstance(test, ImageSplit) else {})
    common = _common_shape(splits, shape, recipe, name)
    gib = sum(len(s.files) for s in splits.values()) * int(np.prod(common)) / 2**30
    in_memory = gib <= recipe.cache_gib
    loaded, looked = _load(name, splits, common, recipe, in_memory=in_memory)
    evaluated_on = TEST
    if not isinstance(test, ImageSplit):
        loaded[TRAIN], loaded[test_name], evaluated_on = _held_out(loaded[TRAIN], test)
    samples, tests = loaded[TRAIN], loaded[test_name]
    return LabelledData(
        name=name,
        inputs=samples.inputs,
        labels=samples.split.labels,
        true_labels=samples.split.true_labels,
        test_inputs=tests.inputs,
        test_labels=tests.split.labels,
        class_names=class_names,
        ids=samples.split.ids,
        test_ids=tests.split.ids,
        trusted=samples.split.trusted,
        digests=samples.digests,
        test_digests=tests.digests,
        evaluated_on=evaluated_on,
        left_out=_left_out(looked),
        notes=(_where(in_memory, gib, looked), *_conversions(looked)),
    )


def _load(
    name: str,
    splits: dict[str, ImageSplit],
    shape: tuple[int, int, int],
    recipe: DataRecipe,
    *,
    in_memory: bool,
) -> tuple[dict[str, _Loaded], dict[str, Examined]]:
    """Each split without its bad images, and the outcome of the look at each."""
    resize = recipe.image_size > 0
    looked: dict[str, Examined] = {}
    pixels: dict[str, np.ndarray] = {}
    for key, split in splits.items():
        images = EncodedImages(split.files, shape, resize=resize)
        if in_memory:
            pixels[key] = np.empty(images.shape, np.uint8)
        if in_memory or recipe.check_images:
            looked[key] = image_check.examine(images, f"{name}/{key}", out=pixels.get(key))
    if not recipe.skip_bad_images:
        bad = {key: look.bad for key, look in looked.items()}
        image_check.refuse(bad, {key: len(split.files) for key, split in splits.items()})
    loaded = {
        key: _good_ones(split, shape, looked.get(key), pixels.get(key), resize=resize)
        for key, split in splits.items()
    }
    return loaded, looked


def _good_ones(
    split: ImageSplit,
    shape: tuple[int, int, int],
    look: Examined | None,
    pixels: np.ndarray | None,
    *,
    resize: bool,
) -> _Loaded:
    """A split without the images that the look found bad."""
    digests = None if look is None else look.digests
    if look is not None and look.bad:
        good = np.setdiff1d(np.arange(len(split.files)), list(look.bad))
        split, digests = split.take(good), look.digests[good]
        pixels = None if pixels is None else pixels[good]
    inputs: Inputs
    if pixels is None:
        inputs = EncodedImages(split.files, shape, resize=resize)
    else:
        inputs = ArrayInputs(pixels)
    return _Loaded(split, inputs, digests)


def _held_out(whole: _Loaded, choose: Choice) -> tuple[_Loaded, _Loaded, str]:
    """The training split, the samples held out of it, and what their labels are."""
    held_out = choose(whole.split, whole.digests)
    rest, tests = whole.take(np.flatnonzero(~held_out)), whole.take(np.flatnonzero(held_out))
    truth = tests.split.true_labels
    evaluated_on = TRUE if truth is not None and (truth >= 0).all() else GIVEN
    return rest, dataclasses.replace(tests, split=tests.split.to_judge_on()), evaluated_on


def _left_out(looked: dict[str, Examined]) -> tuple[LeftOut, ...]:
    return tuple(
        LeftOut(key, reason) for key, look in looked.items() for reason in look.bad.values()
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
    for split in splits.values():  # the first readable image decides; the check compares the others
        for i in range(len(split.files)):
            try:
                return *image_size(split.files[i]), channels
            except BadImage:
                continue
    return 1, 1, channels  # no image can be read: the check says why


def _where(in_memory: bool, gib: float, looked: dict[str, Examined]) -> str:
    if in_memory:
        return f"images: decoded once into memory, {gib:.2f} GiB"
    checked = "each checked" if looked else "not checked"
    return (
        f"images: {checked}, decoded batch by batch (in memory they would take {gib:.2f} GiB, "
        "more than data.cache_gib)"
    )


def _conversions(looked: dict[str, Examined]) -> list[str]:
    """Notes of conversions, each with its first image."""
    notes = []
    for split, look in looked.items():
        for what, count in sorted(look.converted.items()):
            done = "laid on white" if what == "transparency" else "converted"
            notes.append(
                f"images: {count:,} {split} images with {what} {done}, the first is "
                f"{look.first_converted[what]}"
            )
    return notes

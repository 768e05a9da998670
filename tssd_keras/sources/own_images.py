"""Image files of one's own and their labels -> LabelledData, with or without a test split."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np

from tssd_keras.encoded_files import FilesOnDisk
from tssd_keras.recipe import DataRecipe
from tssd_keras.sources.hold_out import GIVEN, TRUE, hold_out
from tssd_keras.sources.image_files import TEST, ImageSplit, labelled_images
from tssd_keras.sources.labelled_data import LabelledData, as_ids


def own_images(
    name: str,
    folder: Path,
    paths: list[str],
    labels: np.ndarray,
    class_names: tuple[str, ...],
    recipe: DataRecipe,
    *,
    test: np.ndarray,
    true_labels: np.ndarray | None = None,
    trusted: np.ndarray | None = None,
    notes: tuple[str, ...] = (),
) -> LabelledData:
    """The data of image files.

    Args:
        name: for messages.
        folder: that the paths start from.
        paths: of N images; they are the ids too.
        labels: int64[N], given.
        class_names: K names.
        recipe: test_share, split_seed, and what `labelled_images` reads.
        test: bool[N], the test samples. None marked: `test_share` of each class
            is held out, under the true labels where all of those are known,
            else under the given ones, and what accuracy is measured on says so.
        true_labels: int64[N], -1 where unknown, or None.
        trusted: bool[N], or None.
        notes: for the user.

    Raises:
        ValueError: see `labelled_images`; a trusted sample is a test sample.
    """
    everything = ImageSplit(
        files=FilesOnDisk(folder, paths),
        labels=labels,
        true_labels=true_labels,
        ids=as_ids(paths),
        trusted=trusted,
    )
    if trusted is not None and (trusted & test).any():
        both = np.flatnonzero(trusted & test)
        raise ValueError(
            f"{name}: a golden sample must not be a test sample, {len(both)} are, the first is "
            f"{paths[both[0]]}. Mark it as one or the other."
        )
    judged_on, held_out = TEST, test
    if not test.any():
        held_out = hold_out(
            labels,
            len(class_names),
            share=recipe.test_share,
            seed=recipe.split_seed,
            keep=trusted,
        )
    part = everything.take(np.flatnonzero(held_out))
    right = part.labels
    if part.true_labels is not None:
        right = np.where(part.true_labels >= 0, part.true_labels, part.labels)
    if not test.any():
        known = part.true_labels is not None and (part.true_labels >= 0).all()
        judged_on = TRUE if known else GIVEN
        what = "their true" if known else "their given labels, which may be wrong"
        notes = (
            *notes,
            f"accuracy: there is no test split, so {len(right):,} samples "
            f"({recipe.test_share:.0%} of each class) are held out under {what}"
            + (" labels" if known else ""),
        )
    data = labelled_images(
        name,
        everything.take(np.flatnonzero(~held_out)),
        dataclasses.replace(part, labels=right, true_labels=None, trusted=None),
        class_names,
        recipe,
    )
    return dataclasses.replace(data, judged_on=judged_on, notes=(*notes, *data.notes))

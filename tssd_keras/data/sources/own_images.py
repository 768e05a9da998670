"""Image files of one's own and their labels -> LabelledData, with or without a test split."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np

from tssd_keras.data.duplicates import equal_to_some
from tssd_keras.data.files import FilesOnDisk
from tssd_keras.data.label_cells import alike_note
from tssd_keras.data.labelled_data import LabelledData, as_ids
from tssd_keras.data.path_names import by_other_writing
from tssd_keras.data.sources.hold_out import TRUE, hold_out
from tssd_keras.data.sources.image_files import Choice, ImageSplit, labelled_images
from tssd_keras.recipe.data_sections import DataRecipe


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
    golden_ids: frozenset[str] = frozenset(),
    notes: tuple[str, ...] = (),
) -> LabelledData:
    """The data of image files.

    Without test samples `test_share` of each class is held out: under the true labels where
    all of those are known, else under the given ones. No trusted sample is held out, and none
    that equals a trusted one byte by byte.

    Args:
        name: for messages.
        folder: that the paths start from.
        paths: of N images; they are the ids too.
        labels: int64[N], given.
        class_names: K names.
        recipe: test_share, split_seed, and what `labelled_images` reads.
        test: bool[N], the test samples.
        true_labels: int64[N], -1 where unknown, or None.
        trusted: bool[N], or None.
        golden_ids: samples of these ids are not held out either.
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
    _check_apart(name, paths, trusted, test)
    golden_ids |= frozenset(by_other_writing(sorted(golden_ids), paths).values())
    if test.any():
        train = everything.take(np.flatnonzero(~test))
        tests = everything.take(np.flatnonzero(test)).to_judge_on()
        data = labelled_images(name, train, tests, class_names, recipe)
    else:
        choice = _hold_out(len(class_names), recipe, golden_ids)
        data = labelled_images(name, everything, choice, class_names, recipe)
        notes = (*notes, _held_out_note(data, recipe))
    alike = alike_note(class_names)
    return dataclasses.replace(data, notes=(*notes, *[alike] * bool(alike), *data.notes))


def _check_apart(name: str, paths: list[str], trusted: np.ndarray | None, test: np.ndarray) -> None:
    if trusted is not None and (trusted & test).any():
        both = np.flatnonzero(trusted & test)
        raise ValueError(
            f"{name}: a golden sample must not be a test sample, {len(both)} are, the first is "
            f"{paths[both[0]]}. Mark it as one or the other."
        )


def _held_out_note(data: LabelledData, recipe: DataRecipe) -> str:
    labels = "true labels" if data.evaluated_on == TRUE else "given labels, which may be wrong"
    return (
        f"accuracy: there is no test split, so {len(data.test_labels):,} samples "
        f"({recipe.test_share:.0%} of each class) are held out under their {labels}"
    )


def _hold_out(n_classes: int, recipe: DataRecipe, golden_ids: frozenset[str]) -> Choice:
    """Some samples of each class, none of them trusted or equal to a trusted one."""

    def choose(split: ImageSplit, digests: np.ndarray | None) -> np.ndarray:
        keep = np.zeros(len(split.labels), bool) if split.trusted is None else split.trusted
        if golden_ids and split.ids is not None:
            keep = keep | np.array([name in golden_ids for name in split.ids.tolist()], bool)
        return hold_out(
            split.labels,
            n_classes,
            share=recipe.test_share,
            seed=recipe.split_seed,
            keep=equal_to_some(digests, keep),
        )

    return choose

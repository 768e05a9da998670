"""A recipe's given labels as a file for use elsewhere, and as a picture."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from tssd_keras import noise
from tssd_keras.given_labels import given_labels
from tssd_keras.label_file import write_label_file
from tssd_keras.recipe import Recipe
from tssd_keras.report.confusion import confusion_picture
from tssd_keras.sources.labelled_data import LabelledData


def write_noise(recipe: Recipe, data: LabelledData, out: Path, picture: Path) -> str:
    """Write the given labels of the whole training split, and their confusion matrix.

    Args:
        recipe: its section noise.
        data: of its source.
        out: .npy, .npz or .csv, see `label_file.write_label_file`.
        picture: a PNG of how often each true class was given which label.

    Returns:
        What was written, in a few lines.

    Raises:
        FileExistsError: one of the files is there; nothing was written.
        ValueError: see `given_labels` and `write_label_file`.
    """
    for path in (out, picture):
        if path.exists():
            raise FileExistsError(f"{path} is there already and is not overwritten. Name another.")
    given, truth = given_labels(recipe, data)
    write_label_file(out, given, ids=data.ids, class_names=data.class_names)
    lines = [
        f"{len(given):,} labels of {data.name}, noise {recipe.noise.kind}: {out}",
        f"sha256 {noise.labels_sha256(given)}",
    ]
    known = np.zeros(len(given), bool) if truth is None else truth >= 0
    if truth is None or not known.any():
        return "\n".join([*lines, "the true labels are not known: there is no confusion matrix"])
    counts = noise.confusion(truth[known], given[known], len(data.class_names))
    rate = 1 - np.trace(counts) / counts.sum()
    confusion_picture(
        picture, counts, data.class_names, f"{data.name}: {rate:.2%} of {counts.sum():,} are wrong"
    )
    return "\n".join([*lines, f"wrong labels: {rate:.2%}; confusion matrix: {picture}"])

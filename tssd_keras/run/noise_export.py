"""A recipe's given labels as a file for use elsewhere, and as a picture."""

from __future__ import annotations

import shutil
import tempfile
from functools import partial
from pathlib import Path

import numpy as np

from tssd_keras.data.labelled_data import LabelledData
from tssd_keras.labels import noise
from tssd_keras.labels.files.reading import WRITERS, write_label_file
from tssd_keras.labels.given import given_labels
from tssd_keras.recipe.recipe import Recipe
from tssd_keras.run.confusion import confusion_picture
from tssd_keras.run.describe import left_out


def check_files(out: Path, picture: Path) -> None:
    """Raise unless both files can be written: their names, their folders, and none is there yet.

    Raises:
        ValueError: a name that ends otherwise, or one name for both.
        FileExistsError: one of the files is there.
        FileNotFoundError: one of the folders is not.
    """
    for what, path, endings in (("--out", out, tuple(WRITERS)), ("--picture", picture, (".png",))):
        if path.suffix.lower() not in endings:
            raise ValueError(f"{what} must end in {', '.join(endings)}, got {path}.")
        if path.exists():
            raise FileExistsError(f"{path} is there already and is not overwritten. Name another.")
        if not path.parent.is_dir():
            raise FileNotFoundError(
                f"{what} must lie in a folder that is there, {path.parent.absolute()} is none. "
                "Make it first."
            )


def write_noise(recipe: Recipe, data: LabelledData, out: Path, picture: Path) -> str:
    """Write the given labels of the whole training split, and their confusion matrix.

    Both files are written whole or not at all. Samples without a given label are
    left out.

    Args:
        recipe: its section noise.
        data: of its source.
        out: .npy, .npz or .csv, see `label_file.write_label_file`.
        picture: a PNG of how often each true class was given which label.

    Returns:
        What was written, in a few lines.

    Raises:
        ValueError, OSError: see `check_files`, `given_labels` and `write_label_file`.
    """
    check_files(out, picture)
    given, truth = given_labels(recipe, data)
    index = np.flatnonzero(given >= 0)
    labels, names = given[index], data.class_names
    ids = None if data.ids is None else data.ids[index]
    rate, shown = "", None
    known = index[:0] if truth is None else index[truth[index] >= 0]
    if truth is not None and len(known):
        counts = noise.confusion(truth[known], given[known], len(names))
        rate = f"{1 - np.trace(counts) / counts.sum():.2%}"
        shown = partial(
            confusion_picture,
            counts=counts,
            class_names=names,
            title=f"{data.name}: {rate} of {counts.sum():,} are wrong",
        )
    with tempfile.TemporaryDirectory(dir=out.parent, prefix=".noise-") as made:
        unseen = Path(made, out.name)
        write_label_file(unseen, labels, ids=ids, class_names=names)
        if shown is not None:
            unseen_picture = Path(made, "picture.png")
            shown(unseen_picture)
            shutil.move(unseen_picture, picture)
        unseen.replace(out)
    lines = [
        f"{len(labels):,} labels of {data.name}, noise {recipe.noise.kind}: {out}",
        f"sha256 {noise.labels_sha256(labels)}",
    ]
    if ids is not None and out.suffix.lower() == ".npy":
        lines.append(
            f"entry 0 is the label of {ids[0]}, and so on in the source's order, without samples "
            "that are left out or held out to judge on; a .csv or .npz names each sample"
        )
    if len(labels) < len(given):
        lines.append(f"{len(given) - len(labels):,} samples without a given label are not in it")
    lines += left_out(data)
    if shown is None:
        return "\n".join([*lines, "the true labels are not known: there is no confusion matrix"])
    return "\n".join([*lines, f"wrong labels: {rate}; confusion matrix: {picture}"])

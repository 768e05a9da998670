"""A recipe's given labels as a file for use elsewhere, and as a picture."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from tssd_keras.data.labelled_data import LabelledData
from tssd_keras.data.whole_file import new_file
from tssd_keras.labels import noise
from tssd_keras.labels.files.reading import WRITERS, write_label_file
from tssd_keras.labels.given import given_labels
from tssd_keras.recipe.recipe import Recipe
from tssd_keras.run.confusion import confusion_picture
from tssd_keras.run.describe import left_out


def check_files(out: Path, picture: Path) -> None:
    """Raise unless both files can be written.

    Raises:
        ValueError: a name has another ending.
        FileExistsError: one of the files exists.
        FileNotFoundError: one of the folders does not.
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
        out: .npy, .npz or .csv, see `labels.files.reading.write_label_file`.
        picture: a PNG of how often each true class was given which label.

    Returns:
        A few lines about the files.

    Raises:
        ValueError, OSError: see `check_files`, `given_labels` and `write_label_file`.
    """
    check_files(out, picture)
    given, truth = given_labels(recipe, data)
    index = np.flatnonzero(given >= 0)
    labels, names = given[index], data.class_names
    ids = None if data.ids is None else data.ids[index]
    counts = _confusion(given, truth, len(names))
    with new_file(out) as part:
        write_label_file(part, labels, ids=ids, class_names=names)
        if counts is not None:
            title = f"{data.name}: {_wrong(counts)} of {counts.sum():,} are wrong"
            confusion_picture(picture, counts, names, title)
    lines = [
        f"{len(labels):,} labels of {data.name}, noise {recipe.noise.kind}: {out}",
        f"sha256 {noise.labels_sha256(labels)}",
    ]
    if ids is not None and out.suffix.lower() == ".npy":
        lines.append(
            f"entry 0 is the label of {ids[0]}, and so on in the source's order, without samples "
            "that are left out or held out to evaluate on; a .csv or .npz names each sample"
        )
    if len(labels) < len(given):
        lines.append(f"{len(given) - len(labels):,} samples without a given label are not in it")
    lines += left_out(data)
    if counts is None:
        lines.append("the true labels are not known: there is no confusion matrix")
    else:
        lines.append(f"wrong labels: {_wrong(counts)}; confusion matrix: {picture}")
    return "\n".join(lines)


def _confusion(given: np.ndarray, truth: np.ndarray | None, k: int) -> np.ndarray | None:
    """int64[K, K] of the labels whose truth is known, see `noise.confusion`; None of none."""
    if truth is None:
        return None
    rows = np.flatnonzero((given >= 0) & (truth >= 0))
    return noise.confusion(truth[rows], given[rows], k) if len(rows) else None


def _wrong(counts: np.ndarray) -> str:
    """The share of wrong labels in a confusion matrix."""
    return f"{1 - np.trace(counts) / counts.sum():.2%}"

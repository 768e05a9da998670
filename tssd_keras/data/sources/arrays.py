"""Arrays of one's own, from one .npz file."""

from __future__ import annotations

import difflib
from pathlib import Path

import numpy as np

from tssd_keras.data.array_files import (
    ArrayMembers,
    NotArraysError,
    PythonObjectsError,
    open_npz,
    shown_names,
)
from tssd_keras.data.class_labels import class_labels
from tssd_keras.data.inputs import ArrayInputs
from tssd_keras.data.labelled_data import LabelledData
from tssd_keras.recipe.data_sections import DataRecipe

NEEDED = ("x_train", "y_train", "x_test", "y_test")
MINUS_ONE = {"y_train_true": "where unknown"}
OPTIONAL = ("y_train_true", "class_names", "trusted", "text_train", "column_names")


def load(recipe: DataRecipe) -> LabelledData:
    """The arrays of the .npz file at `data.path`; the file is never unpickled.

    Needed: x_train [N, ...] and x_test [T, ...] of numbers, as the network sees them; y_train
    int[N] (given labels) and y_test int[T] in 0..K-1. Optional: y_train_true int[N], -1 where
    unknown; class_names str[K], by default "0".."K-1" up to the highest label; trusted
    bool[N], given labels known to be right; text_train str[N], shown by an audit in place of
    x_train's numbers; column_names str[d], of x_train's columns.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: it is no .npz file, or its arrays are not those above.
    """
    path = Path(recipe.path).expanduser()
    arrays = _read(path)
    for x in ("x_train", "x_test"):
        _check_lengths(path, x, arrays)
    labels = {
        key: class_labels(f"{path}: {key}", arrays[key], minus_one=MINUS_ONE.get(key, ""))
        for key in arrays
        if key.startswith("y_")
    }
    for x in ("x_train", "x_test"):
        _check_samples(path, x, arrays[x])
    return LabelledData(
        name=str(path),
        inputs=ArrayInputs(arrays["x_train"]),
        labels=labels["y_train"],
        true_labels=labels.get("y_train_true"),
        test_inputs=ArrayInputs(arrays["x_test"]),
        test_labels=labels["y_test"],
        class_names=_class_names(path, arrays.get("class_names"), labels),
        trusted=arrays.get("trusted"),
        texts=arrays.get("text_train"),
        column_names=_column_names(path, arrays.get("column_names")),
    )


def _read(path: Path) -> dict[str, np.ndarray]:
    """The arrays we know by name."""
    if not path.is_file():
        raise FileNotFoundError(
            f"data.path must name an .npz file, {path.absolute()} is "
            f"{'not a file' if path.exists() else 'not there'}."
        )
    try:
        with open_npz(path) as file:
            missing = [key for key in NEEDED if key not in file.names]
            if missing:
                raise ValueError(_missing_text(path, missing, file.names))
            wanted = [key for key in (*NEEDED, *OPTIONAL) if key in file.names]
            return {key: _member(path, file, key) for key in wanted}
    except NotArraysError as error:  # a lone .npy, a pickle, a file cut short
        raise ValueError(
            f"data.path must name an .npz file, {path} is something else or cut short. Make one "
            "with np.savez_compressed(path, x_train=..., y_train=..., x_test=..., y_test=...)."
        ) from error


def _missing_text(path: Path, missing: list[str], present: list[str]) -> str:
    strange = [key for key in present if key not in (*NEEDED, *OPTIONAL)]
    near = {key: difflib.get_close_matches(key, strange, n=1, cutoff=0.5) for key in missing}
    renames = "".join(f" Rename {match[0]} to {key}?" for key, match in near.items() if match)
    return (
        f"{path} must hold the arrays {', '.join(NEEDED)}; missing: {', '.join(missing)}. "
        f"Found: {shown_names(present)}.{renames}"
    )


def _member(path: Path, file: ArrayMembers, key: str) -> np.ndarray:
    try:
        return file.read(key)
    except PythonObjectsError as error:
        raise ValueError(
            f"{path}: {key} is an array of Python objects, which only unpickling could read, "
            "and that can run any code. Save it as numbers (or text), all rows of one length."
        ) from error
    except ValueError as error:
        raise ValueError(f"{path}: {key} cannot be read: {error}. Save it again.") from error


def _check_lengths(path: Path, key: str, arrays: dict[str, np.ndarray]) -> None:
    """Raise ValueError unless samples and labels of a split, each with an axis, are as many."""
    samples, labels = arrays[key], arrays[key.replace("x_", "y_")]
    if samples.ndim and labels.ndim and len(samples) != len(labels):
        raise ValueError(
            f"{path}: {key} and {key.replace('x_', 'y_')} must have one length, got "
            f"{len(samples)} and {len(labels)}."
        )


def _check_samples(path: Path, key: str, samples: np.ndarray) -> None:
    if samples.dtype.kind not in "biuf" or samples.ndim < 2:
        raise ValueError(
            f"{path}: {key} must be numbers with one sample a row, shape (N, ...), got "
            f"{samples.dtype}{samples.shape}."
        )
    if not samples.size:
        raise ValueError(f"{path}: {key} must hold samples, it is empty, shape {samples.shape}.")
    if samples.dtype.kind == "f":
        finite = np.isfinite(samples).reshape(len(samples), -1).all(axis=1)
        gaps = np.flatnonzero(~finite)
        if len(gaps):
            raise ValueError(
                f"{path}: {key} must be finite: {len(gaps)} of {len(samples)} samples are not, the "
                f"first is sample {gaps[0]}. Drop them or fill in the gaps."
            )


def _column_names(path: Path, names: np.ndarray | None) -> tuple[str, ...]:
    if names is None:
        return ()
    if names.dtype.kind != "U" or names.ndim != 1:
        raise ValueError(
            f"{path}: column_names must be text, one name a column of x_train, got "
            f'{names.dtype}{names.shape}. Try np.array(["age", "height"]).'
        )
    return tuple(names.tolist())


def _class_names(
    path: Path, names: np.ndarray | None, labels: dict[str, np.ndarray]
) -> tuple[str, ...]:
    if names is None:
        key, highest = max(((k, int(y.max())) for k, y in labels.items()), key=lambda pair: pair[1])
        n = len(labels["y_train"])
        if highest >= n:  # checked before so many names are made
            raise ValueError(
                f"{path}: classes must be numbered 0..K-1 without gaps, each in y_train: it has "
                f"{n} samples, and {key} names class {highest}, sample {labels[key].argmax()}. Try "
                "np.unique(y_train, return_inverse=True), or give class_names."
            )
        return tuple(str(k) for k in range(highest + 1))
    if names.dtype.kind != "U" or names.ndim != 1:
        raise ValueError(
            f"{path}: class_names must be text, one name a class, got {names.dtype}{names.shape}. "
            'Try np.array(["cat", "dog"]).'
        )
    return tuple(names.tolist())

"""Any model's outputs as .npy files: memory-mapped, never unpickled."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np

from tssd_keras.data.array_files import PythonObjectsError, map_npy
from tssd_keras.data.labelled_data import class_name_mistakes
from tssd_keras.data.text_table import read_whole
from tssd_keras.labels.files.formats import OBJECTS


def read_array(option: str, path: Path) -> np.ndarray:
    """Open one array, memory-mapped.

    Args:
        option: of the command line, for messages.
        path: of a .npy file.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: it is no whole .npy file, or holds Python objects.
    """
    if not path.is_file():
        raise FileNotFoundError(
            f"{option} must name a .npy file, {path.absolute()} is "
            f"{'no file' if path.exists() else 'not there'}."
        )
    try:
        return map_npy(path)
    except PythonObjectsError as error:
        raise ValueError(f"{option}: {path} {OBJECTS}.") from error
    except (ValueError, OSError) as error:
        raise ValueError(
            f"{option}: {path} must be a .npy file with one array: {error}. Make one with "
            "np.save(path, array)."
        ) from error


def read_class_names(path: Path, n_classes: int) -> tuple[str, ...]:
    """Read the classes' names in label order, one a line.

    Args:
        path: of a text file in UTF-8.
        n_classes: K.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: it is no text, has not K lines, names a class twice, or a name holds a NUL.
    """
    if not path.is_file():
        raise FileNotFoundError(f"--classes must name a text file, {path.absolute()} is not there.")
    try:
        text = read_whole(path).decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise ValueError(f"{path} must be text in UTF-8, byte {error.start} is not.") from error
    lines = re.split(r"\r\n|\r|\n", text)
    names = tuple(line.strip() for line in (lines[:-1] if lines[-1] == "" else lines))
    if len(names) != n_classes or len(set(names)) < n_classes:
        raise ValueError(
            f"{path} must name {n_classes} different classes, one a line, as many as predictions "
            f"have columns; got {len(names)} lines, {len(set(names))} different ones."
        )
    for mistake in class_name_mistakes(names):
        raise ValueError(f"{path}: {mistake}")
    return names

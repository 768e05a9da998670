"""A callback's state in one .npz file without Python objects, written whole or not at all."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np

from tssd_keras.data.array_files import open_npz
from tssd_keras.data.whole_file import whole_file
from tssd_keras.judge.state import State
from tssd_keras.recipe.argument import as_path


def save_state(path: str | os.PathLike, state: State) -> None:
    """Write a state beside the file's place, then put it there: a kill leaves the file before.

    Args:
        path: of the file; the folder is there.
        state: of `TSSD.get_state`.

    Raises:
        TypeError: `path` is no path.
        OSError: the file cannot be written; what was there before stays.
    """
    path = Path(as_path("path", path))
    _check_folder(path)
    with whole_file(path) as part, open(part, "wb") as file:
        np.savez(file, allow_pickle=False, **state)


def make_place(path: Path) -> None:
    """Make a file's folder; raise OSError unless the file can be put there. It is left as it is."""
    probe = path.with_name(f"{path.name}.tmp")
    try:
        if not path.parent.exists():
            path.parent.mkdir(parents=True)
        _check_folder(path)
        probe.touch()
        probe.unlink()
    except OSError as error:
        if error.errno is None:  # told already
            raise
        raise _told(error, path, "be written", _ELSEWHERE) from error


def _check_folder(path: Path) -> None:
    """Raise OSError unless the file's folder is there, and the file none itself."""
    found: OSError | None = None
    if path.is_dir():
        found = IsADirectoryError("it is a folder")
    elif not path.parent.is_dir():
        there = path.parent.exists()
        kind = NotADirectoryError if there else FileNotFoundError
        found = kind(f"{path.parent.absolute()} is {'no folder' if there else 'not there'}")
    if found is not None:
        raise _told(found, path, "be written", _ELSEWHERE)


_ELSEWHERE = "Make its folder, mend its rights, or name another file."


def load_state(path: str | os.PathLike) -> State:
    """What `save_state` wrote.

    Raises:
        TypeError: `path` is no path.
        OSError: the file is not there (FileNotFoundError), or cannot be read.
        ValueError: it is no such file, or cut short.
    """
    path = Path(as_path("path", path))
    try:
        if path.is_dir():
            raise IsADirectoryError("it is a folder")
        with open_npz(path) as arrays:
            return {name: arrays.read(name) for name in arrays.names}
    except OSError as error:
        raise _told(error, path, "be read", "Name a file that TSSD.save wrote.") from error
    except ValueError as error:
        raise ValueError(
            f"{path} must hold the state of a TSSD as TSSD.save writes it, it does not: "
            f"{str(error).rstrip('.')}. Save it again, or delete it and train from the beginning."
        ) from error


def _told(error: OSError, path: Path, what: str, remedy: str) -> OSError:
    """An error of the same class that says which file it is about, and what to try."""
    return type(error)(f"{path} cannot {what}: {error.strerror or error}. {remedy}")

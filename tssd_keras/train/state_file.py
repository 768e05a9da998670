"""A callback's state in one .npz file without Python objects, written whole or not at all."""

from __future__ import annotations

import os
import zipfile
import zlib
from pathlib import Path

import numpy as np

from tssd_keras.judge.state import State

UNREADABLE = (ValueError, EOFError, KeyError, zipfile.BadZipFile, zlib.error)


def save_state(path: str | os.PathLike, state: State) -> None:
    """Write a state beside the file's place, then put it there: a kill leaves the file before.

    Args:
        path: of the file; the folder is there.
        state: of `TSSD.get_state`.
    """
    path = Path(path)
    new = path.with_name(f"{path.name}.tmp")
    try:
        with open(new, "wb") as file:
            np.savez(file, allow_pickle=False, **state)
            file.flush()
            os.fsync(file.fileno())
        os.replace(new, path)
    finally:
        new.unlink(missing_ok=True)


def load_state(path: str | os.PathLike) -> State:
    """What `save_state` wrote.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: it is no such file, or cut short.
    """
    with open(path, "rb") as handle:
        try:
            if not zipfile.is_zipfile(handle):
                raise ValueError("it is no .npz file, or cut short")
            handle.seek(0)
            with np.load(handle, allow_pickle=False) as file:
                return {name: file[name] for name in file.files}
        except UNREADABLE as error:
            raise ValueError(
                f"{path} must hold the state of a TSSD as TSSD.save writes it, it does not: "
                f"{error}. Save it again, or delete it and train from the beginning."
            ) from error

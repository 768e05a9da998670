"""A callback's state in one .npz file without Python objects, written whole or not at all."""

from __future__ import annotations

import os
import zipfile
import zlib

import numpy as np

from tssd_keras.data.whole_file import whole_file
from tssd_keras.judge.state import State

UNREADABLE = (ValueError, EOFError, KeyError, zipfile.BadZipFile, zlib.error)


def save_state(path: str | os.PathLike, state: State) -> None:
    """Write a state beside the file's place, then put it there: a kill leaves the file before.

    Args:
        path: of the file; the folder is there.
        state: of `TSSD.get_state`.
    """
    with whole_file(path) as part, open(part, "wb") as file:
        np.savez(file, allow_pickle=False, **state)


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

"""Single arguments of public functions: a whole number, a truth value, a path."""

from __future__ import annotations

import os
from typing import Any

import numpy as np

MOST = 2**31 - 1  # what every library takes for a count


def as_whole(name: str, value: object, least: int, most: int | None = MOST) -> int:
    """A whole number of `least` to `most`, without an end where that is None.

    Raises:
        TypeError: it is no whole number.
        ValueError: it is too small or too large.
    """
    if isinstance(value, bool | np.bool_) or not isinstance(value, int | np.integer):
        raise TypeError(
            f"{name} must be a whole number, got {value!r} of type {type(value).__name__}."
        )
    if value < least:
        raise ValueError(f"{name} must be at least {least}, got {value}.")
    if most is not None and value > most:
        raise ValueError(f"{name} must be at most {most}, got {value}.")
    return int(value)


def as_flag(name: str, value: object) -> bool:
    """A truth value; raises TypeError for anything else."""
    if not isinstance(value, bool | np.bool_):
        raise TypeError(
            f"{name} must be True or False, got {value!r} of type {type(value).__name__}."
        )
    return bool(value)


def as_path(name: str, value: Any) -> str:
    """A path as text.

    Raises:
        TypeError: it is no path.
        ValueError: it has a NUL, which no file's name has.
    """
    path = os.fspath(value) if isinstance(value, str | os.PathLike) else None
    if not isinstance(path, str) or not path:
        raise TypeError(f"{name} must be a path, got {value!r} of type {type(value).__name__}.")
    if "\0" in path:
        raise ValueError(f"{name} must be a path, got {value!r} with a NUL.")
    return path

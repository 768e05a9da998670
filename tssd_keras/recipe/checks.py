"""Checks that sections of a recipe share: choices, seeds, limits, whole sections, a matrix."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np

from tssd_keras.recipe.setting import settings_of

EXAMPLES = 3  # of what is wrong, that a message names
LONGEST = 200  # characters of what came, that a message shows


def cut(text: str) -> str:
    """What came, for a message: its first `LONGEST` characters."""
    return text if len(text) <= LONGEST else f"{text[:LONGEST]}..."


def shown(value: object) -> str:
    """A value for a message: as Python writes it, cut; texts and numbers of any length."""
    try:
        if isinstance(value, str):
            return cut(repr(value[: LONGEST + 1]))
        return cut(repr(value))
    except RecursionError:
        return f"a {type(value).__name__} that nests too deeply"
    except ValueError:  # Python shows no more digits than it reads
        return "a number of thousands of digits"


def not_a_choice(section: Any) -> Iterator[str]:
    """A mistake for each setting of a section that must be one of some names and is none."""
    for setting in settings_of(type(section)):
        value = getattr(section, setting.key)
        if isinstance(value, str) and setting.choices and value not in setting.choices:
            names, near = ", ".join(setting.choices), did_you_mean(value, setting.choices)
            yield f'{setting.key} must be one of {names}, got "{value}"{near}'


def a_seed(name: str, value: int) -> Iterator[str]:
    """A mistake if a seed is outside what every library takes."""
    if not 0 <= value < 2**31:
        yield f"{name} must lie in 0..2147483647, got {value}"


def at_most(section: object, **limits: int) -> Iterator[str]:
    """A mistake for each of these settings above the limit that a machine could hold."""
    for name, limit in limits.items():
        value = getattr(section, name)
        if value > limit:
            yield f"{name} must be at most {limit}, got {value}"


def did_you_mean(name: str, names: Iterable[str]) -> str:
    """The nearest of the possible names as the end of a message, or nothing."""
    if len(name) > LONGEST:  # no name is as long, and a search would take as long
        return ""
    near = difflib.get_close_matches(name, list(names), n=1, cutoff=0.5)
    return f"; did you mean {near[0]}?" if near else ""


def of_kind(name: str, value: Any, kind: Any) -> Any:
    """Settings of the class `kind`, by default its defaults; raises TypeError for another class."""
    if value is None:
        return kind()
    if not isinstance(value, kind):
        raise TypeError(
            f"{name} must be a {kind.__name__}, got {value!r} of type {type(value).__name__}. Try "
            f"{name}={kind.__name__}(...)."
        )
    return value


def as_settings(name: str, value: Any, kind: Any) -> Any:
    """As `of_kind`; raises ValueError unless all settings are possible."""
    value = of_kind(name, value, kind)
    mistakes = list(value.mistakes())
    if mistakes:
        raise ValueError(f"{name}: " + "; ".join(mistakes) + ".")
    return value


def check_matrix(matrix: object, n_classes: int) -> np.ndarray:
    """The matrix as float64[K, K]; raises ValueError if its rows are no distributions."""
    try:
        matrix = np.asarray(matrix, dtype=np.float64)
        shape = str(matrix.shape)
    except ValueError:
        matrix, shape = np.empty(0), "rows of different length"
    if matrix.shape != (n_classes, n_classes):
        raise ValueError(
            f"noise.matrix must have one row and one column a class, shape "
            f"({n_classes}, {n_classes}), got {shape}."
        )
    refused = np.flatnonzero(
        (matrix < 0).any(axis=1)
        | ~np.isfinite(matrix).all(axis=1)
        | ~np.isclose(matrix.sum(axis=1), 1, rtol=0, atol=1e-6)
    )
    if len(refused):
        raise ValueError(
            f"each row of noise.matrix must be probabilities that sum to 1: {len(refused)} of "
            f"{n_classes} rows are not, the first is row {refused[0]} with sum "
            f"{matrix[refused[0]].sum():g}."
        )
    return matrix

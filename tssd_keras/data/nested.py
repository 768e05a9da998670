"""Samples of several parts: a dict, tuple or list of arrays, nested as a model takes them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np


def leaves(structure: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """The parts of a structure, each with its path, like "text/title"; "" for one part.

    A dict's come in the order of their names, whatever order it has, as in Keras.

    Args:
        structure: dicts, tuples and lists of parts, or one part.
        path: in front of each.
    """
    if isinstance(structure, dict):
        parts: Any = sorted(structure.items(), key=_name)
    elif isinstance(structure, list | tuple):
        parts = enumerate(structure)
    else:
        yield path, structure
        return
    for name, part in parts:
        yield from leaves(part, f"{path}/{name}" if path else str(name))


def _name(item: tuple[Any, Any]) -> str:
    return str(item[0])


def mapped(function: Callable[[Any], Any], structure: Any) -> Any:
    """A structure of the same form, with what a function makes of each part; lists become tuples.

    (tf.data takes a list for a tensor.)
    """
    if isinstance(structure, dict):
        items = sorted(structure.items(), key=_name)
        return {name: mapped(function, part) for name, part in items}
    if isinstance(structure, list | tuple):
        return tuple(mapped(function, part) for part in structure)
    return function(structure)


def packed(structure: Any, parts: Iterator[Any]) -> Any:
    """A structure of the same form, of other parts in order."""
    return mapped(lambda _: next(parts), structure)


class NestedInputs:
    """N samples of several parts; see `data.inputs.Inputs`.

    Args:
        parts: a structure of `Inputs`, each of N samples.

    Attributes:
        parts: as given.
        shape: (N,), as behind the first axis each part has a shape of its own.
        dtype: object; each part has its own.
        on_device: whether every part lives on the device that trains.
    """

    dtype = np.dtype(object)

    def __init__(self, parts: Any) -> None:
        self.parts = parts
        self.shape: tuple[int, ...] = (len(next(leaves(parts))[1]),)
        self.on_device = all(getattr(part, "on_device", False) for _, part in leaves(parts))

    def __len__(self) -> int:
        return self.shape[0]

    def read(self, index: np.ndarray) -> Any:
        """Samples of the given indices: a structure of arrays [len(index), ...]."""
        return mapped(lambda part: part.read(index), self.parts)


def parts_of(inputs: Any) -> dict[str, Any]:
    """The `Inputs` of each part by its path; inputs that are one array have one, ""."""
    return dict(leaves(inputs.parts if isinstance(inputs, NestedInputs) else inputs))

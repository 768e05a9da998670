"""What is remembered, as flat arrays by name: it can be written without Python objects."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

# Name -> array, none of dtype object. Numbers and texts are arrays without axes; names of parts
# are joined by "/".
State = dict[str, np.ndarray]


def under(name: str, state: Mapping[str, np.ndarray]) -> State:
    """A part's state under its name."""
    return {f"{name}/{key}": value for key, value in state.items()}


def part(state: Mapping[str, np.ndarray], name: str) -> State:
    """What `under` put there; empty where nothing was."""
    start = f"{name}/"
    return {key.removeprefix(start): state[key] for key in state if key.startswith(start)}


def numbered(arrays: list[np.ndarray]) -> State:
    """Arrays by their number."""
    return {str(i): np.array(array) for i, array in enumerate(arrays)}


def in_order(state: Mapping[str, np.ndarray]) -> list[np.ndarray]:
    """What `numbered` numbered."""
    return [state[str(i)] for i in range(len(state))]

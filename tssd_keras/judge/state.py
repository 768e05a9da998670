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
    """What `numbered` numbered.

    Raises:
        ValueError: a number is missing.
    """
    missing = [i for i in range(len(state)) if str(i) not in state]
    if missing:
        raise ValueError(
            f"a state must have arrays named 0 to {len(state) - 1} here, {missing[0]} is missing: "
            "it was changed after it was written. Take it from a copy, or begin anew."
        )
    return [state[str(i)] for i in range(len(state))]

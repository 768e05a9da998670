"""Whether a state can be a TSSD's: what it says of itself, and what its columns are made of."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from tssd_keras.judge.state import State, part
from tssd_keras.train.eval_networks import FeedNeeds


@dataclass(frozen=True)
class Head:
    """What a state is of.

    Attributes:
        of: see `fingerprint.fingerprint`.
        needs: of the model.
    """

    of: dict[str, str]
    needs: FeedNeeds


def read_head(state: object, wanted: int) -> Head:
    """What a state is of.

    Args:
        state: of `TSSD.get_state`.
        wanted: the format that it must have.

    Raises:
        TypeError: it is no dict of arrays by name.
        ValueError: it is of another format, or does not say what it is of.
    """
    if not isinstance(state, Mapping) or not all(isinstance(name, str) for name in state):
        raise TypeError(
            "a state must be a dict of arrays by name, as TSSD.get_state gives it, got a "
            f"{type(state).__name__}. TSSD.load reads one from a file."
        )
    given = state.get("format")
    number = np.asarray(given)
    if number.ndim or number.dtype.kind not in "iu" or number != wanted:
        raise ValueError(
            f"a state must have format {wanted}, got {given!s:.50}: it is no state of a TSSD, "
            "or of another version of tssd_keras."
        )
    try:
        of = json.loads(str(state["of"]))
        needs = FeedNeeds(int(state["n_networks"]), bool(state["unlabelled"]))
    except Exception as error:  # a state that was made by hand can hold anything
        raise not_whole(error) from error
    if not isinstance(of, dict) or needs.n_networks < 1:
        raise ValueError("a state must say what it is of, it does not. Save it again by TSSD.save.")
    return Head(of, needs)


def check_types(state: State, own: State, name: str) -> None:
    """Raise TypeError unless a part's arrays are of the same types as one's own."""
    for key, array in part(own, name).items():
        found = np.asarray(state[f"{name}/{key}"]).dtype
        if found != array.dtype:
            raise TypeError(f"{name}/{key} must be {array.dtype}, got {found}")


def not_whole(error: Exception) -> ValueError:
    """The error that says that a state cannot be taken over, and why."""
    if isinstance(error, KeyError):
        why = f"{error} is missing"
    else:
        why = f"this one is not ({type(error).__name__}: {str(error).rstrip('.')})"
    return ValueError(
        f"a state must be whole, as TSSD.get_state gives it: {why}. Save it again by TSSD.save."
    )

"""What sections of a recipe check alike, as ends of one message a mistake."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Iterator


def one_of(name: str, value: str, known: Iterable[str]) -> Iterator[str]:
    """A mistake if a setting is none of the known names."""
    if value not in known:
        near = did_you_mean(value, known)
        yield f'{name} must be one of {", ".join(known)}, got "{value}"{near}'


def a_seed(name: str, value: int) -> Iterator[str]:
    """A mistake if a seed is none that every library takes."""
    if not 0 <= value < 2**31:
        yield f"{name} must lie in 0..2147483647, got {value}"


def at_most(section: object, **limits: int) -> Iterator[str]:
    """A mistake for each of these settings above its limit, which no machine could hold."""
    for name, limit in limits.items():
        value = getattr(section, name)
        if value > limit:
            yield f"{name} must be at most {limit}, got {value}"


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """The nearest of the known names as the end of a message, or nothing."""
    near = difflib.get_close_matches(name, list(known), n=1, cutoff=0.5)
    return f"; did you mean {near[0]}?" if near else ""

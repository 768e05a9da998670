"""How far a wait is: one protocol for whoever makes people wait, and a bar on a terminal."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tqdm import tqdm

# Called with a text and a total, gives a function that is called with how much of the total has
# been done since its last call.
Progress = Callable[[str, int], Callable[[int], None]]


def no_progress(what: str, total: int) -> Callable[[int], None]:
    """A `Progress` that shows nothing."""
    return lambda n: None


def bar(what: str, total: int) -> Callable[[int], None]:
    """A `Progress` that shows a bar on a terminal until all is done, and nothing elsewhere."""
    if not sys.stderr.isatty():
        return no_progress(what, total)
    shown = terminal_bar(what, total)

    def done(n: int) -> None:
        shown.update(n)
        if shown.n >= total:
            shown.refresh()
            shown.close()

    return done


def terminal_bar(what: str, total: int) -> tqdm:
    """A bar on stderr, drawn at once and wiped when it is closed."""
    from tqdm import tqdm  # loading it takes a fifth of a second

    return tqdm(total=total, desc=what, file=sys.stderr, leave=False)

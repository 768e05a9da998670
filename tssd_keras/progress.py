"""A bar for a wait on a terminal; loads no Keras."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable

import click


def bar(what: str, total: int) -> Callable[[int], None]:
    """A bar for one wait, shown after a second, even if no part is done by then.

    See `callback.TSSD` for what comes and goes.
    """
    if not sys.stderr.isatty():
        return lambda n: None
    drawn = click.progressbar(length=total, label=what, file=sys.stderr)
    lock = threading.Lock()
    shown = False

    def show() -> None:
        nonlocal shown
        with lock:
            if not drawn.finished:
                shown = True
                drawn.__enter__()

    later = threading.Timer(1, show)
    later.daemon = True
    later.start()

    def done(n: int) -> None:
        with lock:
            if shown:
                drawn.update(n)
            else:
                drawn.make_step(n)
            if drawn.finished:
                later.cancel()
                if shown:
                    drawn.render_finish()

    return done

"""Ctrl-C, held back while files are written that make no sense by halves."""

from __future__ import annotations

import contextlib
import signal
import threading
from collections.abc import Callable, Iterator


@contextlib.contextmanager
def ctrl_c_held(say: Callable[[str], None]) -> Iterator[None]:
    """Let the block end before Ctrl-C takes effect.

    Only the main thread is ever sent Ctrl-C; elsewhere nothing is changed.

    Args:
        say: takes a line that tells why nothing happens yet.

    Raises:
        KeyboardInterrupt: after the block, if Ctrl-C came within it.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    came = False

    def hold(*_) -> None:
        nonlocal came
        came = True
        say("one moment: the files of the run are being written")

    before = signal.signal(signal.SIGINT, hold)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
    if came:
        raise KeyboardInterrupt

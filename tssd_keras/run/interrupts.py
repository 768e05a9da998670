"""Ctrl-C held back while files are written whole, or remembered."""

from __future__ import annotations

import contextlib
import signal
import threading
from collections.abc import Callable, Iterator


@contextlib.contextmanager
def ctrl_c_held(say: Callable[[str], None]) -> Iterator[None]:
    """Let the block end before Ctrl-C takes effect.

    Python sends Ctrl-C to the main thread only; elsewhere nothing is changed.

    Args:
        say: takes a line, at Ctrl-C, that asks for patience.

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


@contextlib.contextmanager
def ctrl_c_noted() -> Iterator[Callable[[], bool]]:
    """Remember that Ctrl-C came, also where Python drops it.

    Python prints and forgets an exception that the handler raises within a finaliser or a
    callback of the garbage collector; the program goes on.

    Yields:
        A function: whether Ctrl-C came within the block, and the program's handler raised.
    """
    came = False
    before = signal.getsignal(signal.SIGINT)
    if threading.current_thread() is not threading.main_thread() or not callable(before):
        yield lambda: False
        return
    raises = before

    def note(number, frame) -> None:
        nonlocal came
        try:
            raises(number, frame)
        except KeyboardInterrupt:
            came = True
            raise

    signal.signal(signal.SIGINT, note)
    try:
        yield lambda: came
    finally:
        signal.signal(signal.SIGINT, before)

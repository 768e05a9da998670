"""Signals that end a run: held back while files are written whole, or remembered."""

from __future__ import annotations

import contextlib
import signal
import threading
from collections.abc import Callable, Iterator

# What a terminal sends that is closed, and what a scheduler sends before it kills.
ALIKE = [getattr(signal, name) for name in ("SIGTERM", "SIGHUP") if hasattr(signal, name)]
ENDING = [signal.SIGINT, *ALIKE]


class Stopped(KeyboardInterrupt):
    """SIGTERM or SIGHUP came.

    Args:
        number: of the signal.
    """

    def __init__(self, number: int) -> None:
        super().__init__(signal.Signals(number).name)
        self.number = number


def exit_status(stopped: KeyboardInterrupt) -> int:
    """What a shell expects of a program that a signal ended."""
    return 128 + getattr(stopped, "number", signal.SIGINT)


@contextlib.contextmanager
def ending_alike() -> Iterator[None]:
    """Let SIGTERM and SIGHUP raise within the block, as Ctrl-C does.

    Where the program handles one itself, or ignores it (nohup), that stays.
    """

    def stop(number, frame) -> None:
        raise Stopped(number)

    taken = [number for number in ALIKE if _mine() and signal.getsignal(number) is signal.SIG_DFL]
    for number in taken:
        signal.signal(number, stop)
    try:
        yield
    finally:
        for number in taken:
            signal.signal(number, signal.SIG_DFL)


@contextlib.contextmanager
def ctrl_c_held(say: Callable[[str], None]) -> Iterator[None]:
    """Let the block end before Ctrl-C, SIGTERM or SIGHUP takes effect.

    Python sends signals to the main thread only; elsewhere nothing is changed.

    Args:
        say: takes a line, at the first signal, that asks for patience.

    Raises:
        KeyboardInterrupt: after the block, if one came within it; `Stopped` of SIGTERM and SIGHUP.
    """
    came: list[int] = []

    def hold(number, frame) -> None:
        if not came:
            say("one moment: the files of the run are being written")
        came.append(number)

    before = {number: signal.signal(number, hold) for number in ENDING if _raises(number)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
    if came:
        raise KeyboardInterrupt if came[0] == signal.SIGINT else Stopped(came[0])


@contextlib.contextmanager
def ctrl_c_noted() -> Iterator[Callable[[], bool]]:
    """Remember that Ctrl-C, SIGTERM or SIGHUP came, also where Python drops it.

    Python prints and forgets an exception that the handler raises within a finaliser or a
    callback of the garbage collector; the program goes on.

    Yields:
        A function: whether one came within the block, and the program's handler raised.
    """
    came = False

    def noting(raises: Callable) -> Callable:
        def note(number, frame) -> None:
            nonlocal came
            try:
                raises(number, frame)
            except KeyboardInterrupt:
                came = True
                raise

        return note

    before = {number: signal.getsignal(number) for number in ENDING if _raises(number)}
    for number, handler in before.items():
        signal.signal(number, noting(handler))  # type: ignore[arg-type]
    try:
        yield lambda: came
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _mine() -> bool:
    """Whether signals come to this thread."""
    return threading.current_thread() is threading.main_thread()


def _raises(number: int) -> bool:
    """Whether a function of this program's handles a signal."""
    return _mine() and callable(signal.getsignal(number))

"""Commands one after another under one time limit: each is heard, and asked to end in time."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

GRACE = 20.0  # seconds


@dataclass(frozen=True)
class Done:
    """A command that has ended.

    Attributes:
        status: as the shell has it; negative: by a signal.
        seconds: from its start to its end.
        lines: what it printed, each with the seconds after its start.
        stopped: whether it was asked to end.
    """

    status: int
    seconds: float
    lines: list[tuple[float, str]]
    stopped: bool


class Limit:
    """Runs commands until a moment, at which the one that runs is sent Ctrl-C.

    Ctrl-C and SIGTERM of this process bring the moment forward; they do not raise.

    Args:
        seconds: from now to the moment.
    """

    def __init__(self, seconds: float) -> None:
        self._end = time.monotonic() + seconds
        self._grace = GRACE
        self._process: subprocess.Popen | None = None
        self._asked = False
        # A program inherits "ignored" (nohup, a shell's "&"), and would then not hear its Ctrl-C.
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, self._now)

    @property
    def left(self) -> float:
        """Seconds, 0 when they are over."""
        return max(0.0, self._end - time.monotonic())

    def _now(self, *_) -> None:
        self._end = time.monotonic()
        self._ask()

    def _ask(self) -> None:
        """Ask the command to end, and see to it that it does."""
        if self._process is None or self._asked:
            return
        self._asked = True
        _send(self._process, signal.SIGINT)
        killer = threading.Timer(self._grace, _send, [self._process, signal.SIGKILL])
        killer.daemon = True
        killer.start()

    def run(
        self,
        command: list[str],
        *,
        on_line: Callable[[str], None],
        before: float = 0.0,
        grace: float = GRACE,
        **popen,
    ) -> Done:
        """Run one command to its end.

        Args:
            command: words.
            on_line: takes each line as it comes.
            before: seconds before the moment at which it is sent Ctrl-C already.
            grace: seconds from Ctrl-C until it is killed.
            popen: of `subprocess.Popen`.
        """
        start, lines = time.monotonic(), []
        self._asked, self._grace = False, grace
        self._process = process = subprocess.Popen(
            command,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            process_group=0,
            **popen,
        )
        timer = threading.Timer(max(0.0, self.left - before), self._ask)
        timer.start()
        with process:
            for line in process.stdout or ():
                lines.append((time.monotonic() - start, line.rstrip("\n")))
                on_line(lines[-1][1])
        timer.cancel()
        self._process = None
        return Done(process.returncode, time.monotonic() - start, lines, self._asked)


def _send(process: subprocess.Popen, number: int) -> None:
    """A signal to a command and those that it started; none if it has ended."""
    if process.poll() is None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, number)

"""Several processes on loopback."""

import contextlib
import socket


def free_port():
    """A port that nobody listens on now."""
    with contextlib.closing(socket.socket()) as found:
        found.bind(("127.0.0.1", 0))
        return found.getsockname()[1]

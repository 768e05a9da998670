"""Paths of archives and lists that somebody else wrote: those that leave their folder."""

from __future__ import annotations

from pathlib import PurePosixPath


def leaves(path: str) -> bool:
    """Whether a path leads out of the folder that it belongs to.

    Args:
        path: with / or, as Windows writes it, with \\ between its parts. An
            absolute path leaves, and so does one with a drive.
    """
    parts = PurePosixPath(path.replace("\\", "/")).parts
    return ".." in parts or parts[:1] == ("/",) or ":" in "".join(parts[:1])

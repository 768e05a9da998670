"""Paths that somebody else wrote into an archive or a list: do they stay where they belong?"""

from __future__ import annotations

from pathlib import PurePosixPath


def leaves(path: str) -> bool:
    """Whether a path would lead out of the folder that it is taken to lie in.

    Args:
        path: with / or, as Windows writes it, with \\ between its parts. An
            absolute path leaves, and so does one with a drive.
    """
    parts = PurePosixPath(path.replace("\\", "/")).parts
    return ".." in parts or parts[:1] == ("/",) or ":" in "".join(parts[:1])

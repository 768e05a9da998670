"""Paths that a table names, as the disk has them: Windows' backslashes, and é in two forms."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from tssd_keras.data.path_names import ON_WINDOWS, alike


def on_disk(folder: Path, paths: Sequence[str]) -> tuple[list[str], dict[str, str]]:
    r"""Paths as the disk has them.

    A path that is there stays as it is. Else \ counts as /, and each part may be there in the
    other Unicode form. What is not there in any way stays as it is, too.

    Args:
        folder: that the paths start from.
        paths: of N files.

    Returns:
        N paths, and kind of change -> the first path that was changed so.
    """
    names: dict[str, dict[str, list[str]]] = {}
    found: list[str] = []
    changes: dict[str, str] = {}
    for path in paths:
        own = path
        if not (path.isascii() and (ON_WINDOWS or "\\" not in path)):
            own = _found(str(folder), path, names)
        if own != path:
            kind = "\\" if "\\" in path and own == path.replace("\\", "/") else "form"
            changes.setdefault(kind, path)
        found.append(own)
    return found, changes


def _found(folder: str, path: str, names: dict[str, dict[str, list[str]]]) -> str:
    """The path, or the one that is there in its place."""
    if os.path.lexists(os.path.join(folder, path)):
        return path
    slashed = path if ON_WINDOWS else path.replace("\\", "/")
    if os.path.lexists(os.path.join(folder, slashed)):
        return slashed
    at = "/" if slashed.startswith("/") else ""
    parts: list[str] = []
    for part in slashed.split("/"):
        here = os.path.join(folder, at, *parts)
        fits = [part]
        if part and not os.path.lexists(os.path.join(here, part)):
            fits = _listed(here, names).get(alike(part), [])
        if len(fits) != 1:
            return path
        parts.append(fits[0])
    return "/".join(parts)


def _listed(folder: str, names: dict[str, dict[str, list[str]]]) -> dict[str, list[str]]:
    """The names in a folder by `alike`; none where it cannot be read."""
    if folder not in names:
        forms = names[folder] = {}
        try:
            entries = sorted(os.listdir(folder))
        except OSError:
            entries = []
        for entry in entries:
            forms.setdefault(alike(entry), []).append(entry)
    return names[folder]

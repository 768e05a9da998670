"""Names of files as other systems write them, and of folders that no person made."""

from __future__ import annotations

import os
import re
import unicodedata
from collections import defaultdict
from collections.abc import Sequence

ON_WINDOWS = os.name == "nt"
DRIVE = re.compile(r"[A-Za-z]:[\\/]|\\\\")  # C:\photos, \\server\photos
# Folders that a NAS or a system leaves among one's files: thumbnails, copies, what was deleted.
LEFT_BY_TOOLS = frozenset(
    (
        *("@eadir", "@recycle", "@recently-snapshot", "@tmp", "#recycle", "#snapshot"),
        *("__macosx", "$recycle.bin", "system volume information", "lost+found"),
        *("network trash folder", "temporary items"),
    )
)


def is_left_by_tools(folder: str) -> bool:
    """Whether a NAS or a system made a folder of this name, and no person."""
    return folder.lower() in LEFT_BY_TOOLS


def alike(name: str) -> str:
    """A path's name for comparison: / between its parts, characters composed (NFC)."""
    slashed = name if ON_WINDOWS else name.replace("\\", "/")
    return slashed if slashed.isascii() else unicodedata.normalize("NFC", slashed)


def by_other_writing(names: Sequence[str], own: Sequence[str]) -> dict[str, str]:
    """The own name of each foreign one that is written otherwise, see `alike`, and fits one only.

    Args:
        names: of samples, from a list that somebody made.
        own: the samples' own names.
    """
    known = set(own)
    strange = [name for name in names if name not in known]
    if not strange:
        return {}
    fits = defaultdict(list)
    for name in own:
        fits[alike(name)].append(name)
    return {name: fits[alike(name)][0] for name in strange if len(fits.get(alike(name), ())) == 1}


def has_drive(path: str) -> bool:
    """Whether a path begins with a drive or a server of Windows, and this is no Windows."""
    return not ON_WINDOWS and DRIVE.match(path) is not None

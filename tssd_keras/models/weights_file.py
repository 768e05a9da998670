"""A stranger's .h5 file of weights, looked at before Keras reads it.

Keras follows whatever a file links to and unpacks whatever it says. So each entry must lie in the
file itself, hold numbers, and unpack to no more than an archive of arrays may (`data.array_files`).
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import h5py

from tssd_keras.data.array_files import FREE, RATIO

DEEPEST = 50  # group within group


def check_weights_file(path: Path) -> None:
    """Look at every entry's head.

    Args:
        path: of an .h5 file.

    Raises:
        ValueError: an entry lies elsewhere, holds no numbers, or all of them unpack to too much.
        OSError: it is no .h5 file, or cut short.
    """
    most = FREE + RATIO * path.stat().st_size
    unpacked = 0
    with h5py.File(path, "r") as file:
        for entry in _entries(file, 0):
            if entry.is_virtual or entry.external:
                raise ValueError(f"{entry.name} lies in another file")
            if entry.dtype.kind not in "biuf":
                raise ValueError(f"{entry.name} holds {entry.dtype}, weights are numbers")
            unpacked += entry.nbytes
            if unpacked > most:
                raise ValueError(
                    f"it unpacks to more than {most:,} bytes, {FREE:,} and {RATIO} times its size "
                    f"({entry.name}: {entry.shape} of {entry.dtype})"
                )


def _entries(group: h5py.Group, depth: int) -> Iterator[h5py.Dataset]:
    if depth > DEEPEST:
        raise ValueError(f"its groups lie more than {DEEPEST} deep")
    for name in group:
        if not isinstance(group.get(name, getlink=True), h5py.HardLink):
            raise ValueError(f"{group.name.rstrip('/')}/{name} is a link, not the weights")
        entry = group[name]
        if isinstance(entry, h5py.Group):
            yield from _entries(entry, depth + 1)
        elif isinstance(entry, h5py.Dataset):
            yield entry

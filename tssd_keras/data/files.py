"""Encoded images, in memory or on disk."""

from __future__ import annotations

import os
import stat
from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

import numpy as np

from tssd_keras.data.array_files import machine_memory
from tssd_keras.data.decoding import BadImage

LARGEST = 8  # an image file has at most this part of the memory
KINDS = {stat.S_IFDIR: "a folder", stat.S_IFIFO: "a named pipe", stat.S_IFSOCK: "a socket"}


class EncodedFiles(Protocol):
    """N encoded images that can be had in any order."""

    def __len__(self) -> int: ...

    def __getitem__(self, i: int) -> bytes:
        """The bytes of image i; raises BadImage if they cannot be read."""
        ...

    def name(self, i: int) -> str:
        """A person's name for image i."""
        ...


class FilesInMemory:
    """Encoded images in memory.

    Args:
        files: N times the bytes of an image.
    """

    def __init__(self, files: Sequence[bytes]) -> None:
        self._files = files

    def __len__(self) -> int:
        return len(self._files)

    def __getitem__(self, i: int) -> bytes:
        return self._files[i]

    def name(self, i: int) -> str:
        """See `EncodedFiles.name`."""
        return f"image {i} of {len(self)}"


class FilesOnDisk:
    """Image files, read when they are asked for.

    Args:
        folder: that the paths start from.
        paths: of N files, with / between their parts.
    """

    def __init__(self, folder: Path, paths: Sequence[str]) -> None:
        self._folder, self._paths = str(folder), paths

    def __len__(self) -> int:
        return len(self._paths)

    def __getitem__(self, i: int) -> bytes:
        path = self.name(i)
        try:
            found = os.stat(path)
            kind = stat.S_IFMT(found.st_mode)
            if kind != stat.S_IFREG:  # reading a pipe would wait for ever
                what = KINDS.get(kind, "a device")
                raise BadImage(f"is {what}, no file; take it out of the list or the folder")
            memory = machine_memory()
            if memory and found.st_size > memory // LARGEST:
                raise BadImage(f"has {found.st_size:,} bytes, too many for an image; take it out")
            with open(path, "rb", buffering=0) as file:
                return file.read()
        except FileNotFoundError as error:
            raise BadImage("is not there; mend its path, or take it out of the list") from error
        except PermissionError as error:
            raise BadImage(f"cannot be read ({error.strerror}); mend the file's rights") from error
        except OSError as error:
            raise BadImage(
                f"cannot be read ({error.strerror}); mend its path, or take it out of the list"
            ) from error

    def name(self, i: int) -> str:
        """See `EncodedFiles.name`."""
        return os.path.join(self._folder, self._paths[i])


class SomeFiles:
    """Some of other encoded images, numbered anew from 0.

    Args:
        files: the others.
        index: int64[n], which of them.
    """

    def __init__(self, files: EncodedFiles, index: np.ndarray) -> None:
        self._files, self._index = files, index

    def __len__(self) -> int:
        return len(self._index)

    def __getitem__(self, i: int) -> bytes:
        return self._files[int(self._index[i])]

    def name(self, i: int) -> str:
        """See `EncodedFiles.name`."""
        return self._files.name(int(self._index[i]))

"""The one reader of array files, .npy and .npz: each array's head first, then its entries.

A stranger's file is not believed. What its head says is held against the file's size, and against
the memory, before anything of that size is made. Nothing is ever unpickled.

| refused | by |
| --- | --- |
| Python objects, columns under one name, raw bytes | the dtype of the head |
| more or fewer bytes than shape and dtype need | the size of the file, or of the member |
| an array that unpacks to `FREE` bytes and `RATIO` for each of the file's | the file's size |
| an array larger than the memory | the machine |
| text with characters that Unicode has not | its entries |
| encrypted members, other compressions, two of one name, names that leave a folder | the list |

Every error says what is wrong, without the file's name: whoever reads the file adds that.
"""

from __future__ import annotations

import contextlib
import errno
import math
import os
import struct
import sys
import tokenize
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import IO, BinaryIO

import numpy as np

# What NumPy and zipfile raise of a file that is cut short, spoilt, or something else; the last four
# are of an array's head.
UNREADABLE = (
    *(EOFError, MemoryError, RuntimeError, zipfile.BadZipFile, zlib.error, struct.error),
    *(OverflowError, SyntaxError, TypeError, tokenize.TokenError),
)
FREE, RATIO = 2**26, 50  # bytes that any .npz file may unpack to; more, for each byte of the file
MAPPED = 4  # memories' worth of bytes that a mapped array may have
LONGEST_EMPTY = 1_000_000  # of an axis of an array without entries
NAMES = 8  # of members, that a message shows


class PythonObjectsError(ValueError):
    """An array holds Python objects, which only unpickling could read: that can run any code."""


class NotArraysError(ValueError):
    """The file is no .npz file at all, or cut short."""


@dataclass(frozen=True)
class Head:
    """What an array's head says of it.

    Attributes:
        shape: of the array.
        dtype: of its entries.
        start: byte of the file or member where the entries begin.
    """

    shape: tuple[int, ...]
    dtype: np.dtype
    start: int

    @property
    def nbytes(self) -> int:
        """Bytes of all entries."""
        return math.prod(self.shape) * self.dtype.itemsize


def read_npy(file: BinaryIO, *, bfloat16: bool = False) -> np.ndarray:
    """The array of an open .npy file.

    Args:
        file: a file on disk, at its beginning.
        bfloat16: whether entries of two raw bytes are taken, as `np.save` keeps bfloat16. The
            array then has the dtype V2.

    Raises:
        ValueError: it is no whole .npy file, or too large; `PythonObjectsError` of such.
        OSError: it cannot be read.
    """
    size = os.fstat(file.fileno()).st_size
    with _read_as("it is no whole .npy file"):
        head = _head(file, size, bfloat16=bfloat16)
        _check_memory(head, 1)
        file.seek(0)
        return _checked_text(np.lib.format.read_array(file, allow_pickle=False))


def map_npy(path: str | Path, *, bfloat16: bool = False) -> np.ndarray:
    """The array of a .npy file, memory-mapped.

    Args:
        path: of the file.
        bfloat16: see `read_npy`.

    Raises:
        ValueError, OSError: see `read_npy`.
    """
    with open(path, "rb") as file, _read_as("it is no whole .npy file"):
        head = _head(file, os.fstat(file.fileno()).st_size, bfloat16=bfloat16)
        _check_memory(head, MAPPED)
        return _checked_text(np.lib.format.open_memmap(path, mode="r"))


class ArrayMembers:
    """The arrays of an open .npz file.

    Attributes:
        names: of the members, without ".npy".
    """

    def __init__(self, archive: zipfile.ZipFile, size: int) -> None:
        self._archive = archive
        self._left = FREE + RATIO * size  # bytes that members may still unpack to
        self._size = size
        self._members = {info.filename.removesuffix(".npy"): info for info in archive.infolist()}
        self.names = list(self._members)

    def read(self, name: str, *, bfloat16: bool = False) -> np.ndarray:
        """One array.

        Args:
            name: one of `names`.
            bfloat16: see `read_npy`.

        Raises:
            ValueError: it is none, or damaged, or too large; `PythonObjectsError` of such.
        """
        info = self._members[name]
        _check_member(info)
        self._left -= info.file_size
        if self._left < 0:
            raise ValueError(
                f"it unpacks to {info.file_size:,} bytes, of a file of {self._size:,}: a file may "
                f"unpack to {FREE:,} bytes and to {RATIO} times its size. An array that is as "
                "large as that is read where np.savez saved it, which does not pack"
            )
        with _read_as("it is damaged"), self._archive.open(info) as file:
            _check_memory(_head(file, info.file_size, bfloat16=bfloat16), 1)
        with _read_as("it is damaged"), self._archive.open(info) as file:
            array = np.lib.format.read_array(file, allow_pickle=False)
            file.read(1)  # the end, where the checksum is held against what was read
            return _checked_text(array)


@contextlib.contextmanager
def open_npz(path: str | Path) -> Iterator[ArrayMembers]:
    """The arrays of a .npz file, to be read by name.

    Raises:
        FileNotFoundError, OSError: there is no such file, or it cannot be read.
        ValueError: it is no .npz file (`NotArraysError`), or its list of members is not sound.
    """
    with open(path, "rb") as file, contextlib.ExitStack() as stack:
        try:
            if not zipfile.is_zipfile(file):
                raise zipfile.BadZipFile("no end of a list of members")
            archive = stack.enter_context(zipfile.ZipFile(file))
        except (ValueError, NotImplementedError, *UNREADABLE) as error:
            raise NotArraysError("it is no .npz file, or cut short") from error
        _check_names(archive)
        yield ArrayMembers(archive, os.fstat(file.fileno()).st_size)


@contextlib.contextmanager
def _read_as(fault: str) -> Iterator[None]:
    """Let what NumPy and zipfile raise be a ValueError."""
    try:
        yield
    except (_FaultError, PythonObjectsError):
        raise
    except (ValueError, NotImplementedError, *UNREADABLE) as error:
        raise ValueError(f"{fault} ({_first_line(error)})") from error
    except OSError as error:
        if error.errno != errno.EINVAL:  # a place before the file's beginning
            raise
        raise ValueError(f"{fault} (it names a place outside of the file)") from error


class _FaultError(ValueError):
    """A fault that is told in full."""


def _first_line(error: Exception) -> str:
    text = str(error).partition("\n")[0].rstrip(".") or type(error).__name__
    return text if len(text) <= 200 else f"{text[:200]}..."


def _head(file: IO[bytes], size: int, *, bfloat16: bool) -> Head:
    """The head of an array, held against the bytes that are there.

    Args:
        file: at its beginning; afterwards at its entries.
        size: bytes of the file, or of the member.
        bfloat16: whether V2 is taken.
    """
    version = np.lib.format.read_magic(file)
    readers = {
        (1, 0): np.lib.format.read_array_header_1_0,
        (2, 0): np.lib.format.read_array_header_2_0,
    }
    if version not in readers:
        raise _FaultError(
            f"its format is {version[0]}.{version[1]}, known are 1.0 and 2.0, which np.save writes "
            "of plain numbers and text"
        )
    shape, _, dtype = readers[version](file)
    head = Head(tuple(shape), dtype, file.tell())
    _check_dtype(dtype, bfloat16=bfloat16)
    if any(type(n) is not int or n < 0 for n in head.shape):
        raise _FaultError(f"it is no whole .npy file (its shape is {_short(shape)})")
    held = size - head.start
    if head.nbytes != held:
        more = "is cut short, or its head is wrong" if head.nbytes > held else "has more behind it"
        raise _FaultError(
            f"it is no whole .npy file (its head says {_short(shape)} of {dtype}, {head.nbytes:,} "
            f"bytes, {held:,} are there: it {more})"
        )
    if not head.nbytes and (0 not in head.shape or max(head.shape) > LONGEST_EMPTY):
        raise _FaultError(f"it says {_short(shape)} of {dtype}, and holds no entries")
    return head


def _check_dtype(dtype: np.dtype, *, bfloat16: bool) -> None:
    if dtype.hasobject:
        raise PythonObjectsError("it holds Python objects, and allow_pickle is never set")
    if dtype.names is not None or dtype.subdtype is not None:
        raise _FaultError(
            f"it is a table of several columns ({_short(dtype.names or dtype)}), an array has one "
            "kind of entry. Save the one column, array[name]"
        )
    if dtype.kind == "V" and not (bfloat16 and dtype.itemsize == 2):
        kind = "as np.save keeps bfloat16" if dtype.itemsize == 2 else "which are no numbers"
        raise _FaultError(
            f"its entries are {dtype.itemsize} raw bytes each, {kind}. Save "
            "array.astype(np.float32)"
        )


def _checked_text(array: np.ndarray) -> np.ndarray:
    """The array, if all its characters are Unicode's: NumPy takes any four bytes for one."""
    if array.dtype.kind == "U" and array.nbytes:
        numbers = np.dtype("u4").newbyteorder(array.dtype.byteorder)
        highest = int(np.ascontiguousarray(array).view(numbers).max())
        if highest > sys.maxunicode:
            raise _FaultError(
                f"it is damaged (its text has a character of number {highest:,}, Unicode's highest "
                f"is {sys.maxunicode:,})"
            )
    return array


def _check_memory(head: Head, memories: int) -> None:
    memory = machine_memory()
    if memory and head.nbytes > memories * memory:
        raise _FaultError(
            f"its head says {_short(head.shape)} of {head.dtype}, {head.nbytes:,} bytes: this "
            f"machine has {memory:,}. Take a part of the array, or a machine with more memory"
        )


def machine_memory() -> int:
    """Bytes of this machine's memory; 0 where it does not say."""
    try:
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (AttributeError, ValueError, OSError):  # Windows has no sysconf
        return 0


def _check_names(archive: zipfile.ZipFile) -> None:
    """Raise ValueError unless each member has a name of its own that stays within a folder."""
    names = [info.filename.removesuffix(".npy") for info in archive.infolist()]
    if len(set(names)) < len(names):
        seen: set[str] = set()
        twice = next(name for name in names if name in seen or seen.add(name))  # type: ignore[func-returns-value]
        raise ValueError(f"it must hold each array once, {_short(twice)} comes twice. Save it anew")
    for name in names:
        path = PurePosixPath(name)
        if path.is_absolute() or ".." in path.parts or "\\" in name or not name:
            raise ValueError(
                f"its members must have plain names, one is {_short(name)}, which leaves the "
                "folder. Save it anew with np.savez_compressed"
            )


def _check_member(info: zipfile.ZipInfo) -> None:
    if info.flag_bits & 0x1:
        raise ValueError("it is encrypted, and must not be. Save it without a password")
    if info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        raise ValueError(
            f"it is packed by method {info.compress_type}, and must be stored or deflated, as "
            "np.savez and np.savez_compressed do"
        )
    if not info.filename.endswith(".npy"):
        raise ValueError("it must be an array, and is another kind of file")


def shown_names(names: list[str]) -> str:
    """Names of members for a message: the first few, each cut."""
    more = f" and {len(names) - NAMES:,} more" if len(names) > NAMES else ""
    return (", ".join(name[:60] for name in names[:NAMES]) or "none") + more


def _short(value: object) -> str:
    text = str(value) if not isinstance(value, str) else repr(value)
    return text if len(text) <= 80 else f"{text[:80]}..."

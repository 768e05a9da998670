"""Samples that come bit by bit, gathered in memory and, where they are many, in files."""

from __future__ import annotations

import tempfile
from typing import IO, Any

import numpy as np

from tssd_keras.data.inputs import ArrayInputs, Inputs
from tssd_keras.data.nested import NestedInputs, leaves, mapped, packed

IN_MEMORY = 1 << 30  # bytes of a part of the samples; more of them lie in a temporary file


class Gathered:
    """Samples of one form: an array, or a dict or tuple of parts.

    Args:
        first: some rows, [n, ...] each part, of numbers or text (dtype object); the others
            must be like them.
        max_gib: the most that all of them may take, in GiB.
    """

    def __init__(self, first: Any, max_gib: float) -> None:
        self._first, self._max_gib, self._size = first, max_gib, 0
        self._parts = {path: _Part(path, part) for path, part in leaves(first)}

    def check_length(self, n: int) -> None:
        """Raise ValueError if n times the first rows are too many."""
        self._check_size(n * sum(_n_bytes(part) for _, part in leaves(self._first)))

    def _check_size(self, size: int) -> None:
        if size > self._max_gib * 2**30:
            raise ValueError(
                f"the samples must fit into max_gib={self._max_gib:g} GiB, they take more than "
                f"{size / 2**30:.3g} GiB as {' and '.join(map(str, self._parts.values()))}. Raise "
                "max_gib if there is room for a temporary file, keep images uint8, or read samples "
                "where they lie: images by tssd_keras.from_directory, others by an Inputs of your "
                "own."
            )

    def append(self, rows: Any, element: int) -> None:
        """Add rows like the first ones, which came as the given element.

        Raises:
            ValueError: they have other parts, shapes or types, or are too many.
        """
        parts = dict(leaves(rows))
        if parts.keys() != self._parts.keys():
            raise ValueError(
                f"samples must have the same parts: the first has {_names(self._parts)}, element "
                f"{element} has {_names(parts)}."
            )
        for path, part in parts.items():
            self._parts[path].check(part, element)
        self._size += sum(map(_n_bytes, parts.values()))
        self._check_size(self._size)
        for path, part in parts.items():
            self._parts[path].append(part)

    def inputs(self) -> Inputs:
        """All samples, in order."""
        arrays = (part.array() for part in self._parts.values())
        return as_stored(packed(self._first, arrays))


def as_stored(rows: Any) -> Inputs:
    """Rows [n, ...], or a structure of them, as `Inputs`; a memory-mapped array stays one."""
    parts = mapped(ArrayInputs, rows)
    return parts if isinstance(parts, ArrayInputs) else NestedInputs(parts)


class _Part:
    """One part of all samples."""

    def __init__(self, path: str, first: np.ndarray) -> None:
        self._path, self._shape, self._dtype = path, first.shape[1:], first.dtype
        self._n = self._size = 0
        self._memory = bytearray()
        self._text: list[np.ndarray] = []
        self._file: IO[bytes] | None = None

    def __str__(self) -> str:
        return f"{_kind(self._dtype)} of shape {self._shape}"

    def check(self, rows: np.ndarray, element: int) -> None:
        """Raise ValueError if rows are of another shape or type."""
        if rows.shape[1:] != self._shape or rows.dtype != self._dtype:
            raise ValueError(
                f"samples must be of one shape and type{self._path and f' of {self._path!r}'}: the "
                f"first is {self}, element {element} has {_kind(rows.dtype)} of shape "
                f"{rows.shape[1:]}. Resize or pad them in the dataset."
            )

    def append(self, rows: np.ndarray) -> None:
        """Add rows [n, ...]."""
        self._n, self._size = self._n + len(rows), self._size + rows.nbytes
        if self._dtype.kind == "O":
            self._text.append(rows)
            return
        if self._file is None and self._size > IN_MEMORY:
            self._file = tempfile.TemporaryFile()  # noqa: SIM115 - the mapping keeps it alive
            self._file.write(self._memory)
            self._memory = bytearray()
        if self._file is None:
            self._memory += rows.tobytes()
        else:
            self._file.write(rows.tobytes())

    def array(self) -> np.ndarray:
        """All rows: [N, ...]."""
        if self._text:
            return np.concatenate(self._text)
        shape = (self._n, *self._shape)
        if self._file is None:
            return np.ndarray(shape, self._dtype, self._memory)
        with self._file as file:  # the mapping keeps the unlinked file alive
            file.flush()
            return np.memmap(file, self._dtype, "r", shape=shape)


def _n_bytes(rows: np.ndarray) -> int:
    """What rows take; of text, its letters."""
    return sum(map(len, rows.ravel().tolist())) if rows.dtype.kind == "O" else rows.nbytes


def _kind(dtype: np.dtype) -> str:
    return "text" if dtype.kind == "O" else str(dtype)


def _names(parts: Any) -> str:
    return ", ".join(map(repr, parts)) if "" not in parts else "one array"

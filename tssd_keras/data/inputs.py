"""Inputs by index: from a sample's number to the network's input.

Each feed asks for samples by their index, so a sample without weight is never read or decoded.
"""

from __future__ import annotations

import functools
import math
import os
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Protocol, runtime_checkable

import numpy as np
from scipy.sparse import issparse

from tssd_keras.data.decoding import BadImage, OtherSize, decode
from tssd_keras.data.dense import check_dense
from tssd_keras.data.files import EncodedFiles, FilesInMemory
from tssd_keras.data.nested import NestedInputs, leaves
from tssd_keras.data.read_by_rows import RowsInputs, is_read_by_rows

ALIGNMENT = 64  # bytes
TOGETHER = 8  # images that a thread decodes at a time


def type_remedy(dtype: np.dtype) -> str:
    """What makes numbers of an array of another type, where that can be told; begins with a space.

    bfloat16 and float8 are types of ml_dtypes, and bare bytes once np.save has written them.
    """
    if dtype.name.startswith(("bfloat", "float8")):
        return " Try .astype(np.float32)."
    if dtype.kind == "V" and dtype.names is None:
        return " np.save keeps no bfloat16: save array.astype(np.float32)."
    return ""


@runtime_checkable
class Inputs(Protocol):
    """N samples that can be read in any order.

    Attributes:
        shape: (N, ...), the samples' shape behind the first axis.
        dtype: of the samples; images are uint8 up to the batch.
    """

    shape: tuple[int, ...]
    dtype: np.dtype

    def __len__(self) -> int: ...

    def read(self, index: np.ndarray) -> np.ndarray:
        """Samples of the given indices, in their order: dtype[len(index), ...]."""
        ...


class ArrayInputs:
    """Samples in one array, in memory or memory-mapped.

    Args:
        array: [N, ...], of any dtype a network takes, in any byte order.

    Attributes:
        shape: of the array.
        dtype: its own, in the machine's byte order, as samples are read.
    """

    def __init__(self, array: np.ndarray) -> None:
        self._array = array
        self.shape = tuple(array.shape)
        self.dtype = array.dtype.newbyteorder("=")

    @property
    def in_memory(self) -> bool:
        """Whether reading all of it takes no disk."""
        return not isinstance(self._array, np.memmap)

    def __len__(self) -> int:
        return self.shape[0]

    def read(self, index: np.ndarray) -> np.ndarray:
        """See `Inputs.read`."""
        return self._array[index].astype(self.dtype, copy=False)


class SparseInputs:
    """Rows of a sparse matrix, made dense a batch at a time.

    Args:
        matrix: [N, D], of SciPy, of any format.
    """

    def __init__(self, matrix: Any) -> None:
        self._rows = matrix.tocsr()
        self.shape = tuple(matrix.shape)
        self.dtype = np.dtype(matrix.dtype).newbyteorder("=")

    @property
    def stored(self) -> np.ndarray:
        """The entries that are not left out."""
        return self._rows.data

    def __len__(self) -> int:
        return self.shape[0]

    def read(self, index: np.ndarray) -> np.ndarray:
        """See `Inputs.read`."""
        return self._rows[index].toarray().astype(self.dtype, copy=False)


class Subset:
    """Some samples of other inputs, numbered anew from 0; nothing is copied.

    Args:
        inputs: the others.
        index: int64[n], which of them.
    """

    def __init__(self, inputs: Inputs, index: np.ndarray) -> None:
        self._inputs, self._index = inputs, index
        self.shape = (len(index), *inputs.shape[1:])
        self.dtype = inputs.dtype

    def __len__(self) -> int:
        return len(self._index)

    def read(self, index: np.ndarray) -> np.ndarray:
        """See `Inputs.read`."""
        return self._inputs.read(self._index[index])


class EncodedImages:
    """Images as compressed files, decoded when they are asked for, by a few threads.

    Args:
        files: N encoded images, in memory or on disk.
        shape: (height, width, channels) after decoding; channels 1 or 3. Images
            of another colour mode are converted, see `decoding.decode`.
        resize: scale images of another size to this one; else they are an error.
    """

    def __init__(
        self,
        files: EncodedFiles | list[bytes],
        shape: tuple[int, int, int],
        *,
        resize: bool = False,
    ) -> None:
        self.files: EncodedFiles = FilesInMemory(files) if isinstance(files, list) else files
        self._shape, self._resize = shape, resize
        self.shape: tuple[int, ...] = (len(files), *shape)
        self.dtype: np.dtype = np.dtype(np.uint8)

    def __len__(self) -> int:
        return self.shape[0]

    def read(self, index: np.ndarray) -> np.ndarray:
        """See `Inputs.read`. Raises ValueError for an image that cannot be decoded."""
        out = _aligned((len(index), *self._shape), self.dtype)

        def read_some(start: int) -> None:
            for row in range(start, min(start + TOGETHER, len(index))):
                self._put(int(index[row]), out[row])

        for _ in _decoders().map(read_some, range(0, len(index), TOGETHER)):
            pass  # raises what a thread raised
        return out

    def _put(self, i: int, out: np.ndarray) -> None:
        """Decode one image into a batch's row."""
        out[...] = self.decode(i)[0]

    def decode(self, i: int, file: bytes | None = None) -> tuple[np.ndarray, str]:
        """Pixels of one image, and what was converted; see `decoding.decode`.

        Args:
            i: which image.
            file: its bytes, if they have been read already.

        Raises:
            BadImage, ValueError: with the image's name.
        """
        try:
            file = self.files[i] if file is None else file
            return decode(file, self._shape, resize=self._resize)
        except BadImage as error:
            raise BadImage(f"{self.files.name(i)} {error}.") from error
        except OtherSize as error:
            height, width, _ = self._shape
            raise ValueError(
                f"images must have one size: the first is {height} x {width} pixels (height x "
                f"width), {self.files.name(i)} is {error}. Set data.image_size to scale all images "
                "to one size."
            ) from error


def _aligned(shape: tuple[int, ...], dtype: np.dtype) -> np.ndarray:
    """An empty array that TensorFlow takes as it is; one that begins elsewhere it copies."""
    size = math.prod(shape) * dtype.itemsize
    memory = np.empty(size + ALIGNMENT, np.uint8)
    start = -memory.ctypes.data % ALIGNMENT
    return memory[start : start + size].view(dtype).reshape(shape)


@functools.cache
def _decoders() -> ThreadPoolExecutor:
    """Threads that decode; Pillow leaves Python's lock to the others while it does."""
    return ThreadPoolExecutor(os.cpu_count() or 1, thread_name_prefix="decode")


def as_inputs(samples: Any, n: int | None = None) -> Inputs:
    """Samples as `Inputs`; one stays as it is.

    Args:
        samples: an array [N, ...], one that is read by rows (h5py.Dataset), a sparse matrix [N, D],
            `Inputs`, a list of N numbers, texts or samples, or a dict, tuple or list of such parts,
            nested as a model takes them.
        n: N, where it is known: it tells a list of parts from a list of samples. Where it is not,
            a list of arrays is one of parts, and any other list one of samples.

    Raises:
        TypeError: they are nothing of the sort, or numbers and texts in one list.
        ValueError: samples have not all one shape, entries are masked, parts are not of as many
            samples, or a list can be either.
    """
    if isinstance(samples, Inputs):
        return samples
    if issparse(samples):
        return SparseInputs(samples)
    check_dense("inputs", samples)
    if is_read_by_rows(samples):
        return RowsInputs(samples)
    if isinstance(samples, dict) or _are_parts(samples, n):
        return _nested(samples, n)
    try:
        array = samples if isinstance(samples, np.memmap) else np.asarray(samples)
    except ValueError as error:
        raise ValueError(
            f"samples must be of one shape, got some of different shapes ({error}). Resize or pad "
            "them. Parts of samples go into a dict or a tuple of arrays."
        ) from error
    if array.dtype == object and array.ndim and _is_numbers(array):
        array = np.asarray(array.tolist())  # a DataFrame of truth values beside numbers
    one_by_one = array
    if array.dtype.kind in "SU" and isinstance(samples, list | tuple):
        one_by_one = np.asarray(samples, object)  # NumPy makes text of numbers beside text
    if array.ndim == 0 or (one_by_one.dtype == object and not _is_text(one_by_one)):
        types = dict.fromkeys(type(value).__name__ for value in one_by_one.flat)
        raise TypeError(
            "inputs must be an array [N, ...], a dict, tuple or list of arrays, or an Inputs "
            f"(shape, dtype, len, read), got {type(samples).__name__}"
            f"{' of ' + ', '.join(types) if types and array.ndim else ''}."
            + (_APART if len(types) > 1 else "")
        )
    return ArrayInputs(array)


_APART = ' Numbers and texts go apart, as {"age": [...], "city": [...]}; gaps have to be filled in.'


def _are_parts(samples: Any, n: int | None) -> bool:
    """Whether a tuple or list holds parts of samples, not samples; raises if it can be either."""
    if not isinstance(samples, list | tuple) or not samples:
        return False
    if n is None:
        return all(map(_is_part, samples))
    fitting = [_is_of(n, part) for part in samples]
    if len(samples) != n:
        return any(fitting) and all(map(_has_length, samples))
    if all(fitting):
        raise ValueError(
            f"inputs must be samples or parts of samples, got a {type(samples).__name__} of {n} "
            f"entries, each {n} long, for {n} samples: it can be either. Give samples as one "
            'array, np.asarray(x), and parts by the names of the model\'s inputs, {"a": ..., '
            '"b": ...}.'
        )
    return False


def _is_part(thing: Any) -> bool:
    """Whether something is a part, however many samples there are."""
    return isinstance(thing, dict) or getattr(thing, "ndim", 0) > 0 or _are_parts(thing, None)


def _has_length(thing: Any) -> bool:
    return isinstance(thing, dict | list | tuple) or getattr(thing, "ndim", 0) > 0


def _is_of(n: int, thing: Any) -> bool:
    """Whether something can be a part of n samples, or parts of them."""
    if isinstance(thing, dict):
        return bool(thing) and all(_is_of(n, part) for part in thing.values())
    if isinstance(thing, list | tuple):
        return len(thing) == n or (bool(thing) and all(_is_of(n, part) for part in thing))
    return bool(getattr(thing, "ndim", 0)) and thing.shape[0] == n


def _is_numbers(array: np.ndarray) -> bool:
    return array.size > 0 and all(
        isinstance(v, int | float | np.number | np.bool) for v in array.flat
    )


def _is_text(array: np.ndarray) -> bool:
    return all(isinstance(value, str | bytes) for value in array.flat)


def _nested(samples: Any, n: int | None) -> NestedInputs:
    parts = _structure(samples, n)
    lengths = {path: len(part) for path, part in leaves(parts)}
    if not lengths:
        raise TypeError(
            f"inputs must be an array [N, ...] or parts of arrays, got an empty "
            f"{type(samples).__name__}."
        )
    if len(set(lengths.values())) > 1:
        raise ValueError(
            "all parts of the inputs must be of as many samples, got "
            f"{', '.join(f'{n} of {path!r}' for path, n in lengths.items())}."
        )
    return NestedInputs(parts)


def _structure(samples: Any, n: int | None) -> Any:
    """Parts as `Inputs`, nested as they came; lists become tuples."""
    if isinstance(samples, dict):
        return {name: _named(samples[name], n, name) for name in sorted(samples, key=str)}
    if _are_parts(samples, n):
        return tuple(_named(part, n, place) for place, part in enumerate(samples))
    return as_inputs(samples)


def _named(part: Any, n: int | None, name: Any) -> Any:
    """A part, or its parts; errors say which it is."""
    try:
        return _structure(part, n)
    except (TypeError, ValueError) as error:
        raise type(error)(f"part {name!r}: {error}") from error

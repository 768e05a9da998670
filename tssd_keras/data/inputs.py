"""Inputs by index: from a sample's number to the network's input.

Each feed asks for samples by their index, so a sample without weight is never read or decoded.
"""

from __future__ import annotations

import functools
import os
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Protocol, runtime_checkable

import numpy as np
from scipy.sparse import issparse

from tssd_keras.data.decoding import BadImage, OtherSize, decode
from tssd_keras.data.files import EncodedFiles, FilesInMemory
from tssd_keras.data.nested import NestedInputs, leaves, mapped

TOGETHER = 8  # images that a thread decodes at a time


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
        out = np.empty((len(index), *self._shape), self.dtype)

        def read_some(start: int) -> None:
            for row in range(start, min(start + TOGETHER, len(index))):
                out[row] = self.decode(int(index[row]))[0]

        for _ in _decoders().map(read_some, range(0, len(index), TOGETHER)):
            pass  # raises what a thread raised
        return out

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


@functools.cache
def _decoders() -> ThreadPoolExecutor:
    """Threads that decode; Pillow leaves Python's lock to the others while it does."""
    return ThreadPoolExecutor(os.cpu_count() or 1, thread_name_prefix="decode")


def as_inputs(samples: Any, n: int | None = None) -> Inputs:
    """Samples as `Inputs`; one stays as it is.

    Args:
        samples: an array [N, ...], a sparse matrix [N, D], `Inputs`, or a dict, tuple or list of
            such parts, nested as a model takes them.
        n: N, where it is known: it tells a list of parts from a list of samples.

    Raises:
        TypeError: they are nothing of the sort.
        ValueError: samples have not all one shape, or parts are not of as many samples.
    """
    if isinstance(samples, Inputs):
        return samples
    if issparse(samples):
        return SparseInputs(samples)
    if isinstance(samples, dict) or _are_parts(samples, n):
        return _nested(samples)
    try:
        array = samples if isinstance(samples, np.memmap) else np.asarray(samples)
    except ValueError as error:
        raise ValueError(
            f"samples must be of one shape, got some of different shapes ({error}). Resize or pad "
            "them. Parts of samples go into a dict or a tuple of arrays."
        ) from error
    if array.ndim == 0 or (array.dtype == object and not _is_text(array)):
        raise TypeError(
            "inputs must be an array [N, ...], a dict, tuple or list of arrays, or an Inputs "
            f"(shape, dtype, len, read), got {type(samples).__name__}"
            f"{' of ' + type(array.flat[0]).__name__ if array.size and array.ndim else ''}."
        )
    return ArrayInputs(array)


def _are_parts(samples: Any, n: int | None) -> bool:
    """Whether a tuple or list holds arrays that are parts of samples, not samples."""
    if not isinstance(samples, list | tuple) or not samples or len(samples) == n:
        return False
    return all(map(_is_part, samples)) and (n is None or any(_length(p) == n for p in samples))


def _is_part(thing: Any) -> bool:
    return isinstance(thing, dict) or getattr(thing, "ndim", 0) > 0 or _are_parts(thing, None)


def _length(part: Any) -> int:
    """Samples of a part."""
    first = next((leaf for _, leaf in leaves(part)), ())
    return int(first.shape[0]) if hasattr(first, "shape") else len(first)


def _is_text(array: np.ndarray) -> bool:
    return all(isinstance(value, str | bytes) for value in array.flat)


def _nested(samples: Any) -> NestedInputs:
    parts = mapped(as_inputs, samples)
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

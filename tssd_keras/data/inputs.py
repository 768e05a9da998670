"""Inputs by index: from a sample's number to the network's input.

Each feed asks for samples by their index, so a sample without weight is never read or decoded.
"""

from __future__ import annotations

import functools
import os
from concurrent.futures import ThreadPoolExecutor
from typing import Protocol, runtime_checkable

import numpy as np

from tssd_keras.data.decoding import BadImage, OtherSize, decode
from tssd_keras.data.files import EncodedFiles, FilesInMemory

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
        array: [N, ...], of any dtype a network takes.
    """

    def __init__(self, array: np.ndarray) -> None:
        self._array = array
        self.shape = tuple(array.shape)
        self.dtype = array.dtype

    @property
    def in_memory(self) -> bool:
        """Whether reading all of it takes no disk."""
        return not isinstance(self._array, np.memmap)

    def __len__(self) -> int:
        return self.shape[0]

    def read(self, index: np.ndarray) -> np.ndarray:
        """See `Inputs.read`."""
        return self._array[index]


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


def as_inputs(samples: object) -> Inputs:
    """Arrays become `ArrayInputs`; an `Inputs` stays as it is."""
    if isinstance(samples, Inputs):
        return samples
    array = np.asarray(samples)
    if array.ndim == 0 or array.dtype == object:
        raise TypeError(
            "inputs must be an array [N, ...] or an Inputs (shape, dtype, len, read), got "
            f"{type(samples).__name__}."
        )
    return ArrayInputs(array)

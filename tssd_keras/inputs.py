"""Inputs by index: how a sample's number becomes what the network sees.

Everything that feeds a network asks for samples by their index, so a sample
that carries no weight is never read or decoded.
"""

from __future__ import annotations

from typing import Protocol, runtime_checkable

import numpy as np


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

    def __len__(self) -> int:
        return self.shape[0]

    def read(self, index: np.ndarray) -> np.ndarray:
        """See `Inputs.read`."""
        return self._array[index]


class EncodedImages:
    """Images as compressed files in memory, decoded when they are asked for.

    Args:
        files: N encoded images (JPEG, PNG, ...), all of one size.
        shape: (height, width, channels) after decoding; channels 1 or 3. Images
            of another colour mode are converted.
        resize: scale images of another size to this one; else they are an error.
    """

    def __init__(
        self, files: list[bytes], shape: tuple[int, int, int], *, resize: bool = False
    ) -> None:
        self._files = files
        self._mode = {1: "L", 3: "RGB"}[shape[2]]
        self._resize = resize
        self.shape: tuple[int, ...] = (len(files), *shape)
        self.dtype = np.dtype(np.uint8)

    def __len__(self) -> int:
        return self.shape[0]

    def read(self, index: np.ndarray) -> np.ndarray:
        """See `Inputs.read`. Raises ValueError for an image that cannot be decoded."""
        out = np.empty((len(index), *self.shape[1:]), np.uint8)
        for row, i in enumerate(index):
            out[row] = self._decode(int(i))
        return out

    def _decode(self, i: int) -> np.ndarray:
        import io

        from PIL import Image

        height, width, channels = self.shape[1:]
        try:
            with Image.open(io.BytesIO(self._files[i])) as file:
                image = file.convert(self._mode)
                if image.size != (width, height) and self._resize:
                    image = image.resize((width, height), Image.Resampling.BILINEAR)
                pixels = np.asarray(image)
        except OSError as error:
            raise ValueError(
                f"image {i} of {len(self)} cannot be decoded: {error}. Replace the file."
            ) from error
        if pixels.shape[:2] != (height, width):
            raise ValueError(
                f"images must be {height} x {width} pixels, image {i} is {pixels.shape[0]} x "
                f"{pixels.shape[1]}. Set data.image_size to scale all images to one size."
            )
        return pixels.reshape(height, width, channels)


def as_inputs(samples: object) -> Inputs:
    """Arrays become `ArrayInputs`; what already is an `Inputs` stays as it is."""
    if isinstance(samples, Inputs):
        return samples
    array = np.asarray(samples)
    if array.ndim == 0 or array.dtype == object:
        raise TypeError(
            "inputs must be an array [N, ...] or an Inputs (shape, dtype, len, read), got "
            f"{type(samples).__name__}."
        )
    return ArrayInputs(array)

"""Arrays that are no NumPy arrays and read their rows when asked: of h5py, zarr, dask and the like.

They are never read whole. Rows are asked for in increasing order, each once, as h5py wants it.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from scipy.sparse import issparse

from tssd_keras.data.dense import check_dense

# Of arrays that lie in memory, which NumPy takes as they are, and of tables of pandas.
IN_MEMORY = ("__array_interface__", "__dlpack__", "numpy", "iloc", "to_numpy")
ROWS = 512  # that are asked for at once: h5py takes the square of their number
BLOCK_BYTES = 16 << 20  # of rows that are looked at at a time


def is_read_by_rows(thing: Any) -> bool:
    """Whether something is an array that need not lie in memory.

    It has `shape`, `dtype` and `a[rows]`, and either `chunks` or none of the ways into memory that
    arrays have: h5py.Dataset, zarr.Array, dask.array.Array, xarray.DataArray, netCDF4.Variable.
    """
    if isinstance(thing, np.ndarray | np.generic | type) or issparse(thing):
        return False
    if not all(hasattr(thing, name) for name in ("shape", "dtype", "__getitem__")):
        return False
    return hasattr(thing, "chunks") or not any(hasattr(thing, name) for name in IN_MEMORY)


class RowsInputs:
    """Samples in an array that is read by rows; see `data.inputs.Inputs`.

    Args:
        array: [N, ...], of `is_read_by_rows`. It must stay readable: a file stays open.
        name: of the samples, for messages.

    Attributes:
        shape: of the array.
        dtype: of its rows as they are read, in the machine's byte order; object for text.

    Raises:
        TypeError: it has no rows, rows cannot be read, or they are neither numbers nor text.
    """

    def __init__(self, array: Any, name: str = "inputs") -> None:
        self._array, self._name = array, name
        self._called = f"{type(array).__module__.partition('.')[0]}.{type(array).__name__}"
        try:
            self.shape = tuple(int(n) for n in array.shape)
        except (TypeError, ValueError) as error:  # h5py's, of a closed file
            raise self._unreadable(error) from error
        if not self.shape:
            raise TypeError(f"{name} must be an array [N, ...], got a {self._called} without axes.")
        self.dtype: np.dtype = np.dtype(np.float32)
        first = self._rows(np.arange(min(2, self.shape[0])))  # two: some read one row otherwise
        self.dtype = first.dtype.newbyteorder("=")

    def __len__(self) -> int:
        return self.shape[0]

    def read(self, index: np.ndarray) -> np.ndarray:
        """See `Inputs.read`. Raises TypeError if rows cannot be read."""
        rows, place = np.unique(index, return_inverse=True)
        in_order = len(rows) == len(index) and bool((place[1:] > place[:-1]).all())
        found = self._rows(rows).astype(self.dtype, copy=False)
        return found if in_order else found[place]

    def _rows(self, rows: np.ndarray) -> np.ndarray:
        """Rows of increasing indices int64[n]."""
        if not len(rows):
            return np.empty((0, *self.shape[1:]), self.dtype)
        if rows[-1] - rows[0] == len(rows) - 1:
            return self._some(slice(int(rows[0]), int(rows[-1]) + 1), len(rows))
        if len(rows) <= ROWS:
            return self._some(rows.tolist(), len(rows))
        out = np.empty((len(rows), *self.shape[1:]), self.dtype)
        for start in range(0, len(rows), ROWS):
            out[start : start + ROWS] = self._rows(rows[start : start + ROWS])
        return out

    def _some(self, which: slice | list[int], n: int) -> np.ndarray:
        try:
            found = self._array[which]
            values = found if isinstance(found, np.ma.MaskedArray) else np.asarray(found)
        except Exception as error:  # of whatever library the array is
            raise self._unreadable(error) from error
        if values.shape != (n, *self.shape[1:]):
            raise TypeError(
                f"{self._name} must give {n} rows of shape {self.shape[1:]} for a[{_said(which)}], "
                f"the {self._called} gave an array of shape {values.shape}. {_REMEDY}"
            )
        check_dense(self._name, values)
        text = values.dtype == object and all(isinstance(v, str | bytes) for v in values.flat)
        if values.dtype == object and not text:
            types = dict.fromkeys(type(value).__name__ for value in values.flat)
            raise TypeError(
                f"{self._name} must be numbers or text, the {self._called} has entries of type "
                f"{', '.join(types)}. Rows of different lengths have to be padded before."
            )
        return values

    def _unreadable(self, error: Exception) -> TypeError:
        said = str(error).partition("\n")[0]
        return TypeError(
            f"{self._name} must be readable by rows as long as TSSD lives; the {self._called} "
            f"was not ({type(error).__name__}: {said[:200]}). Keep its file open. {_REMEDY}"
        )


_REMEDY = (
    "It must take slices, a[2:5], and lists of increasing whole numbers, a[[2, 3, 7]]. If it fits "
    "into memory, give np.asarray(a); else an object with shape, dtype, len and read(index)."
)


def _said(which: slice | list[int]) -> str:
    if isinstance(which, slice):
        return f"{which.start}:{which.stop}"
    return f"{which[:3]}" if len(which) < 4 else f"[{', '.join(map(str, which[:3]))}, ...]"


def block_size(shape: tuple[int, ...], dtype: np.dtype) -> int:
    """How many rows of an array may be read at a time to look at them."""
    return max(1, BLOCK_BYTES // max(1, math.prod(shape[1:]) * dtype.itemsize))

"""Arrays and texts in one .npz file: no Python objects, and read as a stranger's file."""

from __future__ import annotations

import contextlib
import zipfile
from collections.abc import Collection, Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np

from tssd_keras.data.array_files import UNREADABLE, open_npz, shown_names
from tssd_keras.data.whole_file import whole_file

Arrays = Mapping[str, np.ndarray]


def save_arrays(path: str | Path, arrays: Arrays, *, format: int) -> None:
    """Write arrays as a compressed .npz file, with the number of its format.

    Args:
        path: of the file.
        arrays: by name, none of dtype object; texts by `text_arrays`. Each is asked for when it
            is written, so a mapping can make it then.
        format: another number is refused by `load_arrays`.
    """
    with whole_file(path) as part, zipfile.ZipFile(part, "w", zipfile.ZIP_DEFLATED) as file:
        _put(file, "format", np.array(format))
        for name in arrays:
            _put(file, name, arrays[name])


def _put(file: zipfile.ZipFile, name: str, array: np.ndarray) -> None:
    """As `np.savez_compressed` does, which would hold all arrays at once."""
    with file.open(f"{name}.npy", "w", force_zip64=True) as member:
        np.lib.format.write_array(member, np.asanyarray(array), allow_pickle=False)


@contextlib.contextmanager
def refused_as(path: str | Path, what: str) -> Iterator[None]:
    """Let every mistake of a file be a ValueError that names the file.

    Args:
        path: of the file.
        what: its content, e.g. "a round's streams".

    Raises:
        ValueError: the block raised one, or could not read the file.
    """
    try:
        yield
    except (ValueError, *UNREADABLE) as error:
        raise ValueError(
            f"{path} must hold {what} as a run writes them, it does not: {error}. Run the recipe "
            "again."
        ) from error


def load_arrays(path: str | Path, *, format: int) -> dict[str, np.ndarray]:
    """The arrays of `save_arrays`; call it within `refused_as`.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: it is no .npz file of that format, or `array_files` refuses an array.
    """
    with open_npz(path) as file:
        number = np.empty(0)
        if "format" in file.names:
            number = file.read("format")
        if number.shape or number.dtype.kind != "i":
            raise ValueError("it has no number of its format")
        if int(number) != format:
            raise ValueError(f"its format is {number}, known is {format}")
        arrays = {}
        for name in file.names:
            try:
                arrays[name] = file.read(name)
            except ValueError as error:
                raise ValueError(f"{name[:60]}: {error}") from error
        return arrays


def check_known(arrays: Arrays, known: Collection[str]) -> None:
    """Raise ValueError if the file has an array whose name is not known."""
    strange = [name for name in arrays if name not in known and name != "format"]
    if strange:
        raise ValueError(f"it holds arrays that are not known: {shown_names(strange)}")


def array_of(
    arrays: Arrays,
    name: str,
    dtype: type,
    shape: tuple[int | None, ...],
    *,
    lowest: float = -np.inf,
    highest: float = np.inf,
    finite: bool = False,
) -> np.ndarray:
    """One of the arrays, checked.

    Args:
        arrays: of `load_arrays`.
        name: of the array.
        dtype: that it must have, to the byte.
        shape: that it must have; None: any length.
        lowest, highest: the bounds of its entries. NaN is within all bounds.
        finite: whether NaN and infinite entries are refused.

    Raises:
        ValueError: it is not there, or not so.
    """
    if name not in arrays:
        raise ValueError(f"it lacks {name}")
    array = arrays[name]
    lengths = ", ".join("n" if n is None else str(n) for n in shape)
    if (
        array.dtype != dtype
        or array.ndim != len(shape)
        or any(n not in (None, m) for n, m in zip(shape, array.shape, strict=True))
    ):
        got = f"{array.dtype}{array.shape}"
        raise ValueError(f"{name} must be {np.dtype(dtype)}[{lengths}], got {got}")
    outside = (array < lowest) | (array > highest)
    if outside.any():
        value = array[outside][0]
        raise ValueError(f"{name} must lie in {lowest}..{highest}, got {value}")
    if finite and not np.isfinite(array).all():
        raise ValueError(f"{name} must be finite, got {array[~np.isfinite(array)][0]}")
    return array


def text_arrays(name: str, texts: Sequence[str]) -> dict[str, np.ndarray]:
    """Texts as two arrays of bytes: NumPy's own text drops NULs at its end.

    Args:
        name: that the arrays' names begin with.
        texts: any, surrogates too.
    """
    coded = [text.encode("utf-8", "surrogatepass") for text in texts]
    return {
        f"{name}_bytes": np.frombuffer(b"".join(coded), np.uint8),
        f"{name}_lengths": np.array([len(c) for c in coded], np.int64),
    }


def texts_of(arrays: Arrays, name: str, n: int | None = None) -> list[str]:
    """The texts of `text_arrays`.

    Args:
        arrays: of `load_arrays`.
        name: that was given there.
        n: how many there must be; None: any number.

    Raises:
        ValueError: they are not there, or not so many, or are no text.
    """
    coded = array_of(arrays, f"{name}_bytes", np.uint8, (None,))
    lengths = array_of(
        arrays, f"{name}_lengths", np.int64, (n,), lowest=0, highest=float(len(coded))
    )
    ends = np.cumsum(lengths).tolist()
    if (ends[-1] if ends else 0) != len(coded):
        raise ValueError(f"{name}_lengths must add up to {len(coded)} bytes, got {ends[-1:]}")
    whole = coded.tobytes()
    return [
        whole[end - length : end].decode("utf-8", "surrogatepass")
        for end, length in zip(ends, lengths.tolist(), strict=True)
    ]

"""Columns as a Parquet file, a row group a block; pyarrow is loaded when it is needed."""

from __future__ import annotations

import importlib.util
import itertools
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from tssd_keras.data.whole_file import whole_file

MISSING = (
    "Parquet is written by pyarrow, which must be installed and loadable, it is not ({}). Try pip "
    "install 'tssd_keras[parquet]', or write CSV."
)


def can_write() -> bool:
    """Whether pyarrow is installed; it is not loaded."""
    return importlib.util.find_spec("pyarrow") is not None


@dataclass(frozen=True, eq=False)
class Column:
    """Some rows of a column.

    Attributes:
        values: floats, null where NaN; whole numbers; texts; None: all null.
        names: what whole numbers stand for; None: themselves.
        gaps: whether whole numbers below 0 are null.
    """

    values: np.ndarray | None
    names: Sequence[str] | None = None
    gaps: bool = False


def write_parquet(path: str | Path, blocks: Iterable[Mapping[str, Column]]) -> None:
    """Write a file, whole or not at all, with one block in memory at a time.

    Args:
        path: of the file.
        blocks: at least one, of the same columns; a column of None must be None in each.

    Raises:
        ImportError: pyarrow is not installed, or cannot be loaded.
        OSError: see `whole_file`.
    """
    try:
        import pyarrow as pa
        import pyarrow.parquet
    except ImportError as error:
        raise ImportError(MISSING.format(error)) from error
    tables = (_table(pa, block) for block in blocks)
    first = next(tables)
    # Arrow takes no path that is not UTF-8.
    with (
        whole_file(path) as part,
        open(part, "wb") as file,
        pyarrow.parquet.ParquetWriter(file, first.schema) as writer,
    ):
        for table in itertools.chain([first], tables):
            writer.write_table(table)


def _table(pa: Any, block: Mapping[str, Column]) -> Any:
    n = next(len(c.values) for c in block.values() if c.values is not None)
    return pa.table({name: _array(pa, column, n) for name, column in block.items()})


def _array(pa: Any, column: Column, n: int) -> Any:
    """A pyarrow array of n values."""
    values = column.values
    if values is None:
        return pa.nulls(n, pa.string())
    gaps = values < 0 if column.gaps else None
    if column.names is not None:
        names = pa.array([unicode(name) for name in column.names], pa.string())
        codes = pa.array(values.astype(np.int32), mask=gaps)
        return pa.DictionaryArray.from_arrays(codes, names).cast(pa.string())
    if values.dtype.kind in "iu":
        return pa.array(values, mask=gaps)
    if values.dtype.kind == "f":
        return pa.array(values, from_pandas=True)
    return pa.array([unicode(text) for text in values.tolist()], pa.string())


def unicode(text: str | None) -> str | None:
    """Text that UTF-8 can hold: a file's name need not be."""
    return None if text is None else text.encode("utf-8", "replace").decode("utf-8")

"""Columns as Parquet, block by block."""

import sys

import numpy as np
import pytest

from tssd_keras.data.parquet import Column, write_parquet

pytestmark = pytest.mark.backend_free


def read(path):
    parquet = pytest.importorskip("pyarrow.parquet")
    return parquet.ParquetFile(path)


def block(start, n):
    rows = np.arange(start, start + n)
    return {
        "index": Column(rows),
        "id": Column(rows - 2),
        "name": Column(np.array(["a", "\udcff", "b"], object)[rows % 3]),
        "given": Column(np.where(rows == 1, -1, rows % 2), ["cat", "dog"], gaps=True),
        "changed": Column(np.where(rows == 0, -1, rows), gaps=True),
        "q": Column(np.where(rows == 2, np.nan, rows / 4).astype(np.float32)),
        "path": Column(None),
    }


def test_blocks_are_row_groups_and_what_is_not_known_is_null(tmp_path):
    pytest.importorskip("pyarrow")
    path = tmp_path / "\udce9.parquet"  # a name that is no text
    write_parquet(path, (block(start, n) for start, n in ((0, 3), (3, 2))))
    with open(path, "rb") as file:
        found = read(file)
        assert [found.metadata.row_group(i).num_rows for i in range(2)] == [3, 2]
        columns = found.read().to_pydict()
    assert columns["index"] == [0, 1, 2, 3, 4]
    assert columns["id"] == [-2, -1, 0, 1, 2]
    assert columns["name"] == ["a", "?", "b", "a", "?"]
    assert columns["given"] == ["cat", None, "cat", "dog", "cat"]
    assert columns["changed"] == [None, 1, 2, 3, 4]
    assert columns["q"] == [0, 0.25, None, 0.75, 1]
    assert columns["path"] == [None] * 5


def test_without_pyarrow_the_remedy_is_named_and_nothing_is_written(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(ImportError, match=r"pip install 'tssd_keras\[parquet\]'"):
        write_parquet(tmp_path / "t.parquet", [block(0, 3)])
    assert list(tmp_path.iterdir()) == []


def test_a_writer_that_breaks_off_leaves_the_file_before(tmp_path):
    pytest.importorskip("pyarrow")
    path = tmp_path / "t.parquet"
    write_parquet(path, [block(0, 3)])
    before = path.read_bytes()

    def broken():
        yield block(0, 3)
        raise OSError(28, "No space left on device")

    with pytest.raises(OSError, match=r"t\.parquet must be written"):
        write_parquet(path, broken())
    assert path.read_bytes() == before
    assert [p.name for p in tmp_path.iterdir()] == ["t.parquet"]

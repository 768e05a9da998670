"""The sample table for people and other programs: as a DataFrame, as CSV, as Parquet."""

import sys

import numpy as np
import pytest

from tssd_keras.data.columns import names_of, write_columns
from tssd_keras.judge.readable_table import BLOCK, COLUMNS, HEAD
from tssd_keras.judge.roles import NEGATIVE, POSITIVE, ROLES
from tssd_keras.judge.table import Rewrite, SampleTable

pytestmark = pytest.mark.backend_free


def table():
    """Three samples, not in source order; the first two are judged."""
    made = SampleTable(np.array([1, 0, 1]), np.array([7, 3, 5]))
    column = np.array([0.9, 0.2], np.float32)
    new = Rewrite(
        np.array([1.0, 0.0]),
        np.array([POSITIVE, NEGATIVE], np.int8),
        *(column, column, column, np.array([1, 1]), column, column),
    )
    made.rewrite(new, np.array([0, 1]), epoch=4)
    return made


def test_a_table_says_how_much_of_it_is_judged():
    assert repr(table()) == "SampleTable(3 samples, 2 judged, 1 of them kept)"
    assert repr(SampleTable(np.zeros(1200, int))) == "SampleTable(1,200 samples, 0 judged)"


def test_a_row_is_found_by_its_index_in_the_source():
    pytest.importorskip("pandas")
    frame = table().to_pandas()
    assert frame.index.tolist() == [3, 5, 7]
    assert frame.index.name == "index"
    assert frame.loc[7, ["given", "role", "weight", "suggested", "changed"]].tolist() == [
        *(1, "positive", 1.0, 1, 5)
    ]
    assert frame.loc[3, "role"] == "negative"
    assert frame.loc[3, "q"] == np.float32(0.2)
    assert frame.loc[5, ["given", "suggested"]].tolist() == [1, -1]
    assert frame.loc[5, ["role", "q"]].isna().all()
    assert "true" not in frame
    assert "id" not in frame


def test_with_names_ids_and_true_labels():
    pytest.importorskip("pandas")
    made = table()
    made.ids = np.array(["g", "c", "e"])
    frame = made.to_pandas(["cat", "dog"], true_labels=np.array([1, -1, 0]))
    assert frame["id"].tolist() == ["c", "e", "g"]
    assert frame["given"].tolist() == ["cat", "dog", "dog"]
    assert frame["suggested"].isna().tolist() == [False, True, False]
    assert frame.loc[[5, 7], "true"].tolist() == ["cat", "dog"]
    assert frame["true"].isna().tolist() == [True, False, False]
    with pytest.raises(ValueError, match="label 1 needs 2, got 1"):
        made.to_pandas(["cat"])


def test_without_pandas_the_remedy_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "pandas", None)
    with pytest.raises(ImportError, match=r"pip install pandas.*write_csv"):
        table().to_pandas()


def several_blocks(n=150_000):
    """More samples than are written at once, out of the source's order, some judged."""
    rng = np.random.default_rng(0)
    made = SampleTable(
        rng.integers(0, 3, n), rng.permutation(n) * 2, ids=np.array([f"i{i}" for i in range(n)])
    )
    rows = np.flatnonzero(rng.random(n) < 0.7)
    column = rng.random(len(rows)).astype(np.float32)
    role = np.where(column > 0.5, POSITIVE, NEGATIVE).astype(np.int8)
    suggested = rng.integers(0, 3, len(rows))
    new = Rewrite(column, role, *(column, column, column, suggested, column, column))
    made.rewrite(new, rows, epoch=4)
    return made


def test_a_table_of_several_blocks_is_written_as_if_it_were_one(tmp_path):
    made, names = several_blocks(), ("cat", "=dog", "fox")
    assert len(made) > 2 * BLOCK
    true = np.arange(len(made)) % 4 - 1
    made.write_csv(tmp_path / "t.csv", names, true_labels=true)
    columns = made.columns(true)
    cells = {
        "index": columns["index"],
        "id": made.ids[made.source_order],
        **{name: columns[name] for name in COLUMNS[1:]},
        "role": names_of(columns["role"], ROLES),
        "changed": [epoch if epoch > 0 else None for epoch in columns["changed"].tolist()],
        **{name: names_of(columns[name], names) for name in ("given", "true", "suggested")},
    }
    write_columns(tmp_path / "whole.csv", cells)
    assert (tmp_path / "t.csv").read_bytes() == (tmp_path / "whole.csv").read_bytes()


def test_columns_can_be_set_and_deleted_and_the_table_stays():
    made = table()
    columns = made.columns()
    del columns["confidence"]
    columns["weight"] = np.zeros(3)
    assert list(columns) == [name for name in COLUMNS if name != "confidence"]
    assert columns["weight"].tolist() == [0, 0, 0]
    assert columns["suggested"].dtype == columns["changed"].dtype == np.int64
    assert columns["changed"].tolist() == [5, -1, 5]
    assert dict(made.columns())["weight"].tolist() == [0, 1, 1]


def test_a_change_within_a_column_is_refused_and_not_lost():
    columns = table().columns()
    for name in COLUMNS:
        with pytest.raises(ValueError, match="read-only"):
            columns[name][0] = 1


def test_columns_of_before_a_round_do_not_turn_into_those_after_it():
    made = table()
    columns, kept = made.columns(), dict(made.columns())
    column = np.full(3, 0.25, np.float32)
    role, suggested = np.full(3, NEGATIVE, np.int8), np.zeros(3, int)
    made.rewrite(Rewrite(np.ones(3), role, *[column] * 3, suggested, column, column))
    with pytest.raises(RuntimeError, match=r"q was asked for of a table of 1 rounds, it has had 2"):
        columns["q"]
    assert kept["role"].tolist() == [NEGATIVE, -1, POSITIVE]
    assert made.columns()["q"].tolist() == [0.25] * 3


def test_parquet_holds_what_the_csv_holds(tmp_path):
    pandas, parquet = pytest.importorskip("pandas"), pytest.importorskip("pyarrow.parquet")
    made, names = several_blocks(), ["cat", "dog", "fox"]
    made.write_csv(tmp_path / "t.csv", names)
    made.write_parquet(tmp_path / "t.parquet", names)
    by_csv = pandas.read_csv(tmp_path / "t.csv")
    file = parquet.ParquetFile(tmp_path / "t.parquet")
    assert file.num_row_groups == 3
    assert file.schema_arrow.names == list(by_csv) == list(HEAD)
    found = file.read().to_pandas()
    for name in HEAD:
        ours, theirs = found[name], by_csv[name]
        assert (ours.isna() == theirs.isna()).all(), name
        if ours.dtype == np.float32:
            np.testing.assert_allclose(ours, theirs, rtol=5e-6, err_msg=name)
        else:
            known = ~theirs.isna()
            assert (ours[known] == theirs[known]).all(), name
    np.testing.assert_array_equal(found["q"], made.q[made.source_order])  # in full


@pytest.mark.parametrize(
    ("names", "true", "words"),
    [(["cat"], None, "label 1 needs 2, got 1"), (["cat", "dog"], [0, 2, 1], "label 2 needs 3")],
)
def test_too_few_names_are_refused_whatever_is_written(tmp_path, names, true, words):
    pytest.importorskip("pandas")
    made = table()
    for write in (made.write_csv, made.write_parquet):
        with pytest.raises(ValueError, match=f"a name for each class: {words}"):
            write(tmp_path / "t", names, true_labels=true)
    with pytest.raises(ValueError, match=f"a name for each class: {words}"):
        made.to_pandas(names, true_labels=true)
    assert list(tmp_path.iterdir()) == []


def test_labels_and_names_of_a_whole_source_are_refused(tmp_path):
    pytest.importorskip("pandas")
    made, whole = table(), np.zeros(8, int)
    for write in (made.write_csv, made.write_parquet):
        for name, values in (("true_labels", whole), ("ids", whole.astype(str))):
            with pytest.raises(
                ValueError, match=rf"{name} must have one.*got 8 for 3.*table\.index"
            ):
                write(tmp_path / "t", **{name: values})
    for read in (made.columns, made.to_pandas):
        with pytest.raises(ValueError, match=r"true_labels must have one.*got 8 for 3"):
            read(true_labels=whole)
    assert list(tmp_path.iterdir()) == []


def test_an_empty_table_is_a_file_of_its_head(tmp_path):
    parquet = pytest.importorskip("pyarrow.parquet")
    made = SampleTable(np.empty(0, int))
    made.write_csv(tmp_path / "t.csv")
    made.write_parquet(tmp_path / "t.parquet")
    assert (tmp_path / "t.csv").read_text() == f"{','.join(HEAD)}\n"
    found = parquet.read_table(tmp_path / "t.parquet")
    assert (found.num_rows, found.schema.names) == (0, list(HEAD))

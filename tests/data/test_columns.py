import csv

import numpy as np
import pytest

from tssd_keras.data.columns import cell, names_of, read_cell, write_columns

pytestmark = pytest.mark.backend_free


def written(tmp_path, columns):
    write_columns(tmp_path / "a.csv", columns)
    return (tmp_path / "a.csv").read_bytes()


def test_arrays_and_lists_are_columns_and_what_is_not_known_is_empty(tmp_path):
    columns = {
        "index": np.array([3, 5], np.int64),
        "p": np.array([0.123456789, np.nan], np.float32),
        "rank": [None, 2],
        "suspect": np.array([True, False]),
        "q": [float("nan"), 1e-9],
    }
    assert written(tmp_path, columns) == (
        b"index,p,rank,suspect,q\r\n3,0.123457,,True,\r\n5,,2,False,1e-09\r\n"
    )


def test_texts_of_any_kind_come_back_byte_for_byte(tmp_path):
    texts = ['a,"b"\r\n', "caf\udce9", "\u202e\u05d0", "=1+1", ""]
    assert b"caf\xe9" in written(tmp_path, {"id": texts, "n": range(5)})
    with open(tmp_path / "a.csv", newline="", encoding="utf-8", errors="surrogateescape") as file:
        assert [read_cell(row["id"]) for row in csv.DictReader(file)] == texts


CALCULATED = (
    *("=1+1", "+1+1", "-1+1", "@SUM(A1)", "\tx", "\rx", "\nx", " =1+1", "\0=1", "\xa0+1"),
    *("\uff1d1", "-", "=", "-foo", "+1", '=HYPERLINK("http://x")', "'=1", "''-a", "'\t"),
)
INERT = ("", "'", "''", "'cat'", "cat", "a=1", "-1", "-0.5", "-1e-09", "'-1x"[1:-1], " cat", "1-1")


@pytest.mark.parametrize("text", CALCULATED)
def test_a_text_that_a_spreadsheet_would_calculate_is_kept_as_text_and_comes_back(text):
    written = cell(text)
    assert written == f"'{text}"
    assert read_cell(written) == text


@pytest.mark.parametrize("text", INERT)
def test_other_texts_and_numbers_are_written_as_they_are(text):
    assert cell(text) == text
    assert read_cell(text) == text


def test_numbers_stay_numbers():
    assert [cell(v) for v in (-0.5, -3, 1e-9)] == ["-0.5", -3, "1e-09"]


def test_columns_of_no_entries_are_a_header(tmp_path):
    assert written(tmp_path, {"a": [], "b": np.empty(0)}) == b"a,b\r\n"


def test_columns_of_two_lengths_are_refused_and_nothing_is_written(tmp_path):
    with pytest.raises(ValueError, match=r"one length, got \{'a': 1, 'b': 2\}"):
        written(tmp_path, {"a": [1], "b": [1, 2]})
    assert not (tmp_path / "a.csv").exists()


def test_a_single_value_that_is_no_number_stays_visible():
    assert [cell(v) for v in (None, 0.1 + 0.2, float("nan"), 3, "x")] == ["", "0.3", "nan", 3, "x"]


def test_no_label_has_no_name():
    assert names_of(np.array([1, -1, 0]), ("cat", "dog")) == ["dog", "", "cat"]

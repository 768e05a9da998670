"""The sample table as a pandas.DataFrame."""

import sys

import numpy as np
import pytest

from tssd_keras.judge.roles import NEGATIVE, POSITIVE
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

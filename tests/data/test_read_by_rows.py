"""Arrays that read their rows when asked: real h5py files, and one that notes what it is asked."""

import h5py
import numpy as np
import pytest

from tssd_keras import TSSD, DeviceInputs, Labels, Scoring
from tssd_keras.data.inputs import ArrayInputs, as_inputs
from tssd_keras.data.read_by_rows import ROWS, RowsInputs, block_size
from tssd_keras.data.targets import as_targets

N = 3 * ROWS
X = np.random.default_rng(0).normal(size=(N, 3, 2)).astype(">f4")
Y = np.arange(N) % 3


class Noting:
    """Rows of an array for slices and increasing lists, and nothing else: what h5py takes."""

    def __init__(self, array):
        self._array, self.shape, self.dtype, self.asked = array, array.shape, array.dtype, []

    def __getitem__(self, which):
        rows = which if isinstance(which, list) else list(range(N)[which])
        assert rows == sorted(set(rows))
        self.asked.append(len(rows))
        return self._array[which]


@pytest.fixture
def file(tmp_path):
    with h5py.File(tmp_path / "samples.h5", "w") as file:
        file["x"], file["y"], file["one_hot"] = X, Y, np.eye(3, dtype="uint8")[Y]
        file["names"] = [f"class {y}" for y in Y]
        file["soft"] = np.full((N, 3), 1 / 3)
        file["number"] = 1.0
        file.create_dataset("ragged", (N,), h5py.vlen_dtype(np.int32))
        yield file


@pytest.mark.parametrize(
    "index",
    [
        np.arange(N),
        np.arange(N)[::-1],
        np.random.default_rng(1).permutation(N),
        np.arange(1, N, 2),
        np.array([5, 5, N - 1, 0, 5]),
        np.array([], int),
    ],
    ids=["all", "backwards", "permuted", "every other", "repeated", "none"],
)
def test_rows_come_in_the_order_of_the_index_in_the_machines_byte_order(index, file):
    inputs = as_inputs(file["x"])
    rows = inputs.read(index)
    assert (len(inputs), inputs.shape, inputs.dtype) == (N, (N, 3, 2), np.float32)
    assert rows.dtype == np.float32 and rows.dtype.isnative
    np.testing.assert_array_equal(rows, X[index])


def test_rows_are_asked_for_in_increasing_order_and_never_all_at_once():
    array = Noting(X)
    as_inputs(array).read(np.random.default_rng(1).permutation(N)[: N - 5])
    assert max(array.asked) <= ROWS


def test_making_a_tssd_reads_a_few_rows(file):
    x = Noting(X)
    tssd = TSSD(x, file["y"])
    assert sum(x.asked) < 32
    np.testing.assert_array_equal(tssd.table.given, Y)


def test_parts_and_golden_samples_may_be_read_by_rows(file):
    golden = ({"a": file["x"], "b": X[:, 0]}, file["y"])
    tssd = TSSD({"a": file["x"], "b": Noting(X[:, 0])}, file["y"], golden=golden)
    read = tssd.inputs.read(np.array([9, 4]))
    np.testing.assert_array_equal(read["a"], X[[9, 4]])
    np.testing.assert_array_equal(read["b"], X[[9, 4], 0])


def test_labels_of_a_file_are_taken_in_their_form_and_one_hot_rows_a_block_at_a_time(file):
    rows = Noting(np.eye(3)[Y].repeat(8, axis=0)[::8].astype("f8"))
    assert as_targets("labels", rows).form.kind == "one_hot"
    assert max(rows.asked) <= block_size(rows.shape, rows.dtype)
    for name in ("y", "one_hot", "names"):
        np.testing.assert_array_equal(as_targets("labels", file[name]).labels, Y)
    assert as_targets("labels", file["names"]).names == ("class 0", "class 1", "class 2")
    given = Labels(file["y"], true=file["y"], weight=file["number"][()] * np.ones(N))
    np.testing.assert_array_equal(TSSD(X.astype("f4"), given).true_labels, Y)
    with pytest.raises(ValueError, match="must be whole numbers"):
        TSSD(file["x"], file["soft"])


def test_targets_that_are_passed_through_stay_where_they_are(file):
    other = Noting(X[:, 0])
    tssd = TSSD(
        file["x"], {"class": Y, "where": other}, scoring=Scoring(output="class"), warmup_epochs=None
    )
    _, y, _ = tssd.feed(4, kind="pydataset", shuffle=False)[0]
    np.testing.assert_array_equal(y["where"], X[:4, 0])
    assert max(other.asked) <= 4


def test_what_cannot_be_read_by_rows_says_what_must_hold(file):
    with pytest.raises(TypeError, match=r"must be an array.*h5py.Dataset without axes"):
        as_inputs(file["number"])
    with pytest.raises(TypeError, match=r"entries of type ndarray.*have to be padded"):
        as_inputs(file["ragged"])
    one_by_one = Noting(X)
    one_by_one.shape = (N, 5)
    with pytest.raises(TypeError, match=r"2 rows of shape \(5,\) for a\[0:2\].*np.asarray\(a\)"):
        as_inputs(one_by_one)


def test_a_file_that_is_closed_too_early_is_named(file):
    inputs = as_inputs(file["x"])
    file.close()
    with pytest.raises(TypeError, match=r"readable by rows as long as TSSD.*Keep its file open"):
        inputs.read(np.array([1]))


def test_arrays_in_memory_are_no_arrays_that_are_read_by_rows():
    keras = pytest.importorskip("keras")
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame({"a": [1.0, 2.0]})
    for x in (keras.ops.ones((2, 1)), keras.Variable([[1.0], [2.0]]), frame, frame["a"]):
        assert type(as_inputs(x)) is ArrayInputs
    assert not isinstance(as_inputs(np.zeros((2, 1))), RowsInputs | DeviceInputs)

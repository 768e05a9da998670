import numpy as np
import pytest
from scipy import sparse

from tssd_keras.data.duplicates import among, digests
from tssd_keras.data.inputs import ArrayInputs, as_inputs
from tssd_keras.data.nested import NestedInputs, leaves, mapped, packed, parts_of

pytestmark = pytest.mark.backend_free

A, B = np.arange(12).reshape(6, 2), np.arange(6.0)


def test_parts_are_named_by_their_path_and_keep_their_order():
    structure = {"text": {"title": 1, "body": 2}, "numbers": [3, (4, 5)]}
    named = dict(leaves(structure))
    assert named == {
        "text/title": 1, "text/body": 2, "numbers/0": 3, "numbers/1/0": 4, "numbers/1/1": 5,
    }  # fmt: skip
    assert mapped(lambda part: -part, structure) == {
        "text": {"title": -1, "body": -2},
        "numbers": (-3, (-4, -5)),
    }
    assert list(dict(leaves({"b": 1, "a": 2}))) == ["a", "b"]
    assert packed(structure, iter("abcde"))["numbers"] == ("a", ("b", "c"))
    assert packed(None, iter("a")) == "a"


@pytest.mark.parametrize("structure", [{"a": A, "b": B}, (A, B), [A, B], {"x": (A, {"y": B})}])
def test_samples_of_several_parts_are_read_as_they_are_nested(structure):
    inputs = as_inputs(structure, n=6)
    assert isinstance(inputs, NestedInputs)
    assert len(inputs) == 6
    read = [part for _, part in leaves(inputs.read(np.array([5, 0])))]
    np.testing.assert_array_equal(read[0], A[[5, 0]])
    np.testing.assert_array_equal(read[1], B[[5, 0]])
    assert [part.dtype for part in parts_of(inputs).values()] == [A.dtype, B.dtype]


NUMBERS, TEXT = B.tolist(), list("abcdef")


@pytest.mark.parametrize("n", [6, None])
def test_lists_in_a_dict_are_parts_of_samples(n):
    rows = [[1, 2]] * 6
    parts = parts_of(as_inputs({"n": NUMBERS, "t": TEXT, "rows": rows}, n))
    assert {path: part.shape for path, part in parts.items()} == {
        "n": (6,), "t": (6,), "rows": (6, 2),
    }  # fmt: skip
    assert parts["t"].read(np.array([5, 0])).tolist() == ["f", "a"]


@pytest.mark.parametrize(
    ("samples", "paths"),
    [
        ((NUMBERS, TEXT), ["0", "1"]),
        ([NUMBERS, B], ["0", "1"]),
        ([(NUMBERS, A), {"t": TEXT}], ["0/0", "0/1", "1/t"]),
        ({"x": (NUMBERS, {"t": TEXT})}, ["x/0", "x/1/t"]),
        (A.tolist(), [""]),
        (TEXT, [""]),
        ([["a", "b"]] * 6, [""]),
    ],
)
def test_the_number_of_samples_tells_lists_of_parts_from_lists_of_samples(samples, paths):
    inputs = as_inputs(samples, 6)
    assert len(inputs) == 6
    assert list(parts_of(inputs)) == paths


@pytest.mark.parametrize("samples", [(NUMBERS, TEXT), [[1.0, "a"]] * 6, {"a": [1.0, "a"] * 3}])
def test_numbers_do_not_become_text_beside_text(samples):
    with pytest.raises(TypeError, match=r"got \w+ of float, str\. Numbers and texts go apart"):
        as_inputs(samples)


@pytest.mark.parametrize(
    ("samples", "message"),
    [
        ({"a": NUMBERS, "b": TEXT[:5]}, "of as many samples, got 6 of 'a', 5 of 'b'"),
        ([NUMBERS, TEXT[:5]], "of as many samples, got 6 of '0', 5 of '1'"),
        ({"a": [[1], [2], [3, 4], [5], [6], [7]]}, "part 'a': samples must be of one shape"),
        ([[0.0] * 6] * 6, "can be either. Give samples as one array, np.asarray"),
        ({"a": [A[:, 0]] * 6}, "part 'a': .* can be either"),
    ],
)
def test_lists_that_are_no_samples_say_what_they_are(samples, message):
    with pytest.raises(ValueError, match=message):
        as_inputs(samples, 6)


def test_a_list_of_as_many_arrays_as_labels_is_a_list_of_samples():
    assert isinstance(as_inputs([A[0], A[1], A[2]], n=3), ArrayInputs)
    assert as_inputs([A, A], n=6).shape == (6,)
    assert as_inputs(list(A.tolist()), n=None).shape == (6, 2)


def test_a_sparse_matrix_is_read_as_dense_rows():
    matrix = sparse.random(50, 20, 0.1, random_state=0, format="coo", dtype=np.float32)
    inputs = as_inputs(matrix)
    index = np.array([40, 3, 3])
    np.testing.assert_array_equal(inputs.read(index), matrix.toarray()[index])
    assert (inputs.shape, inputs.dtype) == ((50, 20), np.float32)


@pytest.mark.parametrize("dtype", [">f4", ">i2", ">f8"])
def test_arrays_of_the_other_byte_order_are_read_in_the_machines(dtype, tmp_path):
    np.save(tmp_path / "x.npy", A.astype(dtype))
    for array in (A.astype(dtype), np.load(tmp_path / "x.npy", mmap_mode="r")):
        inputs = as_inputs(array)
        read = inputs.read(np.array([1, 5]))
        assert inputs.dtype == read.dtype == np.dtype(dtype[1:])
        np.testing.assert_array_equal(read, A[[1, 5]])


def test_equal_samples_are_found_by_all_of_their_parts():
    text = np.array(["a", "bb", "a", "a"])
    inputs = as_inputs({"text": text, "x": np.array([1, 2, 1, 3])})
    wider = as_inputs({"text": np.array(["a", "a long one"], object), "x": np.array([1, 2])})
    assert among(digests(inputs), digests(wider)).tolist() == [True, False, True, False]

import numpy as np
import pytest

from tssd_keras.data import loading
from tssd_keras.recipe.data_sections import DataRecipe

pytestmark = pytest.mark.backend_free


def arrays(**changed):
    """Six training and three test samples of two classes; None takes an array away."""
    given = {
        "x_train": np.arange(12, dtype=np.float32).reshape(6, 2),
        "y_train": np.array([0, 1, 0, 1, 0, 1]),
        "x_test": np.zeros((3, 2), np.float32),
        "y_test": np.array([0, 1, 1]),
    }
    return {key: value for key, value in {**given, **changed}.items() if value is not None}


@pytest.fixture
def load(tmp_path):
    def write_and_load(**changed):
        path = tmp_path / "own.npz"
        np.savez(path, **arrays(**changed))
        return loading.load(DataRecipe(source="npz", path=str(path)))

    return write_and_load


def test_samples_and_labels_come_as_they_were_saved(load):
    data = load(y_train=np.array([0, 1, 0, 1, 0, 1], np.uint8))
    np.testing.assert_array_equal(data.inputs.read(np.arange(6)), arrays()["x_train"])
    assert data.labels.dtype == np.int64
    assert data.labels.tolist() == [0, 1, 0, 1, 0, 1]
    assert data.true_labels is None
    assert data.trusted is None


def test_classes_without_names_are_numbered_up_to_the_highest_label(load):
    assert load().class_names == ("0", "1")
    truth = np.array([0, 1, 0, 2, 0, 1])
    labels = np.array([0, 1, 2, 1, 0, 2])
    assert load(y_train=labels, y_train_true=truth).class_names == ("0", "1", "2")


def test_names_true_labels_and_trusted_samples_are_read_where_they_are_there(load):
    trusted = np.array([True, False, True, False, False, True])
    truth = np.array([0, 1, 0, 1, 1, 1])
    data = load(class_names=np.array(["cat", "dog"]), y_train_true=truth, trusted=trusted)
    assert data.class_names == ("cat", "dog")
    np.testing.assert_array_equal(data.true_labels, truth)
    np.testing.assert_array_equal(data.trusted, trusted)


def test_the_truth_may_be_known_in_part(load):
    truth = np.array([0, -1, 0, 1, -1, 1])
    np.testing.assert_array_equal(load(y_train_true=truth).true_labels, truth)


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"y_test": None}, r"missing: y_test\. Found: x_train, y_train, x_test\.$"),
        (
            {"y_train": np.array(["a"] * 6)},
            r"y_train must .*np\.unique\(names, return_inverse",
        ),
        ({"y_train": None, "Y_trian": np.zeros(6)}, "missing: y_train. Found: .*Y_trian.*Rename"),
        ({"x_test": None, "y_test": None}, "missing: x_test, y_test. Found: x_train, y_train"),
        ({"y_train": np.array([0.0, 1, 0, 1, 0, 1])}, "whole numbers.* float64.*astype"),
        ({"y_train": np.array([True, False] * 3)}, "whole numbers.* bool"),
        (
            {"y_train": np.array([0, 1, 0, -1, 0, 1])},
            "y_train must lie in 0..K-1: 1 of 6 .* sample 3 with -1",
        ),
        ({"y_test": np.array([0, 1, -1])}, "y_test must lie in 0..K-1: 1 of 3"),
        (
            {"y_train_true": np.array([0, 1, 0, 1, 0, -2])},
            "-1 where unknown: 1 of 6 .* 5 with -2",
        ),
        ({"y_train": np.array([0, 1, 2**63, 1, 0, 1], np.uint64)}, "sample 2 with 922337203685477"),
        (
            {"y_train": np.array([0, 1, 0, 1, 200_000_000_000, 1])},
            "0..K-1 without gaps.* 6 samples, and y_train names class 200000000000, sample 4",
        ),
        ({"y_test": np.array([0, 1, 6])}, "y_test names class 6, sample 2"),
        (
            {"x_train": np.zeros((0, 2), "f4"), "y_train": np.zeros(0, int)},
            r"x_train must hold samples, it is empty, shape \(0, 2\)",
        ),
        (
            {"x_test": np.zeros((0, 2), "f4"), "y_test": np.zeros(0, int)},
            r"x_test must hold samples, it is empty, shape \(0, 2\)",
        ),
        ({"x_train": np.zeros((6, 0), "f4")}, r"x_train must hold samples, .*\(6, 0\)"),
        ({"y_train": np.eye(2, dtype=int)[[0, 1] * 3]}, r"\(N,\), got int64\[6, 2\].*argmax"),
        ({"y_train": np.array([0, 1])}, "x_train and y_train must have one length, got 6 and 2"),
        ({"y_test": np.array([0, 1])}, "x_test and y_test must have one length, got 3 and 2"),
        ({"y_train_true": np.array([0, 1])}, "true_labels must have one entry a sample"),
        ({"x_train": np.array([["a", "b"]] * 6)}, "x_train must be numbers.* <U1"),
        ({"x_train": np.arange(6)}, r"one sample a row, shape \(N, ...\), got int64\(6,\)"),
        ({"x_train": np.full((6, 2), np.nan, "f4")}, "must be finite: 6 of 6 .* sample 0"),
        ({"x_train": np.zeros((6, 3), "f4")}, r"one shape, got \(3,\) and \(2,\)"),
        ({"class_names": np.array([1, 2])}, "class_names must be text.* int64"),
        ({"class_names": np.array(["only"])}, "at least 2 classes"),
        ({"trusted": np.ones(6)}, "trusted must be bool"),
        ({"y_train": np.array([0, 1, "x", 1, 0, 1], object)}, "y_train is an array of Python obj"),
        ({"x_train": np.array([[1], [1, 2], 3, 4, 5, 6], object)}, "x_train is an array of Pyth"),
    ],
)
def test_arrays_that_cannot_be_used_are_named(load, changed, message):
    with pytest.raises(ValueError, match=message):
        load(**changed)


def test_arrays_that_are_not_asked_for_are_not_read(load):
    load(notes=np.array([{"a": 1}], object))


def test_a_missing_file_is_named_with_its_full_path(tmp_path):
    path = tmp_path / "none.npz"
    with pytest.raises(FileNotFoundError, match=f"data.path .*{path} is not there"):
        loading.load(DataRecipe(source="npz", path=str(path)))


def test_a_folder_is_no_file(tmp_path):
    with pytest.raises(FileNotFoundError, match="is not a file"):
        loading.load(DataRecipe(source="npz", path=str(tmp_path)))


def save_npy(path):
    with path.open("wb") as file:
        np.save(file, np.zeros(3))


def save_text(path):
    path.write_text("x,y\n1,2\n")


def save_cut_short(path):
    np.savez(path, **arrays())
    path.write_bytes(path.read_bytes()[:-60])


@pytest.mark.parametrize("save", [save_npy, save_text, save_cut_short])
def test_what_is_no_npz_is_refused(tmp_path, save):
    path = tmp_path / "own.npz"
    save(path)
    with pytest.raises(ValueError, match=r"must name an \.npz file, .* or cut short"):
        loading.load(DataRecipe(source="npz", path=str(path)))


def test_a_damaged_array_is_named(tmp_path):
    path = tmp_path / "own.npz"
    np.savez(path, **arrays(x_train=np.full((6, 2), 7.0)))
    good = path.read_bytes()
    path.write_bytes(good.replace(np.float64(7).tobytes(), np.float64(8).tobytes(), 1))
    with pytest.raises(ValueError, match=r"x_train cannot be read: .*CRC"):
        loading.load(DataRecipe(source="npz", path=str(path)))


def test_texts_to_show_are_one_a_sample_and_text(load):
    texts = np.array([f"sentence {i}" for i in range(6)])
    np.testing.assert_array_equal(load(text_train=texts).texts, texts)
    assert load().texts is None
    with pytest.raises(ValueError, match=r"texts must have one entry a sample, shape \(6,\)"):
        load(text_train=texts[:5])
    with pytest.raises(ValueError, match="texts must be str"):
        load(text_train=np.zeros(6))

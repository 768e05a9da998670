import io
import zipfile

import numpy as np
import pytest

from tssd_keras.data.npz import (
    array_of,
    load_arrays,
    refused_as,
    save_arrays,
    text_arrays,
    texts_of,
)

pytestmark = pytest.mark.backend_free


def load(path, format=3):
    with refused_as(path, "numbers"):
        return load_arrays(path, format=format)


@pytest.fixture
def path(tmp_path):
    save_arrays(tmp_path / "a.npz", {"a": np.arange(3), "p": np.array([0.5, np.nan])}, format=3)
    return tmp_path / "a.npz"


def test_what_is_saved_is_loaded_again(path):
    arrays = load(path)
    assert arrays["a"].tolist() == [0, 1, 2]
    assert array_of(arrays, "p", np.float64, (2,), lowest=0, highest=1) is arrays["p"]


def test_python_objects_are_neither_written_nor_read(path, tmp_path):
    with pytest.raises(ValueError, match="Object arrays"):
        save_arrays(tmp_path / "b.npz", {"a": np.array([{}], object)}, format=3)
    np.savez(path, format=np.array(3), a=np.array([{}], object))
    with pytest.raises(ValueError, match=r"a\.npz must hold numbers as a run writes them"):
        load(path)


def a_byte_that_is_another(path):
    content = bytearray(path.read_bytes())
    content[80] ^= 255
    path.write_bytes(content)


def a_lone_array(path):
    with open(path, "wb") as file:
        np.save(file, np.arange(3))


def a_lone_array_of_a_zip(path):
    """A .npy file that ends as a .npz file does."""
    np.savez(path, a=np.arange(3))
    content = np.frombuffer(path.read_bytes(), np.uint8)
    with open(path, "wb") as file:
        np.save(file, content)


def a_text_for_an_array(path):
    with zipfile.ZipFile(path, "w") as file:
        for name, value in (("format", np.array(3)), ("b", np.arange(2))):
            buffer = io.BytesIO()
            np.save(buffer, value)
            file.writestr(f"{name}.npy", buffer.getvalue())
        file.writestr("a", "no array")


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (lambda path: path.write_bytes(path.read_bytes()[:200]), "it is no .npz file"),
        (lambda path: path.write_bytes(b""), "it is no .npz file"),
        (lambda path: path.write_bytes(b"PK"), "it is no .npz file"),
        (lambda path: path.write_bytes(b"nothing of the kind" * 20), "it is no .npz file"),
        (a_byte_that_is_another, ""),
        (a_lone_array, "it is no .npz file"),
        (a_lone_array_of_a_zip, "no number of its format"),
        (lambda path: np.savez(path, a=np.arange(3)), "no number of its format"),
        (lambda path: np.savez(path, format=np.array("3")), "no number of its format"),
        (lambda path: np.savez(path, format=np.arange(2)), "no number of its format"),
        (lambda path: np.savez(path, format=np.array(4)), "its format is 4, known is 3"),
    ],
)
def test_another_file_is_refused_by_its_name(path, spoil, words):
    spoil(path)
    with pytest.raises(
        ValueError, match=rf"(?s)a\.npz must hold numbers .*{words}.*Run the recipe"
    ):
        arrays = load(path)
        with refused_as(path, "numbers"):
            array_of(arrays, "a", np.int64, (3,))


def test_a_member_that_is_no_array_is_refused(path):
    a_text_for_an_array(path)
    with pytest.raises(ValueError, match="a: it must be an array, and is another kind of file"):
        array_of(load(path), "a", np.int64, (None,))


def test_a_file_that_is_not_there_is_told_so(tmp_path):
    with pytest.raises(FileNotFoundError):
        load(tmp_path / "none.npz")


@pytest.mark.parametrize(
    ("array", "words"),
    [
        (np.arange(3, dtype=np.int32), r"a must be int64\[3\], got int32\(3,\)"),
        (np.arange(3.0), r"a must be int64\[3\], got float64\(3,\)"),
        (np.arange(3).astype(">i8"), r"a must be int64\[3\], got >i8\(3,\)"),
        (np.arange(4), r"a must be int64\[3\], got int64\(4,\)"),
        (np.zeros((3, 1), np.int64), r"a must be int64\[3\], got int64\(3, 1\)"),
        (np.array([0, -1, 2]), "a must lie in 0..2, got -1"),
        (np.array([0, 3, 2]), "a must lie in 0..2, got 3"),
    ],
)
def test_arrays_of_another_dtype_shape_or_range_are_refused(array, words):
    with pytest.raises(ValueError, match=words):
        array_of({"a": array}, "a", np.int64, (3,), lowest=0, highest=2)


def test_an_array_that_is_lacking_is_named():
    with pytest.raises(ValueError, match="it lacks a"):
        array_of({}, "a", np.int64, (3,))


TEXTS = ("cat", "", "\0\n\u202e\0", "caf\udce9", "long" * 3000)


def test_texts_of_any_kind_come_back(tmp_path):
    save_arrays(tmp_path / "a.npz", text_arrays("id", TEXTS), format=3)
    assert tuple(texts_of(load(tmp_path / "a.npz"), "id", 5)) == TEXTS
    assert texts_of(text_arrays("id", []), "id") == []


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"id_lengths": np.array([3, 2])}, r"must add up to 6 bytes, got \[5\]"),
        ({"id_lengths": np.array([9, -3])}, "id_lengths must lie in 0..6"),
        ({"id_lengths": np.array([3.0, 3.0])}, r"id_lengths must be int64\[2\]"),
        ({"id_lengths": np.array([1, 2, 3])}, r"id_lengths must be int64\[2\]"),
        ({"id_bytes": np.zeros(6, np.int8)}, r"id_bytes must be uint8\[n\]"),
        ({"id_bytes": np.full(6, 255, np.uint8)}, "can't decode"),
    ],
)
def test_texts_whose_bytes_do_not_belong_together_are_refused(change, words):
    with pytest.raises(ValueError, match=words):
        texts_of(text_arrays("id", ["cat", "dog"]) | change, "id", 2)


def test_entries_that_are_no_numbers_are_refused_where_all_must_be_finite():
    arrays = {"loss": np.array([0.5, np.nan], np.float32)}
    np.testing.assert_array_equal(array_of(arrays, "loss", np.float32, (2,)), arrays["loss"])
    with pytest.raises(ValueError, match="loss must be finite, got nan"):
        array_of(arrays, "loss", np.float32, (2,), finite=True)

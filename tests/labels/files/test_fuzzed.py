"""Label files that benchmarks/fuzz.py made and that once took memory, or were echoed whole."""

import tracemalloc

import numpy as np
import pytest

from tssd_keras.labels.files.reading import read_label_file, write_label_file

pytestmark = pytest.mark.backend_free

N = 1437
NAMES = tuple("0123456789")


def refusal(path):
    """What is said of a file, and the memory that was taken meanwhile."""
    tracemalloc.start()
    with pytest.raises(ValueError) as caught:
        read_label_file(
            path,
            n=N,
            class_names=NAMES,
            ids=np.array([f"img{i}" for i in range(N)]),
            true_labels=None,
            order="id",
        )
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return str(caught.value), peak


def test_a_character_that_unicode_has_not_is_told(tmp_path):
    """labels 28001276: one byte of a text was changed, and Python has no such character."""
    path = tmp_path / "given.npy"
    labels = np.array([NAMES[i % 10] for i in range(N)])
    np.save(path, labels)
    spoilt = bytearray(path.read_bytes())
    spoilt[-6] = 0x20  # the third of four bytes of the last character but one
    path.write_bytes(spoilt)
    said, _ = refusal(path)
    assert str(path) in said
    assert "Unicode's highest is 1,114,111" in said


def test_one_long_cell_does_not_widen_a_whole_column(tmp_path):
    """labels 900000050: 100,000 backslashes in an id, which made a gigabyte."""
    path = tmp_path / "given.csv"
    rows = [f"img{i},1\n" for i in range(N)]
    path.write_text("id,label\n" + "".join(rows[:9]) + "\\" * 10**5 + ",1\n" + "".join(rows[10:]))
    said, peak = refusal(path)
    assert "row 10 has 100,000 characters" in said
    assert len(said) < 1000
    assert peak < 50 * 10**6


def test_a_member_of_zeros_is_not_made_eight_times_as_large(tmp_path):
    """labels 901000479: a hundred million int8, which made 800 MB."""
    np.savez_compressed(tmp_path / "given.npz", labels=np.zeros(60_000_000, np.int8))
    said, peak = refusal(tmp_path / "given.npz")
    assert "one label for each of the 1437 training samples, got 60000000" in said
    assert peak < 100 * 10**6


@pytest.mark.parametrize("header", ["x" * 70_000 + ",label", "\\" * 70_000 + ",b,c"])
def test_a_long_header_is_cut(tmp_path, header):
    """labels 902000148: a name of 70,000 characters in the first row."""
    (tmp_path / "given.csv").write_text(f"{header}\n1,2\n")
    assert len(refusal(tmp_path / "given.csv")[0]) < 1000


@pytest.mark.parametrize("content", ["x" * 70_000 + "\n", "id,label\n" + "y" * 70_000 + ",1\n"])
def test_a_long_label_or_id_is_cut(tmp_path, content):
    (tmp_path / "given.csv").write_text(content * 1 if "id" in content else content * N)
    assert len(refusal(tmp_path / "given.csv")[0]) < 1500


def test_names_that_a_spreadsheet_would_calculate_come_back_from_a_label_file(tmp_path):
    names = ("=cat", "-dog", "'@fox", "-1", "owl")
    ids = np.array([f"{mark}img{i}" for i, mark in enumerate(("=", "+", "'-", "@", ""))])
    path = tmp_path / "given.csv"
    write_label_file(path, np.arange(5), ids, class_names=names)
    assert "'=img0,0,'=cat" in path.read_text()
    assert "''-img2,2,''@fox" in path.read_text()
    found = read_label_file(path, n=5, class_names=names, ids=ids, true_labels=None, order="source")
    assert found.tolist() == list(range(5))


@pytest.mark.parametrize("name", ["given.csv", "given.txt"])
def test_a_terabyte_of_holes_is_no_text(tmp_path, name):
    """labels 11000067: a file that has no end for those who read it whole."""
    path = tmp_path / name
    path.write_text("id,label\n")
    with open(path, "r+b") as file:
        file.truncate(2**40)
    said, peak = refusal(path)
    assert name in said and "1,099,511,627,7" in said
    assert peak < 10**7

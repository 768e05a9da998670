import csv

import numpy as np
import pytest

from tssd_keras.labels.files.order import agreement
from tssd_keras.labels.files.reading import read_label_file, write_label_file
from tssd_keras.labels.noise import draw_labels, symmetric

pytestmark = pytest.mark.backend_free

NAMES = ("cat", "dog", "fox")
LABELS = [2, 0, 1, 1]


def read(path, *, n=4, names=NAMES, ids=None, true=None, order="source"):
    return read_label_file(path, n=n, class_names=names, ids=ids, true_labels=true, order=order)


def written(tmp_path, name, content):
    path = tmp_path / name
    if path.suffix == ".npy":
        np.save(path, content)
    elif path.suffix == ".npz":
        np.savez(path, **content)
    else:
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def stored(n, seed=0):
    """A source as TFDS stores it: ids in shuffled order, true labels, and the original order."""
    rng = np.random.default_rng(seed)
    number = rng.permutation(n)
    original = rng.integers(0, 10, n)
    ids = np.array([f"train_{i:05}" for i in number])
    return ids, original[number], original


TEN = tuple(f"class {k}" for k in range(10))


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.npy", np.array(LABELS)),
        ("a.NPY", np.array(LABELS, ">i2")),
        ("a.npy", np.array(LABELS, np.uint8)),
        ("a.npy", np.array(["fox", "cat", "dog", "dog"])),
        ("a.npy", np.array([b"fox", b"cat", b"dog", b"dog"])),
        ("a.npz", {"labels": np.array(LABELS)}),
        ("a.npz", {"labels": np.array(["fox", "cat", "dog", "dog"]), "other": np.zeros(2)}),
        ("a.csv", "label\n2\n0\n1\n1\n"),
        ("a.csv", "2\r\n0\r\n1\r\n1"),
        ("a.csv", "name,label\nx,fox\nx,cat\nx, dog \nx,dog\n\n\n"),
        ("a.csv", b"\xef\xbb\xbflabel\nfox\ncat\ndog\ndog\n"),
        ("a.txt", "2\n0\n1\n1\n"),
        ("a.txt", "fox\r\ncat\r\ndog\r\ndog\r\n\r\n"),
        ("a.txt", "2\n00\n01\n1"),
    ],
)
def test_labels_are_read_from_each_format(tmp_path, name, content):
    path = tmp_path / name
    if path.suffix == ".NPY":
        with open(path, "wb") as file:
            np.save(file, content)
    else:
        path = written(tmp_path, name, content)
    labels = read(path)
    assert labels.dtype == np.int64
    np.testing.assert_array_equal(labels, LABELS)


@pytest.mark.parametrize("name", ["id", "path"])
@pytest.mark.parametrize("suffix", [".npz", ".csv"])
def test_ids_line_labels_up_whatever_the_order(tmp_path, suffix, name):
    ids = np.array(["x", "a", "m", "b"])
    shuffle = [2, 0, 3, 1]
    if suffix == ".npz":
        content = {"labels": np.array(LABELS)[shuffle], "ids": ids[shuffle]}
    else:
        rows = [f"{ids[i]},{NAMES[LABELS[i]]}\n" for i in shuffle]
        content = f"{name},label\n" + "".join(rows)
    path = written(tmp_path, f"a{suffix}", content)
    for order in ("source", "id"):
        np.testing.assert_array_equal(read(path, ids=ids, order=order), LABELS)
        own = ids.astype(object)  # as sources give them
        np.testing.assert_array_equal(read(path, ids=own, order=order), LABELS)


def test_the_order_id_puts_entry_i_to_the_sample_whose_id_ends_in_i(tmp_path):
    ids = np.array(["train_00002", "train_00000", "train_00003", "train_00001"])
    path = written(tmp_path, "a.npy", np.array(LABELS))
    np.testing.assert_array_equal(read(path, ids=ids, order="id"), [1, 2, 1, 0])


def test_numbers_that_are_class_names_are_names(tmp_path):
    path = written(tmp_path, "a.txt", "5\n7\n5\n9\n")
    np.testing.assert_array_equal(read(path, names=("9", "7", "5")), [2, 1, 2, 0])
    path = written(tmp_path, "b.txt", "0\n1\n0\n2\n")  # no names: class numbers
    np.testing.assert_array_equal(read(path, names=("9", "7", "5")), [0, 1, 0, 2])


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.npy", np.array([0, 1, 3, -1]), r"0\.\.2: 2 of 4 do not, .* entry 2 with 3\. Number"),
        (
            "a.npy",
            np.array([0, 1, 2**63, 1], np.uint64),
            "1 of 4 .* is entry 2 with 92233720368547758",
        ),
        ("a.npy", np.array([0, 1, 2]), "each of the 4 training samples, got 3"),
        ("a.npy", np.array(LABELS, float), r"got float64\[4\]. Try .astype"),
        ("a.npy", np.array([0, np.nan, 1, np.nan]), "2 are missing, the first is entry 1: leave"),
        ("a.npy", np.array([True, False, True, True]), r"got bool\[4\]"),
        ("a.npy", np.eye(4), r"shape \(N,\), got \(4, 4\). One-hot rows .* .argmax"),
        ("a.npy", np.array(["cat", "cow", "dog", "owl"]), r"2 of 4 are not.* entry 1 \('cow'\)"),
        ("a.npz", {"y": np.array(LABELS)}, "must hold the array labels. Found: y"),
        ("a.npz", {"labels": np.array(LABELS), "ids": np.arange(4)}, "ids must be text, got int64"),
        (
            "a.npz",
            {"labels": np.array(LABELS), "clean": np.array([0])},
            "clean labels must be as many as labels, got 1 for 4",
        ),
        (
            "a.npz",
            {"labels": np.array(LABELS), "class_names": np.array(["cat", "fox", "dog"])},
            "first that differs is class 1, 'fox'",
        ),
        ("a.csv", "label\n2\n\n1\n1\n", r"must not be empty: 1 of 4 are, .* line 3 \(''\)"),
        ("a.csv", "id,label\na,2\nb\nc,1\nd,1\n", "1 of 4 do not, the first are lines 3"),
        ("a.csv", "0,2\n1,0\n", "must name its columns in the first row.* got 0, 2"),
        ("a.csv", "label,label\n0,2\n", r"label, label \(some come twice"),
        ("a.csv", "id,path,label\na,b,2\n", r"id, path, label \(some come twice"),
        ("a.csv", "file,label\na,2\n", r"id or path, clean .* got file, label \(file: not known"),
        ("a.csv", ",label\n0,2\n", r"got , label \(one without a name: not known"),
        ("a.csv", 'label\n"2\n', "must be a CSV file: unexpected end of data, line 2"),
        (
            "a.csv",
            b"label\n\xff\ncat\ncat\ncat\n",
            "line 2 .* They are no text in UTF-8: save it so",
        ),
        (
            "a.txt",
            "cat\n1\ndog\n2\n",
            r"class names, or all whole .* 2 of 4 are not, .* line 2",
        ),
        ("a.txt", "0\n1.5\n1\n2\n", r"1 of 4 are not, the first are line 2 \('1.5'\)"),
        ("a.txt", "0\n1\n\n2\n", r"1 of 4 are, the first are line 3"),
        ("a.txt", "", "each of the 4 training samples, got 0"),
        ("a.txt", "0\n1\n9999999999999999999999\n2\n", "1 of 4 are not, the first are line 3"),
        ("a.parquet", "", r"end in .npy, .npz, .csv, .txt, not '.parquet'"),
    ],
)
def test_what_is_no_label_of_each_sample_is_refused_by_its_place(tmp_path, name, content, message):
    path = written(tmp_path, name, content)
    with pytest.raises(ValueError, match=message) as caught:
        read(path)
    assert str(path) in str(caught.value)


@pytest.mark.parametrize("name", ["a.npy", "a.npz"])
def test_objects_are_never_unpickled(tmp_path, name):
    class Trap:
        def __reduce__(self):
            return (pytest.fail, ("unpickled",))

    content = np.array([Trap(), 1], dtype=object)
    path = written(tmp_path, name, content if name == "a.npy" else {"labels": content})
    with pytest.raises(ValueError, match="only unpickling could read"):
        read(path)


@pytest.mark.parametrize("name", ["a.npy", "a.npz"])
def test_a_file_cut_short_or_of_another_kind_is_refused(tmp_path, name):
    whole = written(tmp_path, name, np.arange(9) if name == "a.npy" else {"labels": np.arange(9)})
    data = whole.read_bytes()
    for broken in (b"", b"text", data[: len(data) - 20]):
        whole.write_bytes(broken)
        with pytest.raises(ValueError, match=r"cannot be read|is no .npz file"):
            read(whole)


def test_a_missing_file_is_told_with_its_whole_path(tmp_path):
    with pytest.raises(FileNotFoundError, match=f"{tmp_path}.* is not there"):
        read(tmp_path / "none.npy")
    with pytest.raises(FileNotFoundError, match="is not a file"):
        read(tmp_path)


def test_ids_that_are_missing_extra_or_double_are_counted(tmp_path):
    ids = np.array([f"s{i}" for i in range(8)])
    file_ids = np.array([f"s{i}" for i in range(6, 14)])
    path = written(tmp_path, "a.npz", {"labels": np.zeros(8, int), "ids": file_ids})
    expected = r"6 \(s0, s1, s2, ...\) are not in the file; 6 \(s10.*\) of the file are not"
    with pytest.raises(ValueError, match=expected):
        read(path, n=8, ids=ids)
    path = written(
        tmp_path, "b.npz", {"labels": np.zeros(3, int), "ids": np.array(["a", "b", "b"])}
    )
    with pytest.raises(ValueError, match=r"must differ: 1 \(b\)"):
        read(path, n=3, ids=np.array(["a", "b", "c"]))
    with pytest.raises(ValueError, match="the samples of this source have none"):
        read(path, n=3)


@pytest.mark.parametrize(
    ("ids", "message"),
    [
        (None, "needs samples with ids"),
        (["a1", "b", "c", "a2"], r"2 \(b, c\) of 4 do not"),
        (["a1", "a2", "a3", "a4"], r"0..3 once: 1 \(4\) are not"),
        (["a1", "b1", "a0", "a2"], r"0..3 once: 1 \(1\) come twice"),
    ],
)
def test_the_order_id_needs_ids_that_number_the_samples(tmp_path, ids, message):
    path = written(tmp_path, "a.npy", np.array(LABELS))
    with pytest.raises(ValueError, match=message):
        read(path, ids=None if ids is None else np.array(ids), order="id")


def test_an_unknown_order_is_refused(tmp_path):
    with pytest.raises(ValueError, match="one of source, id, got 'file'"):
        read(written(tmp_path, "a.npy", np.array(LABELS)), order="file")


def test_clean_labels_prove_the_order(tmp_path):
    ids, true, original = stored(200)
    given = np.random.default_rng(1).integers(0, 10, 200)  # tell nothing: clean alone can prove
    path = written(tmp_path, "a.npz", {"labels": given, "clean": original})
    got = read(path, n=200, names=TEN, ids=ids, true=true, order="id")
    number = np.array([int(i[-5:]) for i in ids])
    np.testing.assert_array_equal(got, given[number])
    with pytest.raises(
        ValueError, match=r"\d+ of 200 are not.*order = \"id\", where 100.00% agree"
    ):
        read(path, n=200, names=TEN, ids=ids, true=true, order="source")


def test_one_clean_label_that_is_not_the_true_one_is_named(tmp_path):
    true = np.array(LABELS)
    clean = true.copy()
    clean[2] = 0
    path = written(tmp_path, "a.npz", {"labels": true, "clean": clean})
    with pytest.raises(ValueError, match=r"1 of 4 are not, the first are sample 2 \(0 for 1\)"):
        read(path, true=true)
    np.testing.assert_array_equal(read(path), true)  # nothing to compare with


@pytest.mark.parametrize("rate", [0.0, 0.5, 0.9])
def test_labels_in_another_order_are_refused_with_the_order_to_try(tmp_path, rate):
    ids, true, original = stored(50_000)
    given = draw_labels(original, symmetric(10, rate, include_true=True), seed=0)
    path = written(tmp_path, "a.npy", given)
    with pytest.raises(ValueError, match=r'another order: try noise.order = "id", where'):
        read(path, n=50_000, names=TEN, ids=ids, true=true, order="source")
    number = np.array([int(i[-5:]) for i in ids])
    got = read(path, n=50_000, names=TEN, ids=ids, true=true, order="id")
    np.testing.assert_array_equal(got, given[number])
    path = written(tmp_path, "b.npy", given[number])
    with pytest.raises(ValueError, match=r'try noise.order = "source", where'):
        read(path, n=50_000, names=TEN, ids=ids, true=true, order="id")


def test_labels_of_an_order_of_their_own_are_refused_with_what_to_bring(tmp_path):
    ids, true, _ = stored(1000)
    path = written(tmp_path, "a.npy", np.random.default_rng(5).permutation(true))
    with pytest.raises(ValueError, match="no numbered ids to tell which"):
        read(path, n=1000, names=TEN, true=true)
    with pytest.raises(ValueError, match="Bring a file that names the ids"):
        read(path, n=1000, names=TEN, ids=ids, true=true)


def test_ids_are_proof_enough_for_labels_that_tell_nothing(tmp_path):
    ids, true, _ = stored(1000)
    given = np.random.default_rng(5).permutation(true)
    path = written(tmp_path, "a.npz", {"labels": given, "ids": ids})
    np.testing.assert_array_equal(read(path, n=1000, names=TEN, ids=ids, true=true), given)


def test_labels_that_are_all_wrong_agree_less_than_by_chance_and_are_taken(tmp_path):
    _, true, _ = stored(1000)
    path = written(tmp_path, "a.npy", (true + 1) % 10)
    np.testing.assert_array_equal(read(path, n=1000, names=TEN, true=true), (true + 1) % 10)


def test_only_samples_whose_truth_is_known_are_compared(tmp_path):
    ids, true, original = stored(400)
    known = np.where(np.arange(400) < 200, true, -1)
    path = written(tmp_path, "a.npz", {"labels": original, "clean": original})
    got = read(path, n=400, names=TEN, ids=ids, true=known, order="id")
    np.testing.assert_array_equal(got, true)
    with pytest.raises(ValueError, match=r"\d+ of 200 are not.*order = \"id\", where 100.00%"):
        read(path, n=400, names=TEN, ids=ids, true=known, order="source")
    path = written(tmp_path, "b.npy", original)
    np.testing.assert_array_equal(
        read(path, n=400, names=TEN, ids=ids, true=known, order="id"), true
    )
    with pytest.raises(ValueError, match=r"tell something of the true labels.* of 200 samples"):
        read(path, n=400, names=TEN, ids=ids, true=known, order="source")


def test_where_no_truth_is_known_the_order_is_proven_by_the_datas_own_labels(tmp_path):
    _, typed, _ = stored(400)
    path = written(tmp_path, "a.npy", np.random.default_rng(5).permutation(typed))
    about = {"n": 400, "class_names": TEN, "ids": None, "true_labels": None, "order": "source"}
    with pytest.raises(ValueError, match=r"tell something of the data's own labels"):
        read_label_file(path, own_labels=typed, **about)


def test_clean_labels_of_a_file_are_not_compared_with_labels_that_may_be_wrong(tmp_path):
    _, true, _ = stored(400)
    typed = np.where(np.arange(400) % 3 == 0, (true + 1) % 10, true)
    path = written(tmp_path, "a.npz", {"labels": typed, "clean": true})
    about = {"n": 400, "class_names": TEN, "ids": None, "true_labels": None, "order": "source"}
    np.testing.assert_array_equal(read_label_file(path, own_labels=typed, **about), typed)


def test_too_few_samples_to_tell_are_taken(tmp_path):
    path = written(tmp_path, "a.npy", np.array(LABELS))
    np.testing.assert_array_equal(read(path, true=np.array([0, 2, 1, 1])), LABELS)


def test_chance_and_z_are_those_of_every_permutation():
    from itertools import permutations

    given, true = np.array([0, 0, 1, 2, 2, 2]), np.array([0, 1, 1, 2, 0, 2])
    shares = [(given[list(order)] == true).mean() for order in permutations(range(6))]
    found = agreement(given, true, 3)
    assert found.chance == pytest.approx(np.mean(shares))
    assert found.z == pytest.approx((found.share - np.mean(shares)) / np.std(shares))
    assert found.most == pytest.approx((max(shares) - np.mean(shares)) / np.std(shares))


def test_one_class_alone_tells_nothing_and_is_no_error():
    assert agreement(np.zeros(9, int), np.zeros(9, int), 2).z == 0
    assert not agreement(np.zeros(9, int), np.arange(9) % 2, 2).is_chance


@pytest.mark.parametrize("with_ids", [False, True])
@pytest.mark.parametrize("suffix", [".npy", ".npz", ".csv"])
def test_what_is_written_is_read_back(tmp_path, suffix, with_ids):
    names = ('a "cat"', "dog, big", "füchsin")
    ids = np.array(["=1", "b,2", "ü", " x"])
    path = tmp_path / f"labels{suffix}"
    write_label_file(path, np.array(LABELS), ids if with_ids else None, class_names=names)
    np.testing.assert_array_equal(read(path, names=names, ids=ids), LABELS)


def test_a_csv_has_ids_numbers_and_names(tmp_path):
    path = tmp_path / "a.csv"
    write_label_file(path, np.array([1, 0]), np.array(["x", "y"]), class_names=NAMES)
    with open(path, newline="", encoding="utf-8") as file:
        assert list(csv.reader(file)) == [
            ["id", "label", "name"],
            ["x", "1", "dog"],
            ["y", "0", "cat"],
        ]


def test_an_npy_file_holds_little_endian_int64(tmp_path):
    write_label_file(tmp_path / "a.npy", np.array(LABELS, np.uint8), class_names=NAMES)
    assert np.load(tmp_path / "a.npy").dtype.str == "<i8"


@pytest.mark.parametrize("suffix", [".npy", ".npz", ".csv"])
def test_a_file_is_not_written_over(tmp_path, suffix):
    path = tmp_path / f"a{suffix}"
    path.write_text("precious")
    with pytest.raises(FileExistsError, match="is not written over"):
        write_label_file(path, np.array(LABELS), class_names=NAMES)
    assert path.read_text() == "precious"


@pytest.mark.parametrize(
    ("name", "labels", "ids", "message"),
    [
        ("a.txt", LABELS, None, r"end in .npy, .npz, .csv, not '.txt'"),
        ("a.npy", [0, 3], None, r"1 of 2 do not, the first is entry 1 with 3"),
        ("a.npy", [0.5], None, "got float64"),
        ("a.csv", [0, 1], ["a"], "ids must be as many as labels, got 1 for 2"),
    ],
)
def test_what_could_not_be_read_back_is_not_written(tmp_path, name, labels, ids, message):
    with pytest.raises(ValueError, match=message):
        write_label_file(
            tmp_path / name,
            np.array(labels),
            None if ids is None else np.array(ids),
            class_names=NAMES,
        )
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.csv", "\ufeffsep=;\r\nid;label;\r\nx;fox;\r\na;cat;\r\n;;\r\nm;dog;\r\nb;dog;\r\n"),
        ("a.csv", "Path\tLabel\nx\tfox\na\tcat\nm\tdog\nb\tdog\n".encode("utf-16")),
        ("a.csv", "id,label\nx,2.0\na,0.0\nm,1\nb,1.0\n"),
    ],
)
def test_a_file_of_labels_may_have_been_through_a_spreadsheet_or_pandas(tmp_path, name, content):
    ids = np.array(["x", "a", "m", "b"])
    np.testing.assert_array_equal(read(written(tmp_path, name, content), ids=ids), LABELS)


@pytest.mark.parametrize("gap", ["", "nan", "-1", "None"])
def test_labels_that_nobody_gave_are_refused_and_counted(tmp_path, gap):
    path = written(tmp_path, "a.csv", f"label\n2\n{gap}\n1\n{gap}\n0\n")
    with pytest.raises(ValueError, match=r"must not be empty.*: 2 of 5 are, the first are line 3"):
        read(path, n=5)


def test_a_class_named_like_a_gap_is_a_class(tmp_path):
    path = written(tmp_path, "a.txt", "nan\ncat\nnan\n-1\n")
    assert read(path, names=("nan", "cat", "-1")).tolist() == [0, 1, 0, 2]


def test_a_class_is_known_by_how_it_looks(tmp_path):
    path = written(tmp_path, "a.txt", "cafe\u0301\ntea\u200b\ncaf\u00e9\ntea\n")
    assert read(path, names=("caf\u00e9", "tea")).tolist() == [0, 1, 0, 1]


def test_zeros_that_a_spreadsheet_dropped_are_no_other_class(tmp_path):
    names = ("001", "002", "003")
    path = written(tmp_path, "a.txt", "1\n2\n3\n1\n")  # no class number is 3
    assert read(path, names=names).tolist() == [0, 1, 2, 0]
    path = written(tmp_path, "b.txt", "1\n2\n2\n1\n")
    with pytest.raises(ValueError, match="1 could be the class 001 or class number 1, which is"):
        read(path, names=names)
    path = written(tmp_path, "c.txt", "1\n2\n2\n0\n")
    assert read(path, names=("00", "01", "02")).tolist() == [1, 2, 2, 0]


def test_ids_of_windows_and_of_the_other_unicode_form_are_the_source_s(tmp_path):
    path = written(tmp_path, "a.csv", "id,label\nd\\x.png,2\nd\\e\u0301.png,0\nm,1\nb,1\n")
    ids = np.array(["d/\u00e9.png", "d/x.png", "b", "m"])
    assert read(path, ids=ids).tolist() == [0, 2, 1, 1]
    twins = np.array(["d/\u00e9.png", "d/x.png", "b", "d\\x.png"])
    with pytest.raises(ValueError, match=r"1 .*are not in the file"):
        read(path, ids=twins)


@pytest.mark.parametrize("suffix", [".csv", ".npz"])
def test_names_that_are_no_text_are_written_and_read_back(tmp_path, suffix):
    ids = np.array(["caf\udce9.png", "a", "b", "c"])
    path = tmp_path / f"l{suffix}"
    write_label_file(path, np.array(LABELS), ids, class_names=NAMES)
    assert read(path, ids=ids).tolist() == LABELS

import functools
import gzip
import hashlib
import io
import json
import tarfile
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from tssd_keras.cli.datasets import datasets
from tssd_keras.data.named import local_builder
from tssd_keras.data.named.cifar_n_files import check
from tssd_keras.data.named.local_files import FILES, check_members, find, unpack

pytestmark = pytest.mark.backend_free

FASHION = Path("/usr/share/datasets/fashion-mnist")
N_TRAIN, N_TEST = 50, 7  # images in the small CIFAR made here; ten in each of five batches


def labels_of(n, classes, seed):
    return np.random.default_rng(seed).integers(0, classes, n).astype(np.uint8)


def records(labels, classes):
    """CIFAR's binary layout; each image is the number of its label in every pixel."""
    coarse = [labels // 5] if classes == 100 else []
    pixels = np.repeat(labels[:, None], 3072, axis=1)
    return np.concatenate([np.stack([*coarse, labels], axis=1), pixels], axis=1).tobytes()


def write_tar(path, members):
    with tarfile.open(path, "w:gz") as archive:
        for name, content in members.items():
            info = content if isinstance(content, tarfile.TarInfo) else tarfile.TarInfo(name)
            data = b"" if content is info else content
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    return path


def write_cifar(folder, classes=10):
    """A small archive in the original's layout; returns its true labels and {name: sha256}."""
    train, test = labels_of(N_TRAIN, classes, 1), labels_of(N_TEST, classes, 2)
    if classes == 10:
        names = "".join(f"class {k}\n" for k in range(10)) + "\n"
        members = {"cifar-10-batches-bin/batches.meta.txt": names.encode()}
        for i in range(5):
            part = train[10 * i : 10 * (i + 1)]
            members[f"cifar-10-batches-bin/data_batch_{i + 1}.bin"] = records(part, 10)
        members["cifar-10-batches-bin/test_batch.bin"] = records(test, 10)
    else:
        members = {
            f"cifar-100-binary/{kind}_label_names.txt": "".join(
                f"{kind} {k}\n" for k in range(n)
            ).encode()
            for kind, n in (("fine", 100), ("coarse", 20))
        }
        members["cifar-100-binary/train.bin"] = records(train, 100)
        members["cifar-100-binary/test.bin"] = records(test, 100)
    path = write_tar(folder / f"cifar-{classes}-binary.tar.gz", members)
    return train, {path.name: hashlib.sha256(path.read_bytes()).hexdigest()}


HEADERS = {
    10: "clean_label,aggre_label,worse_label,random_label1,random_label2,random_label3",
    100: "clean_label,noise_label",
}


def write_human(folder, train, classes=10, *, header=None, rows=None, order=None):
    """CIFAR-N's manual files; human label c of image i is (true + c) mod classes."""
    order = np.random.default_rng(3).permutation(N_TRAIN) if order is None else order
    width = 6 if classes == 10 else 2
    given = (train[order].astype(int)[:, None] + np.arange(width)) % classes
    rows = given if rows is None else rows
    header = HEADERS[classes] if header is None else header
    text = "\n".join([header, *(",".join(map(str, row)) for row in rows)]) + "\n"
    (folder / f"CIFAR-{classes}_human_annotations.csv").write_text(text)
    np.save(folder / f"image_order_c{classes}.npy", order)
    columns, batch = (7, 10) if classes == 10 else (3, 5)
    side = [",".join(["Image-batch", *"abcdef"[: columns - 1]])]
    side += [",".join(map(str, range(columns))) for _ in range(N_TRAIN // batch)]
    (folder / f"side_info_cifar{classes}N.csv").write_text("\n".join(side) + "\n")


def rows_of(path, split):
    tfds = pytest.importorskip("tensorflow_datasets")
    builder = tfds.builder_from_directory(path)
    return {row["id"].decode(): row for row in builder.as_dataset(split).as_numpy_iterator()}


@pytest.mark.skipif(not FASHION.is_dir(), reason="needs Debian's package dataset-fashion-mnist")
def test_fashion_mnist_is_prepared_from_debians_files_on_the_command_line(tmp_path, monkeypatch):
    """A thousand images a split; that the whole is whole, the tests of prepared data sets see."""
    tfds = pytest.importorskip("tensorflow_datasets")
    few = functools.partial(tfds.download.DownloadConfig, max_examples_per_split=1000)
    monkeypatch.setattr(tfds.download, "DownloadConfig", few)
    arguments = ["prepare", "fashion_mnist", "--from", str(FASHION), "--data-dir", str(tmp_path)]
    result = CliRunner().invoke(datasets, arguments)
    assert result.exit_code == 0, result.output
    assert "train            1,000" in result.output
    assert "test             1,000" in result.output
    builder = tfds.builder_from_directory(tmp_path / "fashion_mnist" / "3.0.1")
    stored = [row["label"] for row in builder.as_dataset("test").as_numpy_iterator()]
    with gzip.open(FASHION / "t10k-labels-idx1-ubyte.gz") as file:
        original = np.frombuffer(file.read(8 + 1000), np.uint8, offset=8)
    np.testing.assert_array_equal(np.bincount(stored), np.bincount(original))
    again = CliRunner().invoke(datasets, arguments)
    assert again.exit_code == 0
    assert "ready already, nothing was written" in again.output
    assert sorted(p.name for p in tmp_path.iterdir()) == ["fashion_mnist"]


def test_the_hashes_are_those_that_tfds_has_on_record():
    tfds = pytest.importorskip("tensorflow_datasets")
    from tensorflow_datasets.core.download import checksums

    on_record = checksums.get_all_url_infos()
    published = [file for files in FILES.values() for file in files if file.sha256]
    assert len(published) == 8
    for file in published:
        info = on_record[file.source]
        assert (int(info.size), info.checksum) == (file.size, file.sha256)
    assert set(FILES) <= set(tfds.list_builders())


@pytest.mark.parametrize("classes", [10, 100])
def test_tfds_own_builder_reads_an_archive_in_the_original_layout(tmp_path, classes):
    pytest.importorskip("tensorflow_datasets")
    train, known = write_cifar(tmp_path, classes)
    path = local_builder.prepare(f"cifar{classes}", tmp_path, tmp_path / "tfds", hashes=known)
    rows = rows_of(path, "train")
    assert [rows[f"train_{i:05d}"]["label"] for i in range(N_TRAIN)] == train.tolist()
    for row in rows.values():
        assert (row["image"] == row["label"]).all()
    assert len(rows_of(path, "test")) == N_TEST
    assert [p.name for p in (tmp_path / "tfds").iterdir()] == [f"cifar{classes}"]


@pytest.mark.parametrize(
    ("classes", "label", "plus"), [(10, "worse_label", 2), (100, "noise_label", 1)]
)
def test_human_labels_belong_to_their_images(tmp_path, classes, label, plus):
    pytest.importorskip("tensorflow_datasets")
    train, known = write_cifar(tmp_path, classes)
    write_human(tmp_path, train, classes)
    path = local_builder.prepare(f"cifar{classes}_n", tmp_path, tmp_path / "tfds", hashes=known)
    rows = rows_of(path, "train")
    assert len(rows) == N_TRAIN
    for row in rows.values():
        assert row[label] == (int(row["label"]) + plus) % classes


def test_another_hash_is_told_with_the_expected_one_and_nothing_is_written(tmp_path):
    _, known = write_cifar(tmp_path)
    with pytest.raises(
        ValueError, match=r"cifar-10-binary\.tar\.gz must be the published"
    ) as caught:
        local_builder.prepare("cifar10", tmp_path, tmp_path / "tfds")
    assert FILES["cifar10"][0].sha256 in str(caught.value)
    assert known["cifar-10-binary.tar.gz"] in str(caught.value)
    assert "fetch it again: https://www.cs.toronto.edu" in str(caught.value)
    assert not (tmp_path / "tfds").exists()


@pytest.mark.parametrize("content", [b"no gzip", gzip.compress(b"something else")])
def test_a_gzip_file_must_have_the_published_content(tmp_path, content):
    for file in FILES["fashion_mnist"]:
        (tmp_path / file.name).write_bytes(content)
    with pytest.raises(ValueError, match=r"Unpacked: expected c59f468a.*, found "):
        find("fashion_mnist", tmp_path)


def test_what_is_missing_is_listed_with_its_size_and_where_to_get_it(tmp_path):
    write_cifar(tmp_path)
    with pytest.raises(FileNotFoundError) as caught:
        find("cifar10_n", tmp_path)
    text = str(caught.value)
    assert f"cifar10_n needs 4 files in {tmp_path}, 3 not there" in text
    assert "(there: cifar-10-binary.tar.gz)" in text
    assert "image_order_c10.npy: https://github.com/UCSC-REAL/cifar-10-100n" in text
    with pytest.raises(
        FileNotFoundError, match=r"cifar-100-binary.tar.gz, 168,513,733 bytes: http"
    ):
        find("cifar100", tmp_path)


def linked(kind):
    info = tarfile.TarInfo("cifar-10-batches-bin/link")
    info.type, info.linkname = kind, "/etc/hostname"
    return info


@pytest.mark.parametrize("how", [check_members, lambda path: unpack(path, path.parent / "to")])
@pytest.mark.parametrize(
    ("name", "content", "fault"),
    [
        ("../evil", b"", "'../evil' does not"),
        ("a/../../evil", b"", "does not"),
        ("/etc/evil", b"", "'/etc/evil' does not"),
        ("..\\evil", b"", "does not"),
        ("C:/evil", b"", "does not"),
        ("link", linked(tarfile.SYMTYPE), "is a link"),
        ("link", linked(tarfile.LNKTYPE), "is a link"),
        ("fifo", linked(tarfile.FIFOTYPE), "is a link or a device"),
    ],
)
def test_a_member_that_leaves_the_archives_folder_is_refused(tmp_path, how, name, content, fault):
    path = write_tar(tmp_path / "cifar-10-binary.tar.gz", {name: content})
    with pytest.raises(ValueError, match="must be a file or folder that stays inside") as caught:
        how(path)
    assert fault in str(caught.value)
    assert not (tmp_path.parent / "evil").exists()


def test_an_archive_with_such_a_member_is_refused_even_with_a_known_hash(tmp_path):
    path = write_tar(tmp_path / "cifar-10-binary.tar.gz", {"../evil": b""})
    known = {path.name: hashlib.sha256(path.read_bytes()).hexdigest()}
    with pytest.raises(ValueError, match=r"'\.\./evil' does not"):
        local_builder.prepare("cifar10", tmp_path, tmp_path / "tfds", hashes=known)
    assert not (tmp_path / "tfds").exists()


def test_an_archive_that_is_cut_short_is_refused(tmp_path):
    write_cifar(tmp_path)
    path = tmp_path / "cifar-10-binary.tar.gz"
    path.write_bytes(path.read_bytes()[:-200])
    with pytest.raises(ValueError, match="it is something else or damaged"):
        check_members(path)


ROWS = np.zeros((N_TRAIN, 6), int)


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"rows": ROWS}, r"clean_label is another than the image's label in \d+ of 50 rows"),
        ({"rows": ROWS[:-1], "header": "a,b,c,d,e,f"}, r"must have 50 rows .* got \(49, 6\)"),
        ({"rows": ROWS[:, :5], "header": "a,b,c,d,e"}, r"6 columns or more, got \(50, 5\)"),
        (
            {"rows": ROWS + 10, "header": "a,b,c,d,e,f"},
            r"in 0\.\.9, 300 are not.* line 2, column 1",
        ),
        ({"rows": ROWS + 0.5, "header": "a,b,c,d,e,f"}, "must be whole numbers"),
        ({"header": "clean_label,worse_label,aggre_label"}, "aggre_label must be number 2"),
        ({"order": np.zeros(N_TRAIN, int)}, r"image_order_c10.npy: must hold each of 0\.\.49 once"),
    ],
)
def test_human_labels_that_cannot_fit_are_refused(tmp_path, changed, message):
    train, known = write_cifar(tmp_path)
    write_human(tmp_path, train, **changed)
    with pytest.raises(ValueError, match=message):
        local_builder.prepare("cifar10_n", tmp_path, tmp_path / "tfds", hashes=known)
    assert not (tmp_path / "tfds").exists()


def check_cifar100_n(folder, **changed):
    """The four files as `local_builder` hands them over, without TFDS."""
    train, known = write_cifar(folder, 100)
    write_human(folder, train, 100, **changed)
    names = ("CIFAR-100_human_annotations.csv", "side_info_cifar100N.csv", "image_order_c100.npy")
    check("cifar100_n", *(folder / name for name in (*known, *names)))


def test_cifar100_n_is_held_against_the_fine_labels_of_its_archive(tmp_path):
    check_cifar100_n(tmp_path)
    coarse = labels_of(N_TRAIN, 100, 1).astype(int) // 5
    rows = np.stack([coarse, coarse], axis=1)
    with pytest.raises(ValueError, match=r"clean_label is another than .* in \d+ of 50 rows"):
        check_cifar100_n(tmp_path, rows=rows, order=np.arange(N_TRAIN))


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        (
            {"rows": ROWS[:, :2] + 100, "header": "a,b"},
            r"in 0\.\.99, 100 are not.* line 2",
        ),
        ({"rows": ROWS[:, :1], "header": "a"}, r"and 2 columns or more, got \(50, 1\)"),
        ({"header": "noise_label,clean_label"}, "clean_label must be number 1"),
        ({"header": "clean_label,worker,noisy_label"}, "noisy_label must be number 2"),
        ({"order": np.zeros(N_TRAIN, int)}, r"image_order_c100.npy: must hold each of 0\.\.49"),
    ],
)
def test_labels_of_cifar100_n_that_cannot_fit_are_refused(tmp_path, changed, message):
    with pytest.raises(ValueError, match=message):
        check_cifar100_n(tmp_path, **changed)


@pytest.mark.parametrize(("rows", "columns"), [(9, 3), (10, 2)])
def test_side_information_of_cifar100_n_has_a_row_for_five_images(tmp_path, rows, columns):
    check_cifar100_n(tmp_path)
    text = "\n".join([",".join("abc"[:columns]), *[",".join("1" * columns)] * rows])
    side = tmp_path / "side_info_cifar100N.csv"
    side.write_text(text + "\n")
    files = ("cifar-100-binary.tar.gz", "CIFAR-100_human_annotations.csv", side.name)
    with pytest.raises(
        ValueError, match=rf"10 rows .* 3 columns or more, got \({rows}, {columns}\)"
    ):
        check("cifar100_n", *(tmp_path / n for n in (*files, "image_order_c100.npy")))


@pytest.mark.parametrize("name", ["CIFAR-10_human_annotations.csv", "image_order_c10.npy"])
def test_a_manual_file_with_another_hash_than_the_known_one_is_refused(tmp_path, name):
    train, known = write_cifar(tmp_path)
    write_human(tmp_path, train)
    content = (tmp_path / name).read_bytes()
    known[name] = hashlib.sha256(content).hexdigest()
    find("cifar10_n", tmp_path, hashes=known)
    (tmp_path / name).write_bytes(content + b"\n")
    with pytest.raises(ValueError, match=f"must be the published {name}") as caught:
        local_builder.prepare("cifar10_n", tmp_path, tmp_path / "tfds", hashes=known)
    assert f"expected sha256 {known[name]}, found " in str(caught.value)
    assert "fetch it again" in str(caught.value)
    assert not (tmp_path / "tfds").exists()


def test_a_pickled_manual_file_is_never_opened(tmp_path):
    train, known = write_cifar(tmp_path)
    write_human(tmp_path, train)
    np.save(tmp_path / "image_order_c10.npy", np.array([{}], dtype=object))
    with pytest.raises(ValueError, match=r"it is not .it holds Python objects"):
        local_builder.prepare("cifar10_n", tmp_path, tmp_path / "tfds", hashes=known)


def test_what_tfds_writes_says_whose_builder_it_was(tmp_path):
    pytest.importorskip("tensorflow_datasets")
    _, known = write_cifar(tmp_path)
    path = local_builder.prepare("cifar10", tmp_path, tmp_path / "tfds", hashes=known)
    info = json.loads((path / "dataset_info.json").read_text())
    assert info["moduleName"] == "tensorflow_datasets.image_classification.cifar"

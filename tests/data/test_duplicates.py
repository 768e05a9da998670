import csv
import hashlib
import io

import numpy as np
import pytest
from PIL import Image

from tssd_keras.data import duplicates as module
from tssd_keras.data.duplicates import (
    CONFLICT,
    COPY,
    IN_TEST,
    digests,
    find_duplicates,
    summary,
    write_csv,
)
from tssd_keras.data.inputs import ArrayInputs, EncodedImages

pytestmark = pytest.mark.backend_free

# One letter a sample; equal letters are equal samples.
TRAIN, TRAIN_LABELS = "abcbdeaeff", [0, 1, 0, 1, 2, 0, 0, 1, 2, 2]
TEST, TEST_LABELS = "xdaxf", [0, 2, 1, 0, 2]


def of(letters):
    """Digests of samples that are one byte each."""
    return digests(ArrayInputs(np.frombuffer(letters.encode(), np.uint8)[:, None]))


def found(train=TRAIN, test=TEST, labels=TRAIN_LABELS, test_labels=TEST_LABELS):
    return find_duplicates(of(train), of(test), np.array(labels), np.array(test_labels))


def members(duplicates):
    """(group, split and index, label, kind) of each member."""
    return [
        (int(g), f"{'test' if t else 'train'} {i}", int(y), int(k))
        for g, t, i, y, k in zip(
            duplicates.group,
            duplicates.in_test,
            duplicates.index,
            duplicates.given,
            duplicates.kind,
            strict=True,
        )
    ]


def by_hand(train, test, labels):
    """The three counts, by comparing every pair."""
    n = range(len(train))
    copies = [[j for j in n if train[j] == train[i]] for i in n]
    return (
        sum(letter in test for letter in train),
        sum(len({labels[j] for j in copies[i]}) > 1 for i in n),
        sum(len(copies[i]) > 1 for i in n),
    )


def test_groups_are_numbered_by_their_first_training_sample():
    assert members(found()) == [
        (0, "train 0", 0, IN_TEST),
        (0, "train 6", 0, IN_TEST),
        (0, "test 2", 1, IN_TEST),
        (1, "train 1", 1, COPY),
        (1, "train 3", 1, COPY),
        (2, "train 4", 2, IN_TEST),
        (2, "test 1", 2, IN_TEST),
        (3, "train 5", 0, CONFLICT),
        (3, "train 7", 1, CONFLICT),
        (4, "train 8", 2, IN_TEST),
        (4, "train 9", 2, IN_TEST),
        (4, "test 4", 2, IN_TEST),
    ]


def test_the_counts_are_of_training_samples():
    duplicates = found()
    assert duplicates.n_train_in_test == 5  # a a d f f
    assert duplicates.n_conflicting == 2  # e e
    assert duplicates.n_train_copies == 8  # a a b b e e f f


def test_a_conflict_counts_in_a_group_that_test_shares_too():
    duplicates = found("aab", "a", [0, 1, 0], [0])
    assert (duplicates.n_train_in_test, duplicates.n_conflicting) == (2, 2)
    assert set(duplicates.kind) == {IN_TEST}


@pytest.mark.parametrize("seed", range(5))
def test_the_counts_are_those_of_comparing_every_pair(seed):
    rng = np.random.default_rng(seed)
    train, test = ("".join(rng.choice(list("abcdefghijkl"), n)) for n in (12, 5))
    labels, test_labels = rng.integers(0, 3, 12), rng.integers(0, 3, 5)
    got = found(train, test, labels, test_labels)
    counts = (got.n_train_in_test, got.n_conflicting, got.n_train_copies)
    assert counts == by_hand(train, test, labels)


def test_copies_within_test_alone_are_no_matter_of_training():
    duplicates = found("abc", "xx", [0, 1, 2], [0, 1])
    assert len(duplicates) == 0
    assert summary(duplicates).startswith("no training sample equals")


def test_a_digest_is_the_hash_of_the_samples_bytes():
    x = np.random.default_rng(0).normal(size=(4, 3, 2)).astype(np.float32)
    expected = [hashlib.blake2b(row.tobytes(), digest_size=16).digest() for row in x]
    got = digests(ArrayInputs(x))
    assert (got.dtype, got.shape) == (np.uint8, (4, 16))
    assert [row.tobytes() for row in got] == expected


def test_digests_are_in_order_whatever_the_blocks_and_every_sample_is_counted(monkeypatch):
    x = np.random.default_rng(0).integers(0, 256, (1000, 4, 4, 3), np.uint8)
    whole, counted = digests(ArrayInputs(x)), []
    monkeypatch.setattr(module, "BLOCK_BYTES", 48 * 7)  # seven samples
    np.testing.assert_array_equal(digests(ArrayInputs(x), counted.append), whole)
    assert (sum(counted), max(counted)) == (1000, 7)


def test_samples_that_do_not_lie_in_one_piece_have_the_same_digests():
    x = np.random.default_rng(0).integers(0, 256, (20, 4, 6), np.uint8)
    turned = np.asfortranarray(x)
    np.testing.assert_array_equal(digests(ArrayInputs(turned)), digests(ArrayInputs(x)))


def test_encoded_images_are_compared_by_their_pixels():
    pixels = np.random.default_rng(0).integers(0, 256, (3, 5, 5, 3), np.uint8)
    files = []
    for level in (1, 9):
        for image in pixels:
            out = io.BytesIO()
            Image.fromarray(image).save(out, "PNG", compress_level=level)
            files.append(out.getvalue())
    got = digests(EncodedImages(files, (5, 5, 3)))
    np.testing.assert_array_equal(got, np.tile(digests(ArrayInputs(pixels)), (2, 1)))


def test_an_image_that_cannot_be_decoded_is_told():
    with pytest.raises(ValueError, match="image 0 of 1 "):
        digests(EncodedImages([b"no image"], (5, 5, 3)))


def test_no_test_samples_are_no_trouble():
    assert found("aa", "", [0, 0], []).n_train_copies == 2


def test_digests_without_their_labels_are_refused():
    with pytest.raises(ValueError, match=r"train must be digests .* uint8\[2, 16\], got uint8\(3,"):
        found("abc", "x", [0, 1], [0])


def test_the_summary_names_counts_and_the_first_groups():
    assert summary(found(), n_named=2) == (
        "5 training samples equal a test sample, 8 equal another training sample, 2 one with a "
        "different label; 5 groups, the first: train 0 = train 6 = test 2; train 1 = train 3"
    )


def test_the_file_has_a_row_for_each_member(tmp_path):
    path = tmp_path / "duplicates.csv"
    ids = np.array([f"train_{i:02}" for i in range(10)])
    write_csv(path, found(), ("cat", "dog, big", "=fox"), ids=ids)
    with open(path, newline="", encoding="utf-8") as file:
        rows = list(csv.reader(file))
    assert len(rows) == 1 + 12
    assert rows[0] == ["group", "split", "index", "id", "given", "kind"]
    assert rows[3] == ["0", "test", "2", "", "dog, big", "train+test"]
    assert rows[4] == ["1", "train", "1", "train_01", "dog, big", "same label"]
    assert rows[9] == ["3", "train", "7", "train_07", "dog, big", "different labels"]
    assert rows[10][4] == "'=fox"  # no spreadsheet calculates it

import numpy as np
import pytest

from tssd_keras.data.class_labels import check_enough_of_each, class_labels

pytestmark = pytest.mark.backend_free

GOOD = [0, 1, 2, 0]
NA = type("NAType", (), {})()  # pandas' NA has no other name


def objects(*things):
    """An array of just these things, whatever numpy would make of them."""
    array = np.empty(len(things), object)
    for i, thing in enumerate(things):
        array[i] = thing
    return array


@pytest.mark.parametrize("dtype", ["uint8", "int16", "int32", "int64", "uint64", ">i2", ">i8"])
def test_whole_numbers_of_any_size_and_byte_order_come_as_int64(dtype):
    labels = class_labels("labels", np.array(GOOD, dtype), n=4, n_classes=3)
    assert labels.dtype == np.int64 and labels.dtype.isnative
    assert labels.tolist() == GOOD


def test_lists_are_labels_and_minus_one_only_where_it_says_something():
    assert class_labels("labels", GOOD).tolist() == GOOD
    unknown = class_labels("true_labels", [0, -1], n_classes=2, minus_one="where unknown")
    assert unknown.tolist() == [0, -1]
    with pytest.raises(ValueError, match=r"in 0\.\.1: 1 of 2 do not, the first is sample 1 with"):
        class_labels("labels", [0, -1], n_classes=2)


FAULTS = {
    "a column": (np.array(GOOD)[:, None], r"got int64\[4, 1\]\. .*column.*\.ravel\(\)\.$"),
    "a row": (np.array(GOOD)[None], r"\[1, 4\]\. .*\.ravel\(\)\.$"),
    "one-hot rows": (np.eye(3)[GOOD], r"One-hot rows .*\.argmax\(axis=1\)\.$"),
    "probabilities": (np.full((4, 3), 1 / 3), r"probabilities .*\.argmax\(axis=1\)"),
    "several classes": (np.ones((4, 3), int), "several classes, or none: .* one class number"),
    "no class": (np.zeros((4, 3), int), "several classes, or none: .* one class number"),
    "numbers in rows": (np.full((4, 3), 7), r"\[4, 3\]\. Give each sample one class number"),
    "one number": (3, "It is one int, no array"),
    "something else": (object(), r"It is one object, .* sparse matrix .*\.toarray\(\)"),
    "ragged lists": ([[0], [1, 2]], "lists of different lengths"),
    "whole floats": (np.array(GOOD, float), r"got float64\[4\]\. Try \.astype\(np\.int64\)\.$"),
    "fractions": (np.array([0, 0.5, 2, 0]), "1 are fractions, the first is sample 1 with 0.5"),
    "NaN": (np.array([0, 1, np.nan, 0]), "1 are missing, the first is sample 2: leave those"),
    "None": (np.array([0, None, 1, 2], object), "1 are missing, the first is sample 1: leave"),
    "NA of pandas": (np.array([0, 1, NA, NA], object), "2 are missing, the first is sample 2"),
    "booleans": (np.array([True, False]), r"got bool\[2\]\. Try \.astype\(np\.int64\)"),
    "numbers as objects": (np.array(GOOD, object), r"object\[4\]\. Try \.astype\(np\.int64\)"),
    "names": (["cat", "dog"], r"Names .*np\.unique\(names, return_inverse=True\)\[1\]"),
    "names as objects": (np.array(["cat", "dog"], object), r"Names .*return_inverse"),
    "numbers as text": (["0", "1"], r"Numbers as text .*\.astype\(np\.int64\)"),
    "rows as objects": (objects(np.zeros(2), None, 1), "1 are missing, the first is sample 1"),
    "NaN as objects": (np.array([np.float32("nan"), 1], object), "1 are missing, .* sample 0"),
    "things": (np.array([0, object()], object), "Give each sample one class number"),
    "dates": (np.array(["2020-01-01"], "M8[D]"), "Give each sample one class number"),
    "counted from 1": ([1, 2, 3, 1], r"first is sample 2 with 3\. .*count from 1 .*labels - 1"),
    "no label": ([0, -1, 1, 2], r"sample 1 with -1\. Drop those samples, if nobody gave"),
    "below": ([0, -7, 1, 2], r"sample 1 with -7\. Number the classes from 0"),
    "above": ([0, 9, 1, 2], r"sample 1 with 9\. Drop .*or raise the number of classes"),
    "above int64": (np.array([0, 2**63, 1, 2], np.uint64), "1 of 4 do not, the first is sample 1"),
    "too few": ([0, 1], "one entry for each of 4 samples, got 2"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_each_fault_has_its_own_remedy(fault):
    labels, message = FAULTS[fault]
    n = 4 if fault == "too few" else None
    with pytest.raises(ValueError, match=f"^y must .*{message}"):
        class_labels("y", labels, n=n, n_classes=3)


@pytest.mark.parametrize("fault", ["a column", "one-hot rows", "whole floats", "counted from 1"])
def test_a_remedy_that_is_followed_helps(fault):
    follow = {
        "a column": lambda y: y.ravel(),
        "one-hot rows": lambda y: y.argmax(axis=1),
        "whole floats": lambda y: y.astype(np.int64),
        "counted from 1": lambda y: np.array(y) - 1,
    }
    labels = class_labels("y", follow[fault](FAULTS[fault][0]), n_classes=3)
    assert labels.tolist() == GOOD


def test_missing_labels_are_filled_where_minus_one_says_that_nobody_knows():
    with pytest.raises(ValueError, match=r"set them to -1 where unknown, then \.astype"):
        class_labels("y", [0.0, np.nan], n_classes=2, minus_one="where unknown")


def test_an_entry_is_named_as_its_place_is_and_the_number_of_classes_explained():
    with pytest.raises(
        ValueError, match=r"0\.\.1, as p has 2 columns, or be -1 where unknown: .* line 4 with 5"
    ):
        class_labels(
            *("y", [0, 1, 0, 5]),
            n_classes=2,
            minus_one="where unknown",
            why="as p has 2 columns",
            place=lambda i: f"line {i + 1}",
        )


def test_the_first_class_with_too_few_samples_is_named():
    labels = np.array([0, 0, 2])
    check_enough_of_each("each class must occur", labels[:2], 1, 2, remedy="Add some.")
    with pytest.raises(
        ValueError,
        match=r"^must: 2 of 3 classes have fewer, .* class 1 \('b'\) with 0 of 3\. Add some\.$",
    ):
        check_enough_of_each("must", labels, 3, 2, remedy="Add some.", names=("a", "b", "c"))


def test_labels_of_a_hinge_are_told_how_they_become_class_numbers():
    with pytest.raises(ValueError, match=r"become 0 and 1 by \(labels \+ 1\) // 2"):
        class_labels("labels", np.array([-1, 1, 1, -1]), n_classes=2)

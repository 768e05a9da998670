import numpy as np
import pytest

from tssd_keras.data.targets import Form, as_targets, whole

pytestmark = pytest.mark.backend_free

Y = np.array([0, 2, 1, 2])
NAMES = np.array(["cat", "owl", "dog", "owl"])


@pytest.mark.parametrize(
    ("labels", "kind", "dtype"),
    [
        (Y, "whole", "int64"),
        (Y.tolist(), "whole", "int64"),
        (Y.astype("uint8")[:, None], "column", "int64"),
        (Y.astype(float), "whole", "float32"),
        (Y.astype("float32")[:, None], "column", "float32"),
        (np.eye(3)[Y], "one_hot", "float32"),
        (np.eye(3, dtype=bool)[Y], "one_hot", "float32"),
    ],
)
def test_labels_are_whole_numbers_inside_and_go_out_as_they_came(labels, kind, dtype):
    found = as_targets("labels", labels)
    np.testing.assert_array_equal(found.labels, Y)
    assert (found.form, found.names) == (Form(kind, dtype), None)
    given = found.form.of(Y, 3)
    assert given.dtype == dtype
    np.testing.assert_array_equal(given, np.asarray(labels))


@pytest.mark.parametrize("kind", [str, bytes, object])
def test_names_become_numbers_in_their_order(kind):
    labels = NAMES.astype(kind) if kind is not bytes else np.char.encode(NAMES)
    found = as_targets("labels", labels)
    assert found.labels.tolist() == [0, 2, 1, 2]
    assert (found.names, found.n_classes) == (("cat", "dog", "owl"), 3)
    assert as_targets("labels", NAMES[:, None]).form.kind == "column"


def test_truth_values_are_two_classes():
    found = as_targets("labels", np.array([True, False]))
    assert (found.labels.tolist(), found.form) == ([1, 0], Form())


def test_categories_of_pandas_keep_their_names_and_order():
    pandas = pytest.importorskip("pandas")
    series = pandas.Series(pandas.Categorical(NAMES, categories=["owl", "cat", "dog", "eel"]))
    for labels in (series, series.array):
        found = as_targets("labels", labels)
        assert found.labels.tolist() == [1, 0, 2, 0]
        assert found.names == ("owl", "cat", "dog", "eel")
    series[1] = None
    with pytest.raises(ValueError, match="1 of 4 are missing, the first is sample 1"):
        as_targets("labels", series)
    assert as_targets("labels", pandas.Series(NAMES)).names == ("cat", "dog", "owl")


class Categories:
    """What pandas gives, as far as it is looked at."""

    codes, categories, dtype = np.array([1, 0, -1]), ["b", "a"], "category"


def test_a_category_without_a_value_is_missing():
    with pytest.raises(ValueError, match=r"labels must name a class each: 1 of 3 .* sample 2"):
        as_targets("labels", Categories())


@pytest.mark.parametrize("missing", ["", None, "  "])
def test_a_label_without_a_name_is_missing(missing):
    with pytest.raises(ValueError, match="1 of 3 are missing, the first is sample 1"):
        as_targets("labels", np.array(["a", missing, "b"], object))


def test_other_labels_of_the_same_classes_are_numbered_alike():
    targets = as_targets("labels", NAMES)
    assert whole("golden labels", ["dog", "cat"], targets).tolist() == [1, 0]
    truth = np.array(["owl", "", None], object)
    assert whole("Labels.true", truth, targets, minus_one="where unknown").tolist() == [2, -1, -1]
    with pytest.raises(ValueError, match=r"must be names of classes: 2 of 2 .* sample 0 with '2'"):
        whole("golden labels", np.array([2, 0]), targets)
    with pytest.raises(ValueError, match=r"1 of 2 are not, .* sample 1 with 'eel'.* name 'cat'"):
        whole("golden labels", ["dog", "eel"], targets)
    with pytest.raises(ValueError, match="must be names of classes: 1 of 2"):
        whole("golden labels", ["dog", ""], targets)
    numbers = as_targets("labels", Y)
    assert whole("golden labels", np.eye(3)[[2, 1]], numbers).tolist() == [2, 1]
    with pytest.raises(ValueError, match=r"golden labels must be class numbers, .* is 'dog'"):
        whole("golden labels", ["dog", "cat"], numbers)
    for truth in (Y.astype(float), np.eye(3)[Y], Y[:, None]):
        assert whole("Labels.true", truth, numbers, minus_one="unknown").tolist() == Y.tolist()


def test_classes_whose_names_are_numbers_are_told_by_them():
    targets = as_targets("labels", np.array(["10", "2", "30", "2"]))
    assert targets.names == ("10", "2", "30")
    assert whole("golden labels", np.array([30, 2]), targets).tolist() == [2, 1]
    truth = np.array([2.0, -1.0])
    assert whole("Labels.true", truth, targets, minus_one="unknown").tolist() == [1, -1]
    pandas = pytest.importorskip("pandas")
    kinds = pandas.Series(pandas.Categorical([2, 0, 1], categories=[2, 0, 1]))
    targets = as_targets("labels", kinds)
    assert targets.labels.tolist() == whole("golden labels", kinds, targets).tolist() == [0, 1, 2]


@pytest.mark.parametrize(
    "labels", [np.full(3, 0.5), np.ones((3, 2)), np.array([0, np.nan]), np.array(1)]
)
def test_what_is_no_label_is_left_to_the_check_of_class_labels(labels):
    assert as_targets("labels", labels).labels is labels


@pytest.mark.parametrize("names", [None, ("a", "b")])
def test_rows_of_different_lengths_are_no_labels(names):
    with pytest.raises(
        ValueError, match=r"golden labels must be .* got lists of different lengths"
    ):
        as_targets("golden labels", [[1], [1, 2]])
    with pytest.raises(
        ValueError, match=r"golden labels must be .* got lists of different lengths"
    ):
        whole("golden labels", [[1], [1, 2]], as_targets("labels", names or [0, 1]))


@pytest.mark.parametrize("gap", ["nan", "-1", "<NA>", ""])
def test_names_that_say_that_nobody_gave_a_label_are_no_class(gap):
    labels = np.array(["0", gap, "1", gap, "0"])
    with pytest.raises(ValueError, match="2 of 5 are missing, the first is sample 1"):
        as_targets("labels", labels)
    with pytest.raises(ValueError, match="2 of 5 are missing, the first is sample 1"):
        as_targets("labels", pytest.importorskip("pandas").Categorical(labels))


@pytest.mark.parametrize(
    ("twice", "shown"),
    [
        (("caf\u00e9", "cafe\u0301"), r"'cafe\\u0301' and 'caf\\xe9'"),
        (("tea", "tea "), "'tea' and 'tea '"),
        (("1", "1.0"), r"'1' and '1\.0'"),
    ],
)
def test_one_class_in_two_spellings_is_refused_with_both(twice, shown):
    with pytest.raises(ValueError, match=rf"each class in one way: .* first as {shown}\."):
        as_targets("labels", np.array([*twice, *twice, "2"]))


def test_classes_that_differ_in_case_only_are_asked_about():
    with pytest.warns(UserWarning, match="the first: Cat and cat"):
        targets = as_targets("labels", np.array(["Cat", "cat", "dog"]))
    assert targets.names == ("Cat", "cat", "dog")

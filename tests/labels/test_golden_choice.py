import dataclasses

import numpy as np
import pytest

from tssd_keras.data.duplicates import equal_to_some
from tssd_keras.data.inputs import ArrayInputs
from tssd_keras.data.labelled_data import LabelledData
from tssd_keras.labels.golden import check_golden_labels
from tssd_keras.labels.golden_choice import (
    MARK_MORE,
    choose_golden,
    in_test,
    marked_samples,
    trusted_labels,
)
from tssd_keras.recipe.data_sections import GoldenRecipe

pytestmark = pytest.mark.backend_free

N, T, K = 30, 6, 3


def digest(numbers):
    """A digest of each sample that tells the numbers apart."""
    out = np.zeros((len(numbers), 16), np.uint8)
    out[:, 3] = numbers
    return out


def data(**changed):
    """Thirty samples of three classes in turn; none equals a test sample."""
    whole = LabelledData(
        name="made",
        inputs=ArrayInputs(np.zeros((N, 2))),
        labels=np.arange(N) % K,
        true_labels=None,
        test_inputs=ArrayInputs(np.zeros((T, 2))),
        test_labels=np.arange(T) % K,
        class_names=("a", "b", "c"),
        ids=np.array([f"s{i}" for i in range(N)]),
        test_ids=np.array([f"t{i}" for i in range(T)]),
        digests=digest(np.arange(N)),
        test_digests=digest(100 + np.arange(T)),
    )
    return dataclasses.replace(whole, **changed)


def mask(*index):
    return np.isin(np.arange(N), index)


@pytest.fixture
def ids(tmp_path):
    def write(*names):
        path = tmp_path / "golden.txt"
        path.write_text("# checked by hand\n" + "\n".join(names) + "\n\n", encoding="utf-8")
        return GoldenRecipe(ids=str(path))

    return write


def test_a_list_of_ids_marks_those_samples(ids):
    marked = marked_samples(ids("s3", "s0", "s29"), data())
    assert np.flatnonzero(marked).tolist() == [0, 3, 29]


def test_a_list_of_ids_goes_before_what_the_data_mark(ids):
    marked = marked_samples(ids("s3"), data(trusted=mask(1, 2)))
    assert np.flatnonzero(marked).tolist() == [3]


def test_without_marks_or_without_a_trusted_source_nothing_is_marked():
    assert marked_samples(GoldenRecipe(), data()) is None
    assert marked_samples(GoldenRecipe(source="certain"), data(trusted=mask(1))) is None


@pytest.mark.parametrize(
    ("names", "message"),
    [
        (
            ["s1", "x7", "x8", "x9", "y"],
            "exist: 4 of 5 in .* the first x7, x8, x9. Ids look like s0",
        ),
        (["s1", "s2", "s1"], "name each sample once: 1 of 3 .* the first s1"),
        (["s1", "t2"], "not test samples: 1 of 2 .* the first t2. Accuracy would"),
    ],
)
def test_ids_that_cannot_be_golden_are_told(ids, names, message):
    with pytest.raises(ValueError, match=message):
        marked_samples(ids(*names), data())


def test_a_line_that_begins_with_a_hash_is_an_id_if_there_is_such_a_sample(ids):
    names = np.array([f"#{i}" if i == 4 else f"s{i}" for i in range(N)])
    marked = marked_samples(ids("s1", "#4", "#5 was a dog"), data(ids=names))
    assert np.flatnonzero(marked).tolist() == [1, 4]
    test_ids = np.array([f"#t{i}" for i in range(T)])
    with pytest.raises(ValueError, match=r"not test samples: 1 of 2 .* the first #t3"):
        marked_samples(ids("s1", "#t3"), data(test_ids=test_ids))


def test_an_empty_list_of_ids_marks_nobody_and_that_is_refused(ids):
    with pytest.raises(ValueError, match="mark none of 30 as trusted"):
        marked_samples(ids(), data())


def test_a_list_that_is_not_there_and_samples_without_ids_are_told(tmp_path, ids):
    with pytest.raises(FileNotFoundError, match=r"golden\.ids must name a text file"):
        marked_samples(GoldenRecipe(ids=str(tmp_path / "none.txt")), data())
    with pytest.raises(ValueError, match=r"golden\.ids needs samples that have ids"):
        marked_samples(ids("s1"), data(ids=None))


def test_a_marked_sample_that_equals_a_test_sample_is_refused(ids):
    twins = data(test_digests=digest([7, 101, 102, 3, 104, 105]))
    with pytest.raises(ValueError, match=r"2 of 3 are equal to a test sample .* the first s3, s7"):
        marked_samples(ids("s3", "s7", "s8"), twins)
    assert marked_samples(ids("s4", "s8"), twins) is not None


def test_of_many_marked_samples_a_test_samples_twin_is_not_drawn():
    twins = data(trusted=mask(*range(20)), test_digests=digest([7, 101, 102, 3, 104, 105]))
    for seed in range(20):
        recipe = GoldenRecipe(at_most_per_class=6, seed=seed)
        chosen = choose_golden(recipe, twins, None, marked_samples(recipe, twins), np.arange(N))
        assert not np.isin(chosen, [3, 7]).any()


def test_samples_that_equal_some_are_found_where_somebody_looked():
    twins = data(digests=digest([0, 1, 2, 0, *range(4, N)]))
    assert np.flatnonzero(equal_to_some(twins.digests, mask(3, 9))).tolist() == [0, 3, 9]
    assert np.flatnonzero(equal_to_some(None, mask(3, 9))).tolist() == [3, 9]


def test_a_class_without_two_golden_samples_is_told_in_the_words_of_a_recipe():
    with pytest.raises(ValueError, match=r"2 of 3 .* class 1 \('b'\) with 1 of 3\. .*golden\.ids"):
        check_golden_labels(np.array([0, 0, 1]), 3, remedy=MARK_MORE, names=("a", "b", "c"))
    check_golden_labels(np.array([0, 0, 1, 1, 2, 2]), 3, remedy=MARK_MORE)


def test_golden_samples_that_are_drawn_are_never_a_test_samples_twin():
    twins = data(true_labels=np.arange(N) % K, test_digests=digest([0, 3, 6, 9, 12, 15]))
    assert np.flatnonzero(in_test(twins)).tolist() == [0, 3, 6, 9, 12, 15]
    drawn = [
        choose_golden(
            GoldenRecipe(per_class=3, seed=seed), twins, twins.true_labels, None, np.arange(N)
        )
        for seed in range(20)
    ]
    assert not np.isin(drawn, [0, 3, 6, 9, 12, 15]).any()


def test_marked_samples_that_were_taken_for_something_else_are_not_golden():
    chosen = choose_golden(GoldenRecipe(), data(), None, mask(1, 5, 9), np.arange(5, N))
    assert chosen.tolist() == [5, 9]


def test_of_many_marked_samples_so_many_of_each_class_are_drawn():
    marked = mask(*range(0, 24), 25)
    recipe = GoldenRecipe(at_most_per_class=4)
    truth = np.where(np.arange(N) == 0, 1, -1)  # sample 0 is of class 1 in truth
    chosen = choose_golden(recipe, data(), truth, marked, np.arange(N))
    assert (np.diff(chosen) > 0).all()
    assert marked[chosen].all()
    assert np.bincount(trusted_labels(data().labels, truth)[chosen]).tolist() == [4, 4, 4]
    other = choose_golden(dataclasses.replace(recipe, seed=1), data(), truth, marked, np.arange(N))
    assert other.tolist() != chosen.tolist()


def test_golden_samples_are_drawn_among_those_whose_truth_is_known():
    truth = np.where(np.arange(N) < 18, np.arange(N) % K, -1)
    chosen = choose_golden(GoldenRecipe(per_class=5), data(), truth, None, np.arange(N))
    assert len(chosen) == 15
    assert chosen.max() < 18


def test_where_nothing_is_known_to_be_right_the_ways_to_say_so_are_told():
    with pytest.raises(ValueError, match=r"golden\.ids, the column golden .* \"certain\""):
        choose_golden(GoldenRecipe(), data(), None, None, np.arange(N))


@pytest.mark.parametrize(
    ("test_digests", "words"),
    [
        ([7], "1 of 30 equal a test sample .* try a smaller golden.per_class"),
        (range(N), "30 of 30 equal a test sample .* Look whether the samples differ"),
        ([100], "Try a smaller golden.per_class"),
    ],
)
def test_a_class_without_enough_samples_that_equal_no_test_sample_says_how_many_do(
    test_digests, words
):
    """Rows that were all equal got the advice of a smaller golden.per_class."""
    some = data(true_labels=np.arange(N) % K, test_digests=digest(list(test_digests)))
    with pytest.raises(ValueError, match=words):
        choose_golden(GoldenRecipe(per_class=10), some, some.true_labels, None, np.arange(N))

import numpy as np
import pytest

from tssd_keras.data.stratify import SHORT_KEYS, first_of_each, shuffled_by_class

pytestmark = pytest.mark.backend_free


def shuffled_labels(*counts):
    """counts[k] labels of each class k, in mixed order."""
    return np.random.default_rng(1).permutation(np.repeat(np.arange(len(counts)), counts))


@pytest.mark.parametrize("offset", [0, SHORT_KEYS])
def test_rows_come_class_by_class_and_shuffled_within_each(offset):
    labels = shuffled_labels(50, 3, 80) + offset
    rows = shuffled_by_class(labels, np.random.default_rng(0))
    assert sorted(rows) == list(range(133))
    assert (np.diff(labels[rows]) >= 0).all()
    assert (np.diff(rows[:50]) < 0).any()
    plain = shuffled_by_class(labels - offset, np.random.default_rng(0))
    np.testing.assert_array_equal(rows, plain)  # however the labels are sorted


def test_the_draw_is_the_beginning_of_each_class_in_that_order():
    labels = shuffled_labels(50, 3, 80)
    order = shuffled_by_class(labels, np.random.default_rng(5))
    expected = np.sort([*order[:7], *order[50:53], *order[53:60]])
    drawn = first_of_each(labels, 7, np.random.default_rng(5))
    np.testing.assert_array_equal(drawn, expected)
    same = first_of_each(labels, np.array([7, 9, 7]), np.random.default_rng(5))
    np.testing.assert_array_equal(same, expected)


def test_each_class_can_give_another_number():
    labels = shuffled_labels(5, 6, 0, 7)
    drawn = first_of_each(labels, np.array([2, 0, 4, 9]), np.random.default_rng(0))
    assert np.bincount(labels[drawn], minlength=4).tolist() == [2, 0, 0, 7]


def test_rows_that_may_not_be_drawn_change_no_order_of_the_others():
    labels = shuffled_labels(20, 20)
    among = np.arange(40) % 3 > 0
    order = shuffled_by_class(labels, np.random.default_rng(2))
    expected = [row for k in (0, 1) for row in order if among[row] and labels[row] == k]
    n = (among & (labels == 0)).sum()
    drawn = first_of_each(labels, 4, np.random.default_rng(2), among=among)
    np.testing.assert_array_equal(drawn, np.sort([*expected[:4], *expected[n : n + 4]]))


def test_one_permutation_is_taken_of_the_generator():
    drawn, plain = np.random.default_rng(3), np.random.default_rng(3)
    first_of_each(shuffled_labels(9, 9), 2, drawn, among=np.zeros(18, bool))
    plain.permutation(18)
    assert drawn.random() == plain.random()


def test_nothing_can_be_drawn_of_nothing():
    assert first_of_each(np.empty(0, np.int64), 3, np.random.default_rng(0)).tolist() == []

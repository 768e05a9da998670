from collections import deque

import numpy as np
import pytest

from tssd_keras.judge.history import RecentMean

pytestmark = pytest.mark.backend_free


@pytest.mark.parametrize("history", [1, 2, 3, 5, 20])
def test_it_is_the_mean_of_the_last_rounds_to_the_bit_where_every_row_takes_part(history):
    rng = np.random.default_rng(0)
    recent, past, rows = RecentMean(1000, history), deque(maxlen=history), np.arange(1000)
    for _ in range(2 * history + 3):
        values = rng.normal(scale=10.0 ** rng.integers(-6, 7, 1000)).astype(np.float32)
        past.append(values)
        recent.update(rows, values)
        mean = recent.mean(rows)
        assert mean.dtype == np.float32
        np.testing.assert_array_equal(mean, np.mean(past, axis=0))


def test_each_row_is_averaged_over_the_rounds_it_took_part_in():
    recent = RecentMean(4, 2)
    recent.update(np.array([0, 1]), np.float32([1, 10]))
    recent.update(np.array([1, 2]), np.float32([20, 5]))
    recent.update(np.array([1, 0]), np.float32([40, 3]))
    assert recent.mean(np.array([0, 1, 2])).tolist() == [2, 30, 5]
    assert recent.mean(np.array([2, 0])).tolist() == [5, 2]


@pytest.mark.parametrize("history", [1, 3])
def test_rows_that_take_turns_agree_with_one_list_a_row(history):
    rng = np.random.default_rng(1)
    recent, lists = RecentMean(30, history), [[] for _ in range(30)]
    for _ in range(40):
        rows = rng.permutation(30)[:11]
        values = rng.normal(size=11).astype(np.float32)
        recent.update(rows, values)
        for row, value in zip(rows, values, strict=True):
            lists[row].append(value)
    expected = [np.mean(np.array(own[-history:], np.float32)) for own in lists]
    np.testing.assert_allclose(recent.mean(np.arange(30)), expected, rtol=1e-6)


def test_a_row_without_a_value_has_no_mean():
    recent = RecentMean(3, 2)
    assert np.isnan(recent.mean(np.arange(3))).all()
    recent.update(np.array([1]), np.float32([4]))
    np.testing.assert_array_equal(recent.mean(np.arange(3)), [np.nan, 4, np.nan])


def test_a_history_of_nothing_is_refused():
    with pytest.raises(ValueError, match="at least 1, got 0"):
        RecentMean(3, 0)


def two_rounds():
    recent = RecentMean(4, 20)
    recent.update(np.array([0, 1]), np.float32([1, 10]))
    recent.update(np.array([1, 2]), np.float32([20, 5]))
    return recent


def test_a_state_goes_on_and_holds_no_more_values_than_a_row_has_had():
    recent, other = two_rounds(), RecentMean(4, 20)
    state = recent.get_state()
    assert (state["count"].tolist(), state["values"].shape) == ([1, 2, 1, 0], (2, 4))
    other.set_state(state)
    for one in (recent, other):
        one.update(np.array([1, 3]), np.float32([30, 7]))
    np.testing.assert_array_equal(other.mean(np.arange(4)), recent.mean(np.arange(4)))
    assert other.mean(np.arange(4)).tolist() == [1, 20, 5, 7]
    other.set_state(RecentMean(4, 20).get_state())
    assert np.isnan(other.mean(np.arange(4))).all()


@pytest.mark.parametrize(
    "change",
    [
        {"values": np.zeros((3, 4), np.float32)},
        {"values": np.zeros((2, 5), np.float32)},
        {"count": np.array([1, 2, 1])},
        {"count": np.array([1.0, 2, 1, 0])},
        {"count": np.array([1, 2, -1, 0])},
        {"count": np.array([1, 1 << 40, 1, 0]), "values": np.zeros((20, 4), np.float32)},
    ],
)
def test_a_state_of_another_size_is_refused_and_nothing_changes(change):
    recent = two_rounds()
    with pytest.raises(ValueError, match="past values must be at most 20 of 4 rows"):
        recent.set_state({**recent.get_state(), **change})
    assert recent.mean(np.arange(3)).tolist() == [1, 15, 5]

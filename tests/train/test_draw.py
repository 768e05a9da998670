import numpy as np
import pytest

from tssd_keras.train.draw import draw_balanced, draw_generator

pytestmark = pytest.mark.backend_free


def drawn(count, n_samples, seed=0, epoch=0):
    """Labels with `count` samples of each class, shuffled, and the rows that are drawn of them."""
    given = np.random.default_rng(7).permutation(np.repeat(np.arange(len(count)), count))
    return given, draw_balanced(given, n_samples, len(count), draw_generator(seed, epoch))


@pytest.mark.parametrize(
    ("count", "n_samples", "per_class"),
    [
        ([50, 50, 50], 30, [10, 10, 10]),
        ([100, 4, 50], 30, [13, 4, 13]),  # what the small class lacks, the others give
        ([100, 1, 5], 30, [24, 1, 5]),
        ([100, 0, 50], 30, [15, 0, 15]),
        ([3, 4, 5], 12, [3, 4, 5]),
        ([3, 4, 5], 1000, [3, 4, 5]),  # no more than there are
    ],
)
def test_every_class_gives_as_many_or_all_it_has(count, n_samples, per_class):
    given, rows = drawn(count, n_samples)
    assert np.bincount(given[rows], minlength=len(count)).tolist() == per_class


@pytest.mark.parametrize("n_samples", range(1, 40))
def test_the_number_is_exact_and_no_larger_class_gives_less_than_another_but_for_one(n_samples):
    count = np.array([9, 2, 9, 15, 1])
    given, rows = drawn(count, n_samples)
    per_class = np.bincount(given[rows], minlength=5)
    assert len(rows) == min(n_samples, count.sum())
    short = per_class < count  # these could have given more
    if short.any():
        assert per_class.max() - per_class[short].min() <= 1


def test_rows_rise_and_come_once():
    _, rows = drawn([40, 30, 20], 50)
    assert rows.dtype == np.int64
    assert (np.diff(rows) > 0).all()


def test_the_draw_is_a_function_of_seed_and_epoch():
    first = drawn([40, 30, 20], 30, seed=1, epoch=4)[1].tolist()
    assert drawn([40, 30, 20], 30, seed=1, epoch=4)[1].tolist() == first
    assert drawn([40, 30, 20], 30, seed=1, epoch=5)[1].tolist() != first
    assert drawn([40, 30, 20], 30, seed=2, epoch=4)[1].tolist() != first


def test_it_is_not_the_generator_that_shuffles_the_epoch():
    assert draw_generator(3, 4).random() != np.random.default_rng((3, 4)).random()


def test_over_many_epochs_every_sample_of_a_class_comes_as_often():
    """600 draws of 10 among 40: each is expected 150 times, give or take 11."""
    times = np.zeros(120, int)
    for epoch in range(600):
        _, rows = drawn([40, 40, 40], 30, epoch=epoch)
        times[rows] += 1
    assert times.sum() == 600 * 30
    assert (abs(times - 150) < 5 * 11).all()


def test_chance_says_which_class_gives_the_odd_one():
    per_class = np.zeros(3, int)
    for epoch in range(300):
        given, rows = drawn([40, 40, 40], 10, epoch=epoch)
        per_class += np.bincount(given[rows], minlength=3) - 3
    assert per_class.sum() == 300
    assert per_class.min() > 60


def test_a_million_samples_are_drawn_evenly():
    given = np.random.default_rng(0).integers(0, 14, 1_000_000)
    rows = draw_balanced(given, 32_000, 14, draw_generator(0, 0))
    per_class = np.bincount(given[rows], minlength=14)
    assert len(rows) == 32_000
    assert per_class.max() - per_class.min() == 1


def test_a_draw_of_nothing_is_refused():
    with pytest.raises(ValueError, match="at least 1, got 0"):
        drawn([3, 3], 0)

import numpy as np
import pytest

from tssd_keras.labels.golden import Golden, choose_per_class

pytestmark = pytest.mark.backend_free


def shuffled_labels(*counts):
    """counts[k] labels of each class k, in mixed order."""
    return np.random.default_rng(1).permutation(np.repeat(np.arange(len(counts)), counts))


def test_each_class_gives_the_same_number_in_index_order():
    labels = shuffled_labels(30, 6, 100)
    chosen = choose_per_class(labels, 5, 3, seed=0)
    assert np.bincount(labels[chosen]).tolist() == [5, 5, 5]
    assert (np.diff(chosen) > 0).all()


def test_every_sample_of_a_class_is_chosen_as_often_as_another():
    labels = shuffled_labels(4, 8)
    times = np.zeros(12)
    for seed in range(1000):
        times[choose_per_class(labels, 2, 2, seed=seed)] += 1
    np.testing.assert_allclose(times[labels == 0] / 1000, 2 / 4, atol=0.06)
    np.testing.assert_allclose(times[labels == 1] / 1000, 2 / 8, atol=0.06)


def test_the_same_seed_gives_the_same_choice_and_another_one_another():
    labels = shuffled_labels(50, 50)
    first, again, other = (choose_per_class(labels, 10, 2, seed=seed) for seed in (3, 3, 4))
    np.testing.assert_array_equal(first, again)
    assert set(first) != set(other)


def test_renumbering_the_classes_does_not_change_the_choice():
    labels = shuffled_labels(20, 30, 40)
    renumbered = np.array([2, 0, 1])[labels]
    np.testing.assert_array_equal(
        choose_per_class(renumbered, 7, 3, seed=0), choose_per_class(labels, 7, 3, seed=0)
    )


@pytest.mark.parametrize(
    ("counts", "message"),
    [
        ((9, 3, 9), "4 samples, .* golden.per_class: 1 of 3 classes have fewer, .* class 1 with 3"),
        ((2, 9, 1), "2 of 3 classes have fewer, the first is class 0 with 2"),
        ((9, 9), "1 of 3 classes have fewer, the first is class 2 with 0"),
    ],
)
def test_a_class_that_would_have_none_left_is_named(counts, message):
    with pytest.raises(ValueError, match=message):
        choose_per_class(shuffled_labels(*counts), 3, 3, seed=0)


def test_a_golden_set_is_as_long_as_its_labels():
    assert len(Golden(np.zeros((4, 2)), np.arange(4), np.full(4, -1))) == 4

import numpy as np
import pytest

from tssd_keras.judge.class_ranks import N_QUANTILES, class_quantiles, rank_among

pytestmark = pytest.mark.backend_free


def scores(n=3000, seed=0):
    """Scores of three classes, each on a scale of its own, and their labels."""
    rng = np.random.default_rng(seed)
    labels = np.arange(n) % 3
    return (rng.gamma(2, size=n) * np.array([1, 10, 100])[labels]).astype(np.float32), labels


def test_four_scores_have_known_ranks():
    values, labels = np.array([1.0, 2.0, 3.0, 4.0]), np.zeros(4, int)
    table = class_quantiles(values, labels, 1)
    assert table.shape == (1, N_QUANTILES)
    np.testing.assert_array_equal(table[0, ::16], values)
    asked = np.array([0.5, 1.0, 2.5, 4.0, 9.0])
    np.testing.assert_array_equal(
        rank_among(asked, np.zeros(5, int), table), [0, 0.125, 0.5, 0.875, 1]
    )


def test_ranks_are_the_share_of_the_class_below():
    values, labels = scores()
    found = rank_among(values, labels, class_quantiles(values, labels, 3))
    assert found.dtype == np.float32
    for k in range(3):
        own = values[labels == k]
        np.testing.assert_allclose(
            found[labels == k], (own < own[:, None]).mean(axis=1), atol=1 / N_QUANTILES
        )


def test_the_scale_of_a_class_does_not_matter():
    values, labels = scores()
    other = values * np.array([7.0, 0.01, 3.0])[labels]
    np.testing.assert_array_equal(
        rank_among(other, labels, class_quantiles(other, labels, 3)),
        rank_among(values, labels, class_quantiles(values, labels, 3)),
    )


def test_the_order_of_samples_does_not_matter():
    values, labels = scores()
    order = np.random.default_rng(1).permutation(len(values))
    np.testing.assert_array_equal(
        class_quantiles(values[order], labels[order], 3), class_quantiles(values, labels, 3)
    )


def test_a_class_without_samples_has_the_quantiles_of_all():
    values, labels = scores()
    table = class_quantiles(values, labels, 4)
    assert np.median(values) == pytest.approx(np.median(table[3]), rel=0.05)
    assert (np.diff(table, axis=1) >= 0).all()


def test_a_class_of_one_sample_and_equal_scores_have_ranks():
    labels = np.array([0, 1, 1])
    values = np.array([5.0, 2.0, 2.0])
    table = class_quantiles(values, labels, 2)
    np.testing.assert_array_equal(rank_among(values, labels, table), [0.5, 0.5, 0.5])


def test_ranks_are_those_of_all_comparisons_also_of_ties_and_beyond_the_ends():
    values, labels = scores()
    table = class_quantiles(values - 20, labels, 3)
    asked = np.concatenate([table.ravel(), [-1e9, 0, 1e9]]).astype(np.float32)
    of = np.arange(len(asked)) % 3
    below, up_to = (np.mean(f(table[of], asked[:, None]), 1) for f in (np.less, np.less_equal))
    np.testing.assert_array_equal(rank_among(asked, of, table), (below + up_to) / 2)

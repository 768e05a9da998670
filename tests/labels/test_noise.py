import hashlib

import numpy as np
import pytest

from tssd_keras.labels.noise import (
    asymmetric,
    draw_labels,
    labels_sha256,
    pair,
    symmetric,
    transition_matrix,
)
from tssd_keras.recipe.checks import check_matrix

pytestmark = pytest.mark.backend_free


def wrong_share(matrix):
    """Share of wrong labels when all classes are equally common."""
    return 1 - np.diag(matrix).mean()


def test_a_flipped_label_is_uniform_over_the_other_classes():
    expected = [[0.4, 0.3, 0.3], [0.3, 0.4, 0.3], [0.3, 0.3, 0.4]]
    np.testing.assert_allclose(symmetric(3, 0.6), expected)


def test_symmetric_50_percent_with_the_true_class_is_45_percent_on_ten_classes():
    assert wrong_share(symmetric(10, 0.5, include_true=True)) == pytest.approx(0.45)
    assert wrong_share(symmetric(10, 0.5)) == pytest.approx(0.5)


@pytest.mark.parametrize("n_classes", [2, 3, 10, 200])
@pytest.mark.parametrize("rate", [0.0, 0.3, 1.0])
def test_drawing_the_true_class_too_is_the_same_noise_at_a_lower_rate(n_classes, rate):
    lower = rate * (n_classes - 1) / n_classes
    np.testing.assert_allclose(
        symmetric(n_classes, rate, include_true=True), symmetric(n_classes, lower), atol=1e-12
    )


@pytest.mark.parametrize("include_true", [False, True])
def test_symmetric_noise_does_not_tell_classes_apart(include_true):
    matrix = symmetric(5, 0.37, include_true=include_true)
    order = np.array([3, 0, 4, 1, 2])
    np.testing.assert_array_equal(matrix[np.ix_(order, order)], matrix)
    np.testing.assert_array_equal(matrix.T, matrix)


def test_pair_noise_moves_each_class_to_the_next_and_the_last_to_the_first():
    np.testing.assert_allclose(pair(3, 0.2), [[0.8, 0.2, 0], [0, 0.8, 0.2], [0.2, 0, 0.8]])


def test_asymmetric_40_percent_is_36_percent_on_fashion_mnist():
    matrix = asymmetric(tuple("0123456789"), 0.4, "fashion_mnist")
    assert wrong_share(matrix) == pytest.approx(0.36)
    assert matrix[9, 7] == pytest.approx(0.4)
    assert matrix[7, 9] == 0
    assert matrix[8, 8] == 1


def test_a_class_moves_wholly_at_rate_one():
    np.testing.assert_array_equal(pair(4, 1.0), np.roll(np.eye(4), 1, axis=1))


@pytest.mark.parametrize(
    ("matrix", "message"),
    [
        ([[0.5, 0.5]], r"shape \(2, 2\), got \(1, 2\)"),
        ([0.5, 0.5], r"shape \(2, 2\), got \(2,\)"),
        (np.eye(3), r"shape \(2, 2\), got \(3, 3\)"),
        ([[1, 0], [0.5, 0.4]], "1 of 2 rows are not, the first is row 1 with sum 0.9"),
        ([[1.2, -0.2], [-0.1, 1.1]], "2 of 2 rows are not, the first is row 0 with sum 1"),
        ([[1, 0], [np.nan, 1]], "the first is row 1 with sum nan"),
        ([[np.inf, 0], [0, 1]], "the first is row 0 with sum inf"),
    ],
)
def test_what_is_no_transition_matrix_is_refused_by_its_row(matrix, message):
    with pytest.raises(ValueError, match=message):
        transition_matrix("matrix", ("cat", "dog"), matrix=matrix)


def test_a_checked_matrix_comes_back_as_float64():
    matrix = check_matrix([[1, 0], [0, 1]], 2)
    assert matrix.dtype == np.float64
    np.testing.assert_array_equal(matrix, np.eye(2))


def test_an_unknown_kind_is_refused_with_the_known_ones():
    with pytest.raises(ValueError, match=r"none, symmetric, .*, matrix, got 'symetric'"):
        transition_matrix("symetric", ("cat", "dog"))


def test_each_label_is_where_one_uniform_number_falls_in_its_row():
    matrix = np.array([[0.5, 0.25, 0.25], [0.1, 0.9, 0], [0, 0.3, 0.7]])
    true = np.arange(200) % 3
    uniform = np.random.default_rng(7).random(200)
    expected = (uniform[:, None] >= np.cumsum(matrix[true], axis=1)).sum(axis=1)
    np.testing.assert_array_equal(draw_labels(true, matrix, seed=7), expected)


def test_a_class_of_probability_0_is_not_drawn_from_a_row_that_sums_to_almost_1():
    matrix = check_matrix([[1 - 5e-7, 0], [0, 1]], 2)  # within the tolerance of the check
    assert np.random.default_rng(0).random(9_000_000).max() > matrix[0, 0]
    assert draw_labels(np.zeros(9_000_000, np.int64), matrix, seed=0).max() == 0


def test_the_hash_is_of_little_endian_int64_in_index_order():
    data = bytes([1, 0, 0, 0, 0, 0, 0, 0, 2, 1, 0, 0, 0, 0, 0, 0]) + b"\xff" * 8
    assert labels_sha256(np.array([1, 258, -1])) == hashlib.sha256(data).hexdigest()
    assert labels_sha256(np.array([258, 1, -1])) != hashlib.sha256(data).hexdigest()


@pytest.mark.parametrize("dtype", ["i1", "u1", "<i4", ">i4", ">i8", "u8"])
def test_the_hash_does_not_depend_on_how_the_labels_are_stored(dtype):
    labels = np.array([3, 1, 4, 1, 5])
    stored = np.repeat(labels, 2).astype(dtype)[::2]
    assert not stored.flags.c_contiguous
    assert labels_sha256(stored) == labels_sha256(labels)

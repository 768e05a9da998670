"""What holds for every kind of noise."""

import numpy as np
import pytest

from tssd_keras.labels.noise import draw_labels, transition_matrix
from tssd_keras.recipe.checks import check_matrix
from tssd_keras.recipe.choices import MATRIX_NOISES

pytestmark = pytest.mark.backend_free

WNIDS = ("n03", "n01", "n04", "n02")
SETTINGS = {
    "none": {},
    "symmetric": {"rate": 0.4, "include_true": True},
    "asymmetric": {"rate": 0.4, "dataset": "tiny_imagenet"},
    "pair": {"rate": 0.4},
    "matrix": {"matrix": [[0.7, 0.3, 0, 0], [0, 1, 0, 0], [0.2, 0.2, 0.2, 0.4], [0.5, 0, 0, 0.5]]},
}


@pytest.fixture(params=MATRIX_NOISES)
def matrix(request):
    return transition_matrix(request.param, WNIDS, **SETTINGS[request.param])


def true_labels(n):
    return np.random.default_rng(1).integers(0, len(WNIDS), n)


def test_the_sweep_covers_every_kind():
    assert set(SETTINGS) == set(MATRIX_NOISES)


def test_rows_are_probabilities_that_sum_to_1(matrix):
    assert matrix.dtype == np.float64
    assert (matrix >= 0).all()
    np.testing.assert_allclose(matrix.sum(axis=1), 1, atol=1e-12)
    np.testing.assert_array_equal(check_matrix(matrix, len(WNIDS)), matrix)


@pytest.mark.parametrize("kind", [kind for kind in MATRIX_NOISES if "rate" in SETTINGS[kind]])
def test_rate_0_is_no_noise_and_wrong_labels_grow_with_the_rate(kind):
    def at(rate):
        return transition_matrix(kind, WNIDS, **(SETTINGS[kind] | {"rate": rate}))

    np.testing.assert_array_equal(at(0.0), np.eye(len(WNIDS)))
    wrong = [1 - np.diag(at(rate)) for rate in (0.1, 0.2, 0.4)]
    np.testing.assert_allclose(wrong[1], 2 * wrong[0])
    np.testing.assert_allclose(wrong[2], 4 * wrong[0])


def test_drawn_labels_are_int64_and_as_frequent_as_the_matrix_says(matrix):
    true = true_labels(40_000)
    given = draw_labels(true, matrix, seed=3)
    assert given.dtype == np.int64
    frequency = np.zeros_like(matrix)
    np.add.at(frequency, (true, given), 1)
    frequency /= frequency.sum(axis=1, keepdims=True)
    np.testing.assert_allclose(frequency, matrix, atol=0.02)
    assert (frequency[matrix == 0] == 0).all()


def test_the_seed_alone_decides_the_draw(matrix):
    true = true_labels(500)
    first, again, other = (draw_labels(true, matrix, seed=seed) for seed in (3, 3, 4))
    np.testing.assert_array_equal(first, again)
    certain = (matrix == 1).any(axis=1).all()
    assert np.array_equal(first, other) == certain


def test_a_label_does_not_depend_on_the_other_samples(matrix):
    true = true_labels(500)
    changed = true.copy()
    changed[::2] = 3 - changed[::2]
    given = draw_labels(true, matrix, seed=3)
    np.testing.assert_array_equal(draw_labels(changed, matrix, seed=3)[1::2], given[1::2])
    np.testing.assert_array_equal(draw_labels(true[:100], matrix, seed=3), given[:100])

import numpy as np
import pytest

from tssd_keras.judge.short_features import SHORT, short_features

pytestmark = pytest.mark.backend_free


def test_who_is_alike_among_wide_features_is_alike_among_short_ones():
    rng = np.random.default_rng(0)
    centres = rng.normal(size=(20, 300))
    label = np.arange(400) % 20
    wide = centres[label] + 0.3 * rng.normal(size=(400, 300)) + 5  # far from 0: it is centred
    short = short_features(wide.astype(np.float16)).astype(np.float32)
    assert short.shape == (400, SHORT)
    product = short @ short.T
    np.testing.assert_allclose(np.diag(product), 1, atol=5e-3)
    np.fill_diagonal(product, -1)
    assert (label[product.argmax(axis=1)] == label).all()


def test_narrow_features_keep_every_angle_and_equal_ones_are_no_division_by_zero():
    rows = np.random.default_rng(0).normal(size=(50, 3))
    rows -= rows.mean(axis=0)
    unit = rows / np.linalg.norm(rows, axis=1, keepdims=True)
    np.testing.assert_allclose(short_features(rows), unit, atol=2e-3)
    assert (short_features(np.ones((9, 40), np.float32)) == 0).all()
    assert short_features(np.ones((0, 40), np.float32)).shape == (0, SHORT)

import numpy as np
import pytest

from tssd_keras.judge.top_classes import TOP, TopClasses

pytestmark = pytest.mark.backend_free


@pytest.mark.parametrize("k", [1, 2, 5, 6, 300])
def test_the_most_probable_classes_come_in_their_order(k):
    p = np.random.default_rng(0).dirichlet(np.ones(k), 40)
    top = TopClasses.of_log_p(np.log(p), block=7)
    order = np.argsort(-p, axis=1)[:, :TOP]
    np.testing.assert_array_equal(top.label, order)
    np.testing.assert_allclose(top.p, np.take_along_axis(p, order, 1), rtol=1e-5)


def test_the_first_of_equal_classes_is_the_lowest_as_argmax_has_it():
    p = np.zeros((3, 40))
    p[0], p[1, 20:] = 1 / 40, 1 / 20
    p[2, [39, 3]] = 0.5
    with np.errstate(divide="ignore"):
        top = TopClasses.of_log_p(np.log(p))
    assert top.label[:, 0].tolist() == p.argmax(axis=1).tolist()
    assert top.label[2, :2].tolist() == [3, 39]

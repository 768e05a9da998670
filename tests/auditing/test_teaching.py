import numpy as np
import pytest
from builders.audit_samples import some_judged

from tssd_keras.auditing.teaching import teaching_order

pytestmark = pytest.mark.backend_free


def judged_with(p_wrong, suggested):
    n = len(p_wrong)
    return some_judged(
        n, q=1 - p_wrong, suggested=suggested, given=suggested, role=np.zeros(n, np.int8)
    )


def test_every_judged_sample_comes_once_and_by_its_seed():
    judged = some_judged(300)
    order = teaching_order(judged, 0)
    assert sorted(order.tolist()) == np.flatnonzero(judged.judged).tolist()
    np.testing.assert_array_equal(order, teaching_order(judged, 0))
    assert (order != teaching_order(judged, 1)).any()


def test_the_uncertain_come_early_and_the_sure_come_too():
    n = 20_000
    judged = judged_with(np.tile([0.5, 0.0], n // 2), np.zeros(n, int))
    first = teaching_order(judged, 0)[:1000]
    uncertain = (first % 2 == 0).mean()
    assert uncertain == pytest.approx(0.8 / 1.1, abs=0.05)  # by standard deviation and SURE


def test_a_rare_class_has_as_many_of_the_first_as_a_frequent_one():
    suggested = np.repeat([0, 1, 2], [18_000, 1_500, 500])
    judged = judged_with(np.full(20_000, 0.3), suggested)
    first = suggested[teaching_order(judged, 0)[:300]]
    assert np.bincount(first).min() > 70

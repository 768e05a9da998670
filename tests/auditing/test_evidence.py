import dataclasses

import numpy as np
import pytest
from builders.audit_samples import some_judged

from tssd_keras.auditing.beside import NEAR, choose_beside
from tssd_keras.auditing.evidence import gather

pytestmark = pytest.mark.backend_free


def test_losses_are_told_as_a_share_of_their_given_class():
    judged = some_judged(60)
    found = gather(judged)
    loss = judged.streams[0].loss
    for i in range(60):
        own = loss[judged.given == judged.given[i]]
        assert found.loss_above[i] == pytest.approx((own < loss[i]).sum() / (len(own) - 1))
    assert np.isnan(found.odds).all()  # similarities to class means are no odds


def test_the_most_probable_classes_are_of_the_network_that_is_surest():
    judged = some_judged(30)
    one = judged.streams[0]
    p = one.top.p.copy()
    p[::2, 0] = 0.95
    two = dataclasses.replace(
        one, top=dataclasses.replace(one.top, label=one.top.label[:, ::-1].copy(), p=p)
    )
    found = gather(dataclasses.replace(judged, streams=(one, two)))
    np.testing.assert_array_equal(found.top_label[::2], two.top.label[::2])
    np.testing.assert_array_equal(found.top_label[1::2], one.top.label[1::2])


def test_odds_among_neighbours_are_told_where_the_stream_speaks():
    judged = some_judged(30)
    silent = np.array([False, True, False])
    one = dataclasses.replace(
        judged.streams[0],
        feature_mixture=None,
        feature_abstains=silent,
        similarity=np.full(30, -np.log(12), np.float32),
        loss_abstains=True,
    )
    found = gather(dataclasses.replace(judged, streams=(one,)))
    quiet = silent[judged.given]
    np.testing.assert_allclose(found.odds[~quiet], 1 / 12, rtol=1e-5)
    assert np.isnan(found.odds[quiet]).all()
    assert np.isnan(found.loss_above).all()


def test_samples_that_no_stream_saw_have_no_evidence():
    found = gather(some_judged(9, streams=()))
    assert (found.top_label == -1).all()
    assert np.isnan(found.top_p).all()
    assert np.isnan(found.loss_above).all()


def test_beside_a_sample_stand_the_nearest_kept_ones_of_both_classes():
    judged = some_judged(90)
    place = gather(judged).place
    rows = np.flatnonzero(judged.suspect)
    beside = choose_beside(judged, place, rows)
    assert beside.by_features
    right = np.flatnonzero(~judged.suspect)
    for labels, near in ((judged.given, beside.given), (judged.suggested, beside.suggested)):
        for row, places in zip(rows, near, strict=True):
            own = right[judged.given[right] == labels[row]]
            nearest = own[np.argsort(-(place[own] @ place[row]), kind="stable")[:NEAR]]
            assert beside.pool[places].tolist() == nearest.tolist()


def test_nobody_stands_beside_itself_and_a_class_without_kept_samples_has_nobody():
    judged = some_judged(60)
    judged.weight[judged.given == 1] = 0
    rows = np.flatnonzero(judged.given != 2)
    beside = choose_beside(judged, gather(judged).place, rows)
    shown = np.where(beside.given >= 0, beside.pool[beside.given], -1)
    assert not (shown == rows[:, None]).any()
    assert (beside.given[judged.given[rows] == 1] == -1).all()
    assert (beside.given[judged.given[rows] == 0] >= 0).any()


def test_a_pool_is_of_those_that_are_most_often_near_and_begins_with_one_of_each_class():
    judged = some_judged(9000)
    place = gather(judged).place
    beside = choose_beside(judged, place, np.flatnonzero(judged.suspect))
    labels = judged.given[beside.pool]
    assert sorted(labels[:3].tolist()) == [0, 1, 2]
    assert np.bincount(labels).tolist() == [40, 40, 40]
    assert (judged.weight[beside.pool] > 0).all()


@pytest.mark.parametrize("n_kept", range(12))
def test_few_kept_samples_of_many_classes_are_all_candidates(n_kept):
    n_classes, n = 200, 12 * 200  # a pool of six a class
    given = np.arange(n) % n_classes
    judged = some_judged(n, tuple(map(str, range(n_classes))))
    judged.given[:] = given
    judged.suggested[:] = given
    judged.weight[:] = np.where(np.arange(n) // n_classes < n_kept, 1, 0)
    rows = np.flatnonzero(judged.weight == 0)
    beside = choose_beside(judged, gather(judged).place, rows)
    assert np.bincount(judged.given[beside.pool], minlength=200).tolist() == [min(n_kept, 6)] * 200
    assert ((beside.given >= 0).sum(axis=1) == min(n_kept, NEAR)).all()

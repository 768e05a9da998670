import dataclasses
import json

import numpy as np
import pytest
from builders.audit_samples import some_judged

from tssd_keras.auditing.overview import BINS, overview
from tssd_keras.judge.roles import NEGATIVE, SEMI_HARD

pytestmark = pytest.mark.backend_free


def test_the_counts_are_those_of_the_samples():
    judged = some_judged()
    found = overview(judged)
    totals, classes = found["totals"], found["classes"]
    assert totals["samples"] == sum(classes["samples"]) == 300
    assert totals["kept"] + totals["dropped"] == totals["judged"] == 300
    assert totals["kept"] == sum(classes["kept"]) == (judged.weight > 0).sum()
    assert totals["mined"] == sum(classes["mined"]) == (judged.role == SEMI_HARD).sum()
    assert totals["suspects"] == sum(classes["suspects"]) == judged.suspect.sum()
    assert totals["wrong"] == pytest.approx(1 - judged.q.mean(), abs=1e-6)
    assert classes["wrong"][1] == pytest.approx(1 - judged.q[judged.given == 1].mean(), abs=1e-4)


def test_samples_that_nobody_judged_count_nowhere_else():
    judged = some_judged()
    role = judged.role.copy()
    role[:50] = -1
    whole = overview(dataclasses.replace(judged, role=role))
    found, classes = whole["totals"], whole["classes"]
    assert found["samples"] == 300
    assert found["judged"] == found["kept"] + found["dropped"] == 250
    of_cat = (judged.given == 0) & (np.arange(300) >= 50)
    assert classes["wrong"][0] == pytest.approx(1 - judged.q[of_cat].mean(), abs=1e-4)


def test_the_pairs_are_counted_by_hand():
    judged = some_judged(
        6,
        given=np.array([0, 0, 0, 1, 2, 2]),
        suggested=np.array([1, 1, 0, 2, 2, 0]),
        weight=np.zeros(6),
        role=np.full(6, NEGATIVE, np.int8),
    )
    assert overview(judged)["pairs"] == [[0, 1, 2], [1, 2, 1], [2, 0, 1]]


def test_the_matrix_is_the_estimated_one_the_mean_over_networks_or_else_counts():
    judged = some_judged()
    one = judged.streams[0]
    two = dataclasses.replace(one, transition=np.eye(3))
    found = overview(dataclasses.replace(judged, streams=(one, two)))["matrix"]
    assert found == {"kind": "transition", "rows": [[900, 50, 50], [50, 900, 50], [50, 50, 900]]}
    without = dataclasses.replace(judged, streams=(dataclasses.replace(one, transition=None),))
    found = overview(without)["matrix"]
    assert found["kind"] == "counts"
    given_of_cat = np.bincount(judged.given[judged.suggested == 0], minlength=3)
    expected = np.rint(1000 * given_of_cat / given_of_cat.sum())
    assert found["rows"][0] == expected.tolist()


def test_more_classes_than_can_be_drawn_leave_the_matrix_out():
    names = [f"c{i}" for i in range(201)]
    judged = some_judged(603, names)
    found = overview(judged)
    assert found["matrix"] is None
    assert len(found["streams"][0]["feature"]) == 200
    assert len(found["classes"]["samples"]) == 201


def test_log_odds_among_neighbours_have_a_histogram_without_a_mixture():
    judged = some_judged()
    log_odds = np.where(judged.suspect, -1.5, 2.0)
    log_odds[judged.given == 2] = 0.25  # all alike
    streams = dataclasses.replace(judged.streams[0], similarity=log_odds, feature_mixture=None)
    found = overview(dataclasses.replace(judged, streams=(streams,)))["streams"][0]["feature"]
    for label, histogram in enumerate(found):
        assert sum(histogram["counts"]) == (judged.given == label).sum()
        assert histogram["mean"] == histogram["variance"] == histogram["share"] == []
    assert (found[0]["low"], found[0]["high"]) == (-1.5, 2.0)
    assert found[0]["counts"][0] == (judged.suspect & (judged.given == 0)).sum()
    assert (found[2]["low"], found[2]["high"]) == (0.25, 0.25)
    json.dumps(found, allow_nan=False)


def test_the_histograms_hold_every_sample_and_the_mixture_their_share():
    judged = some_judged()
    found = overview(judged)["streams"][0]
    assert len(found["loss"]["counts"]) == BINS
    assert sum(found["loss"]["counts"]) == 300
    for label, histogram in enumerate(found["feature"]):
        assert sum(histogram["counts"]) == (judged.given == label).sum()
    assert sum(found["loss"]["share"]) == pytest.approx(1, abs=1e-4)
    assert found["loss"]["mean"][0] < found["loss"]["mean"][1]
    assert found["loss"]["abstains"] is False


def test_figures_that_are_no_numbers_are_none_and_epochs_count_from_one():
    judged = some_judged(
        rounds=[{"epoch": "2", "kept": "7", "kept_precision": "", "semi_hard": "a / b"}]
    )
    found = overview(judged)["rounds"]
    assert found["epoch"] == [3]
    assert found["kept"] == [7]
    assert found["kept_precision"] == found["semi_hard"] == [None]
    assert overview(judged)["epochs"]["epoch"] == [1, 2, 3]


def test_an_overview_is_plain_data():
    json.dumps(overview(some_judged()), allow_nan=False)
    json.dumps(overview(some_judged(summary={}, streams=(), epochs=[], rounds=[])), allow_nan=False)

import dataclasses

import numpy as np
import pytest
from builders.audit_samples import some_judged

from tssd_keras.auditing.gallery import choose_shown
from tssd_keras.auditing.suspects import (
    bands,
    count_strata,
    rank_suspects,
    stratum_names,
)
from tssd_keras.judge.roles import DECIDED

NONE = np.empty(0, np.int64)
pytestmark = pytest.mark.backend_free


def test_the_bands_double_or_more_and_the_last_ends_with_the_suspects():
    assert list(bands(0)) == []
    assert list(bands(1)) == [(1, 1)]
    assert list(bands(100)) == [(1, 100)]
    assert list(bands(1500)) == [(1, 100), (101, 200), (201, 500), (501, 1000), (1001, 1500)]
    assert list(bands(30_000))[-3:] == [(5001, 10_000), (10_001, 20_000), (20_001, 30_000)]


def test_suspects_are_those_without_weight_or_with_another_suggestion_that_were_judged():
    judged = some_judged(
        4,
        weight=np.array([1, 0, 1, 0.0]),
        role=np.array([0, 1, 0, -1], np.int8),
        given=np.array([0, 1, 2, 0]),
        suggested=np.array([0, 1, 0, -1]),
    )
    assert judged.suspect.tolist() == [False, True, True, False]
    assert np.isnan(judged.p_wrong).tolist() == [False, False, False, True]


def test_ranks_follow_the_probability_that_the_label_is_wrong():
    judged = some_judged()
    rank = rank_suspects(judged)
    order = np.argsort(np.where(rank > 0, rank, 10**6))[: judged.suspect.sum()]
    assert rank[order].tolist() == list(range(1, len(order) + 1))
    assert (np.diff(judged.p_wrong[order]) <= 0).all()
    assert (rank[~judged.suspect] == 0).all()


def test_ties_go_to_the_surer_suggestion_then_to_the_lower_index():
    judged = some_judged(
        4,
        q=np.full(4, 0.1),
        weight=np.zeros(4),
        role=np.ones(4, np.int8),
        given=np.zeros(4, int),
        suggested=np.array([1, 1, 0, 1]),
        p_suggested=np.array([0.6, 0.9, 0.99, 0.6]),
    )
    assert rank_suspects(judged).tolist() == [2, 1, 4, 3]


def test_without_q_the_mean_of_the_streams_ranks():
    judged = some_judged(q=np.full(300, np.nan))
    expected = 1 - (judged.p_loss + judged.p_feature) / 2
    np.testing.assert_allclose(judged.p_wrong, expected)


def test_every_sample_has_one_stratum_and_the_counts_add_up():
    judged = some_judged(1000)
    role = judged.role.copy()
    role[:7] = -1
    judged = dataclasses.replace(judged, role=role)
    rank = rank_suspects(judged)
    names = stratum_names(judged, rank)
    shown = choose_shown(judged, rank, NONE, most=150, kept=20)
    strata = count_strata(names, shown)
    assert sum(s.samples for s in strata) == 1000
    assert [s.name for s in strata][:2] == ["suspects-1-100", "suspects-101-200"]
    assert [s.name for s in strata][-2:] == ["kept", "unjudged"]
    assert [s.shown for s in strata] == [100, 50, *[0] * (len(strata) - 4), 20, 0]
    assert strata[-1].samples == 7
    for s in strata[:-2]:
        first, last = map(int, s.name.split("-")[1:])
        assert s.samples == last - first + 1
        assert set(rank[names == s.name]) == set(range(first, last + 1))


def test_no_suspects_at_all_is_no_error():
    judged = some_judged(9, weight=np.ones(9), suggested=np.arange(9) % 3)
    rank = rank_suspects(judged)
    assert not rank.any()
    assert len(choose_shown(judged, rank, NONE, most=10, kept=0)) == 0
    strata = count_strata(stratum_names(judged, rank), np.empty(0, int))
    assert [(s.name, s.samples, s.shown) for s in strata] == [("kept", 9, 0)]


def test_what_people_decided_before_is_a_stratum_of_its_own():
    role = np.zeros(30, np.int8)
    role[3] = DECIDED
    p = np.full(30, 0.9)
    p[3] = np.nan
    judged = some_judged(30, role=role, p_loss=p, p_feature=p, weight=np.ones(30))
    rank = rank_suspects(judged)
    names = stratum_names(judged, rank)
    assert rank[3] == 0
    assert names[3] == "decided"
    assert "decided" not in np.delete(names, 3)
    strata = count_strata(names, np.empty(0, int))
    assert strata[-1].name == "decided"
    assert 3 not in choose_shown(judged, rank, NONE, most=99, kept=99)

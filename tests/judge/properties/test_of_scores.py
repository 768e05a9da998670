"""Mixtures, division and calibration: what must hold of any scores."""

import numpy as np
import pytest
from builders.properties import SEARCH, labels, numbers
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from scipy.special import expit

from tssd_keras.judge.calibrate import (
    MIN_SLOPE,
    correct_prior,
    fit_platt,
    offset_for_share,
    share_by_pairs,
)
from tssd_keras.judge.divide import apply_floor, divide, rank_in_class
from tssd_keras.judge.mixture import REG_COVAR, fit_mixtures
from tssd_keras.judge.roles import FLOOR, NEGATIVE, POSITIVE, SEMI_HARD, UNCERTAIN

pytestmark = pytest.mark.backend_free


@st.composite
def grouped(draw, **limits):
    """Scores, their groups and the number of groups."""
    n, n_groups = draw(st.integers(1, 60)), draw(st.integers(1, 4))
    return draw(numbers(n, **limits)), draw(labels(n, n_groups)), n_groups


@SEARCH
@given(grouped())
def test_a_mixture_is_one_whatever_the_scores(scores):
    score, group, n_groups = scores
    found = fit_mixtures(score, group, n_groups)
    for values in (found.mean, found.variance, found.share, found.ashman_d):
        assert np.isfinite(values).all()
    assert ((found.mean >= -1e-9) & (found.mean <= 1 + 1e-9)).all()
    assert (found.mean[:, 0] <= found.mean[:, 1]).all()
    assert (found.variance >= REG_COVAR).all()
    filled = np.bincount(group, minlength=n_groups) > 0
    np.testing.assert_allclose(found.share[filled].sum(axis=1), 1, atol=1e-6)
    assert not found.bimodal[~filled].any()
    assert not found.bimodal[found.low == found.high].any()


@SEARCH
@given(grouped())
def test_a_posterior_is_a_probability_that_never_rises_with_the_score(scores):
    score, group, n_groups = scores
    p = fit_mixtures(score, group, n_groups).p_low(score, group)
    assert ((p >= 0) & (p <= 1)).all()
    order = np.lexsort((score, group))
    same = group[order][1:] == group[order][:-1]
    assert (np.diff(p[order])[same] <= 1e-12).all()


@SEARCH
@given(grouped(low=-1e6, high=1e6), st.permutations(range(60)), st.integers(-30, 30))
def test_a_mixture_knows_neither_order_nor_unit(scores, order, exponent):
    score, group, n_groups = scores
    order = np.array([i for i in order if i < len(score)])
    expected = fit_mixtures(score, group, n_groups)
    # A power of two changes no digit, unless a score then has too few of them.
    scaled = score * 2.0**exponent
    changed = fit_mixtures(scaled[order], group[order], n_groups)
    assert (changed.bimodal == expected.bimodal).all()
    np.testing.assert_allclose(
        changed.p_low(scaled, group), expected.p_low(score, group), atol=1e-6
    )


@st.composite
def divided(draw):
    """What division takes: scores, labels, K."""
    n, n_classes = draw(st.integers(1, 60)), draw(st.integers(1, 4))
    loss, similarity = draw(numbers(n, low=0)), draw(numbers(n))
    return loss, similarity, draw(labels(n, n_classes)), n_classes


@SEARCH
@given(divided(), st.floats(0.5, 0.99))
def test_who_looks_better_to_both_streams_is_not_judged_worse(samples, threshold):
    loss, similarity, given_labels, _ = samples
    found = divide(*samples, threshold=threshold)
    assert np.isin(found.role, (POSITIVE, NEGATIVE, UNCERTAIN)).all()
    good = {NEGATIVE: 0, UNCERTAIN: 1, POSITIVE: 2}
    rank = np.array([good[role] for role in found.role.tolist()])
    better = (loss[:, None] <= loss) & (similarity[:, None] >= similarity)
    better &= given_labels[:, None] == given_labels
    assert (rank[:, None] >= rank)[better].all()


@SEARCH
@given(divided())
def test_a_stream_that_abstains_says_one_half_and_both_leave_it_uncertain(samples):
    labels_of = samples[2]
    found = divide(*samples)
    silent = found.feature_abstains[labels_of]
    assert (found.p_feature[silent] == 0.5).all()
    if found.loss_abstains:
        assert (found.p_loss == 0.5).all()
        assert (found.role[silent] == UNCERTAIN).all()


@SEARCH
@given(divided(), st.permutations(range(4)))
def test_division_does_not_know_the_classes_by_number(samples, numbers_of):
    loss, similarity, given_labels, n_classes = samples
    new = np.array([k for k in numbers_of if k < n_classes])
    expected = divide(loss, similarity, given_labels, n_classes)
    found = divide(loss, similarity, new[given_labels], n_classes)
    np.testing.assert_array_equal(found.role, expected.role)
    np.testing.assert_allclose(found.p_feature, expected.p_feature, atol=1e-9)


@SEARCH
@given(divided(), st.integers(0, 20), st.floats(0, 1), st.data())
def test_the_floor_takes_nothing_away_and_leaves_each_class_its_best(samples, count, share, data):
    loss, similarity, given_labels, n_classes = samples
    n = len(loss)
    division = divide(*samples)
    any_role = st.sampled_from([POSITIVE, NEGATIVE, UNCERTAIN, SEMI_HARD])
    role = np.array(data.draw(st.lists(any_role, min_size=n, max_size=n)), np.int8)
    found = apply_floor(
        role, division, loss, similarity, given_labels, n_classes,
        floor_count=count, floor_share=share,
    )  # fmt: skip
    assert (found[found != role] == FLOOR).all()
    kept = np.isin(role, (POSITIVE, SEMI_HARD))
    assert (found[kept] == role[kept]).all()
    size = np.bincount(given_labels, minlength=n_classes)
    n_kept = np.bincount(given_labels[kept | (found == FLOOR)], minlength=n_classes)
    assert (n_kept >= np.minimum(count, np.ceil(share * size))).all()


@SEARCH
@given(divided())
def test_ranks_count_each_class_through(samples):
    loss, similarity, given_labels, n_classes = samples
    rank = rank_in_class(similarity, -loss, given_labels, n_classes)
    for k in range(n_classes):
        assert sorted(rank[given_labels == k]) == list(range((given_labels == k).sum()))


@SEARCH
@given(numbers(20, low=-1e4, high=1e4), st.floats(0.001, 0.999))
def test_an_offset_gives_the_share_that_was_asked_for(log_odds, share):
    p = expit(log_odds + offset_for_share(log_odds, share))
    assert p.mean() == pytest.approx(share, abs=1e-6)


@SEARCH
@given(numbers(20, low=-1e4, high=1e4), st.floats(0.001, 0.999))
def test_a_prior_that_is_corrected_keeps_the_order(log_odds, trained_share):
    p, share = correct_prior(log_odds, trained_share)
    assert ((p >= 0) & (p <= 1)).all()
    assert 0 <= share <= 1
    assert (np.diff(p[np.argsort(log_odds)]) >= 0).all()


@st.composite
def pairs(draw):
    """Scores of pairs, which are right, and what each counts for."""
    n = draw(st.integers(1, 30))
    right = draw(arrays.arrays(bool, n))
    return draw(numbers(n, low=-50, high=50)), right, draw(numbers(n, low=1e-3, high=1e3))


@SEARCH
@given(pairs())
def test_platt_keeps_the_order_whatever_the_pairs(rows):
    slope, offset = fit_platt(*rows, n_samples=len(rows[0]))
    assert slope >= MIN_SLOPE
    assert np.isfinite(offset)


@SEARCH
@given(numbers(20, low=-50, high=50), pairs(), st.floats(0, 1), st.floats(1e-3, 1))
def test_a_share_by_pairs_is_a_share_with_an_error(score, rows, expected, error):
    share, found_error = share_by_pairs(score, *rows, expected, error)
    assert 0 <= share <= 1
    assert 0 < found_error < np.inf

import numpy as np
import pytest
from scipy.special import expit, logit

from tssd_keras.judge.calibrate import (
    correct_prior,
    fit_platt,
    offset_for_share,
    share_by_pairs,
)

pytestmark = pytest.mark.backend_free


def logistic_rows(slope, offset, n=20_000):
    """Logits, and truths drawn with probability expit(slope * log_odds + offset)."""
    rng = np.random.default_rng(0)
    log_odds = rng.normal(0, 2, n)
    return log_odds, rng.random(n) < 1 / (1 + np.exp(-(slope * log_odds + offset)))


def two_normals(share, n=20_000, seed=0):
    """x ~ N(+1, 1) where right, N(-1, 1) where not: log-odds 2 x under equal shares."""
    rng = np.random.default_rng(seed)
    right = rng.random(n) < share
    return 2 * rng.normal(np.where(right, 1, -1), 1), right


@pytest.mark.parametrize(("slope", "offset"), [(1.0, 0.0), (0.3, -1.0), (2.5, 0.7)])
def test_platt_finds_the_logistic_that_the_truth_was_drawn_by(slope, offset):
    log_odds, right = logistic_rows(slope, offset)
    found = fit_platt(log_odds, right, np.ones(len(log_odds)), len(log_odds))
    np.testing.assert_allclose(found, (slope, offset), atol=0.1)


@pytest.mark.parametrize("factor", [0.2, 4.0])
def test_platt_undoes_the_unit_of_the_logits(factor):
    log_odds, right = logistic_rows(1.0, 0.5, n=500)
    slope, offset = fit_platt(log_odds, right, np.ones(500), 500)
    scaled_slope, scaled_offset = fit_platt(factor * log_odds, right, np.ones(500), 500)
    np.testing.assert_allclose(scaled_slope * factor, slope, rtol=1e-2)
    np.testing.assert_allclose(scaled_offset, offset, atol=1e-2)


def test_a_weight_of_two_is_the_row_twice_and_one_of_zero_no_row():
    log_odds, right = logistic_rows(1.0, 0.5, n=300)
    weight = np.arange(300) % 3
    right[weight == 0] = log_odds[weight == 0] < 0  # would turn the slope round, were it used
    rows = np.repeat(np.arange(300), weight)
    expected = fit_platt(log_odds[rows], right[rows], np.ones(len(rows)), 100)
    np.testing.assert_allclose(fit_platt(log_odds, right, weight, 100), expected, atol=1e-3)


@pytest.mark.parametrize("n_samples", [1, 50, 5000])
def test_rows_told_apart_without_a_mistake_give_no_more_certainty_than_the_samples_allow(n_samples):
    right = np.arange(300) < 100
    slope, offset = fit_platt(np.where(right, 4.0, -4.0), right, np.ones(300), n_samples)
    sure = (n_samples + 1) / (n_samples + 2)
    said = expit(slope * np.array([4, -4]) + offset)
    np.testing.assert_allclose(said, [sure, 1 - sure], rtol=0, atol=2e-3)


@pytest.mark.parametrize("centre", [0.0, 10.0])
def test_an_order_is_not_turned_round_and_the_mean_still_holds(centre):
    log_odds, right = logistic_rows(-2.0, 0.0, n=2000)
    log_odds = log_odds + centre
    slope, offset = fit_platt(log_odds, right, np.ones(2000), 2000)
    assert slope == 0.05
    # At any slope, the best offset gives the share of right rows as the mean.
    assert expit(slope * log_odds + offset).mean() == pytest.approx(right.mean(), abs=0.02)


def test_the_share_of_a_yes_or_no_feature_is_found_in_closed_form():
    # P(yes | right) = 0.8, P(yes | wrong) = 0.2, calibrated at one half, and 32 % say yes.
    # So share * 0.8 + (1 - share) * 0.2 = 0.32: the share is 0.2.
    says_yes = np.arange(100) < 32
    q, share = correct_prior(logit(np.where(says_yes, 0.8, 0.2)), 0.5)
    assert share == pytest.approx(0.2, abs=1e-4)
    np.testing.assert_allclose(q[says_yes], 0.2 * 0.8 / 0.32, atol=1e-4)
    np.testing.assert_allclose(q[~says_yes], 0.2 * 0.2 / 0.68, atol=1e-4)


@pytest.mark.parametrize("trained", [0.1, 0.5, 0.9])
def test_the_share_the_classifier_was_trained_at_does_not_matter(trained):
    says_yes = np.arange(100) < 32
    log_odds = logit(np.where(says_yes, 0.8, 0.2)) + logit(trained)
    assert correct_prior(log_odds, trained)[1] == pytest.approx(0.2, abs=1e-4)


@pytest.mark.parametrize("share", [0.05, 0.3, 0.8])
def test_corrected_probabilities_hold_on_the_set_they_judge(share):
    log_odds, right = two_normals(share)
    q, found = correct_prior(log_odds, 0.5)
    assert found == pytest.approx(right.mean(), abs=0.01)
    for own in np.array_split(np.argsort(q), 10):
        assert q[own].mean() == pytest.approx(right[own].mean(), abs=0.04)


def test_where_the_share_is_that_of_training_nothing_changes():
    says_yes = np.arange(100) < 50
    log_odds = logit(np.where(says_yes, 0.8, 0.2))
    q, share = correct_prior(log_odds, 0.5)
    np.testing.assert_allclose(q, expit(log_odds))
    assert share == pytest.approx(0.5)


def test_right_and_wrong_change_places_together():
    log_odds, _ = two_normals(0.3, n=1000)
    q, share = correct_prior(log_odds, 0.6)
    turned, turned_share = correct_prior(-log_odds, 0.4)
    np.testing.assert_allclose(turned, 1 - q, atol=1e-9)
    assert turned_share == pytest.approx(1 - share)


def test_log_odds_of_any_size_give_probabilities():
    q, _ = correct_prior(np.array([-1e4, 0.0, 1e4]), 0.5)
    np.testing.assert_allclose(q, [0, 0.5, 1], atol=1e-6)


def test_the_correction_keeps_the_order_and_stays_in_0_to_1():
    log_odds = np.concatenate([two_normals(0.02, n=500)[0], [-900.0, 900.0]])
    q, share = correct_prior(log_odds, 0.9)
    assert (np.diff(q[np.argsort(log_odds)]) >= 0).all()
    assert ((q >= 0) & (q <= 1)).all()
    assert share == pytest.approx(q.mean())


@pytest.mark.parametrize(("log_odds", "share"), [(-30.0, 0.0), (30.0, 1.0)])
def test_a_set_of_one_kind_only_has_that_share(log_odds, share):
    assert correct_prior(np.full(50, log_odds), 0.5)[1] == pytest.approx(share, abs=1e-4)


def test_nothing_to_judge_leaves_the_share_of_training():
    q, share = correct_prior(np.array([]), 0.3)
    assert (len(q), share) == (0, 0.3)


def test_an_offset_makes_the_mean_what_it_is_told_to_be():
    log_odds, _ = two_normals(0.3, n=1000)
    for share in (0.01, 0.5, 0.97):
        q = expit(log_odds + offset_for_share(log_odds, share))
        assert q.mean() == pytest.approx(share, abs=1e-6)


@pytest.mark.parametrize("share", [0.0, 1.0])
def test_a_share_of_all_or_none_has_an_offset_too(share):
    log_odds = np.linspace(-30, 30, 7)
    offset = offset_for_share(log_odds, share)
    np.testing.assert_allclose(expit(log_odds + offset), share, atol=1e-9)


ERROR, COUNTS_AS = 0.1, 25  # of an expected share of a half, and how many pairs that is


def drawn(share, *, pairs, seed):
    """Scores of a set of 20,000 labels, and of some pairs drawn from another one like it."""
    score, right = two_normals(share, seed=seed)
    of_pairs, pair_right = two_normals(share, n=pairs, seed=seed + 1000)
    return score, of_pairs, pair_right, right.mean()


@pytest.mark.parametrize(("pairs", "most"), [(100, 0.04), (500, 0.02)])
def test_pairs_tell_the_share_and_how_sure_they_are(pairs, most):
    off, errors = [], []
    for seed in range(40):
        score, of_pairs, right, truth = drawn(0.6, pairs=pairs, seed=seed)
        share, error = share_by_pairs(score, of_pairs, right, np.ones(pairs), 0.6, ERROR)
        off.append(share - truth)
        errors.append(error)
    assert abs(np.mean(off)) < 0.01
    assert np.std(off) < most
    assert np.std(off) == pytest.approx(np.mean(errors), rel=0.35)


def test_scores_make_the_share_surer_than_counting_does():
    off = {"scores": [], "counting": []}
    for seed in range(40):
        score, of_pairs, right, truth = drawn(0.6, pairs=100, seed=seed)
        for name, known in (("scores", 1), ("counting", 0)):
            share, _ = share_by_pairs(
                known * score, known * of_pairs, right, np.ones(100), 0.6, ERROR
            )
            off[name].append(share - truth)
    assert np.std(off["scores"]) < 0.8 * np.std(off["counting"])


def test_many_pairs_outweigh_what_was_expected_and_few_do_not():
    def found(pairs):
        score, of_pairs, right, _ = drawn(0.6, pairs=pairs, seed=0)
        return share_by_pairs(score, of_pairs, right, np.ones(pairs), 0.9, ERROR)[0]

    assert found(2000) == pytest.approx(0.6, abs=0.03)
    assert found(5) > 0.68


@pytest.mark.parametrize("all_right", [True, False])
def test_a_few_pairs_that_are_all_alike_do_not_prove_that_every_label_is(all_right):
    score = two_normals(0.6)[0]
    share, _ = share_by_pairs(score, np.zeros(5), np.full(5, all_right), np.ones(5), 0.6, ERROR)
    assert 0.2 < share < 0.95


def test_pairs_are_weighed():
    """9 of 10 right, but the wrong ones stand for as many as the others together."""
    right = np.tile(np.arange(10) < 9, 20)
    weight = np.where(right, 1.0, 9.0)
    nothing = np.zeros(200)
    assert share_by_pairs(nothing, nothing, right, weight, 0.5, ERROR)[0] == pytest.approx(
        0.5, abs=0.02
    )
    even = share_by_pairs(nothing, nothing, right, np.ones(200), 0.5, ERROR)[0]
    assert even == pytest.approx((0.9 * 200 + 0.5 * COUNTS_AS) / (200 + COUNTS_AS))


@pytest.mark.parametrize("pairs", [20, 100])
def test_pairs_are_believed_however_sure_the_scores_seemed(pairs):
    """Labels that the network remembers seem right, all of them; half of the pairs are not."""
    nothing = np.zeros(pairs)
    share, _ = share_by_pairs(
        nothing, nothing, np.arange(pairs) % 2 > 0, nothing + 1, 0.99998, ERROR
    )
    counts_as = 0.98 * 0.02 / ERROR**2  # a share near one is as sure by few pairs
    expected = (0.5 * pairs + 0.98 * counts_as) / (pairs + counts_as)
    assert share == pytest.approx(expected, abs=1e-3)


def test_pairs_that_are_all_right_among_labels_that_all_seem_right_leave_a_doubt():
    """An expected share of 1, and a little above by rounding."""
    nothing = np.zeros(20)
    for right in (True, False):
        expected = np.nextafter(1.0, 2) if right else 0.0
        share, error = share_by_pairs(
            nothing, nothing, np.full(20, right), np.ones(20), expected, 0.05
        )
        assert abs(share - right) < 0.01
        assert 0.01 < error < 0.05


@pytest.mark.parametrize(("truth", "expected"), [(0.95, 0.99), (0.9, 0.96), (0.5, 0.55)])
def test_the_truth_is_seldom_below_two_errors(truth, expected):
    """What is expected is a standard error too high."""
    rng, below = np.random.default_rng(0), 0
    for _ in range(200):
        right = rng.random(50) < truth
        share, error = share_by_pairs(
            np.zeros(50), np.zeros(50), right, np.ones(50), expected, abs(expected - truth)
        )
        below += truth < share - 2 * error
    assert below < 0.2 * 200

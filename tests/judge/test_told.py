import numpy as np
import pytest

from tssd_keras.judge.chance import agreement
from tssd_keras.judge.common_size import of_common_size
from tssd_keras.judge.divide import divide
from tssd_keras.judge.mixture import FEWEST, fit_mixtures
from tssd_keras.judge.place import silent_classes
from tssd_keras.judge.roles import UNCERTAIN
from tssd_keras.judge.told import (
    CONSTANT,
    CONTRADICTION,
    FEWER_THAN_BY_CHANCE,
    FEWEST_PAIRS,
    LOSSES_ABSTAIN,
    NO_BETTER_THAN_CHANCE,
    NO_RIGHT_PAIR,
    SHARES_DIFFER,
    STREAMS_ABSTAIN,
    TOO_FEW_NEIGHBOURS,
    at_bound,
    bounded_share,
    chance_error,
    remedy,
    share_by_streams,
    why_no_share,
    why_nobody_is_judged,
    why_shares_say_nothing,
)

pytestmark = pytest.mark.backend_free

Q = np.linspace(0.1, 0.9, 50)
NO_PAIRS = np.zeros(0, bool)


@pytest.mark.parametrize(
    ("share", "bounded"), [(0.0, 0.005), (1.0, 0.995), (0.3, 0.3), (-0.1, 0.005), (1.2, 0.995)]
)
def test_a_share_is_half_a_label_away_from_none_and_from_all(share, bounded):
    assert bounded_share(share, 100) == pytest.approx(bounded)


def test_a_share_is_at_its_bound_where_less_than_one_label_is_left():
    assert [at_bound(s, 100) for s in (0.0, 0.005, 0.02, 0.5, 0.98, 0.995, 1.0)] == (
        [True, True, False, False, False, True, True]
    )


def test_golden_pairs_of_which_none_is_right_leave_nothing_to_tell():
    wrong = np.zeros(FEWEST_PAIRS, bool)
    one_right = np.arange(FEWEST_PAIRS) == 0
    assert why_nobody_is_judged(Q, 0.95, 50, wrong) == NO_RIGHT_PAIR
    assert why_nobody_is_judged(Q, 0.95, 50, one_right) == ""
    assert why_nobody_is_judged(Q, 0.95, 50, wrong[1:]) == ""  # fewer happen to be so


@pytest.mark.parametrize(
    ("share", "by_golden", "why"),
    [
        (0.99, 0.98, ""),
        (0.11, 0.1, ""),  # labels that are unrelated to the true classes
        (0.85, 0.6, ""),  # a network that learned wrong labels
        (0.03, 0.02, FEWER_THAN_BY_CHANCE),
        (0.999, 0.3, CONTRADICTION),
        (0.001, 0.99, CONTRADICTION),
    ],
)
def test_shares_of_right_labels_without_a_golden_pair_must_fit_each_other(share, by_golden, why):
    assert why_shares_say_nothing(share, by_golden, 0.1) == why


def test_a_q_that_ranks_golden_labels_by_chance_leaves_nothing_to_tell():
    rng = np.random.default_rng(0)
    n = 100
    aurocs = [
        (rng.random((n, 1)) > rng.random((1, n))).mean() for _ in range(500)
    ]  # of right and wrong labels that nothing tells apart
    said = [why_nobody_is_judged(Q, auroc, n, NO_PAIRS) for auroc in aurocs]
    assert np.mean([why == NO_BETTER_THAN_CHANCE for why in said]) > 0.95
    assert np.std(aurocs) == pytest.approx(chance_error(n), rel=0.1)
    assert why_nobody_is_judged(Q, 0.7, n, NO_PAIRS) == ""
    assert why_nobody_is_judged(Q, 0.61, 5, NO_PAIRS) == ""  # few golden samples, good ranks
    assert why_nobody_is_judged(Q, None, n, NO_PAIRS) == ""


@pytest.mark.parametrize("level", [1e-4, 0.5565, 0.9999])
def test_a_q_that_is_the_same_for_all_leaves_nothing_to_tell(level):
    odds = level / (1 - level) * np.linspace(1, 1.005, 20)
    assert why_nobody_is_judged(odds / (1 + odds), 0.9, 50, NO_PAIRS) == CONSTANT
    odds = level / (1 - level) * np.linspace(1, 1.5, 20)
    assert why_nobody_is_judged(odds / (1 + odds), 0.9, 50, NO_PAIRS) == ""


def test_every_reason_has_a_remedy_and_no_other_word_has_one():
    reasons = (
        *(STREAMS_ABSTAIN, NO_RIGHT_PAIR, NO_BETTER_THAN_CHANCE, CONSTANT),
        *(FEWER_THAN_BY_CHANCE, CONTRADICTION),
        *(TOO_FEW_NEIGHBOURS, SHARES_DIFFER, LOSSES_ABSTAIN),
    )
    assert all(remedy(why) for why in reasons)
    assert all(remedy(why).startswith(". ") for why in reasons)
    assert remedy("the network knows nothing") == ""


def test_networks_that_differ_have_each_its_remedy_once():
    assert remedy(f"{CONSTANT} / {STREAMS_ABSTAIN}") == remedy(CONSTANT) + remedy(STREAMS_ABSTAIN)
    assert remedy(f"{TOO_FEW_NEIGHBOURS} / {SHARES_DIFFER}") == remedy(SHARES_DIFFER)


def test_the_streams_alone_tell_a_share_where_the_losses_speak():
    score = np.array([0.9, 0.7, 0.8, np.nan])
    share, why = share_by_streams(score, loss_abstains=False)
    assert (share, why) == (pytest.approx(0.8), "")
    assert share_by_streams(score, loss_abstains=True) == (None, LOSSES_ABSTAIN)
    few = np.array([0.9, np.nan, np.nan])
    assert share_by_streams(few, loss_abstains=False) == (None, TOO_FEW_NEIGHBOURS)
    assert share_by_streams(few[1:], loss_abstains=False) == (None, STREAMS_ABSTAIN)


@pytest.mark.parametrize(
    ("share", "spoken_of", "why"),
    [(0.7, 1.0, ""), (0.7, 0.5, TOO_FEW_NEIGHBOURS), (0.999, 1.0, SHARES_DIFFER)],
)
def test_a_share_without_golden_samples_rests_on_neighbours_that_speak(share, spoken_of, why):
    q = np.where(np.arange(100) < 60, 0.9, 0.1)
    assert why_no_share(share, q, spoken_of) == why


def test_a_silenced_division_judges_nobody_and_keeps_its_mixtures():
    rng = np.random.default_rng(0)
    loss = np.concatenate([rng.normal(0, 0.1, 60), rng.normal(3, 0.1, 40)])
    division = divide(loss, -loss, np.arange(100) % 2, 2)
    silenced = division.silenced()
    assert division.speaks
    assert not silenced.speaks
    assert silenced.loss_mixture is division.loss_mixture
    assert (silenced.role == UNCERTAIN).all()
    assert (silenced.p_loss == 0.5).all()
    assert (silenced.p_feature == 0.5).all()


@pytest.mark.parametrize(("n", "bimodal"), [(1, False), (FEWEST - 1, False), (FEWEST, True)])
def test_a_few_scores_are_one_heap(n, bimodal):
    score = np.arange(n) % 2 + 1e-3 * np.arange(n)
    assert fit_mixtures(score, np.zeros(n, int), 1).bimodal[0] == bimodal


def test_a_class_that_all_samples_are_given_is_told_apart_from_nothing():
    same = np.zeros(100, int)
    assert silent_classes(same, same, 3).all()
    two = np.arange(100) % 2
    assert silent_classes(two, two, 3).tolist() == [False, False, True]


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_rows_of_any_size_keep_their_direction_and_common_ones_every_bit(dtype):
    rows = np.random.default_rng(0).normal(size=(5, 4)).astype(dtype)
    largest, least = np.finfo(dtype).max, np.finfo(dtype).tiny
    sizes = np.array([1, largest / 10, least * 10, 0, 1], dtype)
    found = of_common_size(rows * sizes[:, None])
    np.testing.assert_array_equal(found[[0, 3, 4]], (rows * sizes[:, None])[[0, 3, 4]])
    length = np.linalg.norm(found, axis=1)
    assert np.isfinite(length).all()
    expected = rows / np.linalg.norm(rows, axis=1, keepdims=True)
    np.testing.assert_allclose(found[1] / length[1], expected[1], rtol=1e-5)
    np.testing.assert_allclose(found[2] / length[2], expected[2], rtol=1e-5)


def test_answers_agree_by_chance_or_they_know():
    rng = np.random.default_rng(0)
    given = rng.integers(0, 4, 400)
    assert not agreement(np.zeros(400, int), given, 4).knows
    assert not agreement((given + 1) % 4, given, 4).knows
    found = agreement(np.where(rng.random(400) < 0.3, given, 0), given, 4)
    assert found.knows
    assert found.share > found.chance

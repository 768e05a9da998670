import numpy as np
import pytest

from tssd_keras.judge.rejected import (
    FEWEST,
    HELD_BACK_MOST,
    Fit,
    Rejected,
    fit_of_rejected,
    hold_back,
    rest_of,
)
from tssd_keras.judge.table import Rewrite, SampleTable

pytestmark = pytest.mark.backend_free
N = 400
LABELS = np.repeat(np.arange(10), 100)


def a_round(fit, *, seed=0, **change):
    """N labels, half of them rejected, a fifth held back; the others are fitted so far."""
    held_back = np.random.default_rng(seed).random(N) > 0.8
    weight = (np.arange(N) % 2).astype(np.float32)
    found = {
        "p": np.where(weight > 0, 0.9, 0.1 + fit * ~held_back),
        "weight": weight,
        "q": np.where(weight > 0, 0.9, 0.2).astype(np.float32),
        "trained": ~held_back,
        "held_back": held_back,
        "once_kept": np.zeros(N, bool),
    }
    return found | change


def test_a_tenth_of_the_samples_is_held_back():
    held = hold_back(LABELS, np.random.default_rng(0))
    assert held.sum() == 100
    assert (held != hold_back(LABELS, np.random.default_rng(1))).any()
    assert (held == hold_back(LABELS, np.random.default_rng(0))).all()


def test_of_many_samples_so_many_are_held_back_that_they_can_be_compared():
    for labels in (np.repeat(np.arange(10), 5000), np.repeat(np.arange(1000), 50)):
        assert hold_back(labels, np.random.default_rng(0)).sum() == HELD_BACK_MOST


def test_few_samples_and_small_classes_are_all_trained_on():
    assert not hold_back(np.arange(19).repeat(10), np.random.default_rng(0)).any()
    assert hold_back(np.arange(20).repeat(10), np.random.default_rng(0)).sum() == FEWEST
    small = np.concatenate([np.zeros(500, int), np.full(9, 1)])
    assert not hold_back(small, np.random.default_rng(0))[500:].any()


def test_the_fit_is_that_of_labels_trained_on_over_that_of_the_others():
    judged = a_round(0.3)
    rejected = judged["weight"] == 0
    seen, unseen = rejected & judged["trained"], rejected & judged["held_back"]
    fit = fit_of_rejected(judged["p"], seen, unseen)
    assert fit.more == pytest.approx(0.3)
    assert fit.of_others == pytest.approx(0.1)
    nobody, few = np.zeros(N, bool), np.arange(N) < FEWEST - 1
    assert fit_of_rejected(judged["p"], seen, nobody) is None
    assert fit_of_rejected(judged["p"], few, unseen) is None


@pytest.mark.parametrize(
    ("fit", "shows"),
    [
        (Fit(0.036, 0.001, 0.2), True),  # much
        (Fit(0.036, 0.013, 0.2), False),  # not surely
        (Fit(0.034, 0.001, 0.2), False),
        (Fit(0.013, 0.004, 0.02), True),  # much, beside what held-back ones have
        (Fit(0.013, 0.005, 0.02), False),
        (Fit(0.011, 0.001, 0.02), False),
    ],
)
def test_labels_are_fitted_where_it_shows(fit, shows):
    assert fit.shows is shows


@pytest.mark.parametrize(("fit", "count"), [(0.0, True), (0.01, True), (0.1, False)])
def test_rejected_labels_count_by_q_as_long_as_none_is_fitted(fit, count):
    judged, rejected = a_round(fit), Rejected("auto")
    weights = rejected.weights(**judged)
    counting = (judged["weight"] == 0) & judged["trained"] & count
    assert weights.tolist() == np.where(counting, np.float32(0.2), 0).tolist()
    assert (rejected.count, rejected.fitted) == (count, not count)
    assert rejected.fit.more == pytest.approx(fit, abs=1e-9)


def test_once_they_are_fitted_they_count_no_more():
    rejected = Rejected("auto")
    assert rejected.weights(**a_round(0.0)).any()
    assert not rejected.weights(**a_round(0.1)).any()
    assert not rejected.weights(**a_round(0.0)).any()


@pytest.mark.parametrize("fit", [None, 0.0, 0.1])
def test_what_was_found_is_known_after_a_restart(fit):
    rejected, again = Rejected("auto"), Rejected("auto")
    if fit is not None:
        rejected.weights(**a_round(fit))
    again.set_state(rejected.get_state())
    assert vars(again) == vars(rejected)
    assert again.weights(**a_round(0.0)).any() == (fit != 0.1)


def test_labels_that_were_kept_once_are_not_compared():
    """They were kept because the network gave them much probability."""
    judged = a_round(0.0)
    once = np.arange(N) < 100
    judged |= {"p": np.where(once & judged["trained"], 0.8, judged["p"]), "once_kept": once}
    rejected = Rejected("auto")
    weights = rejected.weights(**judged)
    assert rejected.fit.more == pytest.approx(0, abs=1e-9)
    assert (weights[:100] > 0).any()


def test_nothing_counts_in_a_round_that_cannot_tell():
    unknown = a_round(0.0, q=np.full(N, np.nan, np.float32))
    alone = a_round(0.0, trained=np.ones(N, bool), held_back=np.zeros(N, bool))
    for judged in (unknown, alone):
        rejected = Rejected("auto")
        assert not rejected.weights(**judged).any()
        assert (rejected.count, rejected.fitted) == (False, False)
        assert rejected.weights(**a_round(0.0)).any()


def test_samples_that_were_never_drawn_are_not_held_back():
    drawn = np.arange(N) < 300
    judged = a_round(0.0)
    judged["trained"] &= drawn
    weights = Rejected("auto").weights(**judged)
    assert (weights[300:] > 0).sum() == ((judged["weight"] == 0) & ~judged["held_back"])[300:].sum()


def test_a_rule_can_be_set():
    judged = a_round(0.1)
    assert not Rejected("nothing").weights(**a_round(0.0)).any()
    weights = Rejected("q").weights(**judged)
    assert (weights > 0).tolist() == (judged["weight"] == 0).tolist()


def columns(weight, q):
    some = np.zeros(N)
    return Rewrite(weight, some, some, some, q, some.astype(int), some, some)


def test_a_network_learns_by_the_judgement_of_the_one_before_it():
    judged = a_round(0.0)
    held_back = judged["held_back"]
    table = SampleTable(np.zeros(N, int), n_networks=2, held_back=held_back)
    table.mark_trained()
    q = [np.full(N, 0.1, np.float32), np.full(N, 0.3, np.float32)]
    found = [columns(judged["weight"], one) for one in q]
    fits = [judged["p"], a_round(0.1)["p"]]
    rest = rest_of([Rejected("auto"), Rejected("auto")], fits, found, table, np.arange(N))
    counting = (judged["weight"] == 0) & ~held_back
    assert rest[:, 0].tolist() == np.where(counting, np.float32(0.3), 0).tolist()
    assert not rest[:, 1].any()  # this network fits them

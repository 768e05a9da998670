import numpy as np
import pytest

from tssd_keras.judge.rejected import (
    FEWEST,
    FITTED,
    HELD_BACK_MOST,
    Fit,
    Rejected,
    fit_of_rejected,
    hold_back,
)

pytestmark = pytest.mark.backend_free
LABELS = np.repeat(np.arange(10), 100)


def a_round(fit, *, n=400, seed=0):
    """n labels, half of them rejected, a tenth never trained on; the network fits so much."""
    rng = np.random.default_rng(seed)
    trained = rng.random(n) > 0.2
    weight = (np.arange(n) % 2).astype(np.float32)
    p = np.where(weight > 0, 0.9, 0.1 + fit * trained)
    q = np.where(weight > 0, 0.9, 0.2).astype(np.float32)
    return {"p": p, "weight": weight, "q": q, "trained": trained}


def test_a_tenth_of_every_class_is_held_back():
    held = hold_back(LABELS, np.random.default_rng(0))
    assert np.bincount(LABELS[held], minlength=10).tolist() == [10] * 10
    assert (held != hold_back(LABELS, np.random.default_rng(1))).any()
    assert (held == hold_back(LABELS, np.random.default_rng(0))).all()


def test_of_many_samples_so_many_are_held_back_that_they_can_be_compared():
    labels = np.repeat(np.arange(10), 5000)
    assert hold_back(labels, np.random.default_rng(0)).sum() == HELD_BACK_MOST


def test_few_samples_are_all_trained_on():
    assert not hold_back(np.arange(19).repeat(10), np.random.default_rng(0)).any()
    assert hold_back(np.arange(20).repeat(10), np.random.default_rng(0)).sum() == FEWEST
    assert not hold_back(np.arange(500).repeat(9), np.random.default_rng(0)).any()


def test_the_fit_is_that_of_labels_trained_on_over_that_of_the_others():
    judged = a_round(0.3)
    fit = fit_of_rejected(judged["p"], judged["weight"] == 0, judged["trained"])
    assert fit.more == pytest.approx(0.3)
    assert fit.of_others == pytest.approx(0.1)
    every = np.ones(400, bool)
    assert fit_of_rejected(judged["p"], every, every) is None
    few = np.arange(400) >= FEWEST - 1
    assert fit_of_rejected(judged["p"], every, few) is None


@pytest.mark.parametrize(("fit", "count"), [(0.0, True), (FITTED / 2, True), (0.1, False)])
def test_rejected_labels_count_by_q_as_long_as_none_is_fitted(fit, count):
    judged, rejected = a_round(fit), Rejected("auto")
    weights = rejected.weights(**judged)
    counting = (judged["weight"] == 0) & judged["trained"] & count
    assert weights.tolist() == np.where(counting, np.float32(0.2), 0).tolist()
    assert rejected.count is count
    assert rejected.fit.more == pytest.approx(fit, abs=1e-9)


@pytest.mark.parametrize(
    ("fit", "shows"),
    [
        (Fit(0.021, 0.02, 0.2), True),  # much
        (Fit(0.019, 0.001, 0.2), False),
        (Fit(0.007, 0.003, 0.02), True),  # much, of what held-back ones have
        (Fit(0.007, 0.004, 0.02), False),  # not surely
        (Fit(0.006, 0.001, 0.02), False),
    ],
)
def test_labels_are_fitted_where_it_shows(fit, shows):
    assert fit.shows is shows


def test_once_they_are_fitted_they_count_no_more():
    rejected = Rejected("auto")
    assert rejected.weights(**a_round(0.0)).any()
    assert not rejected.weights(**a_round(0.1)).any()
    assert not rejected.weights(**a_round(0.0)).any()


def test_nothing_counts_that_cannot_be_told():
    unknown = a_round(0.0) | {"q": np.full(400, np.nan, np.float32)}
    alone = a_round(0.0) | {"trained": np.ones(400, bool)}
    for judged in (unknown, alone):
        rejected = Rejected("auto")
        assert not rejected.weights(**judged).any()
        assert not rejected.count


def test_a_rule_can_be_set():
    judged = a_round(0.1)
    assert not Rejected("nothing").weights(**a_round(0.0)).any()
    weights = Rejected("q").weights(**judged)
    assert (weights > 0).tolist() == (judged["weight"] == 0).tolist()

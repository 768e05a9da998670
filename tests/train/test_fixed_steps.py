"""Epochs of as many steps each, for learning rates that go by steps."""

import warnings

import keras
import numpy as np
import pytest
from builders.small_runs import fit, network, new_tssd
from keras.optimizers import schedules

from tssd_keras.train.feed import plan_epoch
from tssd_keras.train.step_schedules import schedule_note

KINDS = ("tf.data", "pydataset")


@pytest.mark.backend_free
@pytest.mark.parametrize(("steps", "least", "most"), [(2, 0, 1), (5, 1, 2), (12, 4, 5)])
def test_samples_come_again_once_all_have_come(steps, least, most):
    taken = np.arange(20) % 5 > 0  # 16 samples, in batches of 6
    rows, used = plan_epoch(taken, 6, np.random.default_rng(0), steps)
    assert rows.shape == used.shape == (steps, 6)
    assert (used == 1).all()
    times = np.bincount(rows.ravel(), minlength=20)
    assert not times[~taken].any()
    assert (times[taken].min(), times[taken].max()) == (least, most)


@pytest.mark.backend_free
def test_each_time_in_another_order():
    rows, _ = plan_epoch(np.ones(24, bool), 6, np.random.default_rng(0), 8)
    first, second = rows.reshape(2, 24)
    assert sorted(first) == sorted(second) == list(range(24))
    assert (first != second).any()


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("steps", [4, 13])
def test_every_epoch_has_as_many_steps(kind, steps):
    """Fewer than the samples need, and more; the announced length is kept, so nothing warns."""
    tssd, model = new_tssd(), network()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        fit(model, tssd, 4, feed=tssd.feed(32, kind=kind, steps=steps))
    assert tssd.steps == steps
    assert int(model.optimizer.iterations) == 4 * steps
    assert len(tssd.rounds) == 2


def test_what_a_short_epoch_left_out_was_not_trained_on():
    tssd, model = new_tssd(warmup_epochs=None), network()
    fit(model, tssd, 1, feed=tssd.feed(32, steps=3))
    assert tssd.table.trained.sum() == 96
    fit(model, tssd, 1, feed=tssd.feed(32, steps=3))
    assert 96 < tssd.table.trained.sum() < 192


@pytest.mark.parametrize(
    ("settings", "error", "message"),
    [
        ({"steps": 0}, ValueError, "steps must be at least 1"),
        ({"steps": 2.5}, TypeError, "steps must be a whole number"),
        ({"steps": 3, "shuffle": False}, ValueError, "steps needs shuffle=True"),
    ],
)
def test_steps_that_cannot_be_are_refused(settings, error, message):
    with pytest.raises(error, match=message):
        new_tssd().feed(32, **settings)


def note(schedule, *, n_full=2):
    """What is said of four epochs of 10 steps, of which the last ones may be shorter."""
    return schedule_note(network(rate=schedule), n_epochs=4, n_full=n_full, most=10)


@pytest.mark.parametrize(
    "schedule",
    [
        schedules.CosineDecay(1e-2, 40),
        schedules.CosineDecay(0.0, 30, warmup_target=1e-2, warmup_steps=10),
        schedules.CosineDecayRestarts(1e-2, 40),
        schedules.PolynomialDecay(1e-2, 40),
        schedules.ExponentialDecay(1e-2, 40, 0.5),
        schedules.InverseTimeDecay(1e-2, 40, 0.5),
        schedules.PiecewiseConstantDecay([20, 40], [1e-2, 1e-3, 1e-4]),
    ],
)
def test_a_schedule_by_steps_is_told_that_epochs_get_shorter(schedule):
    said = note(schedule)
    assert f"{type(schedule).__name__} counts steps (40), and epochs get shorter" in said
    assert "4 epochs of at most 10 steps are 40 at most" in said
    assert "tssd.feed(batch_size=..., steps=10)" in said
    assert note(schedule, n_full=4) == ""


def test_a_schedule_that_is_too_long_is_told_so():
    said = note(schedules.CosineDecay(1e-2, 100), n_full=4)
    assert (
        "CosineDecay will not finish: it takes 100 steps, and 4 epochs of 10 steps are 40" in said
    )


def test_nothing_is_said_of_a_rate_that_ends_in_time_or_never_ends():
    assert note(schedules.CosineDecay(1e-2, 20)) == ""
    assert note(schedules.ExponentialDecay(1e-2, 4000, 0.5), n_full=4) == ""
    assert note(1e-2) == ""


def said_by_fit(*, steps=None, **settings):
    """A `fit` of three epochs, and another; an epoch of every sample has 10 steps."""
    tssd, model = new_tssd(**settings), network(rate=schedules.CosineDecay(1e-2, 30))
    feed = tssd.feed(32, steps=steps)
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        fit(model, tssd, 3, feed=feed)
        fit(model, tssd, 1, feed=feed)
    return [str(w.message) for w in said if "learning rate" in str(w.message)]


def test_fit_says_it_once_and_not_where_every_epoch_has_its_steps():
    (said,) = said_by_fit()
    assert "3 epochs of at most 10 steps are 30 at most" in said
    assert said_by_fit(steps=10) == said_by_fit(warmup_epochs=None) == []


def test_a_schedule_with_its_steps_does_finish():
    model = network(rate=schedules.CosineDecay(1e-2, 40))
    tssd = new_tssd()
    fit(model, tssd, 4, feed=tssd.feed(32, steps=10))
    assert float(keras.ops.convert_to_numpy(model.optimizer.learning_rate)) == pytest.approx(0.0)

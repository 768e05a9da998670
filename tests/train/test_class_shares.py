import keras
import numpy as np
import pytest
from keras import layers
from sklearn.datasets import load_digits

from tssd_keras import TSSD, DivideRecipe, Labels
from tssd_keras.labels import noise
from tssd_keras.train.class_shares import shares_to_predict
from tssd_keras.train.steps import mixmatch_step
from tssd_keras.train.steps.semi_supervised import SemiSupervisedSchedule


@pytest.fixture(scope="module")
def uneven():
    """Digits with few of the classes 0 to 4, 40 % of the labels wrong; a trusted pair of arrays."""
    data = load_digits()
    x, y = (data.data / 16).astype("float32"), data.target
    rest = np.arange(len(y)) >= 100
    rest[100:] &= (y[100:] >= 5) | (np.random.default_rng(0).random(len(y) - 100) < 0.2)
    given = noise.draw_labels(y[rest], noise.symmetric(10, 0.4), seed=3)
    return x[rest], y[rest], given, (x[:100], y[:100])


def fit(uneven, **settings):
    x, truth, given, _ = uneven
    keras.utils.set_random_seed(0)
    network = [layers.Dense(64, activation="relu"), layers.Dense(10)]
    step = mixmatch_step(keras.Sequential([keras.Input((64,)), *network]))
    step.compile(keras.optimizers.Adam(3e-3))
    tssd = TSSD(x, Labels(given, true=truth), warmup_epochs=4, **settings)
    callbacks = [tssd, SemiSupervisedSchedule(4, 4)]
    feed = tssd.feed(64, model=step)
    before = np.asarray(step.class_shares)
    step.fit(feed, epochs=7, callbacks=callbacks, shuffle=False, verbose=0)
    return tssd, before, np.asarray(step.class_shares)


@pytest.mark.parametrize("golden", ["trusted", "none"])
def test_a_step_is_told_half_of_how_uneven_the_true_classes_are(uneven, golden):
    truth, given = uneven[1], uneven[2]
    true, seen = (np.bincount(of, minlength=10) / len(of) for of in (truth, given))
    tssd, before, told = fit(uneven, golden=uneven[3] if golden == "trusted" else None)
    np.testing.assert_allclose(before, 0.1, rtol=1e-6)
    found = tssd.last_round[0].class_share
    assert abs(found - true).max() < 0.03 < abs(seen - true).max()
    np.testing.assert_allclose(told, (found + 0.1) / 2, atol=1e-6)


def test_without_a_judgement_the_given_labels_shares_stand_for_them(uneven):
    given = uneven[2]
    tssd, _, told = fit(uneven, divide=DivideRecipe(streams=("loss",), place="class_means"))
    assert tssd.rounds[-1].purification.reach is None
    np.testing.assert_allclose(told, (np.bincount(given) / len(given) + 0.1) / 2, rtol=1e-5)


def test_samples_that_a_person_decided_on_are_among_those_that_are_fed(uneven):
    x, truth, given, _ = uneven
    decided = np.where(truth >= 8, truth, -1)
    keras.utils.set_random_seed(0)
    step = mixmatch_step(keras.Sequential([keras.Input((64,)), layers.Dense(10)]))
    step.compile(keras.optimizers.Adam(3e-3))
    tssd = TSSD(x, Labels(given, decided=decided), warmup_epochs=4)
    feed = tssd.feed(64, model=step)
    callbacks = [tssd, SemiSupervisedSchedule(4, 4)]
    step.fit(feed, epochs=5, callbacks=callbacks, shuffle=False, verbose=0)
    true = np.bincount(truth) / len(truth)
    assert tssd.last_round[0].class_share[8:].max() < 0.05  # nearly all that are left have others
    assert np.asarray(step.class_shares)[8:] == pytest.approx((true[8:] + 0.1) / 2, abs=0.03)


def test_a_model_of_ones_own_may_have_such_a_name(uneven):
    x, _, given, _ = uneven
    model = keras.Sequential([keras.Input((64,)), layers.Dense(10, activation="softmax")])
    model.class_shares = [0.1] * 10
    model.compile(
        "adam", keras.losses.SparseCategoricalCrossentropy(reduction="mean_with_sample_weight")
    )
    tssd = TSSD(x, given, warmup_epochs=1)
    model.fit(tssd.feed(64), epochs=2, callbacks=[tssd], shuffle=False, verbose=0)
    assert len(tssd.rounds) == 1
    assert list(model.class_shares) == [0.1] * 10


def test_shares_are_the_networks_mean_and_the_decisions_half_the_way_from_even():
    found = [np.array([0.9, 0.1, 0.0]), np.array([0.7, 0.3, 0.0])]
    shares = shares_to_predict(found, 30, np.array([2] * 10))
    np.testing.assert_allclose(shares, (np.array([24, 6, 10]) / 40 + 1 / 3) / 2)

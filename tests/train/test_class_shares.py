import keras
import numpy as np
import pytest
from keras import layers
from sklearn.datasets import load_digits

from tssd_keras import TSSD, DivideRecipe, Labels
from tssd_keras.labels import noise
from tssd_keras.train.class_shares import expected_shares
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
def test_a_step_is_told_how_frequent_the_true_classes_are(uneven, golden):
    truth, given = uneven[1], uneven[2]
    true, seen = (np.bincount(of, minlength=10) / len(of) for of in (truth, given))
    found, before, told = fit(uneven, golden=uneven[3] if golden == "trusted" else None)
    np.testing.assert_allclose(before, 0.1, rtol=1e-6)
    np.testing.assert_allclose(told, found.last_round[0].class_share, atol=1e-6)
    assert abs(told - true).max() < 0.03 < abs(seen - true).max()


def test_without_a_judgement_they_are_the_given_labels_shares(uneven):
    given = uneven[2]
    tssd, _, told = fit(uneven, divide=DivideRecipe(streams=("loss",), place="class_means"))
    assert tssd.rounds[-1].purification.reach is None
    np.testing.assert_allclose(told, np.bincount(given) / len(given), rtol=1e-5)


def test_no_class_is_expected_to_be_gone():
    shares = expected_shares([np.array([0.9, 0.1, 0.0]), np.array([0.7, 0.3, 0.0])])
    np.testing.assert_allclose(shares, np.array([0.8, 0.2, 1 / 30]) / (1 + 1 / 30))

"""The callback with models of many kinds: what `fit` takes is looked into as it runs."""

import keras
import numpy as np
import pytest
from keras import layers
from sklearn.datasets import load_digits

from tssd_keras import TSSD, Labels, Scoring
from tssd_keras.labels import noise


@pytest.fixture(scope="module")
def digits():
    """x float32[N, 64], true labels, labels of which 40 % are wrong."""
    data = load_digits()
    given = noise.draw_labels(data.target, noise.symmetric(10, 0.4), seed=3)
    return (data.data / 16).astype("float32"), data.target, given


def fitted(model, digits, *, epochs=6, warmup_epochs=5, loss=None, **settings):
    """The callback after a real `fit`."""
    x, truth, given = digits
    loss = loss or keras.losses.SparseCategoricalCrossentropy(
        from_logits=True, reduction="mean_with_sample_weight"
    )
    model.compile(keras.optimizers.Adam(3e-3), loss)
    tssd = TSSD(x, Labels(given, true=truth), warmup_epochs=warmup_epochs, **settings)
    model.fit(tssd.feed(64), epochs=epochs, callbacks=[tssd], shuffle=False, verbose=0)
    return tssd


def test_a_sequential_model_without_an_input_layer_is_built_for_the_samples(digits):
    keras.utils.set_random_seed(1)
    model = keras.Sequential([layers.Dense(32, activation="relu"), layers.Dense(10)])
    tssd = fitted(model, digits, epochs=3, warmup_epochs=2)
    assert tssd.rounds[-1].quality.label_error_auroc > 0.9


class Opaque(keras.Model):
    """A subclassed model, which has no graph of layers."""

    def __init__(self):
        super().__init__()
        self.hidden = layers.Dense(64, activation="relu")
        self.last = layers.Dense(10)

    def call(self, x):
        return self.last(self.hidden(x))


def test_a_subclassed_model_is_scored_by_a_model_that_shares_its_layers(digits):
    model, inputs = Opaque(), keras.Input((64,))
    features = model.hidden(inputs)
    score_model = keras.Model(inputs, [features, model.last(features)])
    tssd = fitted(model, digits, scoring=Scoring(score_model=score_model))
    assert tssd.rounds[-1].quality.label_error_auroc > 0.97


def test_a_subclassed_model_without_one_is_looked_into_as_it_runs(digits):
    assert fitted(Opaque(), digits).rounds[-1].quality.label_error_auroc > 0.97


def test_a_score_model_of_other_layers_is_refused(digits):
    inputs = keras.Input((64,))
    features = layers.Dense(8)(inputs)
    foreign = keras.Model(inputs, [features, layers.Dense(10)(features)])
    told = r"must share the layers .* 4 of its 4 trainable variables"
    with pytest.raises(ValueError, match=told):
        fitted(Opaque(), digits, scoring=Scoring(score_model=foreign))


@pytest.mark.parametrize("activation", ["sigmoid", None])
def test_one_unit_is_a_problem_of_two_classes(digits, activation):
    """As in most texts: binary cross-entropy, one output."""
    x, digit, _ = digits
    truth = (digit >= 5).astype(np.int64)
    given = noise.draw_labels(truth, noise.symmetric(2, 0.3), seed=3)
    keras.utils.set_random_seed(1)
    hidden = [layers.Dense(64, activation="relu"), layers.Dense(64, activation="relu")]
    model = keras.Sequential([*hidden, layers.Dense(1, activation=activation)])
    loss = keras.losses.BinaryCrossentropy(
        from_logits=activation is None, reduction="mean_with_sample_weight"
    )
    tssd = fitted(model, (x, truth, given), epochs=8, warmup_epochs=4, loss=loss)
    assert tssd.rounds[-1].quality.label_error_auroc > 0.95
    assert set(tssd.table.suggested) == {0, 1}


@pytest.mark.parametrize("loss", ["mse", "mean_squared_error", keras.losses.Huber()])
def test_one_unit_that_is_trained_as_a_number_is_refused(loss):
    x = np.random.default_rng(0).normal(size=(60, 3)).astype("float32")
    model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(1)])
    model.compile("sgd", loss)
    tssd = TSSD(x, np.arange(60) % 2)
    with pytest.raises(ValueError, match=r"neither.*BinaryCrossentropy\(from_logits=True\)"):
        model.fit(tssd.feed(20), callbacks=[tssd], shuffle=False, verbose=0)


class Wrapped(keras.Model):
    """A user's model around a part of it, whose attributes are called as those of `steps` are."""

    def __init__(self, name):
        super().__init__()
        part = keras.Sequential([layers.Dense(32, activation="relu"), layers.Dense(10)])
        setattr(self, name, [part] if name.endswith("s") else part)
        self.part, self.warming_up, self.epoch_count = part, True, "as it was"

    def call(self, x, training=None):
        return -self.part(x / 2)


@pytest.mark.parametrize("name", ["network", "networks", "eval_networks"])
def test_a_model_is_judged_as_it_predicts_whatever_its_attributes_are_called(digits, name):
    keras.utils.set_random_seed(1)
    model = Wrapped(name)
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    tssd = fitted(model, digits, epochs=8, warmup_epochs=5, loss=loss)
    assert tssd.rounds[-1].abstentions.network_unready == ""
    assert tssd.rounds[-1].quality.label_error_auroc > 0.95
    assert model.epoch_count == "as it was"

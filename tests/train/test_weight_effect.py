"""Where sample weights do not reach a loss, `fit` says so once; on both backends, by real `fit`."""

import warnings

import keras
import numpy as np
import pytest
from keras import layers, ops

from tssd_keras import TSSD
from tssd_keras.train.steps import weighted_step
from tssd_keras.train.weight_effect import weight_note

RNG = np.random.default_rng(0)
X, Y = RNG.normal(size=(70, 4)).astype("float32"), np.arange(70) % 3
SPARSE = keras.losses.sparse_categorical_crossentropy
BY_WEIGHT = {"reduction": "mean_with_sample_weight"}


def per_sample(y, prediction):
    return SPARSE(y, prediction)


def scalar(y, prediction):
    return ops.mean(SPARSE(y, prediction))


class Forgetful(keras.Model):
    """Its compute_loss leaves the weights out."""

    def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None, training=True):
        return scalar(y, y_pred)


class OwnStep(keras.Model):
    """A loop of its own, compiled without a loss."""

    def train_step(self, *args):
        return super().train_step(*args)


def test_a_model_that_trains_by_itself_is_not_looked_at():
    model = network(OwnStep)
    model.compile("sgd")
    assert weight_note(model, X[:8], Y[:8]) is None
    model = network()
    model.compile("sgd", "mse")  # fit says by itself that class numbers do not fit
    assert weight_note(model, X[:8], Y[:8, None] + np.zeros((1, 5))) is None


def network(kind=keras.Model):
    inputs = keras.Input((4,))
    return kind(inputs, layers.Dense(3, activation="softmax")(inputs))


def said(model, loss, batch_size=7, **compiled):
    """What is warned of during a short fit."""
    model.compile("sgd", loss, **compiled)
    tssd = TSSD(X, Y, warmup_epochs=None)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        for _ in range(2):
            model.fit(tssd.feed(batch_size), epochs=1, callbacks=[tssd], shuffle=False, verbose=0)
    return [str(one.message) for one in caught if one.category is UserWarning]


@pytest.mark.parametrize(
    "loss",
    [
        "sparse_categorical_crossentropy",
        per_sample,
        keras.losses.SparseCategoricalCrossentropy(**BY_WEIGHT),
        keras.losses.SparseCategoricalCrossentropy(reduction="sum"),
    ],
)
def test_a_loss_that_weights_reach_is_no_cause_for_words(loss):
    assert said(network(), loss) == []


@pytest.mark.parametrize(
    ("kind", "loss", "name"), [(keras.Model, scalar, "scalar"), (Forgetful, None, "Forgetful.comp")]
)
def test_a_loss_that_weights_do_not_reach_is_named_once(kind, loss, name):
    (message,) = said(network(kind), loss)
    assert f"no effect on the loss ({name}" in message
    assert "compute_loss must pass sample_weight on" in message


@pytest.mark.parametrize("reduction", ["sum_over_batch_size", "mean_with_sample_weight"])
@pytest.mark.parametrize("kind", ["tf.data", "pydataset"])
def test_loss_and_metrics_are_over_the_same_rows_none_of_which_only_fills_up(kind, reduction):
    model, tssd = network(), TSSD(X, Y, warmup_epochs=None)
    loss = keras.losses.SparseCategoricalCrossentropy(reduction=reduction)
    accuracy = [keras.metrics.SparseCategoricalAccuracy(name) for name in ("plain", "weighted")]
    model.compile(
        keras.optimizers.SGD(0.0), loss, metrics=accuracy[:1], weighted_metrics=accuracy[1:]
    )
    fit = {"epochs": 1, "callbacks": [tssd], "shuffle": False, "verbose": 0}
    found = model.fit(tssd.feed(64, kind=kind, shuffle=False), **fit).history
    seen = np.arange(128) % 70  # the first 58 come again, where 6 would leave 58 rows empty
    prediction = model.predict(X, verbose=0)[seen]
    right = float(np.mean(prediction.argmax(axis=1) == Y[seen]))
    assert found["plain"] == found["weighted"] == pytest.approx([right], abs=1e-6)
    mean = float(np.mean(keras.ops.convert_to_numpy(SPARSE(Y[seen], prediction))))
    assert found["loss"] == pytest.approx([mean], rel=1e-5)


def test_a_model_that_weighs_by_itself_has_rows_of_weight_zero_in_its_last_batch():
    tssd = TSSD(X, Y, warmup_epochs=None)
    model = weighted_step(keras.Sequential([keras.Input((4,)), layers.Dense(3)]))
    *_, (_, _, weight) = tssd.feed(64, model=model)
    assert np.asarray(weight).tolist() == [1.0] * 6 + [0.0] * 58

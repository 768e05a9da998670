"""Where sample weights do not reach a loss, `fit` says so once; on both backends, by real `fit`."""

import warnings

import keras
import numpy as np
import pytest
from keras import layers, ops

from tssd_keras import TSSD
from tssd_keras.train.weight_effect import weight_notes

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
    assert list(weight_notes(model, X[:8], Y[:8], filled=0.0)) == []
    model = network()
    model.compile("sgd", "mse")  # fit says by itself that class numbers do not fit
    assert list(weight_notes(model, X[:8], Y[:8, None] + np.zeros((1, 5)), filled=0.0)) == []


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


def test_what_counts_rows_that_fill_up_is_named():
    loss = keras.losses.SparseCategoricalCrossentropy(**BY_WEIGHT)
    (message,) = said(network(), loss, batch_size=60, metrics=[scalar])
    assert "42% of an epoch's rows only fill up its last batch" in message
    assert "weight 0, and scalar counts them" in message
    (message,) = said(network(), "sparse_categorical_crossentropy", batch_size=60)
    assert "weight 0, and the loss counts them" in message
    both = {"metrics": ["accuracy"], "weighted_metrics": ["accuracy"]}
    assert said(network(), loss, batch_size=60, **both) == []


def test_rows_that_fill_up_do_not_change_a_weighted_metric():
    model = network()
    loss = keras.losses.SparseCategoricalCrossentropy(**BY_WEIGHT)
    model.compile(keras.optimizers.SGD(0.0), loss, weighted_metrics=["accuracy"])
    tssd = TSSD(X, Y, warmup_epochs=None)
    found = model.fit(tssd.feed(64), epochs=1, callbacks=[tssd], shuffle=False, verbose=0).history
    accuracy = float(np.mean(model.predict(X, verbose=0).argmax(axis=1) == Y))
    assert found["accuracy"][0] == pytest.approx(accuracy, abs=1e-6)

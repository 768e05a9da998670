"""A loss, a feature or an input that is no number ends `fit`, with the sample that is to blame."""

import keras
import numpy as np
import pytest
from keras import layers

from tssd_keras import TSSD, Scoring
from tssd_keras.data.inputs import ArrayInputs
from tssd_keras.train.not_finite import cause

rng = np.random.default_rng(0)
X = rng.normal(size=(120, 4)).astype("float32")
Y = np.arange(120) % 3


def network(rate=0.01, *body):
    keras.utils.set_random_seed(0)
    model = keras.Sequential([keras.Input((4,)), *body, layers.Dense(3)])
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(keras.optimizers.SGD(rate), loss)
    return model


def fit(tssd, model, epochs, *callbacks):
    batches = tssd.feed(60)
    model.fit(batches, epochs=epochs, callbacks=[tssd, *callbacks], shuffle=False, verbose=0)


@pytest.mark.parametrize("epochs", [1, 3])
def test_a_loss_that_is_no_number_ends_fit_in_the_last_epoch_too(epochs):
    with pytest.raises(
        ValueError, match=r"loss must be finite, it is (nan|inf) in epoch 1: .*learning"
    ):
        fit(TSSD(X, Y, warmup_epochs=epochs), network(1e38), epochs)


def test_who_has_asked_keras_to_stop_there_is_warned():
    stop = keras.callbacks.TerminateOnNaN()
    with (
        pytest.warns(UserWarning, match="every epoch was warm-up"),
        pytest.warns(UserWarning, match="loss must be finite, it is (nan|inf) in epoch 1"),
    ):
        fit(TSSD(X, Y, warmup_epochs=2), network(1e38), 3, stop)


def test_inputs_that_float32_does_not_hold_are_refused_before_training():
    with pytest.raises(ValueError, match=r"inputs must be finite: 120 of 120 .* scale such inputs"):
        TSSD(X.astype(float) * 1e200, Y)
    with pytest.raises(ValueError, match=r"inputs must have entries .* tells from 0.*Scale such"):
        TSSD(X.astype(float) * 1e-310, Y)
    TSSD(np.zeros_like(X, float), Y)  # nothing is lost


def test_a_sample_that_became_nan_is_named_and_not_the_learning_rate():
    x = X.copy()
    tssd = TSSD(x, Y, warmup_epochs=1)
    poison = keras.callbacks.LambdaCallback(
        on_epoch_begin=lambda *_: x.__setitem__((17, 2), np.nan)
    )
    with pytest.raises(ValueError, match="sample 17 has entries that are NaN") as told:
        fit(tssd, network(), 2, poison)
    assert "learning" not in str(told.value)


def test_features_that_are_no_numbers_are_named_as_such():
    class Root(layers.Layer):
        def call(self, x):
            return keras.ops.sqrt(x)

    class Filled(layers.Layer):
        def call(self, x):
            return keras.ops.where(keras.ops.isnan(x), keras.ops.zeros_like(x), x)

    model = network(1e-9, layers.Dense(6), Root(name="root"), Filled())
    tssd = TSSD(X, Y, scoring=Scoring(features="root"))
    with pytest.raises(ValueError, match=r"features of samples must be finite: .*another layer"):
        fit(tssd, model, 2)


def test_the_cause_is_told_by_the_samples():
    x = X.copy()
    names = np.array([f"row-{i}" for i in range(120)], object)
    assert "every sample is finite. Try a lower" in cause(ArrayInputs(x), np.arange(120))
    x[5, 0] = 1e9
    assert "entry of size 1e+09. Scale" in cause(ArrayInputs(x), np.arange(120))
    x[9, 1] = np.inf
    assert "sample 9 (row-9) has entries" in cause(ArrayInputs(x), np.arange(120), names)
    assert "every sample is finite" in cause(ArrayInputs(x), np.arange(5))

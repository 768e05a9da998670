"""An own `train_step` that leaves the weights out is named, and training is what it would be."""

import random
import warnings

import keras
import numpy as np
import pytest
from builders.small_runs import D, K, blobs, fit, new_tssd
from keras import layers, ops
from sklearn.metrics import roc_auc_score

from tssd_keras import TSSD
from tssd_keras.train.own_step import has_own_step, own_step_note

ON_TENSORFLOW = keras.backend.backend() == "tensorflow"
RNG = np.random.default_rng(0)
X, Y = RNG.normal(size=(70, 4)).astype("float32"), np.arange(70) % 3
SPARSE = keras.losses.sparse_categorical_crossentropy

if ON_TENSORFLOW:
    import tensorflow as tf

    class Stepping(keras.Model):
        """Its step is written out; `objective` gives the loss, of the weights too."""

        def objective(self, y, prediction, weight):
            return ops.mean(SPARSE(y, prediction) * weight)

        def train_step(self, data):
            x, y, weight = keras.utils.unpack_x_y_sample_weight(data)
            with tf.GradientTape() as tape:
                prediction = self(x, training=True)
                loss = self.objective(y, prediction, weight)
            gradients = tape.gradient(loss, self.trainable_variables)
            self.optimizer.apply(gradients, self.trainable_variables)
            for metric in self.metrics:
                metric.update_state(loss)
            return {metric.name: metric.result() for metric in self.metrics}

else:
    import jax

    class Stepping(keras.Model):
        """Its step is written out; `objective` gives the loss, of the weights too."""

        def objective(self, y, prediction, weight):
            return ops.mean(SPARSE(y, prediction) * weight)

        def train_step(self, state, data):
            trainable, others, optimizer, metrics = state
            x, y, weight = keras.utils.unpack_x_y_sample_weight(data)

            def loss_of(trainable, others):
                prediction, others = self.stateless_call(trainable, others, x, training=True)
                return self.objective(y, prediction, weight), others

            gradient = jax.value_and_grad(loss_of, has_aux=True)
            (loss, others), gradients = gradient(trainable, others)
            trainable, optimizer = self.optimizer.stateless_apply(optimizer, gradients, trainable)
            return {"loss": loss}, (trainable, others, optimizer, metrics)


class Forgetful(Stepping):
    """It has the weights and leaves them out."""

    def objective(self, y, prediction, weight):
        return ops.mean(SPARSE(y, prediction))


class OfTheBatch(Stepping):
    """It weights one number of the whole batch."""

    def objective(self, y, prediction, weight):
        return ops.mean(ops.mean(SPARSE(y, prediction)) * weight)


class Dropping(keras.Model):
    """It hands the data on without their third element."""

    def train_step(self, *args):
        return super().train_step(*args[:-1], args[-1][:2])


class PassingOn(keras.Model):
    """It changes nothing."""

    def train_step(self, *args):
        return super().train_step(*args)


class ByChance(Forgetful):
    """It draws by itself and counts its traces."""

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.traces, self.drawn = 0, []

    def objective(self, y, prediction, weight):
        self.traces += 1
        self.drawn.append(random.random())
        noise = 1 + 0.1 * float(np.random.normal())
        if ON_TENSORFLOW:  # unseeded numbers are no part of a step on JAX
            noise = noise + keras.random.normal((), seed=None) * 0.1
        return super().objective(y, prediction, weight) * noise


class Failing(keras.Model):
    """Its step cannot be tried."""

    def train_step(self, *args):
        raise RuntimeError("no step")


def network(kind, rate=0.3, **compiled):
    keras.utils.set_random_seed(1)
    inputs = keras.Input((4,))
    z = layers.BatchNormalization()(layers.Dense(6, activation="relu")(inputs))
    model = kind(inputs, layers.Dense(3, activation="softmax")(layers.Dropout(rate)(z)))
    optimizer = compiled.pop("optimizer", "adam")
    model.compile(optimizer, compiled.pop("loss", "sparse_categorical_crossentropy"), **compiled)
    return model


def said(model, fits=2):
    tssd = TSSD(X, Y, warmup_epochs=None)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        for _ in range(fits):
            model.fit(tssd.feed(7), epochs=1, callbacks=[tssd], shuffle=False, verbose=0)
    return [str(one.message) for one in caught if one.category is UserWarning]


JIT = [True, False]


@pytest.mark.parametrize("jit_compile", JIT)
@pytest.mark.parametrize("kind", [Forgetful, OfTheBatch, Dropping])
def test_an_own_step_that_leaves_the_weights_out_is_named_once(kind, jit_compile):
    (message,) = said(network(kind, jit_compile=jit_compile))
    assert f"no effect on what {kind.__name__}.train_step changes" in message
    assert "keras.utils.unpack_x_y_sample_weight(data)" in message


OPTIMIZERS = {
    "adam": lambda: "adam",
    "of signs": lambda: keras.optimizers.Lion(0.01),
    "that waits": lambda: keras.optimizers.SGD(0.1, gradient_accumulation_steps=4),
    "at rest": lambda: keras.optimizers.SGD(0.0),
    "that scales": lambda: keras.optimizers.LossScaleOptimizer(keras.optimizers.Adam(0.01)),
}


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
@pytest.mark.parametrize("kind", [Stepping, PassingOn])
def test_an_own_step_that_weights_reach_is_no_cause_for_words(kind, optimizer):
    assert said(network(kind, optimizer=OPTIMIZERS[optimizer]()), fits=1) == []


@pytest.mark.parametrize("optimizer", ["adam", "of signs", "that waits"])
def test_whatever_the_optimizer_does_with_gradients(optimizer):
    assert len(said(network(Forgetful, optimizer=OPTIMIZERS[optimizer]()), fits=1)) == 1


def test_a_loss_of_the_batch_in_a_step_that_passes_weights_on_is_named():
    model = network(PassingOn, loss=lambda y, prediction: ops.mean(SPARSE(y, prediction)))
    (message,) = said(model)
    assert "PassingOn.train_step changes" in message


def test_a_step_that_cannot_be_tried_is_left_alone(capfd):
    model = network(Failing)
    assert has_own_step(model)
    capfd.readouterr()
    assert own_step_note(model, X[:8], Y[:8]) is None
    assert capfd.readouterr() == ("", "")


def test_what_runs_eagerly_or_is_nobodys_own_is_not_tried():
    assert not has_own_step(network(Forgetful, run_eagerly=True))
    assert not has_own_step(network(keras.Model))
    assert not has_own_step(keras.Sequential())


def everything(model):
    """All that training rests on."""
    variables = [*model.variables, *model.optimizer.variables]
    return [keras.ops.convert_to_numpy(variable) for variable in variables]


@pytest.mark.parametrize("jit_compile", JIT)
@pytest.mark.parametrize("kind", [ByChance, Forgetful, PassingOn])
@pytest.mark.parametrize("begun", [True, False])
def test_training_is_what_it_would_be_without_the_trial(kind, begun, jit_compile):
    found, draws = [], []
    for tried in (False, True):
        model = network(kind, jit_compile=jit_compile)
        if begun:
            fitted(model, 1)
        else:  # as `fit` does on JAX before its first epoch
            model.optimizer.build(model.trainable_variables)
        if tried:
            note = own_step_note(model, X[:16], Y[:16])
            assert kind is ByChance or (note is None) == (kind is PassingOn)
        fitted(model, 3)
        found.append(everything(model))
        draws.append((random.random(), np.random.random(), getattr(model, "traces", 0)))
        draws[-1] += (*getattr(model, "drawn", ()),)
    for one, other in zip(*found, strict=True):
        np.testing.assert_array_equal(one, other)
    assert draws[0] == draws[1]


def fitted(model, epochs):
    weight = np.ones(len(X), "float32")
    model.fit(X, Y, sample_weight=weight, batch_size=14, epochs=epochs, shuffle=False, verbose=0)


def test_a_whole_fit_is_what_it_would_be_without_the_trial():
    found = []
    for forget in (True, False):
        model = network(Forgetful)
        tssd = TSSD(X, Y, warmup_epochs=1)
        if forget:
            with pytest.warns(UserWarning, match=r"Forgetful\.train_step"):
                model.fit(tssd.feed(14), epochs=3, callbacks=[tssd], shuffle=False, verbose=0)
        else:
            tssd._notes._tried = True
            model.fit(tssd.feed(14), epochs=3, callbacks=[tssd], shuffle=False, verbose=0)
        found.append(everything(model))
    for one, other in zip(*found, strict=True):
        np.testing.assert_array_equal(one, other)


def test_an_own_step_that_takes_the_weights_trains_and_labels_are_judged():
    keras.utils.set_random_seed(1)
    inputs = keras.Input((D,))
    hidden = layers.Dense(16, activation="relu")(inputs)
    model = Stepping(inputs, layers.Dense(K, activation="softmax")(hidden))
    model.compile(keras.optimizers.Adam(1e-2), "sparse_categorical_crossentropy")
    tssd, (_, truth, given) = new_tssd(golden=0), blobs()
    fit(model, tssd, 4)
    assert tssd.table.judged.all()
    assert roc_auc_score(truth == given, tssd.table.q) > 0.9

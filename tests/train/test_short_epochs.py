"""Epochs get shorter as samples lose their weight: no warning comes, and no filter stays."""

import functools
import warnings

import keras
import numpy as np
import pytest
from keras import layers

from tssd_keras import TSSD

KINDS = ("tf.data", "pydataset")


@pytest.fixture
def every_warning_counts():
    """No filter hides a warning or makes it an error; gives the filters, to be compared."""
    with warnings.catch_warnings():
        warnings.simplefilter("default")
        yield list(warnings.filters)


def blobs():
    """x float32[330, 8] in four heaps, labels of which 30 % are wrong; 11 batches of 32."""
    rng = np.random.default_rng(0)
    truth = rng.integers(0, 4, 330)
    x = rng.normal(3 * np.eye(4, 8)[truth], 1).astype("float32")
    return x, np.where(rng.random(330) < 0.3, (truth + 1) % 4, truth)


def small_model(at_once=1, kind="auto"):
    """One for all fits that raise; the others keep what their own network tells them to keep."""
    model = compiled_model(at_once, kind)
    model.optimizer.iterations.assign(0)  # a TSSD would say that it has been trained
    return model


@functools.cache
def compiled_model(at_once, kind):
    keras.utils.set_random_seed(0)
    model = keras.Sequential(
        [keras.Input((8,)), layers.Dense(16, activation="relu"), layers.Dense(4, "softmax")]
    )
    model.compile(
        keras.optimizers.Adam(1e-2), "sparse_categorical_crossentropy", steps_per_execution=at_once
    )
    return model


@pytest.mark.parametrize("at_once", [1, 4, 64])
@pytest.mark.parametrize("kind", KINDS)
def test_epochs_that_get_shorter_are_not_warned_of_and_no_filter_stays(
    every_warning_counts, kind, at_once
):
    x, y = blobs()
    tssd, model = TSSD(x, y, warmup_epochs=1), small_model(at_once, kind)
    feed = tssd.feed(32, kind=kind)
    with warnings.catch_warnings(record=True) as caught:
        filters = list(warnings.filters)
        model.fit(
            feed, epochs=4, callbacks=[tssd], validation_data=(x, y), shuffle=False, verbose=0
        )
        assert warnings.filters == filters
    assert tssd.steps < 11
    assert [str(one.message) for one in caught if "ran out of data" in str(one.message)] == []
    assert warnings.filters == every_warning_counts


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt])
@pytest.mark.parametrize("hook", ["on_epoch_begin", "on_train_batch_end", "on_epoch_end"])
def test_a_fit_that_raises_leaves_no_filter(every_warning_counts, hook, error):
    x, y = blobs()
    tssd, calls = TSSD(x, y, warmup_epochs=1), []

    def stop(i, logs=None):
        calls.append(i)
        if len(calls) == 2:
            raise error

    feed, model = tssd.feed(32), small_model()
    breaker = keras.callbacks.LambdaCallback(**{hook: stop})
    with pytest.raises(error):
        model.fit(feed, epochs=3, callbacks=[tssd, breaker], shuffle=False, verbose=0)
    assert warnings.filters == every_warning_counts


def test_what_else_keras_warns_of_is_heard(every_warning_counts):
    x, y = blobs()
    tssd = TSSD(x, y, warmup_epochs=1)
    speak = keras.callbacks.LambdaCallback(
        on_epoch_end=lambda *_: warnings.warn("epoch", stacklevel=1)
    )
    with pytest.warns(UserWarning, match="epoch"):
        small_model().fit(
            tssd.feed(32), epochs=2, callbacks=[tssd, speak], shuffle=False, verbose=0
        )


@pytest.mark.parametrize("at_once", [1, 64])
def test_an_error_in_an_epochs_last_batch_leaves_the_filter_to_the_next_fit(
    every_warning_counts, at_once
):
    x, y = blobs()
    tssd, model = TSSD(x, y, warmup_epochs=1), small_model()
    feed = tssd.feed(32)
    model.steps_per_execution = at_once

    def stop(batch, logs=None):
        if batch >= tssd.steps - 1:  # the last of those that are read at once
            raise KeyboardInterrupt

    breaker = keras.callbacks.LambdaCallback(on_train_batch_end=stop)
    with pytest.raises(KeyboardInterrupt):
        model.fit(feed, epochs=1, callbacks=[tssd, breaker], shuffle=False, verbose=0)
    assert warnings.filters != every_warning_counts
    model.fit(feed, epochs=2, callbacks=[tssd], shuffle=False, verbose=0)
    assert warnings.filters == every_warning_counts


class Counting(keras.callbacks.Callback):
    """Batches that each epoch has, and steps that the optimizer took in it."""

    def __init__(self, tssd):
        super().__init__()
        self.tssd, self.batches, self.steps, self.losses = tssd, [], [], []

    def on_epoch_begin(self, epoch, logs=None):
        self.batches.append(self.tssd.steps)
        self.steps.append(-int(keras.ops.convert_to_numpy(self.model.optimizer.iterations)))

    def on_epoch_end(self, epoch, logs=None):
        if keras.backend.backend() == "jax":
            self.model.jax_state_sync()
        self.steps[-1] += int(keras.ops.convert_to_numpy(self.model.optimizer.iterations))
        self.losses.append(logs["loss"])


def counted(before=(), kind="auto", at_once=1, of_feed=lambda feed: feed):
    """Six epochs of a network; what `Counting` saw."""
    x, y = blobs()
    tssd, model = TSSD(x, y, warmup_epochs=1), small_model(at_once, f"counted {kind}")
    counting, feed = Counting(tssd), of_feed(tssd.feed(32, kind=kind))
    model.fit(feed, epochs=6, callbacks=[*before, tssd, counting], shuffle=False, verbose=0)
    return counting, model


@pytest.mark.parametrize("at_once", [1, 4])
@pytest.mark.parametrize("kind", KINDS)
def test_an_epoch_takes_as_many_steps_as_it_has_batches(kind, at_once):
    counting, model = counted(kind=kind, at_once=at_once)
    assert len(set(counting.batches)) > 1
    assert counting.steps == counting.batches
    assert model.stop_training is False


def test_a_dataset_of_more_batches_made_of_the_feed_is_read_to_its_end():
    tf = pytest.importorskip("tensorflow")

    def halved(feed):
        return tf.data.Dataset.zip((feed,)).map(lambda batch: batch).unbatch().batch(16)

    counting, _ = counted(kind="tf.data", of_feed=halved)
    assert all(n >= 2 * m for n, m in zip(counting.steps, counting.batches, strict=True))


def test_who_stops_training_before_is_heard():
    stop = keras.callbacks.EarlyStopping("loss", patience=0, min_delta=10, start_from_epoch=2)
    counting, model = counted([stop])
    assert len(counting.steps) == 4
    assert model.stop_training is True


def test_the_logged_loss_is_the_mean_over_the_batches_that_were():
    x, y = blobs()
    model = small_model(kind="counted")
    rate, model.optimizer.learning_rate = float(model.optimizer.learning_rate), 0.0
    tssd = TSSD(x, y, warmup_epochs=1)
    seen = Counting(tssd)
    model.fit(tssd.feed(32), epochs=3, callbacks=[tssd, seen], shuffle=False, verbose=0)
    model.optimizer.learning_rate = rate
    fed, weight = tssd.table.fed, tssd.table.weights_now[:, 0]
    prediction = model.predict(x, verbose=0)
    losses = -np.log(prediction[np.arange(len(y)), y]) * weight
    rows = seen.batches[-1] * 32  # Keras divides by the batch size, filled up or not
    assert seen.losses[-1] == pytest.approx(losses[fed].sum() / rows, rel=1e-4)

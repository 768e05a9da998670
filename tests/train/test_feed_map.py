"""`tssd.feed(map=...)`: each training batch is mapped anew, what is scored is not."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import ops

from tssd_keras import TSSD, DeviceInputs, Drawing

RNG = np.random.default_rng(5)
N, BATCH = 24, 8
X = RNG.normal(size=(N, 8, 8, 3)).astype("float32")
Y = np.arange(N) % 3
ON_TENSORFLOW = keras.backend.backend() == "tensorflow"
KINDS = ("auto", "pydataset")


def a_network(shape=(8, 8, 3), optimizer="sgd"):
    keras.utils.set_random_seed(0)
    model = keras.Sequential(
        [
            keras.Input(shape),
            keras.layers.Conv2D(4, 3),
            keras.layers.GlobalAveragePooling2D(),
            keras.layers.Dense(3, activation="softmax"),
        ]
    )
    model.compile(
        optimizer,
        loss=keras.losses.SparseCategoricalCrossentropy(reduction="mean_with_sample_weight"),
    )
    return model


def fitted(model, tssd, **feed):
    return model.fit(
        tssd.feed(batch_size=BATCH, **feed),
        epochs=3,
        callbacks=[tssd],
        shuffle=False,
        verbose=0,
    ).history


def epoch(feed):
    """x of every batch, in order."""
    batches = (
        feed if isinstance(feed, tf.data.Dataset) else map(feed.__getitem__, range(N // BATCH))
    )
    return np.concatenate([np.asarray(batch[0]) for batch in batches])


def feed_of(kind, function):
    tssd = TSSD(X, Y, warmup_epochs=None)
    return tssd.feed(batch_size=BATCH, kind=kind, shuffle=False, map=function)


AUGMENTATIONS = {
    "a layer": lambda: keras.layers.RandomFlip(),
    "several layers": lambda: keras.Sequential(
        [keras.layers.RandomFlip(), keras.layers.RandomTranslation(0.2, 0.2)]
    ),
    "a layer that is quiet unless it trains": lambda: keras.layers.GaussianNoise(1.0),
    "TensorFlow's": lambda: tf.image.random_flip_left_right,
}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("augmentation", AUGMENTATIONS)
def test_every_epoch_is_augmented_anew(augmentation, kind):
    keras.utils.set_random_seed(3)  # as users do; TensorFlow's draws then begin anew in a new graph
    feed = feed_of(kind, AUGMENTATIONS[augmentation]())
    first, second = epoch(feed), epoch(feed)
    assert first.shape == X.shape
    assert first.dtype == X.dtype
    assert np.abs(first - X).max() > 0.1
    assert np.abs(first - second).max() > 0.1


def test_a_layer_works_in_tf_data_on_every_backend():
    feed = feed_of("tf.data", keras.layers.RandomFlip())
    assert np.abs(epoch(feed) - epoch(feed)).max() > 0.1


def test_by_itself_a_feed_maps_where_the_backend_can():
    feed = feed_of("auto", lambda x: x)
    assert isinstance(feed, tf.data.Dataset) == ON_TENSORFLOW
    assert isinstance(feed_of("auto", None), tf.data.Dataset)


@pytest.mark.parametrize("kind", KINDS)
def test_training_sees_the_mapped_samples_and_scoring_the_others(kind):
    tssd = TSSD(X, Y, warmup_epochs=1)
    model = a_network(optimizer=keras.optimizers.SGD(0.0))
    history = fitted(model, tssd, kind=kind, map=lambda x: ops.zeros_like(x))
    np.testing.assert_allclose(history["loss"], np.log(3), rtol=1e-5)  # of zeros, by its biases
    p = model.predict(X, verbose=0)[np.arange(N), Y]
    np.testing.assert_allclose(tssd.last_round[0].loss, -np.log(p), rtol=1e-3)


@pytest.mark.parametrize("kind", KINDS)
def test_a_map_that_scales_is_warned_of(kind):
    with pytest.warns(UserWarning, match=r"scale the samples.*became 0\.0.*Rescaling"):
        feed_of(kind, lambda x: x / 255)


@pytest.mark.parametrize("kind", KINDS)
def test_a_map_may_change_the_shape_where_the_model_takes_both(kind):
    tssd = TSSD(X, Y, warmup_epochs=1)
    model = a_network((None, None, 3))
    fitted(model, tssd, kind=kind, map=keras.layers.RandomCrop(6, 5))
    assert len(tssd.rounds) == 2
    assert epoch(tssd.feed(batch_size=BATCH, kind=kind, map=keras.layers.RandomCrop(6, 5))).shape[
        1:
    ] == (6, 5, 3)


@pytest.mark.parametrize("kind", KINDS)
def test_a_model_that_takes_mapped_samples_alone_is_refused(kind):
    tssd = TSSD(X, Y, warmup_epochs=1)
    with pytest.raises(ValueError, match=r"of shape \(8, 8, 3\).*it takes \(6, 6, 3\).*not into"):
        fitted(a_network((6, 6, 3)), tssd, kind=kind, map=keras.layers.RandomCrop(6, 6))


WRONG = {
    "no function": ("flip", TypeError, "map must be a function.*'flip' of type str"),
    "of two": (lambda x, y: x, TypeError, r"one argument, a batch's samples x.*of \(x, y\).*'y'"),
    "of none": (lambda: 0, TypeError, r"map must take one argument.*got a function of \(\)"),
    "of a sample": (lambda x: x[100], TypeError, r"called with \w+ \(8, 8, 8, 3\) of float32 and"),
    "fails": (
        lambda x: {}["boo"],
        TypeError,
        r"raised KeyError: 'boo'\. It is called with a whole",
    ),
    "a class": (type, TypeError, "gave 1 .type"),
    "some samples": (lambda x: x[:3], ValueError, r"took 8 and gave shape \(3, 8, 8, 3\)"),
    "nothing": (lambda x: None, TypeError, "samples alone.*took 1 and gave"),
    "labels too": (lambda x: (x, x), TypeError, "took 1 and gave 2"),
    "one number": (lambda x: 1.0, TypeError, "gave 1 .float"),
    "words": (lambda x: np.full(BATCH, "a"), TypeError, "gave 1 .ndarray"),
}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("case", WRONG)
def test_what_is_no_map_is_told_before_training(case, kind):
    function, error, words = WRONG[case]
    with pytest.raises(error, match=words):
        feed_of(kind, function)


def test_each_batch_has_one_shape():
    widths = iter(range(1, 9))
    feed = feed_of("pydataset", lambda x: x[:, :, : next(widths)])
    with pytest.raises(ValueError, match=r"one shape.*\(8, 8, 1, 3\) at first and \(8, 8, 2, 3\)"):
        epoch(feed)
    width = tf.Variable(0)
    feed = feed_of("tf.data", lambda x: x[:, :, : width.assign_add(1)])
    with pytest.raises(tf.errors.InvalidArgumentError, match=r"\[8,8,[23],3\].*not.*\[8,8,1,3\]"):
        epoch(feed)


@pytest.mark.skipif(ON_TENSORFLOW, reason="samples live on JAX's device")
def test_samples_on_the_device_are_mapped_there():
    tssd = TSSD(DeviceInputs(X), Y, warmup_epochs=None)
    feed = tssd.feed(batch_size=BATCH, map=lambda x: ops.flip(x, axis=2), shuffle=False)
    assert not isinstance(feed[0][0], np.ndarray)
    np.testing.assert_array_equal(epoch(feed), X[:, :, ::-1])


def test_a_function_of_arrays_is_told_to_take_the_other_kind():
    def by_numpy(x):
        return np.flip(np.asarray(x), axis=2)

    with pytest.raises(TypeError, match=r"(?s)symbolic tensors.*kind='pydataset'"):
        feed_of("tf.data", by_numpy)
    np.testing.assert_array_equal(epoch(feed_of("pydataset", by_numpy)), X[:, :, ::-1])


LAYERS = {
    "an augmentation": lambda: keras.layers.RandomTranslation(0.3, 0.3),
    "several, one seeded": lambda: keras.Sequential(
        [keras.layers.RandomFlip(seed=9), keras.layers.RandomRotation(0.2)]
    ),
    "noise": lambda: keras.layers.GaussianNoise(1.0),
}


@pytest.mark.on_both
@pytest.mark.parametrize("kind", ["tf.data", "pydataset"])
@pytest.mark.parametrize("layer", LAYERS)
def test_what_a_layer_draws_follows_from_seed_epoch_and_batch(layer, kind):
    if layer != "an augmentation" and kind == "tf.data" and not ON_TENSORFLOW:
        pytest.skip("such a layer works on its own backend's tensors alone")
    drawn = []
    for seed, epochs in ((0, (0, 1, 2)), (0, (2,)), (1, (2,))):
        keras.utils.set_random_seed(len(drawn))
        tssd = TSSD(X, Y, warmup_epochs=None, drawing=Drawing(seed=seed))
        batches = tssd.feed(BATCH, kind=kind, map=LAYERS[layer](), shuffle=False)
        tssd._feed.callback_missing = False
        for number in epochs:
            tssd._feed.begin(number)
            drawn.append(epoch(batches))
    first, second, third, alone, other = drawn
    np.testing.assert_array_equal(alone, third)
    for one in (first, second, other):
        assert np.abs(one - third).max() > 0.1
    assert np.abs(third[:BATCH] - X[:BATCH] - (third[-BATCH:] - X[-BATCH:])).max() > 0.1

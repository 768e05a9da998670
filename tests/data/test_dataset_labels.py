"""Labels of a dataset, in the forms that people have them."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from tssd_keras import TSSD, Scoring, from_dataset

RNG = np.random.default_rng(0)
N = 12
X = RNG.normal(size=(N, 4, 4, 3)).astype("float32")
Y = np.arange(N) % 3
NAMES = np.array(["ant", "bée", "cat"])[Y]


def slices(x=X, y=Y):
    return tf.data.Dataset.from_tensor_slices((x, y))


FORMS = {
    "one-hot": np.eye(3, dtype="float32")[Y],
    "whole one-hot": np.eye(3, dtype="int64")[Y],
    "a column": Y[:, None],
    "a column of floats": (Y > 0).astype("float32")[:, None],
    "floats": Y.astype("float32"),
    "truth values": Y > 0,
    "names": NAMES,
    "names in a column": NAMES[:, None],
}


@pytest.mark.parametrize("batch_size", [0, 5])
@pytest.mark.parametrize("form", FORMS)
def test_labels_come_back_as_they_came(form, batch_size):
    y = FORMS[form]
    _, labels = from_dataset(slices(y=y).batch(batch_size) if batch_size else slices(y=y))
    assert labels.shape == y.shape
    assert labels.dtype == (object if y.dtype.kind == "U" else y.dtype)
    np.testing.assert_array_equal(labels, y)


@pytest.mark.parametrize("batch_size", [0, 5])
@pytest.mark.parametrize("form", FORMS)
def test_tssd_numbers_the_classes_and_feeds_labels_as_they_came(form, batch_size):
    y = FORMS[form]
    tssd = TSSD(slices(y=y).batch(batch_size) if batch_size else slices(y=y))
    two = y.dtype == bool or form == "a column of floats"
    np.testing.assert_array_equal(tssd.table.given, Y > 0 if two else Y)
    assert tssd.class_names == (("ant", "bée", "cat") if "names" in form else None)
    (_, fed, _), *_ = tssd.feed(batch_size=N, shuffle=False, kind="tf.data")
    assert fed.shape == y.shape
    if "names" not in form:
        np.testing.assert_array_equal(fed, y)


def test_keras_own_image_folders_are_read_with_their_class_names(tmp_path):
    for i, name in enumerate(["cat", "dog"]):
        (tmp_path / name).mkdir()
        for j in range(3):
            keras.utils.save_img(tmp_path / name / f"{j}.png", np.full((8, 8, 3), 40 * (i + 2 * j)))
    for mode in ("int", "binary", "categorical"):
        dataset = keras.utils.image_dataset_from_directory(
            tmp_path, label_mode=mode, batch_size=4, image_size=(8, 8), shuffle=False, verbose=False
        )
        tssd = TSSD(dataset)
        assert tssd.class_names == ("cat", "dog")
        np.testing.assert_array_equal(tssd.table.given, [0, 0, 0, 1, 1, 1])
        (_, fed, _), *_ = tssd.feed(batch_size=6, shuffle=False, kind="tf.data")
        assert fed.shape == {"int": (6,), "binary": (6, 1), "categorical": (6, 2)}[mode]


class Pairs(keras.utils.PyDataset):
    """Batches of five, with one target an output."""

    def __len__(self):
        return 3

    def __getitem__(self, i):
        rows = slice(5 * i, 5 * i + 5)
        return X[rows], {"kind": Y[rows], "size": X[rows].mean(axis=(1, 2, 3))[:, None]}


OUTPUTS = {
    "a dict": lambda: slices(y={"kind": Y, "size": RNG.random((N, 2))}),
    "batches of a dict": lambda: slices(y={"kind": Y, "size": RNG.random((N, 2))}).batch(5),
    "a PyDataset": lambda: Pairs(),
    "a tuple": lambda: slices(y=(NAMES, RNG.random(N))),
    "batches of a tuple": lambda: slices(y=(np.eye(3)[Y], RNG.random(N))).batch(5),
}


@pytest.mark.parametrize("form", OUTPUTS)
def test_targets_of_several_outputs_come_and_go_together(form):
    _, targets = from_dataset(OUTPUTS[form]())
    output = 0 if "tuple" in form else "kind"
    tssd = TSSD(OUTPUTS[form](), scoring=Scoring(output=output))
    np.testing.assert_array_equal(tssd.table.given, Y)
    (_, fed, _), *_ = tssd.feed(batch_size=N, shuffle=False, kind="tf.data")
    other = 1 if "tuple" in form else "size"
    if form == "a PyDataset":
        np.testing.assert_array_equal(fed[other], targets[other])
    assert fed[other].shape == targets[other].shape
    with pytest.raises(ValueError, match="of 2 outputs, so the one that is judged must be named"):
        TSSD(OUTPUTS[form]())


SMALL = RNG.normal(size=(N, 4)).astype("float32")  # as long as a one-hot label of four classes
FOUR = np.arange(N) % 4


def test_one_hot_labels_as_long_as_the_sample_must_be_told_from_batches():
    data = slices(SMALL, np.eye(4, dtype="int64")[FOUR])
    with pytest.raises(TypeError, match=r"each y has one 1 among 4.*batched=True.*batched=False"):
        from_dataset(data)
    inputs, labels = from_dataset(data, batched=False)
    np.testing.assert_array_equal(inputs.read(np.arange(N)), SMALL)
    np.testing.assert_array_equal(labels, np.eye(4)[FOUR])


def test_batches_that_look_like_one_hot_labels_are_taken_where_they_are_called_batches():
    x, y = SMALL[:8], np.array([0, 1, 1, 0, 0, 1, 0, 1])
    inputs, labels = from_dataset(slices(x, y).batch(2), batched=True)
    np.testing.assert_array_equal(labels, y)
    np.testing.assert_array_equal(inputs.read(np.arange(8)), x)
    with pytest.raises(TypeError, match="batched=True each y must have one entry a sample"):
        from_dataset(slices(x, y), batched=True)
    y[0] = 1  # two ones in a batch: no one-hot label
    np.testing.assert_array_equal(from_dataset(slices(x, y).batch(2))[1], y)


def mixed_up(n=600, width=8):
    """Samples of three classes, their right labels, and labels of which 30 % are wrong."""
    rng = np.random.default_rng(2)
    right = rng.integers(0, 3, n)
    x = rng.normal(0, 3, (3, width))[right] + rng.normal(0, 1, (n, width))
    wrong = rng.random(n) < 0.3
    return x.astype("float32"), right, np.where(wrong, (right + 1) % 3, right)


LOSSES = {"whole": "sparse_categorical_crossentropy", "one-hot": "categorical_crossentropy"}


@pytest.mark.parametrize("batch_size", [0, 32])
@pytest.mark.parametrize("form", LOSSES)
def test_a_network_is_trained_with_tssd_from_a_tf_data_dataset(form, batch_size):
    x, right, given = mixed_up()
    dataset = slices(x, given if form == "whole" else np.eye(3, dtype="float32")[given])
    tssd = TSSD(dataset.batch(batch_size) if batch_size else dataset, warmup_epochs=2)
    keras.utils.set_random_seed(0)
    model = keras.Sequential(
        [
            keras.Input((8,)),
            keras.layers.Dense(16, activation="relu"),
            keras.layers.Dense(3, activation="softmax"),
        ]
    )
    model.compile(keras.optimizers.Adam(0.01), loss=LOSSES[form])
    model.fit(tssd.feed(batch_size=32), epochs=6, callbacks=[tssd], shuffle=False, verbose=0)
    wrong = given != right
    assert wrong[~tssd.table.kept].mean() > 0.6  # 0.3 by chance
    assert wrong[tssd.table.kept].mean() < 0.1
    assert np.mean(model.predict(x, verbose=0).argmax(axis=1) == right) > 0.95

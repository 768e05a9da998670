"""Rows that only fill up a batch are in no metric of `fit`; by real `fit`, on both backends."""

import warnings

import keras
import numpy as np
import pytest
from keras import layers, ops

from tssd_keras import TSSD, Scoring
from tssd_keras.train.feed import FILLS_UP

RNG = np.random.default_rng(0)
N, K, BATCH = 70, 3, 48  # 26 of an epoch's 96 rows fill up
X, Y = RNG.normal(size=(N, 4)).astype("float32"), RNG.integers(0, K, N)
LOSS = keras.losses.SparseCategoricalCrossentropy(reduction="mean_with_sample_weight")


def right(y, prediction):
    """One value a row."""
    labels = ops.cast(ops.reshape(y, (-1,)), "int32")
    return ops.cast(ops.equal(labels, ops.cast(ops.argmax(prediction, -1), "int32")), "float32")


def mean_of_right(y, prediction):
    return ops.mean(right(y, prediction))


class Rows(keras.metrics.Metric):
    """How many rows it was called with, whatever their weights are."""

    def __init__(self, name="rows"):
        super().__init__(name=name)
        self.n = self.add_weight(shape=(), initializer="zeros")

    def update_state(self, y_true, y_pred, sample_weight=None):
        self.n.assign_add(ops.cast(ops.shape(y_pred)[0], "float32"))

    def result(self):
        return ops.add(self.n, 0)


class MeanOfAll(keras.metrics.Metric):
    """A mean that is the same for any rows, and counts each, whatever its weight is."""

    def __init__(self, name="mean_of_all"):
        super().__init__(name=name)
        self.total = self.add_weight(shape=(), initializer="zeros")
        self.n = self.add_weight(shape=(), initializer="zeros")

    def update_state(self, y_true, y_pred, sample_weight=None):
        rows = ops.cast(ops.shape(y_pred)[0], "float32")
        self.total.assign_add(3 * rows)
        self.n.assign_add(rows)

    def result(self):
        return self.total / ops.maximum(self.n, 1)


class Noise(layers.Layer):
    """Draws at inference, too."""

    def __init__(self):
        super().__init__()
        self.seed = keras.random.SeedGenerator(3)

    def call(self, inputs):
        return inputs + keras.random.normal(ops.shape(inputs), seed=self.seed)


class OwnStep(keras.Model):
    """A step that is handed on."""

    def train_step(self, *args):
        return super().train_step(*args)


def network(kind=keras.Model, **compiled):
    inputs = keras.Input((4,))
    model = kind(inputs, layers.Dense(K, activation="softmax")(inputs))
    model.compile(keras.optimizers.SGD(0.0), LOSS, **compiled)
    return model


def fitted(model, kind="tf.data", x=X, y=Y, **settings):
    """The logs of the last of two epochs that train nothing, and what is warned of."""
    tssd = TSSD(x, y, warmup_epochs=None)
    feed = tssd.feed(BATCH, kind=kind)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        found = model.fit(
            feed, epochs=2, callbacks=[tssd], shuffle=False, verbose=0, **settings
        ).history
    said = [str(one.message) for one in caught if one.category is UserWarning]
    return {name: values[-1] for name, values in found.items()}, said


def share_right(model):
    return float(np.mean(model.predict(X, verbose=0).argmax(axis=1) == Y))


@pytest.mark.parametrize("kind", ["tf.data", "pydataset"])
@pytest.mark.parametrize("trained_before", [False, True])
@pytest.mark.parametrize("of", [keras.Model, OwnStep])
def test_metrics_without_weights_are_of_the_trained_rows(kind, trained_before, of):
    top2 = keras.metrics.SparseTopKCategoricalAccuracy(2, name="top2")
    model = network(of, metrics=["accuracy", right, top2])
    if trained_before:  # its step was compiled without a word of the feed
        model.fit(X, Y, verbose=0)
    logs, said = fitted(model, kind)
    order = model.predict(X, verbose=0).argsort(axis=1)
    assert logs["accuracy"] == logs["right"] == pytest.approx(share_right(model), abs=1e-6)
    assert logs["top2"] == pytest.approx((order[:, -2:] == Y[:, None]).any(axis=1).mean(), abs=1e-6)
    assert said == []


def test_every_metric_of_keras_for_class_numbers_is_of_the_trained_rows():
    kinds = keras.metrics
    metrics = [
        *("accuracy", "sparse_categorical_accuracy", "sparse_categorical_crossentropy"),
        kinds.SparseTopKCategoricalAccuracy(1, name="top1"),
        kinds.SparseCategoricalCrossentropy(name="crossentropy"),
        kinds.MeanIoU(K, sparse_y_pred=False, name="mean_iou"),
        kinds.IoU(K, [0, 1], sparse_y_pred=False, name="iou"),
        kinds.MeanMetricWrapper(right, name="wrapped"),
    ]
    model = network(metrics=metrics)
    logs, said = fitted(model)
    assert [one for one in said if "fill up" in one] == []
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # on JAX Keras asks for int64 where it counts
        found = model.evaluate(X, Y, batch_size=N, verbose=0, return_dict=True)
    assert len(logs) == len(metrics) + 1
    del logs["loss"], found["loss"]  # a mean over batches, the last one as any other
    assert logs == pytest.approx(found, abs=1e-5)


def test_every_metric_of_keras_for_two_classes_is_of_the_trained_rows():
    y = (RNG.random((N, 1)) < 0.4).astype("float32")
    inputs = keras.Input((4,))
    model = keras.Model(inputs, layers.Dense(1, activation="sigmoid")(inputs))
    kinds = keras.metrics
    metrics = [
        *(kinds.AUC(), kinds.Precision(), kinds.Recall(), kinds.TruePositives()),
        *(kinds.FalsePositives(), kinds.TrueNegatives(), kinds.FalseNegatives()),
        *(kinds.PrecisionAtRecall(0.5), kinds.SensitivityAtSpecificity(0.5), kinds.BinaryIoU()),
        *(kinds.BinaryAccuracy(), kinds.BinaryCrossentropy(), kinds.F1Score(threshold=0.5)),
        *(kinds.MeanSquaredError(), kinds.RootMeanSquaredError(), kinds.MeanAbsoluteError()),
        *(kinds.Hinge(), kinds.LogCoshError(), kinds.Poisson(), kinds.KLDivergence()),
        *(kinds.CosineSimilarity(), kinds.R2Score(), kinds.FBetaScore(beta=2.0, threshold=0.5)),
    ]
    loss = keras.losses.BinaryCrossentropy(reduction="mean_with_sample_weight")
    model.compile(keras.optimizers.SGD(0.0), loss, metrics=metrics)
    logs, said = fitted(model, y=y)
    assert [one for one in said if "fill up" in one] == []
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        found = model.evaluate(X, y, batch_size=N, verbose=0, return_dict=True)
    assert len(logs) == len(metrics) + 1
    del logs["loss"], found["loss"]
    assert {k: np.ravel(v) for k, v in logs.items()} == {
        k: pytest.approx(np.ravel(v), abs=1e-5) for k, v in found.items()
    }


def test_the_curve_of_two_classes_is_of_the_trained_rows():
    y = (RNG.random(N) < 0.4).astype("float32")
    inputs = keras.Input((4,))
    model = keras.Model(inputs, layers.Dense(1, activation="sigmoid")(inputs))
    loss = keras.losses.BinaryCrossentropy(reduction="mean_with_sample_weight")
    model.compile(keras.optimizers.SGD(0.0), loss, metrics=[keras.metrics.AUC(name="auc")])
    logs, said = fitted(model, y=y)
    assert logs["auc"] == pytest.approx(model.evaluate(X, y, verbose=0)[1], abs=1e-6)
    assert said == []


def test_metrics_of_two_outputs_are_of_the_trained_rows():
    inputs = keras.Input((4,))
    outputs = {
        "label": layers.Dense(K, activation="softmax", name="label")(inputs),
        "other": layers.Dense(1, name="other")(inputs),
    }
    model = keras.Model(inputs, outputs)
    other = RNG.normal(size=(N, 1)).astype("float32")
    losses = {
        "label": LOSS,
        "other": keras.losses.MeanSquaredError(reduction="mean_with_sample_weight"),
    }
    model.compile(
        keras.optimizers.SGD(0.0), losses, metrics={"label": ["accuracy"], "other": ["mae"]}
    )
    labels = {"label": Y, "other": other}
    tssd = TSSD(X, labels, warmup_epochs=None, scoring=Scoring(output="label"))
    found = model.fit(tssd.feed(BATCH), callbacks=[tssd], shuffle=False, verbose=0).history
    predicted = model.predict(X, verbose=0)
    accuracy = (predicted["label"].argmax(axis=1) == Y).mean()
    assert found["label_accuracy"][0] == pytest.approx(accuracy, abs=1e-6)
    assert found["other_mae"][0] == pytest.approx(
        np.abs(predicted["other"] - other).mean(), abs=1e-5
    )


def test_what_cannot_leave_rows_out_stays_as_it_is_and_is_named():
    model = network(metrics=["accuracy", mean_of_right, Rows()])
    logs, (message,) = fitted(model)
    assert "27% of an epoch's rows only fill up its last batch" in message
    assert "weight 0, and mean_of_right and rows count them all" in message
    assert logs["rows"] == 2 * BATCH
    assert logs["accuracy"] == pytest.approx(share_right(model), abs=1e-6)


def test_weights_of_others_are_no_concern_of_metrics_without_weights():
    model = network(metrics=["accuracy"])
    zero = (X, Y, np.zeros(N, "float32"))  # a 0 that somebody gave is a sample
    logs, _ = fitted(model, validation_data=zero)
    assert logs["val_accuracy"] == pytest.approx(share_right(model), abs=1e-6)
    found = model.fit(*zero[:2], sample_weight=zero[2], verbose=0).history
    assert found["accuracy"][0] == pytest.approx(share_right(model), abs=1e-6)


def test_a_negative_weight_of_others_is_a_sample():
    model = network(metrics=["accuracy"])
    fitted(model)
    weight = np.where(np.arange(N) < N // 2, -1, 1).astype("float32")
    found = model.fit(X, Y, sample_weight=weight, verbose=0).history
    assert found["accuracy"][0] == pytest.approx(share_right(model), abs=1e-6)


def test_a_metric_alike_for_any_rows_is_named_if_it_takes_no_weights():
    _, (message,) = fitted(network(metrics=["accuracy", MeanOfAll()]))
    assert "weight 0, and mean_of_all counts them all" in message


def test_metrics_that_count_in_integers_say_nothing_of_the_weights():
    iou = keras.metrics.MeanIoU(K, sparse_y_pred=False, name="iou")
    model = network(metrics=[iou])
    logs, said = fitted(model)
    found = model.predict(X, verbose=0).argmax(axis=1)
    both, either = zip(
        *[(((found == k) & (k == Y)).sum(), ((found == k) | (k == Y)).sum()) for k in range(K)],
        strict=True,
    )
    assert logs["iou"] == pytest.approx(np.divide(both, either).mean(), abs=1e-6)
    assert [one for one in said if "weight" in one] == []


def test_a_count_of_nothing_yet_leaves_rows_out():
    inputs = keras.Input((4,))
    below = layers.Dense(1, activation="sigmoid", bias_initializer=keras.initializers.Constant(-50))
    model = keras.Model(inputs, below(inputs))
    loss = keras.losses.BinaryCrossentropy(reduction="mean_with_sample_weight")
    model.compile(
        keras.optimizers.SGD(0.0), loss, metrics=[keras.metrics.TruePositives(name="hits")]
    )
    logs, said = fitted(model, y=(Y > 0).astype("float32"))
    assert logs["hits"] == 0
    assert said == []


def test_a_step_that_was_compiled_is_made_anew_whoever_counts_its_updates():
    model = network(metrics=["accuracy"])
    model.fit(X, Y, verbose=0)
    model.optimizer.iterations.assign(0)  # as where optimizers of the model's own count them
    logs, said = fitted(model)
    assert logs["accuracy"] == pytest.approx(share_right(model), abs=1e-6)
    assert said == []


def test_a_second_fit_compiles_nothing():
    model = network(metrics=["accuracy"])
    fitted(model)
    compiled = model.train_function
    fitted(model)
    assert model.train_function is compiled


def test_what_is_tried_before_training_draws_nothing():
    def weights(**compiled):
        keras.utils.set_random_seed(1)
        inputs = keras.Input((4,))
        model = keras.Model(inputs, layers.Dense(K, activation="softmax")(Noise()(inputs)))
        model.compile(keras.optimizers.SGD(0.1), LOSS, **compiled)
        fitted(model)
        return model.get_weights()

    for one, other in zip(weights(), weights(metrics=["accuracy"]), strict=True):
        np.testing.assert_array_equal(one, other)


def test_a_model_is_saved_as_its_author_compiled_it(tmp_path):
    model = network(metrics=["accuracy", keras.metrics.SparseTopKCategoricalAccuracy(2)])
    fitted(model)
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    assert loaded.evaluate(X, Y, verbose=0) == pytest.approx(model.evaluate(X, Y, verbose=0))


def test_a_row_that_fills_up_has_a_zero_of_its_own():
    feed = TSSD(X, Y, warmup_epochs=None).feed(BATCH, kind="pydataset")
    _, _, weights = feed[0]
    assert np.all(weights == 1)
    _, _, weights = feed[1]
    assert np.array_equal(weights, [1.0] * (N - BATCH) + [0.0] * (2 * BATCH - N))
    assert np.array_equal(np.signbit(weights), weights == 0)
    assert np.signbit(FILLS_UP) and FILLS_UP == 0

"""Which layer gave the prediction is told by what the network does; where it cannot, it is said."""

import warnings

import keras
import numpy as np
import pytest
from builders import scored
from builders.scored import D, K
from keras import layers, ops

from tssd_keras.train.scoring_model import scoring_model

X = scored.samples()[0][:8]
INPUT = (4,)


class Cosine(layers.Layer):
    """One kernel, but no Dense layer."""

    def build(self, shape):
        self.kernel = self.add_weight(shape=(shape[-1], K), name="kernel")

    def call(self, x):
        return ops.softmax(3 * ops.matmul(x, self.kernel), axis=-1)


class Twice(layers.Layer):
    """Two kernels: what it reads is no longer what its last one reads."""

    def build(self, shape):
        self.first = self.add_weight(shape=(shape[-1], 7), name="first")
        self.second = self.add_weight(shape=(7, K), name="second")

    def call(self, x):
        return ops.softmax(ops.matmul(ops.tanh(ops.matmul(x, self.first)), self.second))


class Temperature(layers.Layer):
    """One number."""

    def build(self, shape):
        self.t = self.add_weight(shape=(), initializer=keras.initializers.Constant(2.5))

    def call(self, x):
        return ops.softmax(x / self.t)


class Transition(layers.Layer):
    """Probabilities of given labels, by those of true ones."""

    def __init__(self, stays):
        super().__init__()
        self.stays = stays

    def build(self, shape):
        change = (1 - self.stays) * np.eye(K)[[1, 2, 0]]
        matrix = self.stays * np.eye(K) + change
        self.matrix = self.add_weight(shape=(K, K), initializer=lambda *a, **k: matrix)

    def call(self, p):
        return ops.matmul(p, ops.cast(self.matrix, p.dtype))


class Scale(layers.Layer):
    """One number before a sigmoid."""

    def build(self, shape):
        self.by = self.add_weight(shape=(1,), initializer=keras.initializers.Constant(3.0))

    def call(self, z):
        return ops.sigmoid(z * self.by)


def graph(*parts):
    """A chain of layers."""
    keras.utils.set_random_seed(3)
    return keras.Sequential([keras.Input(INPUT), *parts])


def looked_at(model, x=X, **settings):
    """Unit features and what was said."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        scoring = scoring_model(model, x, **settings)
    unit, log_p = scoring.predict_on_batch(x)
    assert np.isfinite(np.asarray(log_p)).all()
    return np.asarray(unit, "float32"), [str(one.message) for one in caught]


def are(unit, z):
    """Raise AssertionError unless features are z at length 1."""
    z = np.asarray(z, "float32")
    np.testing.assert_allclose(unit, z / np.linalg.norm(z, axis=1, keepdims=True), atol=2e-3)


BEHIND = {
    "BatchNormalization": lambda: [layers.BatchNormalization(), layers.Softmax()],
    "Dropout, Rescaling": lambda: [layers.Dropout(0.5), layers.Rescaling(0.3, 1.0)],
    "a temperature": lambda: [Temperature()],
    "an activation": lambda: [layers.Activation("relu"), layers.Activation("softmax")],
    "a cast": lambda: [layers.Rescaling(2.0), layers.Activation("softmax", dtype="float16")],
    "Reshape, Flatten": lambda: [layers.Reshape((1, K)), layers.Flatten(), layers.Rescaling(3.0)],
    "squares": lambda: [layers.Lambda(lambda z: z * z)],
    "a mask": lambda: [layers.Lambda(lambda z: z + ops.convert_to_tensor([0.0, 0.0, -9.0]))],
}


@pytest.mark.parametrize("behind", BEHIND)
def test_what_has_no_weights_of_its_own_may_follow_the_head(behind):
    model = graph(layers.Dense(K), layers.Dense(D, "tanh"), layers.Dense(K), *BEHIND[behind]())
    unit, said = looked_at(model)
    are(unit, model.layers[1](model.layers[0](X)))
    assert said == []


def test_a_narrow_layer_before_a_last_layer_of_ones_own_is_not_the_head():
    model = graph(layers.Dense(D, "tanh"), layers.Dense(K, "tanh"), layers.Dense(D), Cosine())
    unit, said = looked_at(model)
    are(unit, model.layers[2](model.layers[1](model.layers[0](X))))
    assert said == []


def test_a_last_layer_that_reads_as_many_numbers_as_it_gives_is_named():
    model = graph(layers.Dense(D, "tanh"), layers.Dense(K, "tanh", name="narrow"), Cosine())
    unit, said = looked_at(model)
    are(unit, model.layers[1](model.layers[0](X)))
    assert len(said) == 1
    assert "features are what cosine" in said[0]
    assert "as many numbers as the model gives" in said[0]


def test_without_a_head_the_predictions_are_the_features_and_this_is_said():
    model = graph(layers.Dense(D, "tanh"), layers.Dense(K, "tanh"), Twice())
    unit, said = looked_at(model)
    are(unit, model(X))
    assert len(said) == 1
    assert "the predictions themselves" in said[0]


def test_the_samples_themselves_are_no_features():
    unit, said = looked_at(model := graph(Cosine()))
    are(unit, model(X))
    assert len(said) == 1


class Nested(keras.Model):
    """Layers that nobody has connected, within one another."""

    def __init__(self, last, own=False):
        super().__init__()
        self.body = keras.Sequential([layers.Dense(D, "tanh"), layers.Dense(K), layers.Dense(D)])
        self.last = last
        self.mix = self.add_weight(shape=(K, K), initializer="orthogonal") if own else None

    def call(self, x, training=None):
        z = self.last(self.body(x))
        return z if self.mix is None else ops.matmul(z, self.mix)


def test_a_subclassed_model_is_searched_alike():
    model = Nested(keras.Sequential([layers.Dense(K), Temperature()]))
    unit, said = looked_at(model)
    are(unit, model.body(X))
    assert said == []
    model = Nested(Cosine())
    unit, said = looked_at(model)
    are(unit, model.body(X))
    assert said == []
    model = Nested(Twice())
    with pytest.raises(ValueError, match=r"must hold a Dense layer .* Name the layer"):
        scoring_model(model, X)


def test_weights_that_the_model_itself_holds_leave_a_doubt():
    model = Nested(layers.Dense(K, name="one"), own=True)
    unit, said = looked_at(model)
    are(unit, model.body(X))
    assert len(said) == 1
    assert "features are what one reads" in said[0]
    assert "cannot be told" in said[0]
    assert looked_at(model, features="one")[1] == []


def test_a_prediction_of_other_tensors_too_leaves_a_doubt_where_one_layer_is_as_wide():
    inputs = keras.Input(INPUT)
    z = layers.Dense(D, "tanh")(inputs)
    logits = layers.Dense(K, name="one")(z)
    allowed = layers.Lambda(lambda x: 5 * ops.cast(x[:, :K] > 0, "float32"))(inputs)
    unit, said = looked_at(keras.Model(inputs, layers.Softmax()(layers.Add()([logits, allowed]))))
    are(unit, keras.Model(inputs, z)(X))
    assert len(said) == 1
    assert "features are what one reads" in said[0]


def test_of_two_heads_that_are_averaged_the_last_is_taken_with_a_word():
    inputs = keras.Input(INPUT)
    z = [layers.Dense(width, "tanh")(inputs) for width in (D, D + 1)]
    heads = [layers.Dense(K, name=f"head_{i}")(one) for i, one in enumerate(z)]
    unit, said = looked_at(keras.Model(inputs, layers.Average()(heads)))
    are(unit, keras.Model(inputs, z[1])(X))
    assert len(said) == 1
    assert "features are what head_1 reads" in said[0]


def test_one_head_for_two_views_is_a_head():
    inputs, head = keras.Input(INPUT), layers.Dense(K)
    views = [layers.Dense(D, "tanh")(inputs) for _ in range(2)]
    unit, said = looked_at(keras.Model(inputs, layers.Average()([head(one) for one in views])))
    are(unit, keras.Model(inputs, views[1])(X))
    assert said == []


def test_another_outputs_narrow_layer_is_no_head():
    inputs = keras.Input(INPUT)
    z = layers.Dense(D, "tanh")(inputs)
    judged = layers.Rescaling(2.0)(layers.Dense(K)(z))
    aside = layers.Rescaling(2.0)(layers.Dense(K)(layers.Dense(D + 2)(z)))
    unit, said = looked_at(keras.Model(inputs, [judged, aside]), output=0)
    are(unit, keras.Model(inputs, z)(X))
    assert said == []


@pytest.mark.parametrize("initializer", ["glorot_uniform", "zeros"])
def test_a_convolution_before_pooling_is_a_head_whatever_its_weights(initializer):
    keras.utils.set_random_seed(0)
    x = np.random.default_rng(0).normal(size=(8, 6, 6, 2)).astype("float32")
    body = layers.Conv2D(D, 3, activation="relu")
    head = layers.Conv2D(K, 1, kernel_initializer=initializer)
    ends = [layers.BatchNormalization(), layers.GlobalAveragePooling2D(), layers.Softmax()]
    model = keras.Sequential([keras.Input((6, 6, 2)), body, head, *ends])
    unit, said = looked_at(model, x)
    are(unit, np.asarray(body(x)).mean(axis=(1, 2)))
    assert said == []


def test_a_transition_of_labels_is_no_head_while_it_changes_nothing():
    model = graph(layers.Dense(D, "tanh"), layers.Dense(K, "softmax"), Transition(1.0))
    unit, said = looked_at(model)
    are(unit, model.layers[0](X))
    assert said == []
    model = graph(layers.Dense(D, "tanh"), layers.Dense(K, "softmax"), Transition(0.7))
    unit, said = looked_at(model)
    are(unit, model.layers[1](model.layers[0](X)))
    assert "features are what transition" in said[0]


def test_a_recurrent_model_and_one_unit_are_searched():
    x = np.random.default_rng(0).normal(size=(8, 5, 2)).astype("float32")
    cells = layers.RNN([layers.SimpleRNNCell(D), layers.SimpleRNNCell(D)])
    parts = [cells, layers.Dense(1), Scale()]
    model = keras.Sequential([keras.Input((5, 2)), *parts])
    unit, said = looked_at(model, x)
    are(unit, cells(x))
    assert said == []

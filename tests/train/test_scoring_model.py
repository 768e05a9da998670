import keras
import numpy as np
import pytest
from builders import scored
from builders.scored import D, K, N, network
from keras import layers

from tssd_keras.data.inputs import ArrayInputs
from tssd_keras.train.score_pass import score_pass
from tssd_keras.train.scoring_model import MIN_LOG_P, scoring_model


@pytest.fixture(scope="module")
def samples():
    return scored.samples()


def test_the_features_are_what_the_last_dense_layer_reads(samples):
    x, y = samples
    model = network()
    by_default = score_pass(scoring_model(model, x), ArrayInputs(x), np.arange(N), y)
    named = scoring_model(model, x, features="features")
    by_name = score_pass(named, ArrayInputs(x), np.arange(N), y)
    np.testing.assert_array_equal(by_default.features, by_name.features)


def test_probabilities_and_logits_give_the_same_scores(samples):
    x, y = samples
    logits, softmax = network(), network("softmax")
    softmax.set_weights(logits.get_weights())
    a = score_pass(scoring_model(logits, x), ArrayInputs(x), np.arange(N), y)
    b = score_pass(scoring_model(softmax, x, from_logits=False), ArrayInputs(x), np.arange(N), y)
    np.testing.assert_allclose(a.loss, b.loss, rtol=1e-4)


def test_a_certain_network_gives_finite_scores():
    inputs, x = keras.Input((1,)), np.ones((2, 1), "float32")
    model = keras.Model(inputs, layers.Dense(2, use_bias=False)(inputs))
    model.set_weights([np.array([[1e4, -1e4]], "float32")])
    scores = score_pass(scoring_model(model, x), ArrayInputs(x), np.arange(2), np.array([0, 1]))
    assert np.isfinite(scores.loss).all()
    assert np.isfinite(scores.log_p).all()
    assert scores.loss[1] == pytest.approx(-MIN_LOG_P)


def test_a_sample_without_features_gets_no_direction_and_no_nan():
    inputs, x = keras.Input((2,)), -np.ones((1, 2), "float32")
    model = keras.Model(inputs, layers.Dense(2)(layers.ReLU()(inputs)))
    scores = score_pass(scoring_model(model, x), ArrayInputs(x), np.arange(1), np.array([0]))
    assert (scores.features == 0).all()


def test_an_unknown_layer_names_the_known_ones(samples):
    with pytest.raises(ValueError, match=r"got 'feature'\. Its layers are .*features"):
        scoring_model(network(), samples[0][:4], features="feature")


def test_where_no_layer_gives_the_predictions_they_are_the_features_and_this_is_said():
    inputs, x = keras.Input((4,)), np.random.default_rng(0).random((3, 4)).astype("float32")
    with pytest.warns(UserWarning, match="features are the predictions themselves"):
        scoring = scoring_model(keras.Model(inputs, layers.ReLU()(inputs)), x)
    unit, _ = scoring.predict_on_batch(x)
    expected = x / np.linalg.norm(x, axis=1, keepdims=True)
    np.testing.assert_allclose(np.asarray(unit, "float32"), expected, atol=1e-3)


def log_p_of(model, x):
    return np.asarray(scoring_model(model, x).predict_on_batch(x)[1])


def test_probabilities_are_known_by_what_they_are_wherever_the_softmax_is(samples):
    x, _ = samples
    plain = network("softmax")
    inputs = keras.Input((4,))
    behind = keras.Model(inputs, layers.Activation("linear")(plain(inputs)))
    nested = keras.Model(inputs, plain(layers.Rescaling(1.0)(inputs)))
    expected = np.log(np.asarray(plain.predict_on_batch(x)))
    np.testing.assert_allclose(log_p_of(plain, x), expected, rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(log_p_of(nested, x), expected, rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(log_p_of(behind, x), expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(("last", "claim"), [("softmax", True), (None, False)])
def test_a_claim_about_logits_that_is_not_so_is_refused(samples, last, claim):
    with pytest.raises(ValueError, match=f"from_logits is {claim}, but the model gives"):
        scoring_model(network(last), samples[0][:8], from_logits=claim)


@pytest.mark.parametrize("last", [layers.Softmax, layers.Identity])
def test_features_are_read_before_the_dense_layer_that_the_output_comes_from(samples, last):
    x, _ = samples
    inputs = keras.Input((4,))
    gate = layers.Dense(D, activation="sigmoid")(layers.Dense(2)(inputs))
    features = layers.Multiply()([layers.Dense(D)(inputs), gate])
    logits = layers.Dense(K)(features)
    aside = layers.Dense(9)(features)
    model = keras.Model(inputs, last()(logits))
    unit, _ = scoring_model(model, x).predict_on_batch(x)
    z = np.asarray(keras.Model(inputs, features).predict_on_batch(x))
    z /= np.linalg.norm(z, axis=1, keepdims=True)
    np.testing.assert_allclose(np.asarray(unit, "float32"), z, atol=2e-3)
    with pytest.raises(ValueError, match=r"has 2 outputs, .* must be named"):
        scoring_model(keras.Model(inputs, [logits, aside]), x)


class Subclassed(keras.Model):
    """Layers that nobody has connected before."""

    def __init__(self, units=K):
        super().__init__()
        self.blocks = [layers.Dense(D, activation="relu"), layers.Dense(D)]
        self.head = layers.Dense(units)

    def call(self, x, training=None):
        for block in self.blocks:
            x = block(x)
        return self.head(x)


def features_of(model, x, **settings):
    unit, _ = scoring_model(model, x, **settings).predict_on_batch(x)
    return np.asarray(unit, "float32")


def unit_rows(z):
    z = np.asarray(z, "float32").reshape(len(z), -1)
    return z / np.maximum(np.linalg.norm(z, axis=1, keepdims=True), 1e-12)


def test_a_subclassed_model_is_run_once_and_its_last_dense_layer_found(samples):
    x, _ = samples
    model = Subclassed()
    expected = unit_rows(model.blocks[1](model.blocks[0](x)))
    np.testing.assert_allclose(features_of(model, x), expected, atol=2e-3)
    assert not any("call" in vars(layer) for layer in [model.head, *model.blocks])


def test_a_layer_s_own_call_is_left_as_it_was(samples):
    x, _ = samples
    model = Subclassed()
    model(x)

    def doubled(inputs, training=None, call=model.head.call):
        return 2 * call(inputs)

    model.head.call = doubled
    logits = np.asarray(model(x))
    log_p = np.asarray(scoring_model(model, x).predict_on_batch(x)[1])
    assert vars(model.head)["call"] is doubled
    expected = logits - np.log(np.exp(logits).sum(axis=1, keepdims=True))
    np.testing.assert_allclose(log_p, expected, rtol=1e-3, atol=1e-4)


def test_a_subclassed_model_without_a_head_is_refused(samples):
    class Doubling(keras.Model):
        def call(self, x):
            return 2 * x

    with pytest.raises(ValueError, match=r"must hold a Dense layer .* Doubling calls none"):
        scoring_model(Doubling(), samples[0])


def test_layers_within_models_are_found_by_path_and_by_themselves(samples):
    x, _ = samples
    inner = keras.Sequential([keras.Input((4,)), layers.Dense(D, name="deep")], name="inner")
    head = keras.Sequential([layers.Dropout(0.5), layers.Dense(K)], name="head")
    inputs = keras.Input((4,))
    normalised = layers.BatchNormalization()(head(inner(inputs)))
    model = keras.Model(inputs, layers.Softmax()(layers.Rescaling(2.0)(normalised)))
    expected = unit_rows(inner(x))
    np.testing.assert_allclose(features_of(model, x), expected, atol=2e-3)
    by_path = features_of(model, x, features="inner/deep")
    np.testing.assert_allclose(by_path, expected, atol=2e-3)


def test_of_a_layer_that_is_called_twice_the_last_call_counts(samples):
    x, _ = samples
    shared, inputs = layers.Dense(4, activation="tanh"), keras.Input((4,))
    model = keras.Model(inputs, shared(shared(inputs)))
    expected = unit_rows(shared(x))
    np.testing.assert_allclose(features_of(model, x), expected, atol=2e-3)


@pytest.mark.parametrize("last", [[], [layers.GlobalAveragePooling2D], [layers.Flatten]])
def test_features_of_a_convolutional_head_are_averaged_over_places(last):
    x = np.random.default_rng(0).random((5, 8, 8, 1)).astype("float32")
    kernel = 1 if last and last[0] is layers.GlobalAveragePooling2D else 6
    body = [keras.Input((8, 8, 1)), layers.Conv2D(D, 3)]
    ends = last or [layers.GlobalMaxPooling2D]
    model = keras.Sequential([*body, layers.Conv2D(K, kernel), *(end() for end in ends)])
    expected = unit_rows(np.asarray(model.layers[0](x)).mean(axis=(1, 2)))
    np.testing.assert_allclose(features_of(model, x), expected, atol=2e-3)


@pytest.mark.parametrize("activation", ["sigmoid", None])
def test_one_unit_tells_two_classes_apart(samples, activation):
    x, _ = samples
    model = Subclassed(units=1)
    given = model(x)
    p = np.asarray(keras.ops.sigmoid(given)).ravel()
    if activation:
        inner, inputs = model, keras.Input((4,))
        model = keras.Model(inputs, layers.Activation(activation)(inner(inputs)))
    scoring = scoring_model(model, x)
    assert scoring.widths == (D, 2)
    log_p = np.asarray(scoring.predict_on_batch(x)[1])
    np.testing.assert_allclose(np.exp(log_p), np.stack([1 - p, p], axis=1), atol=1e-5)


def test_the_loss_says_what_the_model_gives(samples):
    x, _ = samples
    logits = network()
    said = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    plain = np.asarray(scoring_model(logits, x, loss=said).predict_on_batch(x)[1])
    np.testing.assert_allclose(plain, log_p_of(logits, x), rtol=1e-4, atol=1e-5)
    with pytest.raises(ValueError, match=r"the loss has from_logits=False, but the model gives no"):
        scoring_model(logits, x, loss="sparse_categorical_crossentropy")


@pytest.mark.parametrize(
    ("units", "end"),
    [
        (1, layers.Dense(1, activation="sigmoid")),
        (1, layers.Activation("sigmoid")),
        (K, layers.Dense(K, activation="softmax")),
        (K, layers.Softmax()),
    ],
    ids=lambda value: getattr(value, "name", value),
)
def test_probabilities_that_the_loss_takes_for_logits_are_read_as_what_they_are(
    samples, units, end
):
    x, _ = samples
    inputs = keras.Input((4,))
    hidden = layers.Dense(D, activation="relu")(inputs)
    model = keras.Model(
        inputs, end(hidden if isinstance(end, layers.Dense) else layers.Dense(units)(hidden))
    )
    kind = keras.losses.BinaryCrossentropy if units == 1 else keras.losses.CategoricalCrossentropy
    with pytest.warns(UserWarning, match="from_logits=True, but the model ends in s.*m.*or leave"):
        scoring = scoring_model(model, x, loss=kind(from_logits=True))
    p = np.asarray(model.predict_on_batch(x))
    expected = np.concatenate([1 - p, p], axis=1) if units == 1 else p
    log_p = np.asarray(scoring.predict_on_batch(x)[1])
    np.testing.assert_allclose(np.exp(log_p), expected, atol=1e-5)


def test_predictions_of_zeros_say_nothing_of_real_samples():
    """Logits of a sample of zeros can look like probabilities."""
    inputs = keras.Input((3,))
    model = keras.Model(inputs, layers.Rescaling(1.0)(layers.Dense(2, use_bias=False)(inputs)))
    model.set_weights([np.array([[4, -4], [1, 2], [0, 1]], "float32")])
    x = np.random.default_rng(0).normal(size=(8, 3)).astype("float32")
    log_p = np.asarray(scoring_model(model, x).predict_on_batch(x)[1])
    np.testing.assert_allclose(np.exp(log_p).sum(axis=1), 1, rtol=1e-5)


def test_of_two_heads_alike_the_judged_outputs_own_is_looked_into(samples):
    x, _ = samples
    inputs = keras.Input((4,))
    logits = [layers.Dense(K)(layers.Dense(width, name=f"h{width}")(inputs)) for width in (5, 7)]
    model = keras.Model(inputs, [layers.Softmax(name=f"o{i}")(z) for i, z in enumerate(logits)])
    for output, width in ((0, 5), (1, 7), ("o0", 5)):
        assert scoring_model(model, x, output=output).widths == (width, K)


def test_of_a_head_that_is_called_twice_the_judged_outputs_call_is_looked_into(samples):
    x, _ = samples
    inputs = [keras.Input((4,)), keras.Input((4,))]
    shared, body = layers.Dense(K), layers.Dense(6)
    model = keras.Model(inputs, [shared(body(one)) for one in inputs])
    parts = (x, x[::-1].copy())
    for output in (0, 1):
        unit, _ = scoring_model(model, parts, output=output).predict_on_batch(parts)
        z = np.array(body(parts[output]))
        z /= np.linalg.norm(z, axis=1, keepdims=True)
        np.testing.assert_allclose(np.asarray(unit, "float32"), z, atol=2e-3)

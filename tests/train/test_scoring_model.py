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
    by_default = score_pass(scoring_model(model), ArrayInputs(x), np.arange(N), y)
    by_name = score_pass(scoring_model(model, features="features"), ArrayInputs(x), np.arange(N), y)
    np.testing.assert_array_equal(by_default.features, by_name.features)


def test_probabilities_and_logits_give_the_same_scores(samples):
    x, y = samples
    logits, softmax = network(), network("softmax")
    softmax.set_weights(logits.get_weights())
    a = score_pass(scoring_model(logits), ArrayInputs(x), np.arange(N), y)
    b = score_pass(scoring_model(softmax, from_logits=False), ArrayInputs(x), np.arange(N), y)
    np.testing.assert_allclose(a.loss, b.loss, rtol=1e-4)


def test_a_certain_network_gives_finite_scores():
    inputs = keras.Input((1,))
    model = keras.Model(inputs, layers.Dense(2, use_bias=False)(inputs))
    model.set_weights([np.array([[1e4, -1e4]], "float32")])
    scores = score_pass(
        scoring_model(model),
        ArrayInputs(np.ones((2, 1), "float32")),
        np.arange(2),
        np.array([0, 1]),
    )
    assert np.isfinite(scores.loss).all()
    assert np.isfinite(scores.log_p).all()
    assert scores.loss[1] == pytest.approx(-MIN_LOG_P)


def test_a_sample_without_features_gets_no_direction_and_no_nan():
    inputs = keras.Input((2,))
    model = keras.Model(inputs, layers.Dense(2)(layers.ReLU()(inputs)))
    scores = score_pass(
        scoring_model(model), ArrayInputs(-np.ones((1, 2), "float32")), np.arange(1), np.array([0])
    )
    assert (scores.features == 0).all()


def test_an_unknown_layer_names_the_known_ones():
    with pytest.raises(ValueError, match=r"got 'feature'\. Its layers are .*features"):
        scoring_model(network(), features="feature")


def test_a_model_without_dense_layers_is_told_to_name_its_features():
    inputs = keras.Input((4,))
    with pytest.raises(ValueError, match=r"must end in a Dense layer .* Name the layer"):
        scoring_model(keras.Model(inputs, layers.ReLU()(inputs)))


def log_p_of(model, x):
    return np.asarray(scoring_model(model, features="features").predict_on_batch(x)[1])


def test_probabilities_are_known_by_what_they_are_wherever_the_softmax_is(samples):
    x, _ = samples
    plain = network("softmax")
    inputs = keras.Input((4,))
    behind = keras.Model(inputs, layers.Activation("linear")(plain(inputs)))
    features = layers.Lambda(lambda z: z, name="features")(inputs)
    nested = keras.Model(inputs, plain(features))
    expected = np.log(np.asarray(plain.predict_on_batch(x)))
    np.testing.assert_allclose(log_p_of(plain, x), expected, rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(log_p_of(nested, x), expected, rtol=1e-4, atol=1e-5)
    with pytest.raises(ValueError, match="must end in a Dense layer"):
        scoring_model(behind)


@pytest.mark.parametrize(("last", "claim"), [("softmax", True), (None, False)])
def test_a_claim_about_logits_that_is_not_so_is_refused(last, claim):
    with pytest.raises(ValueError, match=f"from_logits is {claim}, but the model gives"):
        scoring_model(network(last), from_logits=claim)


@pytest.mark.parametrize("last", [layers.Softmax, layers.Identity])
def test_features_are_read_before_the_dense_layer_that_the_output_comes_from(samples, last):
    x, _ = samples
    inputs = keras.Input((4,))
    gate = layers.Dense(D, activation="sigmoid")(layers.Dense(2)(inputs))
    features = layers.Multiply()([layers.Dense(D)(inputs), gate])
    logits = layers.Dense(K)(features)
    aside = layers.Dense(9)(features)
    model = keras.Model(inputs, last()(logits))
    unit, _ = scoring_model(model).predict_on_batch(x)
    z = np.asarray(keras.Model(inputs, features).predict_on_batch(x))
    z /= np.linalg.norm(z, axis=1, keepdims=True)
    np.testing.assert_allclose(np.asarray(unit, "float32"), z, atol=2e-3)
    with pytest.raises(ValueError, match="one output, got 2"):
        scoring_model(keras.Model(inputs, [logits, aside]))


def test_a_network_that_ends_in_something_else_is_not_guessed_at():
    inputs = keras.Input((8, 8, 1))
    squeezed = layers.Dense(4, activation="sigmoid")(layers.GlobalAveragePooling2D()(inputs))
    maps = layers.Conv2D(K, 3, name="last_maps")(layers.Conv2D(4, 3)(inputs))
    model = keras.Model(inputs, layers.GlobalAveragePooling2D(name="pooled")(maps))
    assert squeezed.shape == (None, 4)
    with pytest.raises(ValueError, match=r"ends in pooled\. Name the layer"):
        scoring_model(model)

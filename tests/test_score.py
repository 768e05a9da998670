import keras
import numpy as np
import pytest
from keras import layers

from tssd_keras import score
from tssd_keras.inputs import ArrayInputs
from tssd_keras.score import fixed_batches, score_pass, scoring_model

N, D, K = 37, 6, 3


def network(last=None):
    keras.utils.set_random_seed(0)
    inputs = keras.Input((4,))
    features = layers.Dense(D, activation="tanh", name="features")(inputs)
    dropped = layers.Dropout(0.5)(features)
    return keras.Model(inputs, layers.Dense(K, activation=last, name="logits")(dropped))


@pytest.fixture(scope="module")
def samples():
    rng = np.random.default_rng(1)
    return rng.normal(size=(N, 4)).astype("float32"), rng.integers(0, K, N)


def by_hand(model, x, y):
    """Loss, unit features and log-probabilities in NumPy, from the layers' own weights."""
    (w1, b1), (w2, b2) = (
        [np.asarray(v, "float64") for v in model.get_layer(name).weights]
        for name in ("features", "logits")
    )
    z = np.tanh(x @ w1 + b1)
    logits = z @ w2 + b2
    log_p = logits - np.log(np.exp(logits).sum(axis=1, keepdims=True))
    return -log_p[np.arange(N), y], z / np.linalg.norm(z, axis=1, keepdims=True), log_p


@pytest.mark.parametrize("batch_size", [1, 8, 37, 1000])
def test_scores_are_those_worked_out_by_hand_at_any_batch_size(samples, batch_size):
    x, y = samples
    model = network()
    scores = score_pass(
        scoring_model(model), ArrayInputs(x), np.arange(N), y, batch_size=batch_size
    )
    loss, unit, log_p = by_hand(model, x, y)
    np.testing.assert_allclose(scores.loss, loss, rtol=1e-4)
    np.testing.assert_allclose(scores.log_p, log_p, rtol=2e-3, atol=2e-3)
    inner = (scores.features.astype("float64") * unit).sum(axis=1)
    np.testing.assert_allclose(inner, 1, atol=2e-3)


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


def test_the_index_says_which_samples_and_in_which_order(samples):
    x, y = samples
    model = scoring_model(network())
    whole = score_pass(model, ArrayInputs(x), np.arange(N), y)
    some = np.array([30, 2, 17])
    part = score_pass(model, ArrayInputs(x), some, y[some])
    np.testing.assert_allclose(part.loss, whole.loss[some], rtol=1e-5)


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
    assert scores.loss[1] == pytest.approx(-score.MIN_LOG_P)


def test_a_sample_without_features_gets_no_direction_and_no_nan():
    inputs = keras.Input((2,))
    model = keras.Model(inputs, layers.Dense(2)(layers.ReLU()(inputs)))
    scores = score_pass(
        scoring_model(model), ArrayInputs(-np.ones((1, 2), "float32")), np.arange(1), np.array([0])
    )
    assert (scores.features == 0).all()


def test_large_results_live_in_a_file(samples, monkeypatch):
    x, y = samples
    model = scoring_model(network())
    expected = score_pass(model, ArrayInputs(x), np.arange(N), y)
    monkeypatch.setattr(score, "IN_MEMORY", 0)
    scores = score_pass(model, ArrayInputs(x), np.arange(N), y)
    assert isinstance(scores.features, np.memmap)
    np.testing.assert_array_equal(scores.features, expected.features)


def test_every_batch_has_one_shape_and_no_sample_is_left_out():
    inputs = ArrayInputs(np.arange(10)[:, None])
    batches = list(fixed_batches(inputs, np.arange(10)[::-1], 4))
    assert {b.shape for _, b in batches} == {(4, 1)}
    read = np.concatenate([b[: rows.stop - rows.start, 0] for rows, b in batches])
    assert read.tolist() == list(range(9, -1, -1))
    assert list(fixed_batches(inputs, np.array([], int), 4)) == []


def test_an_unknown_layer_names_the_known_ones():
    with pytest.raises(ValueError, match=r"got 'feature'\. Its layers are .*features"):
        scoring_model(network(), features="feature")


def test_a_model_without_dense_layers_is_told_to_name_its_features():
    inputs = keras.Input((4,))
    with pytest.raises(ValueError, match="no Dense layer"):
        scoring_model(keras.Model(inputs, layers.ReLU()(inputs)))

import numpy as np
import pytest
from builders import scored
from builders.scored import N, network

from tssd_keras.data.inputs import ArrayInputs
from tssd_keras.train import score_pass as score
from tssd_keras.train.score_pass import fixed_batches, score_pass
from tssd_keras.train.scoring_model import scoring_model


@pytest.fixture(scope="module")
def samples():
    return scored.samples()


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
        scoring_model(model, x[:8]), ArrayInputs(x), np.arange(N), y, batch_size=batch_size
    )
    loss, unit, log_p = by_hand(model, x, y)
    np.testing.assert_allclose(scores.loss, loss, rtol=1e-4)
    np.testing.assert_allclose(scores.log_p, log_p, rtol=2e-3, atol=2e-3)
    inner = (scores.features.astype("float64") * unit).sum(axis=1)
    np.testing.assert_allclose(inner, 1, atol=2e-3)


def test_the_index_says_which_samples_and_in_which_order(samples):
    x, y = samples
    model = scoring_model(network(), x[:8])
    whole = score_pass(model, ArrayInputs(x), np.arange(N), y)
    some = np.array([30, 2, 17])
    part = score_pass(model, ArrayInputs(x), some, y[some])
    np.testing.assert_allclose(part.loss, whole.loss[some], rtol=1e-5)


def test_large_results_live_in_a_file(samples, monkeypatch):
    x, y = samples
    model = scoring_model(network(), x[:8])
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

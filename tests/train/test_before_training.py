"""What is found of labels before any of them is trained on."""

import keras
import numpy as np
import pytest
from keras import layers
from sklearn.datasets import load_digits
from sklearn.metrics import roc_auc_score

from tssd_keras import TSSD, DivideRecipe, Golden, Labels
from tssd_keras.data.inputs import ArrayInputs
from tssd_keras.judge.neighbours import PROJECTED, WIDEST
from tssd_keras.judge.place import Neighbourhood
from tssd_keras.labels import noise
from tssd_keras.train import before_training
from tssd_keras.train import round as train_round
from tssd_keras.train.before_training import find_before, projected_inputs
from tssd_keras.train.score_pass import score_pass
from tssd_keras.train.scoring_model import scoring_model

K, HALF = 10, 900


@pytest.fixture(scope="module")
def digits():
    """x float32[N, 64], true labels, labels of which 40 % are wrong."""
    data = load_digits()
    given = noise.draw_labels(data.target, noise.symmetric(K, 0.4), seed=3)
    return (data.data / 16).astype("float32"), data.target, given


@pytest.fixture(scope="module")
def noisy(digits):
    """The same images beside as many columns of nothing but noise, which is louder."""
    rows = np.random.default_rng(0).normal(0, 1, digits[0].shape)
    return np.concatenate([digits[0], rows], axis=1).astype("float32")


def network(width, units=32):
    keras.utils.set_random_seed(1)
    inputs = keras.Input((width,))
    hidden = layers.Dense(units, activation="relu")(inputs)
    model = keras.Model(inputs, layers.Dense(K)(hidden))
    loss = keras.losses.SparseCategoricalCrossentropy(
        from_logits=True, reduction="mean_with_sample_weight"
    )
    model.compile(keras.optimizers.Adam(3e-3), loss=loss)
    return model


@pytest.fixture(scope="module")
def pretrained(digits, noisy):
    """A network that has learned true labels, of other samples than are judged."""
    model = network(noisy.shape[1])
    model.fit(noisy[:HALF], digits[1][:HALF], epochs=30, batch_size=64, verbose=0)
    return model


def spaces(model, x):
    """The two spaces of samples, the network's features and the inputs, as rounds read them."""
    inputs, index = ArrayInputs(x), np.arange(len(x))
    scores = score_pass(
        scoring_model(model, x[:8]), inputs, index, np.zeros(len(x), np.int64), batch_size=256
    )
    return {"features": scores.features, "inputs": projected_inputs(inputs, index)}


def found_by(model, x, given, golden=None):
    of_golden = None if golden is None else spaces(model, golden)
    return find_before(spaces(model, x), of_golden, given, K, seed=0)


def test_inputs_beat_the_features_of_an_untrained_network(digits):
    x, truth, given = digits
    found = found_by(network(64, units=16), x, given)
    assert found.by == "inputs"
    assert found.agreement["inputs"] > found.agreement["features"] + 0.03
    assert found.agreement["inputs"] == pytest.approx((truth == given).mean(), abs=0.03)
    assert found.neighbours.agreement() == found.agreement["inputs"]
    assert roc_auc_score(truth == given, Neighbourhood(given, found.neighbours).scores()) > 0.97
    assert found.golden is None


def test_a_pretrained_network_s_features_beat_inputs_full_of_noise(digits, noisy, pretrained):
    _, truth, given = digits
    x, truth, given = noisy[HALF:], truth[HALF:], given[HALF:]
    found = found_by(pretrained, x, given)
    assert found.by == "features"
    assert found.agreement["features"] > found.agreement["inputs"] + 0.1
    assert roc_auc_score(truth == given, Neighbourhood(given, found.neighbours).scores()) > 0.95


def test_golden_samples_are_looked_at_in_the_same_space(digits, noisy, pretrained):
    _, truth, given = digits
    golden = noisy[HALF : HALF + 100]
    found = found_by(pretrained, noisy[HALF + 100 :], given[HALF + 100 :], golden)
    assert found.by == "features"
    assert found.golden.shape == (100, K)
    expected = found.neighbours.similarity_of(spaces(pretrained, golden)["features"])
    np.testing.assert_array_equal(found.golden, expected)
    assert (found.golden.argmax(axis=1) == truth[HALF : HALF + 100]).mean() > 0.7


def cosines(rows):
    rows = rows.astype("float64").reshape(len(rows), -1)
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    return rows @ rows.T


@pytest.mark.backend_free
@pytest.mark.parametrize("shape", [(8, 8, 3), (32, 32, 3)])
def test_inputs_become_unit_rows_that_keep_their_distances(shape, monkeypatch):
    """Narrow ones stay as they are, wide ones are projected, which moves distances a little."""
    rng = np.random.default_rng(0)
    x = rng.integers(0, 256, (60, *shape)).astype("uint8")
    x[30:] = np.clip(x[:30] + rng.integers(-20, 21, x[:30].shape), 0, 255)  # pairs that are alike
    x[:, : shape[0] // 3] = 0  # as a black border, so that no few columns tell them apart
    wide = np.prod(shape) > WIDEST
    index = rng.permutation(60)
    rows = projected_inputs(ArrayInputs(x), index)
    assert rows.dtype == np.float16
    assert rows.shape == (60, PROJECTED if wide else np.prod(shape))
    np.testing.assert_allclose(np.linalg.norm(rows.astype("float64"), axis=1), 1, atol=1e-3)
    np.testing.assert_allclose(cosines(rows), cosines(x[index]), atol=0.15 if wide else 1e-3)
    near = cosines(rows)
    np.fill_diagonal(near, 0)
    np.testing.assert_array_equal(index[near.argmax(axis=1)], (index + 30) % 60)
    monkeypatch.setattr(before_training, "BLOCK", 7)
    np.testing.assert_allclose(projected_inputs(ArrayInputs(x), index), rows, atol=2e-3)


@pytest.mark.backend_free
def test_an_input_of_zeros_is_a_row_of_zeros():
    rows = projected_inputs(ArrayInputs(np.zeros((3, 20, 50), "float32")), np.arange(3))
    assert not rows.any()


def trained(x, labels, *, epochs=3, golden=None, **settings):
    tssd = TSSD(x, labels, golden=golden, warmup_epochs=1, **settings)
    model = network(x.shape[1])
    model.fit(tssd.feed(256), epochs=epochs, callbacks=[tssd], shuffle=False, verbose=0)
    return tssd, model


@pytest.fixture
def looks(monkeypatch):
    """The arguments of every look, which `fit` takes as always."""
    seen = []

    def look(samples, golden, labels, n_classes, **settings):
        seen.append((samples, golden, labels))
        return find_before(samples, golden, labels, n_classes, **settings)

    monkeypatch.setattr(train_round, "find_before", look)
    return seen


def test_fit_looks_once_before_the_first_step(digits, looks):
    x, truth, given = digits
    golden = Golden(x[:50], truth[:50], np.full(50, -1))
    tssd, model = trained(x[50:], Labels(given[50:]), golden=golden)
    ((samples, of_golden, labels),) = looks
    untrained = network(64)
    for rows, inputs in ((samples, x[50:]), (of_golden, x[:50])):
        for name, expected in spaces(untrained, inputs).items():
            np.testing.assert_allclose(rows[name], expected, atol=2e-3)
    np.testing.assert_array_equal(labels, given[50:])
    model.fit(tssd.feed(256), epochs=4, initial_epoch=3, callbacks=[tssd], shuffle=False, verbose=0)
    assert len(looks) == 1


def test_nobody_looks_where_nothing_is_judged_or_class_means_are_the_place(digits, looks):
    x, _, given = digits
    trained(x, given, divide=DivideRecipe(place="class_means"))
    tssd, model = TSSD(x, given, warmup_epochs=None), network(64)
    model.fit(tssd.feed(256), epochs=1, callbacks=[tssd], shuffle=False, verbose=0)
    assert not looks


def test_a_decided_sample_votes_with_the_decided_label(digits):
    """Nearly every label is wrong in the same way; only what people have decided shows it."""
    x, truth, _ = digits
    rng = np.random.default_rng(0)
    given = np.where(rng.random(len(truth)) < 0.7, (truth + 1) % K, truth)
    judged = rng.random(len(truth)) < 0.2
    quality = []
    for decided in (None, np.where(judged, -1, truth)):
        tssd, _ = trained(x, Labels(given, true=truth, decided=decided))
        seen = tssd.last_round[0]
        right = truth[seen.rows] == given[seen.rows]
        quality.append(roc_auc_score(right, seen.similarity))
    assert quality[0] < 0.2
    assert quality[1] > 0.8

import keras
import numpy as np
import pytest

from tssd_keras.judge import meta_classifier
from tssd_keras.judge.meta_classifier import MetaClassifier

N, FOLDS = 400, 4
DIRECTION = np.array([1, -1, 0, 0])


def rows(seed=0):
    """Pairs whose label is right the likelier, the larger columns 0 and 3 and the smaller column 1.

    Every fifth row is padding. Column 2 bends the log-odds.
    """
    rng = np.random.default_rng(seed)
    features = rng.normal(size=(N, 4)).astype(np.float32)
    odds = 2 * features[:, 0] - 2 * features[:, 1] + features[:, 2] ** 2 + features[:, 3] - 1
    right = rng.random(N) < 1 / (1 + np.exp(-odds))
    return features, right, np.where(np.arange(N) % 5, 1.0, 0.0), np.arange(N) % FOLDS


def fitted(features, right, weight, fold, *, seed=0, samples=N):
    g = MetaClassifier(DIRECTION, FOLDS, samples, seed=seed)
    g.fit(features, right, weight, fold)
    return g


# Fitted classifiers are asked only, not fitted again: most of the time goes into compiling one.


@pytest.fixture(scope="module")
def g():
    return fitted(*rows())


@pytest.fixture(scope="module")
def turned():
    """Fitted to rows that say the opposite."""
    features, right, weight, fold = rows()
    return fitted(features, ~right, weight, fold)


@pytest.fixture(scope="module")
def again():
    """Log-odds after a first and after a second fit, to rows whose padding is another."""
    features, right, weight, fold = rows()
    changed = np.where(weight[:, None] > 0, features, 50).astype(np.float32)
    own, found = MetaClassifier(DIRECTION, FOLDS, N, seed=0), []
    for _ in range(2):
        own.fit(changed, right, weight, fold)
        found.append(own.logits(features))
    return found


def test_right_pairs_get_higher_log_odds(g):
    from sklearn.metrics import roc_auc_score

    features, right, _, fold = rows()
    held_out = g.logits(features, fold)
    assert held_out.shape == (N,)
    assert held_out.dtype == np.float32
    assert roc_auc_score(right, held_out) > 0.85


@pytest.mark.parametrize("name", ["g", "turned"])
def test_log_odds_never_go_against_a_feature_s_direction(name, request):
    """Also where the rows say the opposite: few golden samples often do."""
    g = request.getfixturevalue(name)
    grid = np.linspace(-3, 3, 50, dtype=np.float32)
    for column, sign in ((0, 1), (1, -1)):
        for other in (-1.0, 0.0, 2.0):
            asked = np.full((50, 4), other, np.float32)
            asked[:, column] = grid
            for fold_left_out in range(FOLDS):
                change = np.diff(g.logits(asked, np.full(50, fold_left_out)))
                assert (sign * change >= -1e-5).all()


def test_a_feature_without_direction_may_rise_and_fall(g, turned):
    for sign, classifier in ((1, g), (-1, turned)):
        ends = np.zeros((2, 4), np.float32)
        ends[:, 3] = -2, 2
        assert sign * np.diff(classifier.logits(ends))[0] > 1


def test_a_member_does_not_see_the_rows_of_its_fold(g):
    features, right, weight, fold = rows()
    one, two = g, fitted(features, right ^ (fold == 2), weight, fold)
    left_out = np.full(N, 2)
    np.testing.assert_array_equal(one.logits(features, left_out), two.logits(features, left_out))
    assert (one.logits(features, left_out - 1) != two.logits(features, left_out - 1)).any()


def test_rows_of_weight_zero_are_padding(g, again):
    np.testing.assert_array_equal(g.logits(rows()[0]), again[0])


def test_without_a_fold_all_members_are_averaged(g):
    features = rows()[0]
    members = [g.logits(features, np.full(N, k)) for k in range(FOLDS)]
    np.testing.assert_allclose(g.logits(features), np.mean(members, axis=0), atol=1e-5)
    np.testing.assert_allclose(g.logits(features, np.full(N, -1)), g.logits(features))


def test_fewer_golden_samples_give_a_simpler_classifier(g):
    few, features = fitted(*rows(), samples=20), rows()[0]
    assert np.std(few.logits(features)) < 0.7 * np.std(g.logits(features))


def test_a_later_fit_goes_on_from_the_last_and_the_same_seed_gives_the_same_first(g, again):
    first, later = again
    np.testing.assert_array_equal(first, g.logits(rows()[0]))
    assert np.abs(later - first).mean() < 0.5 * np.abs(first).mean()
    assert (later != first).any()


def test_another_seed_gives_another_classifier(g):
    other = fitted(*rows(), seed=1)
    assert (g.logits(rows()[0]) != other.logits(rows()[0])).any()


def test_updates_in_one_compiled_call_are_those_of_as_many_calls_of_keras(monkeypatch):
    monkeypatch.setattr(meta_classifier, "FIRST_STEPS", 30)
    monkeypatch.setattr(meta_classifier, "LATER_STEPS", 10)
    own, other = (MetaClassifier(DIRECTION, FOLDS, N, seed=0) for _ in range(2))
    batches, train = [], own.model.train_on_batch
    monkeypatch.setattr(
        own.model, "train_on_batch", lambda *batch: batches.append(batch) or train(*batch)
    )
    own.fit(*rows())
    own.fit(*rows())
    assert len(batches) == 4
    plain = keras.Model(other.model.inputs, other.model.outputs)
    plain.compile(
        keras.optimizers.AdamW(
            meta_classifier.LEARNING_RATE, weight_decay=meta_classifier.WEIGHT_DECAY_SAMPLES / N
        ),
        loss=meta_classifier._weighted_binary_crossentropy,
    )
    for batch in batches:
        for _ in range(10):
            plain.train_on_batch(*batch)
    assert int(own.model.optimizer.iterations) == int(plain.optimizer.iterations) == 40
    for one, two in zip(own.model.get_weights(), plain.get_weights(), strict=True):
        np.testing.assert_allclose(one, two, atol=1e-5)

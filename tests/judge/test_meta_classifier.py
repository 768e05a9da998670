import numpy as np
import pytest

from tssd_keras.judge.meta_classifier import MetaClassifier

N, FOLDS = 400, 4
DIRECTION = np.array([1, -1, 0])


def rows(seed=0):
    """Pairs whose label is right the likelier, the larger column 0 is and the smaller column 1."""
    rng = np.random.default_rng(seed)
    features = rng.normal(size=(N, 3)).astype(np.float32)
    odds = 2 * features[:, 0] - 2 * features[:, 1] + features[:, 2] ** 2 - 1
    right = rng.random(N) < 1 / (1 + np.exp(-odds))
    return features, right, np.ones(N), np.arange(N) % FOLDS


def fitted(features, right, weight, fold, *, seed=0, samples=N):
    g = MetaClassifier(DIRECTION, FOLDS, samples, seed=seed)
    g.fit(features, right, weight, fold)
    return g


@pytest.fixture(scope="module")
def g():
    """Fitted to `rows()`; to be asked, not to be fitted again."""
    return fitted(*rows())


def test_right_pairs_get_higher_log_odds(g):
    from sklearn.metrics import roc_auc_score

    features, right, _, fold = rows()
    held_out = g.logits(features, fold)
    assert held_out.shape == (N,)
    assert held_out.dtype == np.float32
    assert roc_auc_score(right, held_out) > 0.85


@pytest.mark.parametrize("turned", [False, True])
def test_log_odds_never_go_against_a_feature_s_direction(g, turned):
    """Also where the rows say the opposite: few golden samples often do."""
    features, right, weight, fold = rows()
    if turned:
        g = fitted(features, ~right, weight, fold)
    grid = np.linspace(-3, 3, 50, dtype=np.float32)
    for column, sign in ((0, 1), (1, -1)):
        for other in (-1.0, 0.0, 2.0):
            asked = np.full((50, 3), other, np.float32)
            asked[:, column] = grid
            for fold_left_out in range(FOLDS):
                change = np.diff(g.logits(asked, np.full(50, fold_left_out)))
                assert (sign * change >= -1e-5).all()


def test_a_feature_without_direction_may_rise_and_fall():
    features, _, weight, fold = rows()
    for sign in (1, -1):
        g = fitted(features, sign * features[:, 2] > 0, weight, fold)
        ends = np.zeros((2, 3), np.float32)
        ends[:, 2] = -2, 2
        assert sign * np.diff(g.logits(ends))[0] > 1


def test_a_member_does_not_see_the_rows_of_its_fold(g):
    features, right, weight, fold = rows()
    one, two = g, fitted(features, right ^ (fold == 2), weight, fold)
    left_out = np.full(N, 2)
    np.testing.assert_array_equal(one.logits(features, left_out), two.logits(features, left_out))
    assert (one.logits(features, left_out - 1) != two.logits(features, left_out - 1)).any()


def test_rows_of_weight_zero_are_padding():
    features, right, weight, fold = rows()
    weight[::5] = 0
    changed = features.copy()
    changed[::5] = 50
    one, two = (fitted(f, right, weight, fold) for f in (features, changed))
    np.testing.assert_array_equal(one.logits(features), two.logits(features))


def test_without_a_fold_all_members_are_averaged(g):
    features = rows()[0]
    members = [g.logits(features, np.full(N, k)) for k in range(FOLDS)]
    np.testing.assert_allclose(g.logits(features), np.mean(members, axis=0), atol=1e-5)
    np.testing.assert_allclose(g.logits(features, np.full(N, -1)), g.logits(features))


def test_fewer_golden_samples_give_a_simpler_classifier():
    features, right, weight, fold = rows()
    many, few = (fitted(features, right, weight, fold, samples=n) for n in (2000, 20))
    assert np.std(few.logits(features)) < 0.7 * np.std(many.logits(features))


def test_a_later_fit_goes_on_from_the_last_and_the_same_seed_gives_the_same_first(g):
    features, right, weight, fold = rows()
    own = fitted(features, right, weight, fold)
    first = own.logits(features)
    np.testing.assert_array_equal(first, g.logits(features))
    own.fit(features, right, weight, fold)
    later = own.logits(features)
    assert np.abs(later - first).mean() < 0.5 * np.abs(first).mean()
    assert (later != first).any()


def test_another_seed_gives_another_classifier(g):
    other = fitted(*rows(), seed=1)
    assert (g.logits(rows()[0]) != other.logits(rows()[0])).any()

import numpy as np
import pytest
from scipy.special import log_softmax
from sklearn.metrics import roc_auc_score

from tssd_keras.judge import place as place_module
from tssd_keras.judge.neighbours import Neighbours
from tssd_keras.judge.place import (
    EDGE,
    LEAST_LOG_P,
    Neighbourhood,
    log_ratio,
    place,
    pooled,
    silent_classes,
    with_network,
)
from tssd_keras.judge.similarity import ClassMeans

pytestmark = pytest.mark.backend_free

K, D = 3, 8


def shares_of(rows):
    return np.array(rows, np.float32)


def labelled(n=900, wrong=0.3, seed=0):
    """True classes, and labels of which some are wrong."""
    rng = np.random.default_rng(seed)
    truth = rng.integers(0, K, n)
    given = np.where(rng.random(n) < wrong, (truth + rng.integers(1, K, n)) % K, truth)
    return truth, given


def space(truth, apart, seed):
    """Unit features in which some classes lie apart, and all others lie together."""
    rng = np.random.default_rng(seed)
    seen = np.where(np.isin(truth, apart), truth, K)
    rows = 2 * np.eye(K + 1, D)[seen] + rng.normal(0, 0.4, (len(truth), D))
    return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float16)


def neighbours(features, labels):
    return Neighbours(features, labels, K, seed=0)


def test_pooled_shares_are_the_geometric_mean_of_both_spaces():
    now, before = shares_of([[0.8, 0.2, 0.0]]), shares_of([[0.5, 0.1, 0.4]])
    found = pooled(now, before)
    expected = np.sqrt((now + EDGE) * (before + EDGE))
    np.testing.assert_allclose(found, expected / expected.sum(), rtol=1e-6)
    np.testing.assert_allclose(found, pooled(before, now))
    np.testing.assert_allclose(pooled(now, now), (now + EDGE) / (1 + K * EDGE), rtol=1e-6)
    assert found.dtype == np.float32


def test_a_space_that_tells_no_classes_apart_has_no_say_in_who_is_first():
    now, nothing = shares_of([[0.5, 0.3, 0.2], [0.1, 0.2, 0.7]]), shares_of(np.full((2, K), 1 / K))
    found = pooled(now, nothing)
    np.testing.assert_array_equal(found.argsort(axis=1), now.argsort(axis=1))
    np.testing.assert_allclose(
        np.log(found[:, 0] / found[:, 1]),
        np.log((now[:, 0] + EDGE) / (now[:, 1] + EDGE)) / 2,
        rtol=1e-5,
    )


def test_the_score_is_the_log_of_the_share_over_the_best_other_one():
    shares = shares_of([[0.6, 0.3, 0.1], [0.6, 0.3, 0.1], [0.0, 0.0, 1.0]])
    kept = shares.copy()
    found = log_ratio(shares, np.array([0, 2, 2]))
    expected = [
        np.log((0.6 + EDGE) / (0.3 + EDGE)),
        np.log((0.1 + EDGE) / (0.6 + EDGE)),
        np.log((1 + EDGE) / EDGE),
    ]
    np.testing.assert_allclose(found, expected, rtol=1e-5)
    np.testing.assert_array_equal(shares, kept)


@pytest.mark.parametrize("n_spaces", [1, 2])
def test_each_space_and_the_network_have_one_voice(n_spaces):
    shares, p = shares_of([[0.7, 0.2, 0.1]]), np.array([[0.2, 0.5, 0.3]])
    found = np.exp(with_network(shares, np.log(p), n_spaces))
    expected = (shares + EDGE) ** n_spaces * p
    np.testing.assert_allclose(found, expected / expected.sum(), rtol=1e-5)


def test_neighbours_can_outvote_a_network_that_is_sure():
    log_p = np.array([[0.0, -20.0, -20.0]])
    found = with_network(shares_of([[0.0, 1.0, 0.0]]), log_p, 2)
    assert found.argmax() == 1
    floored = np.maximum(log_p, LEAST_LOG_P)
    np.testing.assert_allclose(with_network(shares_of([[0.5] * 3]), log_p, 2), log_softmax(floored))


def test_silent_are_the_classes_voted_for_no_more_often_among_their_own():
    rng = np.random.default_rng(0)
    labels = rng.integers(0, K, 6000)
    guess = rng.integers(0, 2, 6000)
    vote = np.where(labels == 2, 2, guess)  # of classes 0 and 1 nothing is known
    vote[rng.random(6000) < 0.3] = 2
    assert silent_classes(vote, labels, K).tolist() == [False, False, False]
    among_two = labels < 2
    assert silent_classes(guess[among_two], labels[among_two], 2).tolist() == [True, True]
    assert silent_classes(rng.permutation(vote), labels, K).tolist() == [True, True, True]


def test_a_class_that_nobody_votes_for_or_that_has_no_samples_is_silent():
    labels = np.arange(300) % 2
    assert silent_classes(labels, labels, K).tolist() == [False, False, True]
    assert silent_classes(np.zeros(300, int), labels, 2).tolist() == [True, True]


def test_a_few_samples_must_differ_by_more_than_many():
    """Voted for in 60 % of their own and 40 % of others: chance among 20, not among 2,000."""
    for n, silent in ((20, True), (2000, False)):
        labels = np.arange(n) % 2
        vote = np.where(np.arange(n) // 2 % 5 < 3, labels, 1 - labels)
        assert silent_classes(vote, labels, 2).tolist() == [silent] * 2


def test_scores_find_who_is_silent():
    truth, given = labelled(1500)
    apart = Neighbourhood(given, neighbours(space(truth, [0, 1, 2], 1), given))
    together = Neighbourhood(given, neighbours(space(truth, [], 1), given))
    assert roc_auc_score(given == truth, apart.scores()) > 0.97
    together.scores()
    assert apart.silent.tolist() == [False] * K
    assert together.silent.tolist() == [True] * K


def test_two_spaces_are_surer_than_either():
    """Each tells one class from the two others, together they tell all three apart."""
    truth, given = labelled()
    right = given == truth
    one, other = (neighbours(space(truth, [k], k), given) for k in (0, 1))
    alone = [roc_auc_score(right, Neighbourhood(given, only).scores()) for only in (one, other)]
    assert roc_auc_score(right, Neighbourhood(given, one, other).scores()) > max(alone) + 0.05


def test_what_was_before_training_may_cover_more_samples_than_the_round():
    truth, given = labelled()
    before = neighbours(space(truth, [0, 1], 1), given)
    rows = np.sort(np.random.default_rng(2).permutation(len(given))[:400])
    now = neighbours(space(truth, [1, 2], 2)[rows], given[rows])
    where = Neighbourhood(given[rows], now, before, rows)
    expected = pooled(now.similarity(slice(None)), before.similarity(rows))
    np.testing.assert_allclose(where.similarity(slice(None)), expected, atol=1e-6)
    some = np.array([7, 3, 250])
    np.testing.assert_allclose(where.similarity(some), expected[some], atol=1e-6)
    np.testing.assert_allclose(
        where.score_before, log_ratio(before.similarity(rows), given[rows]), atol=1e-5
    )
    np.testing.assert_allclose(where.scores(), log_ratio(expected, given[rows]), atol=1e-5)
    assert roc_auc_score(truth[rows] == given[rows], where.scores()) > 0.97


def test_blocks_do_not_matter(monkeypatch):
    truth, given = labelled()
    now, before = (neighbours(space(truth, [0, 1, 2], seed), given) for seed in (1, 2))
    expected = Neighbourhood(given, now, before)
    scores = expected.scores()
    monkeypatch.setattr(place_module, "BLOCK", 100)
    found = Neighbourhood(given, now, before)
    np.testing.assert_allclose(found.scores(), scores, atol=1e-5)
    np.testing.assert_allclose(found.score_before, expected.score_before, atol=1e-5)
    np.testing.assert_array_equal(found.silent, expected.silent)


def test_nobody_looked_before_training():
    truth, given = labelled()
    where = Neighbourhood(given, neighbours(space(truth, [0, 1, 2], 1), given))
    assert not where.score_before.any()
    assert where.silent is None  # until somebody asks for the scores


def test_other_samples_are_placed_by_both_spaces():
    truth, given = labelled(1000)
    first, second = space(truth, [0, 1], 1), space(truth, [1, 2], 2)
    now, before = neighbours(first[:900], given[:900]), neighbours(second[:900], given[:900])
    where = Neighbourhood(given[:900], now, before)
    shares = before.similarity_of(second[900:])
    found = where.similarity_of(first[900:], shares)
    np.testing.assert_allclose(found, pooled(now.similarity_of(first[900:]), shares), atol=1e-6)
    assert (found.argmax(axis=1) == truth[900:]).mean() > 0.97
    alone = where.similarity_of(first[900:], None)
    np.testing.assert_allclose(alone, now.similarity_of(first[900:]), atol=1e-6)


def test_the_true_class_is_told_by_each_space_and_the_network():
    truth, given = labelled(300)
    now, before = (neighbours(space(truth, [0, 1, 2], seed), given) for seed in (1, 2))
    log_p = log_softmax(np.random.default_rng(3).normal(0, 0.3, (300, K)), axis=1)
    for where, n_spaces in ((Neighbourhood(given, now), 1), (Neighbourhood(given, now, before), 2)):
        shares = where.similarity(slice(None))
        found = where.class_log_p(shares, log_p)
        np.testing.assert_allclose(found, with_network(shares, log_p, n_spaces), atol=1e-6)
        assert (found.argmax(axis=1) == truth).mean() > 0.97


def test_a_recipe_names_the_place():
    truth, given = labelled()
    features = space(truth, [0, 1, 2], 1)
    means = place("class_means", features, given, K, seed=0)
    assert isinstance(means, ClassMeans)
    assert means.silent is None
    log_p = np.log(np.full((2, K), 1 / K))
    np.testing.assert_allclose(means.class_log_p(means.similarity(slice(2)), log_p), log_p, 1e-6)
    before = neighbours(space(truth, [0, 1, 2], 2), given)
    found = place("neighbours", features, given, K, seed=0, before=before)
    expected = Neighbourhood(given, neighbours(features, given), before)
    np.testing.assert_allclose(found.scores(), expected.scores(), atol=1e-6)

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from tssd_keras.judge import neighbours
from tssd_keras.judge.neighbours import Neighbours
from tssd_keras.judge.place import Neighbourhood

pytestmark = pytest.mark.backend_free

K = 4


def samples(n=600, *, d=8, seed=0, dtype=np.float16):
    """Unit features around K directions, their classes, and labels of which a third are wrong."""
    rng = np.random.default_rng(seed)
    truth = rng.integers(0, K, n)
    # Far from the origin, as after ReLU.
    rows = 1 + 2 * np.eye(K, d)[truth] + rng.normal(0, 0.4, (n, d))
    features = (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(dtype)
    wrong = rng.random(n) < 1 / 3
    return features, truth, np.where(wrong, (truth + rng.integers(1, K, n)) % K, truth)


def everyone(features, labels, **settings):
    return Neighbours(features, labels, K, seed=0, **settings).similarity(slice(None))


def scores(features, labels, **settings):
    """What the feature stream reads of each sample."""
    return Neighbourhood(labels, Neighbours(features, labels, K, seed=0, **settings)).scores()


def by_hand(features, labels, n_nearest, bandwidth):
    """The same in plain loops; every sample is an anchor."""
    x = np.asarray(features, np.float64)
    x = x - np.asarray(features, np.float32).mean(axis=0)
    x /= np.linalg.norm(x, axis=1, keepdims=True)
    n = len(x)
    weight = np.zeros((n, n))
    for i in range(n):
        squared = ((x[i] - x) ** 2).sum(axis=1)
        near = np.argsort(squared)[:n_nearest]
        part = np.exp(-(squared[near] - squared[near[0]]) / bandwidth)
        weight[i, near] = part / part.sum()
    out = np.empty((n, K))
    for i in range(n):
        votes, count = np.zeros(K), np.zeros(K)
        for j in range(n):
            if not (features[i] == features[j]).all():
                votes[labels[j]] += weight[i] @ weight[j]
                count[labels[j]] += 1
        votes /= count + n_nearest
        out[i] = votes / votes.sum()
    return out


@pytest.mark.parametrize(("twins", "n_nearest"), [(0, 10), (0, 80), (5, 80)])
def test_shares_are_those_of_plain_loops(twins, n_nearest):
    """Of equal anchors any may be the last near one, so twins vote at all of them."""
    features, _, labels = samples(80, dtype=np.float32)
    features[1 : 1 + twins] = features[0]
    found = everyone(features, labels, n_nearest=n_nearest, bandwidth=0.3)
    np.testing.assert_allclose(found, by_hand(features, labels, n_nearest, 0.3), atol=2e-5)


def test_a_label_has_no_say_in_its_own_case():
    features, _, labels = samples()
    features[10:13] = features[9]  # equal samples are left out together
    expected = everyone(features, labels)
    for rows in ([0], [9, 10, 11, 12]):
        changed = labels.copy()
        changed[rows] = (changed[rows] + 1) % K
        found = everyone(features, changed)
        np.testing.assert_allclose(found[rows], expected[rows], atol=1e-5)
        assert np.abs(found - expected).max() > 1e-3


def test_neighbours_tell_right_labels_from_wrong_ones():
    features, truth, labels = samples(3000)
    assert (everyone(features, labels).argmax(axis=1) == truth).mean() > 0.98
    assert roc_auc_score(labels == truth, scores(features, labels)) > 0.98


def test_a_few_anchors_do_nearly_as_well_as_all_samples():
    features, truth, labels = samples(3000)
    assert roc_auc_score(labels == truth, scores(features, labels, n_anchors=300)) > 0.98


def test_a_class_of_few_samples_does_not_lose_by_being_few():
    features, truth, labels = samples(4000)
    few = np.flatnonzero(truth == 0)[60:]
    left = np.setdiff1d(np.arange(len(truth)), few)
    right = np.where(truth == 0, 0, labels)[left]  # of class 0 all labels are right
    own = truth[left] == 0
    assert own.sum() == 60
    assert (scores(features[left], right)[own] > 0).mean() > 0.95


def test_one_odd_label_of_a_tiny_class_condemns_no_neighbour():
    features, truth, _ = samples(2000)
    labels = truth % (K - 1)
    labels[0] = K - 1
    found = scores(features, labels)
    assert (found[1:] > 0).mean() > 0.99
    assert found[0] < 0


def test_samples_that_do_not_vote_are_judged_as_those_that_do():
    features, truth, labels = samples(3000)
    found = Neighbours(features[:2000], labels[:2000], K, seed=0)
    others = found.similarity_of(features[2000:])
    assert others.dtype == np.float32
    np.testing.assert_allclose(others.sum(axis=1), 1, rtol=1e-5)
    assert (others.argmax(axis=1) == truth[2000:]).mean() > 0.98


def test_blocks_and_the_numbering_of_classes_do_not_matter(monkeypatch):
    features, _, labels = samples()
    expected = everyone(features, labels)
    monkeypatch.setattr(neighbours, "BLOCK", 100)
    np.testing.assert_allclose(everyone(features, labels), expected, atol=1e-6)
    classes = np.array([2, 0, 3, 1])
    np.testing.assert_allclose(everyone(features, classes[labels])[:, classes], expected, atol=1e-6)
    some = np.array([5, 77, 3])
    found = Neighbours(features, labels, K, seed=0)
    np.testing.assert_allclose(found.similarity(some), expected[some], atol=1e-6)


def test_without_other_samples_every_class_is_as_likely():
    features, labels = np.repeat(samples(1)[0], 5, axis=0), np.array([0, 0, 1, 2, 3])
    np.testing.assert_array_equal(everyone(features, labels), 1 / K)
    assert not scores(features, labels).any()


def test_agreement_is_the_share_of_labels_that_neighbours_vote_for(monkeypatch):
    features, truth, labels = samples()
    expected = (everyone(features, labels).argmax(axis=1) == labels).mean()
    monkeypatch.setattr(neighbours, "BLOCK", 100)
    found = Neighbours(features, labels, K, seed=0).agreement()
    assert found == pytest.approx(expected)
    assert found == pytest.approx((labels == truth).mean(), abs=0.02)
    shuffled = np.random.default_rng(1).permutation(labels)
    assert Neighbours(features, shuffled, K, seed=0).agreement() < 0.35


def test_a_search_says_how_far_it_is():
    rng, said = np.random.default_rng(0), []

    def progress(what, total):
        said.append((what, total))
        return said.append

    features = rng.normal(size=(9000, 8))
    features /= np.linalg.norm(features, axis=1, keepdims=True)
    Neighbours(features, rng.integers(0, 3, 9000), 3, seed=0, n_anchors=50, progress=progress)
    assert said[0] == ("finding neighbours", 9000)
    assert len(said) > 2
    assert sum(said[1:]) == 9000

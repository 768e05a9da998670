"""Golden samples drawn at random: their given labels are pairs that show the noise as it is."""

import dataclasses

import numpy as np
import pytest
from builders.populations import K, judged, population

from tssd_keras.judge.divide import divide
from tssd_keras.judge.golden_head import assign_folds
from tssd_keras.judge.meta_features import NAMES
from tssd_keras.judge.meta_rows import DRAWS, Trusted, golden_rows
from tssd_keras.judge.noise_matrix import corrected
from tssd_keras.judge.purify import Purifier
from tssd_keras.judge.scores import Scores
from tssd_keras.judge.similarity import ClassMeans
from tssd_keras.labels.noise import symmetric
from tssd_keras.recipe.method_sections import PurifyRecipe


def test_labels_that_the_network_remembers_are_counted_by_random_pairs():
    """All seem right then: golden samples, which it was not trained on, tell how many are."""
    for at_random in (False, True):
        found, _, truth, given = judged(None, remember=0.3, at_random=at_random)
        clean, share = truth == given, found.figures.estimated_clean_share
        assert found.figures.corrected_by_pairs == at_random
        if at_random:
            assert share == pytest.approx(clean.mean(), abs=0.06)
            assert found.q.mean() == pytest.approx(share, abs=1e-3)
            assert ((found.q > 0.5) == clean).mean() > 0.9
        else:
            assert share > 0.9


@pytest.mark.parametrize(("rate", "noise_seed"), [(0.2, 1), (0.5, 0)])
def test_pairs_that_agree_with_the_estimate_change_nothing(rate, noise_seed):
    one = judged(symmetric(K, rate), noise_seed=noise_seed)[0]
    other = judged(symmetric(K, rate), noise_seed=noise_seed, at_random=True)[0]
    assert not other.figures.corrected_by_pairs
    np.testing.assert_array_equal(one.q, other.q)


def test_pairs_drawn_evenly_are_weighed_by_the_classes_of_the_stream():
    """Rare classes are given wrongly, so of golden samples fewer are right than of the stream's."""
    scores, truth, given = population(np.eye(K), n=12_000)
    rng = np.random.default_rng(3)
    wrong = (truth < 5) & (rng.uniform(size=len(truth)) < 0.5)
    given = np.where(wrong, (truth + rng.integers(1, K, len(truth))) % K, truth)
    golden = np.concatenate([np.flatnonzero(truth == c)[:50] for c in range(K)])
    stream = np.setdiff1d(np.arange(len(truth)), golden)
    stream = stream[(truth[stream] >= 5) | (rng.uniform(size=len(stream)) < 0.15)]
    loss = -scores.log_p[np.arange(len(given)), given].astype(np.float32)
    scores = Scores(loss, scores.features, scores.log_p)
    fold = assign_folds(truth[golden], 5, seed=0)
    at_random = np.ones(len(golden), bool)
    trusted = Trusted(scores.take(golden), truth[golden], given[golden], fold, at_random=at_random)
    own, labels = scores.take(stream), given[stream]
    clean = (truth[stream] == labels).mean()
    assert clean - (truth[golden] == given[golden]).mean() > 0.1
    where = ClassMeans(own.features, labels, K)
    division = divide(own.loss, where.scores(), labels, K)
    found = Purifier("trusted", K, PurifyRecipe()).purify(
        own, labels, where, division, golden=trusted
    )
    assert found.figures.corrected_by_pairs is False
    assert found.figures.estimated_clean_share == pytest.approx(clean, abs=0.04)


def test_pairs_are_weighed_by_the_corrected_matrix_and_not_judged_by_themselves():
    """Half of the golden samples were drawn at random, of each class one right and one wrong."""
    seen = []

    @dataclasses.dataclass(frozen=True)
    class Context:
        transition: np.ndarray

        class head:
            out_of_fold = np.zeros((40, K), np.float32)

        def features(self, unit, log_p, labels, head_log_p=None):
            seen.append((self.transition, len(labels)))
            return np.zeros((len(labels), len(NAMES)), np.float32)

    labels = np.arange(40) % K
    given = np.where(np.arange(40) % 20 < 10, labels, (labels + 1) % K)
    at_random = np.arange(40) < 20
    scores = Scores(np.zeros(40), np.zeros((40, 2), np.float16), np.zeros((40, K), np.float16))
    fold = assign_folds(labels, 5, seed=0)
    trusted = Trusted(scores, labels, given, fold, at_random=at_random)
    estimated = symmetric(K, 0.1)
    context = Context(corrected(estimated, labels[:20], given[:20]))
    rows = golden_rows(
        context, trusted, np.full(K, 0.1), np.random.default_rng(0), estimated=estimated
    )
    weight = rows.weight.reshape(DRAWS + 2, 40)
    right, p = weight[0], np.diag(context.transition)[labels]
    unit = weight.sum(axis=0)
    np.testing.assert_allclose(right / unit, p)
    real = np.where(given != labels, (1 - p) / (DRAWS + 1), 0)
    np.testing.assert_allclose(weight[-1] / unit, real)
    assert len(seen) == 5
    for (matrix, n), left_out in zip(seen, range(5), strict=True):
        other = at_random & (fold != left_out)
        np.testing.assert_allclose(matrix, corrected(estimated, labels[other], given[other]))
        assert n == (DRAWS + 2) * (fold == left_out).sum()


def test_golden_samples_of_unknown_labels_correct_nothing():
    found = judged(None, remember=0.3, at_random=True, known=False)[0]
    assert not found.figures.corrected_by_pairs

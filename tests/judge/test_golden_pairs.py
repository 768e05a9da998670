"""Golden samples drawn at random: their given labels are pairs that show the noise as it is."""

import dataclasses

import numpy as np
import pytest
from builders.populations import K, judged, population
from sklearn.metrics import roc_auc_score

from tssd_keras.judge.divide import divide
from tssd_keras.judge.golden_head import assign_folds
from tssd_keras.judge.meta_features import NAMES
from tssd_keras.judge.meta_rows import DRAWS, Trusted, golden_rows
from tssd_keras.judge.neighbours import Neighbours
from tssd_keras.judge.noise_matrix import corrected
from tssd_keras.judge.place import Neighbourhood, log_ratio
from tssd_keras.judge.purify import Purifier
from tssd_keras.judge.roles import POSITIVE, SEMI_HARD
from tssd_keras.judge.scores import Scores
from tssd_keras.judge.similarity import ClassMeans
from tssd_keras.labels.noise import symmetric
from tssd_keras.recipe.method_sections import PurifyRecipe


def test_labels_that_the_network_remembers_are_counted_by_random_pairs():
    """All seem right then: golden samples, which it was not trained on, tell how many are."""
    for at_random in (False, True):
        found, _, truth, given = judged(None, remember=0.3, at_random=at_random)
        clean, share = truth == given, found.figures.estimated_clean_share
        assert found.figures.golden_pairs == (300 if at_random else 0)
        if at_random:
            assert share == pytest.approx(clean.mean(), abs=0.06)
            assert np.diag(found.transition).mean() == pytest.approx(clean.mean(), abs=0.1)
            assert found.q.mean() == pytest.approx(share, abs=1e-3)
            assert ((found.q > 0.5) == clean).mean() > 0.9
        else:
            assert share > 0.9
            assert found.figures.clean_share_error is None


@pytest.mark.parametrize(("rate", "noise_seed"), [(0.2, 1), (0.5, 0)])
def test_pairs_tell_how_many_labels_are_right_and_leave_the_ranking_as_it_was(rate, noise_seed):
    without, _, truth, given = judged(symmetric(K, rate), noise_seed=noise_seed)
    found = judged(symmetric(K, rate), noise_seed=noise_seed, at_random=True)[0]
    clean, figures = truth == given, found.figures
    assert 0.01 < figures.clean_share_error < 0.04
    off = figures.estimated_clean_share - clean.mean()
    assert abs(off) < 2.5 * figures.clean_share_error
    assert found.q.mean() == pytest.approx(figures.estimated_clean_share, abs=1e-3)
    assert roc_auc_score(clean, found.q) > roc_auc_score(clean, without.q) - 0.005


def test_no_more_labels_are_taken_for_right_than_pairs_expect_to_be():
    found = judged(symmetric(K, 0.5), at_random=True)[0]
    share = found.figures.estimated_clean_share
    assert (found.q > 0.5).mean() > share + 0.005  # so that half is not the bar
    kept = np.isin(found.role, [POSITIVE, SEMI_HARD])
    assert share - 0.1 < kept.mean() < (found.q > 0.5).mean()
    assert found.q[kept].mean() > 0.9 or kept.mean() <= share + 1e-3
    assert found.figures.criterion > 0.5


def test_without_caution_as_many_are_kept_as_are_likely_to_be_right():
    """For an objective that learns from the rejected, too; q and share are the same."""
    wary, bold = (
        judged(symmetric(K, 0.5), at_random=True, cautious=cautious)[0]
        for cautious in (True, False)
    )
    assert np.array_equal(wary.q, bold.q)
    share = bold.figures.estimated_clean_share
    assert wary.figures.estimated_clean_share == share
    kept = [np.isin(found.role, [POSITIVE, SEMI_HARD]).mean() for found in (wary, bold)]
    assert kept[1] == pytest.approx(share, abs=0.02)
    assert kept[0] < kept[1] - 0.03


def test_what_was_seen_before_training_makes_the_share_surer():
    scores, truth, given = population(symmetric(K, 0.4), n=4000)
    golden, stream = np.arange(300), np.arange(300, 4000)
    own, labels = scores.take(stream), given[stream]
    before = Neighbours(own.features, labels, K, seed=0)
    shares = before.similarity_of(scores.features[golden])
    errors = []
    for looked in (False, True):
        where = Neighbourhood(labels, before, before if looked else None)
        trusted = Trusted(
            scores.take(golden),
            truth[golden],
            given[golden],
            assign_folds(truth[golden], 5, seed=0),
            at_random=np.ones(300, bool),
            before=shares if looked else None,
            score_before=log_ratio(shares, given[golden]) if looked else np.zeros(()),
        )
        division = divide(own.loss, where.scores(), labels, K, silent=where.silent)
        found = Purifier("trusted", K, PurifyRecipe()).purify(
            own, labels, where, division, golden=trusted
        )
        off = found.figures.estimated_clean_share - (truth[stream] == labels).mean()
        assert abs(off) < 2.5 * found.figures.clean_share_error
        errors.append(found.figures.clean_share_error)
    assert errors[1] < 0.8 * errors[0]


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
    assert found.figures.golden_pairs == len(golden)
    assert found.figures.estimated_clean_share == pytest.approx(clean, abs=0.04)


def test_pairs_are_weighed_by_the_corrected_matrix_and_not_judged_by_themselves():
    """Half of the golden samples were drawn at random, of each class one right and one wrong."""
    seen = []

    @dataclasses.dataclass(frozen=True)
    class Context:
        transition: np.ndarray

        class head:
            out_of_fold = np.zeros((40, K), np.float32)

        def features(self, similarity, log_p, labels, head_log_p):
            seen.append((self.transition, len(labels)))
            return np.zeros((len(labels), len(NAMES)), np.float32)

    labels = np.arange(40) % K
    given = np.where(np.arange(40) % 20 < 10, labels, (labels + 1) % K)
    at_random = np.arange(40) < 20
    scores = Scores(np.zeros(40), np.zeros((40, 2), np.float16), np.zeros((40, K), np.float16))
    fold = assign_folds(labels, 5, seed=0)
    trusted = Trusted(
        scores, labels, given, fold, at_random=at_random, similarity=np.zeros((40, K))
    )
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
    assert found.figures.golden_pairs == 0
    assert found.figures.clean_share_error is None

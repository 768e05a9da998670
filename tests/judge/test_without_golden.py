import numpy as np
import pytest
from scipy.special import expit, log_softmax
from sklearn.metrics import roc_auc_score

from tssd_keras.judge import without_golden
from tssd_keras.judge.divide import divide
from tssd_keras.judge.place import place
from tssd_keras.judge.roles import NEGATIVE, POSITIVE, SEMI_HARD, UNCERTAIN
from tssd_keras.judge.scores import Scores
from tssd_keras.judge.without_golden import WithoutGolden
from tssd_keras.labels.noise import draw_labels, symmetric

pytestmark = pytest.mark.backend_free

K, D = 4, 8


def stream(n=2000, *, wrong=0.4, spread=0.4, seed=0):
    """What a network says of labels some of which are wrong, the true classes, the labels."""
    rng = np.random.default_rng(seed)
    truth = rng.integers(0, K, n)
    given = draw_labels(truth, symmetric(K, wrong), seed=seed)
    rows = 2 * np.eye(K, D)[truth] + rng.normal(0, spread, (n, D))
    features = rows / np.linalg.norm(rows, axis=1, keepdims=True)
    log_p = log_softmax(3 * rows[:, :K] + rng.normal(0, 1, (n, K)), axis=1)
    loss = -log_p[np.arange(n), given].astype(np.float32)
    return Scores(loss, features.astype(np.float16), log_p.astype(np.float16)), truth, given


def judged(scores, given, judge=None, rows=None, where=None, threshold=0.9):
    where = place("neighbours", scores.features, given, K, seed=0) if where is None else where
    similarity = where.scores()
    division = divide(scores.loss, similarity, given, K, threshold=threshold, silent=where.silent)
    judge = judge or WithoutGolden(K, len(given), 1, seed=0)
    rows = np.arange(len(given)) if rows is None else rows
    return judge.purify(scores, given, where, division, rows), division, where


def test_labels_are_judged_and_other_ones_suggested_without_a_golden_sample():
    scores, truth, given = stream()
    found, _, _ = judged(scores, given)
    right = truth == given
    assert roc_auc_score(right, found.q) > 0.97
    assert ((found.q > 0.5) == right).mean() > 0.97
    assert (found.suggested == truth).mean() > 0.97
    assert found.suggested.dtype == np.int64
    assert found.q.dtype == found.p_suggested.dtype == np.float32


def test_q_is_the_label_s_pooled_probability_beside_the_best_other_one():
    scores, _, given = stream(300)
    found, _, where = judged(scores, given)
    log_p = where.class_log_p(where.similarity(slice(None)), scores.log_p)
    p = np.exp(log_p.astype(np.float64))
    index = np.arange(len(given))
    own = p[index, given]
    np.testing.assert_array_equal(found.suggested, p.argmax(axis=1))
    np.testing.assert_allclose(found.p_suggested, p.max(axis=1), rtol=1e-5)
    p[index, given] = 0
    np.testing.assert_allclose(found.q, own / (own + p.max(axis=1)), atol=1e-5)
    np.testing.assert_array_equal(found.q > 0.5, found.suggested == given)


def test_what_the_streams_leave_open_or_see_wrongly_is_settled_by_q():
    scores, truth, given = stream(spread=0.9)
    found, division, _ = judged(scores, given, threshold=0.5)
    assert set(np.unique(division.role)) == {NEGATIVE, POSITIVE, UNCERTAIN}
    open_ = division.role == UNCERTAIN
    np.testing.assert_array_equal(found.role[open_] == SEMI_HARD, found.q[open_] > 0.5)
    kept = np.isin(found.role, [POSITIVE, SEMI_HARD])
    assert (found.q[kept] > 0.5).all()
    assert (kept == (truth == given)).mean() > 0.85
    seen_wrong = (division.role == NEGATIVE) & (found.q > 0.5)
    assert (found.role[seen_wrong] == SEMI_HARD).all()


def test_neither_streams_nor_network_need_be_right():
    """The network remembers every wrong label; the neighbours do not."""
    scores, truth, given = stream()
    log_p = np.full((len(given), K), -4.0)
    log_p[np.arange(len(given)), given] = 0
    log_p = log_softmax(log_p, axis=1)
    loss = -log_p[np.arange(len(given)), given]
    remembered = Scores(loss.astype(np.float32), scores.features, log_p.astype(np.float16))
    found, _, _ = judged(remembered, given)
    assert roc_auc_score(truth == given, found.q) > 0.97


@pytest.mark.parametrize("wrong", [0.1, 0.4])
def test_the_noise_is_estimated(wrong):
    scores, truth, given = stream(wrong=wrong)
    found, _, _ = judged(scores, given)
    share = (truth == given).mean()
    assert found.figures.estimated_clean_share == pytest.approx(share, abs=0.06)
    np.testing.assert_allclose(found.transition.sum(axis=1), 1)
    np.testing.assert_allclose(np.diag(found.transition), share, atol=0.1)
    assert found.figures.golden_pairs is None
    assert (found.figures.reach, found.figures.criterion) == ("all", 0.5)


def test_log_odds_are_averaged_over_the_rounds_that_judged_a_sample():
    scores, _, given = stream(400)
    other = Scores(scores.loss, scores.features, np.flip(scores.log_p, axis=1))
    judge, rows = WithoutGolden(K, 500, 2, seed=0), np.arange(100, 500)
    first = judged(scores, given, judge, rows)[0].q.astype(np.float64)
    alone = judged(other, given)[0].q.astype(np.float64)
    half = rows[:200] - 100
    taken = Scores(*(values[half] for values in vars(other).values()))
    where = place("neighbours", scores.features, given, K, seed=0)

    class Half:  # these samples' place among all of them
        silent, scores = None, staticmethod(lambda: where.scores()[half])
        similarity = staticmethod(lambda block: where.similarity(half[block]))
        class_log_p = staticmethod(where.class_log_p)

    division = divide(taken.loss, Half.scores(), given[half], K, silent=np.zeros(K, bool))
    found = judge.purify(taken, given[half], Half, division, rows[half])
    odds = [np.log(q[half] / (1 - q[half])) for q in (first, alone)]
    inside = np.abs(odds).max(axis=0) < 8  # where float32 q still tells its log-odds
    assert inside.mean() > 0.8
    np.testing.assert_allclose(found.q[inside], expit(np.mean(odds, axis=0))[inside], atol=1e-3)


def test_blocks_and_the_number_of_samples_that_tell_the_noise_hardly_matter(monkeypatch):
    scores, _, given = stream()
    expected, _, _ = judged(scores, given)
    monkeypatch.setattr(without_golden, "BLOCK", 300)
    monkeypatch.setattr(without_golden, "MAX_SAMPLES", 1000)
    found, _, _ = judged(scores, given)
    np.testing.assert_allclose(found.q, expected.q, atol=1e-6)
    np.testing.assert_array_equal(found.role, expected.role)
    assert (found.transition != expected.transition).any()
    np.testing.assert_allclose(found.transition, expected.transition, atol=0.06)

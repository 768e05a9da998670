import dataclasses
from functools import partial

import numpy as np
import pytest
from builders.populations import NAMES, K, judged, population

from tssd_keras.judge import evidence
from tssd_keras.judge.divide import divide
from tssd_keras.judge.golden_head import assign_folds
from tssd_keras.judge.meta_rows import DRAWS, MOST_RIGHT, Trusted, golden_rows
from tssd_keras.judge.purify import Purifier
from tssd_keras.judge.roles import NEGATIVE, POSITIVE, SEMI_HARD, UNCERTAIN
from tssd_keras.judge.scores import Scores
from tssd_keras.judge.similarity import ClassMeans
from tssd_keras.labels.noise import asymmetric, symmetric
from tssd_keras.recipe.method_sections import PurifyRecipe


def auroc(clean, score):
    from sklearn.metrics import roc_auc_score

    return roc_auc_score(clean, score)


@pytest.fixture(scope="module")
def asym():
    return judged(asymmetric(NAMES, 0.4, "fashion_mnist"))


@pytest.fixture(scope="module")
def sym():
    return judged(symmetric(K, 0.5))


def test_golden_samples_show_errors_that_both_streams_take_for_right(asym):
    found, division, truth, given = asym
    clean = truth == given
    streams = auroc(clean, np.minimum(division.p_loss, division.p_feature))
    assert auroc(clean, found.q) > max(0.9, streams + 0.1)


def test_q_is_a_probability_that_holds(sym, asym):
    for found, _, truth, given in (sym, asym):
        clean = truth == given
        for rows in np.array_split(np.argsort(found.q), 5):
            assert found.q[rows].mean() == pytest.approx(clean[rows].mean(), abs=0.1)


def test_the_estimated_share_of_right_labels_is_near_the_true_one(sym, asym):
    for found, _, truth, given in (sym, asym):
        assert found.figures.estimated_clean_share == pytest.approx(
            (truth == given).mean(), abs=0.05
        )


def test_suggested_labels_are_right_more_often_than_given_ones(sym, asym):
    for found, _, truth, given in (sym, asym):
        assert (found.suggested == truth).mean() > (given == truth).mean() + 0.1
        assert found.p_suggested.min() >= 1 / K


def test_auto_takes_positives_back_where_the_streams_agree_on_wrong_labels(asym):
    assert asym[0].figures.reach == "all"


# Stated reaches and precisions, two in one judgement.
STATED = {"uncertain": 0.8, "all": 0.95}


@pytest.fixture(scope="module")
def stated():
    return {
        reach: judged(
            symmetric(K, 0.5), settings=PurifyRecipe(reach=reach, target_precision=target)
        )
        for reach, target in STATED.items()
    }


@pytest.mark.parametrize("reach", STATED)
def test_a_stated_reach_is_kept(stated, reach):
    found, division, _, _ = stated[reach]
    assert found.figures.reach == reach
    if reach == "uncertain":
        kept = division.role != UNCERTAIN
        np.testing.assert_array_equal(found.role[kept], division.role[kept])


@pytest.mark.parametrize(("reach", "target"), STATED.items())
def test_a_stated_precision_is_reached_by_what_is_mined(stated, reach, target):
    found, _, truth, given = stated[reach]
    mined = found.role == SEMI_HARD
    assert mined.sum() > 50
    assert (truth == given)[mined].mean() > target - 0.05
    assert found.q[mined].mean() > target - 0.001
    assert found.q[mined].min() > 0.5  # nothing that is rather wrong than right
    left_out = found.q[(found.role == UNCERTAIN) & (found.q > 0.5)]
    if len(left_out):  # as many as the target allows
        assert np.append(found.q[mined], left_out.max()).mean() < target


def test_certain_samples_stand_in_where_none_are_trusted():
    found, _, truth, given = judged(symmetric(K, 0.4), source="certain")
    assert auroc(truth == given, found.q) > 0.93
    assert found.figures.golden_auroc_q is None
    assert found.figures.reach == "uncertain"


def test_too_few_certain_samples_give_no_judgement():
    scores, _truth, given = population(symmetric(K, 0.4), n=200)
    where = ClassMeans(scores.features, given, K)
    division = divide(scores.loss, where.scores(), given, K)
    assert Purifier("certain", K, PurifyRecipe()).purify(scores, given, where, division) is None


def test_the_same_seed_gives_the_same_judgement_however_far_it_reaches(sym, stated):
    for again, *_ in stated.values():
        np.testing.assert_array_equal(again.q, sym[0].q)


def test_rows_stand_for_the_noisy_stream():
    found = {}

    class Context:  # the rows' labels are what is looked at, not their features
        transition = 0.7 * np.eye(K) + 0.3 * np.roll(np.eye(K), 1, axis=1)

        class head:
            out_of_fold = np.zeros((40, K), np.float32)

        def features(self, similarity, log_p, labels, head_log_p):
            found["labels"] = labels
            return np.zeros((len(labels), 1), np.float32)

    labels = np.arange(40) % K
    given = np.where(np.arange(40) < 20, labels, -1)
    given[0] = 5
    scores = Scores(np.zeros(40), np.zeros((40, 2), np.float16), np.zeros((40, K), np.float16))
    fold = assign_folds(labels, 5, seed=0)
    trusted = Trusted(scores, labels, given, fold, similarity=np.zeros((40, K)))
    rows = golden_rows(Context(), trusted, np.full(K, 0.1), np.random.default_rng(0))
    under = found["labels"].reshape(DRAWS + 2, 40)
    assert (under[0] == labels).all()
    assert (under[1:-1] != labels).all()
    assert rows.share == pytest.approx(0.7)  # as the transition matrix has it
    assert (rows.fold.reshape(DRAWS + 2, 40) == fold).all()  # all rows of a sample in one fold
    real = rows.weight.reshape(DRAWS + 2, 40)[-1] > 0
    assert real.tolist() == [True] + [False] * 39  # known and wrong: sample 0 alone
    likely = under[1:-1] == (labels + 1) % K
    assert likely.mean() > 0.8


def test_rows_are_never_nearly_all_right():
    """Else no answer could be more certain than what is expected before it."""

    class Context:
        transition = np.eye(K)

        class head:
            out_of_fold = np.zeros((40, K), np.float32)

        def features(self, similarity, log_p, labels, head_log_p):
            return np.zeros((len(labels), 1), np.float32)

    labels = np.arange(40) % K
    scores = Scores(np.zeros(40), np.zeros((40, 2), np.float16), np.zeros((40, K), np.float16))
    fold = assign_folds(labels, 5, seed=0)
    trusted = Trusted(scores, labels, np.full(40, -1), fold, similarity=np.zeros((40, K)))
    rows = golden_rows(Context(), trusted, np.full(K, 0.1), np.random.default_rng(0))
    assert rows.share == pytest.approx(MOST_RIGHT)
    assert rows.weight.sum() == pytest.approx(len(rows.weight))


def test_rounds_are_averaged_free_of_the_share_of_right_rows(monkeypatch):
    """The same evidence, once from rows of which half are right, once from 9 in 10."""
    matrix = symmetric(K, 0.4)
    scores, truth, given = population(matrix, n=3000)
    golden, stream = np.arange(300), np.arange(300, 3000)
    settings = PurifyRecipe(history=2)
    trusted = Trusted(
        scores.take(golden),
        truth[golden],
        given[golden],
        assign_folds(truth[golden], settings.folds, seed=0),
    )
    own, labels = scores.take(stream), given[stream]
    where = ClassMeans(own.features, labels, K)
    division = divide(own.loss, where.scores(), labels, K)
    purifier = Purifier("trusted", K, settings)
    rows_of = evidence.golden_rows

    def leaning(context, golden, class_share, rng, *, share, estimated=None):
        """Rows reweighted until `share` of them are right."""
        rows = rows_of(context, golden, class_share, rng)
        weight = np.where(rows.right, share / rows.share, (1 - share) / (1 - rows.share))
        return dataclasses.replace(rows, weight=rows.weight * weight)

    for round_index, share in enumerate((0.95, 0.5)):
        monkeypatch.setattr(evidence, "golden_rows", partial(leaning, share=share))
        found = purifier.purify(
            own, labels, where, division, golden=trusted, round_index=round_index
        )
        right = (truth[stream] == labels).mean()
        assert found.figures.estimated_clean_share == pytest.approx(right, abs=0.05)
        assert found.q.mean() == pytest.approx(right, abs=0.05)


def test_a_class_that_the_network_has_not_learned_keeps_its_clean_samples():
    """The network never says class 0, so both streams hold every label 0 for wrong."""
    scores, truth, given = population(symmetric(K, 0.5))
    log_p = scores.log_p.astype(np.float32)
    log_p[:, 0] -= 5
    log_p -= np.log(np.exp(log_p).sum(axis=1, keepdims=True))
    loss = -log_p[np.arange(len(given)), given]
    scores = Scores(loss, scores.features, log_p.astype(np.float16))
    golden, stream = np.arange(300), np.arange(300, len(truth))
    trusted = Trusted(
        scores.take(golden), truth[golden], given[golden], assign_folds(truth[golden], 5, seed=0)
    )
    own, labels = scores.take(stream), given[stream]
    where = ClassMeans(own.features, labels, K)
    division = divide(own.loss, where.scores(), labels, K, streams=("loss",))
    found = Purifier("trusted", K, PurifyRecipe()).purify(
        own, labels, where, division, golden=trusted
    )
    of_class = labels == 0
    right = of_class & (truth[stream] == 0)
    assert (division.role[right] == NEGATIVE).mean() > 0.9
    kept = np.isin(found.role, [POSITIVE, SEMI_HARD])
    assert kept[right].mean() > 0.6
    assert kept[of_class & ~right].mean() < 0.2


def test_labels_without_a_mistake_leave_every_answer_a_number():
    """Nothing shows that any of them is wrong, and the estimated noise may be nought."""
    found, _, _, _ = judged(np.eye(K))
    assert np.isfinite(found.q).all()
    assert (found.q > 0.5).mean() > 0.9


def test_a_round_s_golden_head_begins_where_the_last_ended(monkeypatch):
    scores, truth, given = population(symmetric(K, 0.4), n=900)
    golden, stream = np.arange(300), np.arange(300, 900)
    fold = assign_folds(truth[golden], 5, seed=0)
    trusted = Trusted(scores.take(golden), truth[golden], given[golden], fold)
    own, labels = scores.take(stream), given[stream]
    where = ClassMeans(own.features, labels, K)
    division = divide(own.loss, where.scores(), labels, K)
    heads, fit = [None], evidence.fit_golden_head

    def recording(*arguments, **settings):
        assert arguments[-1] is heads[-1]
        heads.append(fit(*arguments, **settings))
        return heads[-1]

    monkeypatch.setattr(evidence, "fit_golden_head", recording)
    purifier = Purifier("trusted", K, PurifyRecipe())
    for i in range(2):
        purifier.purify(own, labels, where, division, golden=trusted, round_index=i)
    assert len(heads) == 3

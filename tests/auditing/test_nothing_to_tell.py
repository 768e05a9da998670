"""What an audit says where nothing is told of the labels: no number, no suspect, and why."""

import dataclasses
import json

import numpy as np
import pytest
from builders.audit_samples import some_judged
from click.testing import CliRunner
from sklearn.datasets import load_digits
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import cross_val_predict

import tssd_keras
from tssd_keras.auditing.overview import overview
from tssd_keras.auditing.reasons import reasons
from tssd_keras.auditing.write import write_audit
from tssd_keras.cli.main import main
from tssd_keras.judge.roles import UNCERTAIN
from tssd_keras.judge.told import (
    LOSSES_ABSTAIN,
    NO_BETTER_THAN_CHANCE,
    NO_RIGHT_PAIR,
    PREDICTIONS_BY_CHANCE,
    SHARES_DIFFER,
    STREAMS_ABSTAIN,
    TOO_FEW_NEIGHBOURS,
)
from tssd_keras.labels import noise

K = 10
X, TRUTH = load_digits(return_X_y=True)
X = X / 16
free = pytest.mark.backend_free


def given(rate):
    return noise.draw_labels(TRUTH, noise.symmetric(K, rate), seed=7) if rate else TRUTH.copy()


def predicted(labels, model=None):
    if model is None:
        model = LogisticRegression(C=0.1, max_iter=300)
    return cross_val_predict(model, X, labels, cv=3, method="predict_proba")


def golden(per_class=5, which=None):
    known = np.full(len(TRUTH), -1)
    which = np.ones(len(TRUTH), bool) if which is None else which
    for k in range(K):
        known[np.flatnonzero((k == TRUTH) & which)[:per_class]] = k
    return known


def nothing_is_told(found, why):
    assert found.nothing_to_tell == why
    assert "nothing to tell" in found.notes[0]
    assert why in found.notes[0]
    assert np.isnan(found.wrong_share)
    assert found.no_share == why
    assert np.isnan(found.score).all()
    assert not found.suspect.any()
    assert set(found.role) <= {"uncertain", "golden"}


@free
@pytest.mark.parametrize("rate", [0.0, 0.05])
def test_few_wrong_labels_or_none_are_estimated_as_they_are(rate):
    labels = given(rate)
    found = tssd_keras.audit(predicted(labels), labels, X)
    assert found.nothing_to_tell == ""
    assert found.wrong_share == pytest.approx((labels != TRUTH).mean(), abs=0.02)
    assert found.suspect[labels != TRUTH].sum() >= 0.95 * (labels != TRUTH).sum()


@free
def test_clean_labels_without_features_leave_nothing_to_tell():
    nothing_is_told(tssd_keras.audit(predicted(TRUTH), TRUTH), STREAMS_ABSTAIN)


@free
def test_predictions_by_chance_judge_nobody():
    labels = given(0.4)
    random = np.random.default_rng(0).dirichlet(np.ones(K), len(TRUTH))
    found = tssd_keras.audit(random, labels, X)
    constant = tssd_keras.audit(np.full((len(TRUTH), K), 1 / K), labels, X)
    np.testing.assert_array_equal(found.score, constant.score)
    assert np.isnan(found.wrong_share)  # neighbours alone tell who is wrong, and not how many are
    assert found.no_share == PREDICTIONS_BY_CHANCE
    assert found.suspect[labels != TRUTH].mean() > 0.95
    assert found.suspect[labels == TRUTH].mean() < 0.05
    assert any("nobody is judged by them" in note for note in found.notes)
    nothing_is_told(tssd_keras.audit(random, labels), STREAMS_ABSTAIN)


@free
@pytest.mark.parametrize(
    ("renumbered", "words"),
    [
        ((TRUTH + 1) % K, "label 0 as class 9, label 1 as class 0, label 2 as class 1 and 7 more"),
        (np.where(TRUTH < 2, 1 - TRUTH, TRUTH), ""),  # eight of ten are right: known, no word
    ],
)
def test_labels_that_number_the_classes_otherwise_than_predictions_are_said_to(renumbered, words):
    found = tssd_keras.audit(predicted(TRUTH), renumbered, X)
    said = [note for note in found.notes if "they would agree with 9" in note]
    assert len(said) == bool(words)
    assert all(words in note for note in said)


@free
@pytest.mark.parametrize("scale", [1e200, 1e300, 1e-200, 1e-310])
def test_the_scale_of_features_changes_nothing(scale):
    labels = given(0.2)
    p, x = predicted(labels), X * scale
    found = tssd_keras.audit(p, labels, x)
    np.testing.assert_allclose(found.score, tssd_keras.audit(p, labels, X).score, atol=1e-3)
    np.testing.assert_array_equal(x, X * scale)  # a caller's array stays


@free
def test_a_probability_of_nought_is_no_certainty():
    """Of a forest of 60 trees: a loss of -log(0) was one heap, all others the other."""
    labels = given(0.2)
    p = predicted(labels, RandomForestClassifier(60, random_state=0))
    wrong = labels != TRUTH
    assert (p[np.arange(len(p)), labels] == 0).any()
    found = tssd_keras.audit(p, labels)
    assert found.suspect[wrong].mean() > 0.9


@free
def test_one_given_label_or_a_few_samples_tell_nothing():
    p = predicted(TRUTH)
    one = tssd_keras.audit(p, np.zeros(len(TRUTH), int), X)
    assert one.feature_abstains.all()
    for n in (1, 2, 3):
        nothing_is_told(tssd_keras.audit(p[:n], TRUTH[:n], X[:n]), STREAMS_ABSTAIN)


def test_golden_pairs_that_are_all_wrong_judge_nobody():
    labels = given(0.4)
    known = golden(which=labels != TRUTH)
    nothing_is_told(tssd_keras.audit(predicted(labels), labels, X, known), NO_RIGHT_PAIR)


def test_a_head_no_better_than_chance_judges_nobody():
    """With a network that knows nothing q fell to 1e-4 for all."""
    labels, rng = given(0.4), np.random.default_rng(0)
    random, features = rng.dirichlet(np.ones(K), len(TRUTH)), rng.normal(size=(len(TRUTH), 20))
    found = tssd_keras.audit(random, labels, features, golden())
    nothing_is_told(found, NO_BETTER_THAN_CHANCE)
    same = np.full((len(TRUTH), K), 1 / K), np.ones((len(TRUTH), 3))
    nothing_is_told(tssd_keras.audit(same[0], labels, same[1], golden()), NO_BETTER_THAN_CHANCE)


def test_two_golden_samples_of_each_of_many_classes_warn_of_nothing():
    rng, k = np.random.default_rng(0), 260
    truth = np.repeat(np.arange(k), 4)
    centres = rng.normal(size=(k, 16))
    x = centres[truth] + 0.3 * rng.normal(size=(4 * k, 16))
    labels, known = truth.copy(), np.full(4 * k, -1)
    wrong = rng.permutation(np.flatnonzero(np.arange(4 * k) % 4 > 1))[:100]
    labels[wrong] = (labels[wrong] + 1 + rng.integers(0, k - 1, 100)) % k
    known[np.arange(4 * k) % 4 < 2] = truth[np.arange(4 * k) % 4 < 2]
    logits = x @ centres.T - (centres**2).sum(axis=1) / 2
    found = tssd_keras.audit(logits, labels, x, known, from_logits=True)
    assert found.suspect[wrong].mean() > 0.9
    assert found.wrong_share == pytest.approx(100 / (2 * k), abs=0.1)


@free
@pytest.mark.parametrize(("rate", "says"), [(0.0, "nothing to tell"), (0.4, "%")])
def test_the_command_says_the_estimate_or_that_there_is_none(rate, says, tmp_path):
    labels = given(rate)
    np.save(tmp_path / "p.npy", predicted(labels))
    np.save(tmp_path / "y.npy", labels)
    words = ["audit", "--predictions", "p.npy", "--labels", "y.npy", "--out", "out"]
    words = [str(tmp_path / w) if w.endswith((".npy", "out")) else w for w in words]
    words[-2] = "--out"
    result = CliRunner().invoke(main, words)
    assert result.exit_code == 0
    (line,) = [v for v in result.output.splitlines() if v.startswith("estimated wrong labels: ")]
    assert says in line
    summary = json.loads((tmp_path / "out" / "summary.json").read_text())
    assert (summary["estimated_wrong_share"] is None) == (rate == 0)
    assert bool(summary["nothing_to_tell"]) == (rate == 0)


def untold(why="every stream abstains"):
    """A run of which nothing is told: no q, no stream, every label counts."""
    judged = some_judged(60)
    half, none = np.full(60, 0.5), np.full(60, np.nan)
    return dataclasses.replace(
        judged,
        p_loss=half,
        p_feature=half,
        q=none,
        suggested=judged.given,
        weight=np.ones(60),
        role=np.full(60, UNCERTAIN, np.int8),
        rounds=[{"epoch": "3", "nothing_to_tell": why, "estimated_clean_share": ""}],
    )


@free
def test_the_overview_has_a_reason_in_place_of_a_number():
    found = overview(untold(NO_RIGHT_PAIR))
    assert found["totals"]["wrong"] is None
    assert found["totals"]["nothing_to_tell"] == NO_RIGHT_PAIR
    assert found["totals"]["suspects"] == 0
    assert found["totals"]["kept"] == 60
    assert found["classes"]["wrong"] == [None, None, None]
    json.dumps(found, allow_nan=False)


@free
def test_the_audit_of_such_a_run_says_so_and_every_file_is_written(tmp_path):
    lines = write_audit(untold(), None, tmp_path / "audit", kept=10)
    assert any("nothing to tell, and no label was judged: every stream" in line for line in lines)
    page = (tmp_path / "audit" / "report.html").read_text()
    assert '"nothing_to_tell":"every stream abstains"' in page
    assert '"wrong":null' in page
    rows = (tmp_path / "audit" / "samples.csv").read_text().splitlines()
    column = rows[0].split(",").index("p_wrong")
    assert {row.split(",")[column] for row in rows[1:]} == {""}
    texts, _ = reasons(untold(), np.arange(60))
    assert all("There is nothing to tell of it" in text for text in texts)


@free
def test_an_estimate_at_its_bound_is_said_to_be_there():
    judged = some_judged(200)
    rounds = [{"epoch": "3", "estimated_clean_share": "0.9975", "nothing_to_tell": ""}]
    totals = overview(dataclasses.replace(judged, rounds=rounds))["totals"]
    assert totals["at_bound"]
    assert totals["wrong"] == pytest.approx(0.0025)
    assert not overview(judged)["totals"]["at_bound"]


@free
def test_without_q_a_stream_that_abstains_has_no_part_in_the_ranking(tmp_path):
    """By class means clean digits came out as 42 % noise: halves of who abstains were in it."""
    judged = some_judged(90)
    p_feature = np.where(np.arange(90) < 60, np.asarray(judged.p_feature), 0.5)
    run = dataclasses.replace(
        judged,
        q=np.full(90, np.nan),
        p_loss=np.full(90, 0.5),
        p_feature=p_feature,
        rounds=[{"epoch": "3", "estimated_clean_share": "", "no_share": LOSSES_ABSTAIN}],
    )
    np.testing.assert_allclose(run.p_wrong[:60], 1 - p_feature[:60])
    assert np.isnan(run.p_wrong[60:]).all()
    assert not run.suspect[60:].any()
    assert run.nothing_to_tell == ""
    found = overview(run)
    assert found["totals"]["wrong"] is None
    assert found["totals"]["nothing_to_tell"] == LOSSES_ABSTAIN
    assert found["classes"]["wrong"] == [None, None, None]
    assert f"estimated noise: nothing to tell, as {LOSSES_ABSTAIN}" in list(
        write_audit(run, None, tmp_path / "audit", kept=10)
    )


def of_few(k, per_class, *, spread, sharpness=1.0, wrong=0.3):
    """Predictions, given labels and features of K classes, some of whose labels changed places."""
    rng, truth = np.random.default_rng(7), np.repeat(np.arange(k), per_class)
    centres = rng.normal(size=(k, 32))
    x = centres[truth] + spread * rng.normal(size=(len(truth), 32))
    labels, moved = truth.copy(), rng.choice(len(truth), int(wrong * len(truth)), replace=False)
    labels[moved] = labels[rng.permutation(moved)]
    return sharpness * (x @ centres.T - (centres**2).sum(axis=1) / 2), labels, x


@free
@pytest.mark.parametrize(
    ("population", "why"),
    [
        (of_few(1000, 2, spread=1.0), TOO_FEW_NEIGHBOURS),  # .001 was named, .3 are wrong
        (of_few(300, 5, spread=0.3, sharpness=0.05), SHARES_DIFFER),  # .0003 was named
        (of_few(100, 10, spread=0.3), ""),
        (of_few(1000, 2, spread=0.3, wrong=0.0), ""),
    ],
)
def test_a_share_that_too_few_neighbours_or_flat_predictions_tell_is_not_named(population, why):
    logits, labels, x = population
    found = tssd_keras.audit(logits, labels, x, from_logits=True)
    assert found.no_share == why
    assert np.isnan(found.wrong_share) == bool(why)
    assert found.nothing_to_tell == ""  # labels are judged all the same
    assert any(why in note and "nothing to tell" in note for note in found.notes) == bool(why)

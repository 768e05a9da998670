import dataclasses

import numpy as np
import pytest
from scipy.special import log_softmax

from tssd_keras.judge.class_ranks import N_QUANTILES, class_quantiles
from tssd_keras.judge.divide import divide
from tssd_keras.judge.golden_head import GoldenHead, Voice
from tssd_keras.judge.meta_features import INDEPENDENT, MAX_LOG_ODDS, NAMES, PairContext
from tssd_keras.judge.place import EDGE, place

pytestmark = pytest.mark.backend_free

N_CLASSES, D = 3, 5
COLUMN = {name: i for i, name in enumerate(NAMES)}


def samples(n=300):
    """Unit features, log-probabilities and given labels, a third of them wrong."""
    rng = np.random.default_rng(0)
    true = np.arange(n) % N_CLASSES
    rows = np.eye(D)[true] + rng.normal(0, 0.1, (n, D))
    features = rows / np.linalg.norm(rows, axis=1, keepdims=True)
    log_p = log_softmax(4 * features[:, :N_CLASSES] + rng.normal(0, 0.3, (n, N_CLASSES)), axis=1)
    given = np.where(rng.random(n) < 1 / 3, (true + 1) % N_CLASSES, true)
    return features, log_p, given


def context_of(features, log_p, given, by="class_means", **settings):
    """The context of these samples, with a golden head and noise of its own."""
    loss = -log_p[np.arange(len(given)), given]
    where = place(by, features, given, N_CLASSES, seed=0)
    similarity = where.scores()
    rng = np.random.default_rng(1)
    weight = rng.normal(size=(D + N_CLASSES, N_CLASSES)).astype(np.float32)
    bias = rng.normal(size=N_CLASSES).astype(np.float32)
    head = GoldenHead(weight, bias, Voice(1.0, 0.5), np.zeros((0, N_CLASSES)))
    transition = np.array([[0.6, 0.3, 0.1], [0.0, 0.7, 0.3], [0.3, 0.1, 0.6]])
    division = divide(loss, similarity, given, N_CLASSES, silent=where.silent, **settings)
    own = head.log_p(features, log_p)[np.arange(len(given)), given]
    quantiles = [class_quantiles(values, given, N_CLASSES) for values in (loss, own)]
    return PairContext(where, division, head, transition, *quantiles)


def features_of(context, features, log_p, labels, head_log_p=None):
    """Meta-features of samples with such features, by default with the head's own answer."""
    similarity = context.place.similarity_of(features, None)
    if head_log_p is None:
        head_log_p = context.head.log_p(features, context.place.class_log_p(similarity, log_p))
    return context.features(similarity, log_p, labels, head_log_p)


@pytest.mark.parametrize("by", ["class_means", "neighbours"])
def test_one_pair_has_known_features(by):
    context = context_of(*samples(), by=by)
    p, head_p = np.array([[0.7, 0.2, 0.1]]), np.array([[0.5, 0.3, 0.2]])
    similarity = np.array([[0.6, 0.8, 0.0]], np.float32)
    row = context.features(similarity, np.log(p), np.array([1]), np.log(head_p))
    # Under label 1: 0.5 * 0.3, 0.3 * 0.7 and 0.2 * 0.1 for the three true classes.
    right = 0.21 / (0.15 + 0.21 + 0.02)
    expected = {
        "loss": -np.log(0.2),
        "p_label": 0.2,
        "p_best_other": 0.7,
        "margin": np.log(0.2 / 0.7),
        "entropy": -(p * np.log(p)).sum(),
        "similarity_own": 0.8,
        "similarity_best_other": 0.6,
        "similarity_margin": 0.2,
        "pooled_margin": np.log(0.2 / 0.7)
        + (np.log((0.8 + EDGE) / (0.6 + EDGE)) if by == "neighbours" else 0),
        "head_log_p": np.log(0.3),
        "head_margin": np.log(0.3 / 0.5),
        "right_log_odds": np.log(right / (1 - right)),
    }
    assert row.shape == (1, len(NAMES))
    assert row.dtype == np.float32
    found = {name: row[0, COLUMN[name]] for name in expected}
    assert found == pytest.approx(expected, rel=1e-4)
    in_its_class = {"p_loss_stream", "p_feature_stream", "loss_rank", "head_rank"}
    assert set(NAMES) - set(expected) == in_its_class


def test_ranks_are_those_within_the_label_s_class():
    features, log_p, given = samples()
    context = context_of(features, log_p, given)
    rows = features_of(context, features, log_p, given)
    own = context.head.log_p(features, log_p)[np.arange(len(given)), given]
    for name, value in (("loss_rank", rows[:, COLUMN["loss"]]), ("head_rank", own)):
        for k in range(N_CLASSES):
            mine = value[given == k]
            np.testing.assert_allclose(
                rows[given == k, COLUMN[name]], (mine < mine[:, None]).mean(axis=1), atol=0.02
            )


@pytest.mark.parametrize("by", ["class_means", "neighbours"])
def test_pairs_of_the_data_have_the_posteriors_of_the_division(by):
    features, log_p, given = samples()
    context = context_of(features, log_p, given, by=by)
    similarity = context.place.similarity(slice(None))
    rows = context.features(similarity, log_p, given, context.head.log_p(features, log_p))
    assert len(set(context.division.role.tolist())) > 1
    np.testing.assert_allclose(rows[:, COLUMN["p_loss_stream"]], context.division.p_loss, atol=1e-4)
    np.testing.assert_allclose(
        rows[:, COLUMN["p_feature_stream"]], context.division.p_feature, atol=1e-4
    )


@pytest.mark.parametrize("by", ["class_means", "neighbours"])
def test_a_wrong_label_looks_worse_to_both_streams(by):
    features, log_p, given = samples()
    context = context_of(features, log_p, given, by=by)
    true = np.arange(len(given)) % N_CLASSES
    right, wrong = (
        features_of(context, features, log_p, y) for y in (true, (true + 2) % N_CLASSES)
    )
    # Of the neighbours' labels two thirds are right, so they are sure of no right label.
    sure = {"p_loss_stream": 0.9, "p_feature_stream": 0.9 if by == "class_means" else 0.65}
    for name, least in sure.items():
        assert right[:, COLUMN[name]].mean() > least
        assert wrong[:, COLUMN[name]].mean() < 0.1


@pytest.mark.parametrize("by", ["class_means", "neighbours"])
@pytest.mark.parametrize(
    ("stream", "silent"), [("loss", "p_feature_stream"), ("feature", "p_loss_stream")]
)
def test_a_stream_that_abstains_says_one_half(stream, silent, by):
    features, log_p, given = samples()
    context = context_of(features, log_p, given, by=by, streams=(stream,))
    rows = features_of(context, features, log_p, given)
    np.testing.assert_array_equal(rows[:, COLUMN[silent]], 0.5)
    least = 0.4 if (stream, by) == ("feature", "neighbours") else 0.9
    assert np.ptp(rows[:, COLUMN[f"p_{stream}_stream"]]) > least


def test_a_head_that_has_not_seen_the_pair_can_stand_in_and_moves_its_own_columns_only():
    features, log_p, given = samples()
    context = context_of(features, log_p, given)
    default = features_of(context, features, log_p, given)
    same = features_of(context, features, log_p, given, context.head.log_p(features, log_p))
    other = features_of(context, features, log_p, given, np.full(log_p.shape, -np.log(3)))
    np.testing.assert_array_equal(same, default)
    moved = {name for name, i in COLUMN.items() if (other[:, i] != default[:, i]).any()}
    assert moved == {"head_log_p", "head_margin", "right_log_odds", "head_rank"}


@pytest.mark.parametrize("by", ["class_means", "neighbours"])
def test_the_numbering_of_the_classes_does_not_matter(by):
    features, log_p, given = samples()
    context = context_of(features, log_p, given, by=by)
    expected = features_of(context, features, log_p, given)
    classes = np.array([2, 0, 1])  # new class c is old class classes[c]
    other_given, other_log_p = np.argsort(classes)[given], log_p[:, classes]
    rows = np.concatenate([np.arange(D), D + classes])
    other = dataclasses.replace(
        context_of(features, other_log_p, other_given, by=by),
        head=dataclasses.replace(
            context.head,
            weight=context.head.weight[np.ix_(rows, classes)],
            bias=context.head.bias[classes],
        ),
        transition=context.transition[np.ix_(classes, classes)],
        head_quantiles=context.head_quantiles[classes],
    )
    found = features_of(other, features, other_log_p, other_given)
    ranks = [COLUMN["loss_rank"], COLUMN["head_rank"]]  # may pass one quantile by rounding
    np.testing.assert_allclose(found[:, ranks], expected[:, ranks], atol=1 / N_QUANTILES)
    rest = np.setdiff1d(np.arange(len(NAMES)), ranks)
    np.testing.assert_allclose(found[:, rest], expected[:, rest], atol=1e-4)


def test_log_odds_stay_finite_where_head_or_noise_is_certain():
    features, log_p, given = samples()
    context = dataclasses.replace(context_of(features, log_p, given), transition=np.eye(N_CLASSES))
    p_given = np.where(np.arange(N_CLASSES) == given[:, None], 0.0, -700.0)
    certain = features_of(context, features, log_p, given, p_given)[:, COLUMN["right_log_odds"]]
    np.testing.assert_allclose(certain, MAX_LOG_ODDS, rtol=1e-3)
    never = dataclasses.replace(context, transition=np.roll(np.eye(N_CLASSES), 1, axis=1))
    impossible = features_of(never, features, log_p, given)[:, COLUMN["right_log_odds"]]
    np.testing.assert_allclose(impossible, -MAX_LOG_ODDS, rtol=1e-3)


def test_what_the_streams_choose_rows_by_is_hidden_from_the_independent_features():
    chosen_by = {"loss", "loss_rank", "p_label", "margin", "similarity_own", "similarity_margin"}
    streams = {"p_loss_stream", "p_feature_stream", "pooled_margin"}
    assert set(NAMES) - set(INDEPENDENT) == chosen_by | streams
    assert len(set(NAMES)) == len(NAMES)

import dataclasses
import tracemalloc

import numpy as np
import pytest

from tssd_keras.judge import similarity as similarity_module
from tssd_keras.judge.divide import apply_floor, divide, rank_in_class
from tssd_keras.judge.roles import FLOOR, NEGATIVE, POSITIVE, SEMI_HARD, UNCERTAIN
from tssd_keras.judge.similarity import ClassMeans

pytestmark = pytest.mark.backend_free

N_CLASSES = 3


def stream_scores(n=600):
    """Loss, similarity and labels; the streams judge apart, so all four quadrants occur.

    A label looks clean to the loss stream where `i % 2`, to the feature stream where `i // 2 % 2`.
    """
    rng = np.random.default_rng(0)
    i = np.arange(n)
    loss = np.where(i % 2, 0.1, 2.3) + rng.normal(0, 0.1, n)
    similarity = np.where(i // 2 % 2, 0.8, 0.2) + rng.normal(0, 0.05, n)
    return loss, similarity, i // 4 % N_CLASSES


def unit_features(n, d, dtype=np.float32):
    rows = np.random.default_rng(0).normal(size=(n, d))
    return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(dtype)


def some_division(p_loss, p_feature):
    """A division of these posteriors, for functions that read nothing else."""
    base = divide(*stream_scores(), N_CLASSES)
    return dataclasses.replace(base, p_loss=np.array(p_loss), p_feature=np.array(p_feature))


@pytest.mark.parametrize("block", [1, 7, 60, 1000])
def test_similarity_to_the_class_is_the_row_mean_of_the_class_affinity_matrix(block, monkeypatch):
    features, labels = unit_features(60, 5), np.arange(60) ** 2 % 7  # classes 0, 1, 2, 4
    n_classes = 6
    affinity = features @ features.T
    expected = [affinity[i, labels == labels[i]].mean() for i in range(60)]
    monkeypatch.setattr(similarity_module, "BLOCK", block)
    where = ClassMeans(features, labels, n_classes)
    similarity = where.scores()
    assert where.means.dtype == similarity.dtype == np.float32
    np.testing.assert_allclose(similarity, expected, atol=1e-6)
    np.testing.assert_array_equal(where.means[[3, 5]], 0)


def test_half_precision_features_give_the_similarity_of_single_ones():
    labels = np.arange(400) % N_CLASSES
    single, half = (
        ClassMeans(rows, labels, N_CLASSES).scores()
        for rows in (unit_features(400, 8), unit_features(400, 8, np.float16))
    )
    np.testing.assert_allclose(half, single, atol=1e-3)


def test_no_n_by_n_matrix_is_built():
    n = 20_000
    features, labels = unit_features(n, 16, np.float16), np.arange(n) % 10
    loss = np.random.default_rng(0).random(n)
    tracemalloc.start()
    try:
        similarity = ClassMeans(features, labels, 10).scores()
        divide(loss, similarity, labels, 10)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < n * n * 4 / 100


def test_the_streams_settle_a_label_where_they_agree_and_only_there():
    loss, similarity, labels = stream_scores()
    division = divide(loss, similarity, labels, N_CLASSES)
    i = np.arange(len(loss)) % 4
    expected = np.array([NEGATIVE, UNCERTAIN, UNCERTAIN, POSITIVE])[i]
    np.testing.assert_array_equal(division.role, expected)
    assert division.role.dtype == np.int8
    np.testing.assert_allclose(division.p_loss, i % 2, atol=1e-3)
    np.testing.assert_allclose(division.p_feature, i // 2, atol=1e-3)
    assert not division.loss_abstains
    assert not division.feature_abstains.any()


def assert_same_division(a, b):
    np.testing.assert_array_equal(a.role, b.role)
    np.testing.assert_allclose(a.p_loss, b.p_loss, atol=1e-6)
    np.testing.assert_allclose(a.p_feature, b.p_feature, atol=1e-6)


@pytest.mark.parametrize(("factor", "shift"), [(1e-3, 0.0), (1e3, 5.0)])
def test_unit_and_origin_of_the_scores_do_not_matter(factor, shift):
    loss, similarity, labels = stream_scores()
    expected = divide(loss, similarity, labels, N_CLASSES)
    other = divide(factor * loss + shift, factor * similarity - shift, labels, N_CLASSES)
    assert_same_division(other, expected)


def test_the_order_of_the_samples_does_not_matter():
    scores = stream_scores()
    expected = divide(*scores, N_CLASSES)
    order = np.random.default_rng(1).permutation(len(scores[0]))
    shuffled = divide(*(values[order] for values in scores), N_CLASSES)
    np.testing.assert_array_equal(shuffled.role, expected.role[order])
    np.testing.assert_allclose(shuffled.p_feature, expected.p_feature[order], atol=1e-9)


def test_the_numbering_of_the_classes_does_not_matter():
    loss, similarity, labels = stream_scores()
    similarity = similarity + labels  # each class in a range of its own
    expected = divide(loss, similarity, labels, N_CLASSES)
    renumber = np.array([2, 4, 0])
    other = divide(loss, similarity, renumber[labels], 5)
    assert_same_division(other, expected)
    np.testing.assert_array_equal(other.feature_abstains, [False, True, False, True, False])


def test_the_roles_turn_round_with_the_scores():
    loss, similarity, labels = stream_scores()
    role = divide(loss, similarity, labels, N_CLASSES).role
    turned = divide(-loss, -similarity, labels, N_CLASSES).role
    swap = np.arange(5)
    swap[[POSITIVE, NEGATIVE]] = NEGATIVE, POSITIVE
    np.testing.assert_array_equal(turned, swap[role])


def test_a_lower_loss_and_a_higher_similarity_never_look_less_clean():
    rng = np.random.default_rng(0)
    loss, similarity, labels = stream_scores()
    loss += rng.normal(0, 0.5, len(loss))
    similarity += rng.normal(0, 0.1, len(loss))
    division = divide(loss, similarity, labels, N_CLASSES)
    assert (np.diff(division.p_loss[np.argsort(loss)]) <= 0).all()
    for k in range(N_CLASSES):
        own = np.flatnonzero(labels == k)
        assert (np.diff(division.p_feature[own[np.argsort(similarity[own])]]) >= 0).all()


@pytest.mark.parametrize("threshold", [0.5, 0.8, 0.99])
def test_the_threshold_is_how_sure_both_streams_must_be(threshold):
    rng = np.random.default_rng(0)
    loss, similarity, labels = stream_scores()
    loss += rng.normal(0, 0.5, len(loss))
    similarity += rng.normal(0, 0.12, len(loss))
    division = divide(loss, similarity, labels, N_CLASSES, threshold=threshold)
    least = np.minimum(division.p_loss, division.p_feature)
    most = np.maximum(division.p_loss, division.p_feature)
    np.testing.assert_array_equal(division.role == POSITIVE, least > threshold)
    np.testing.assert_array_equal(division.role == NEGATIVE, most <= 1 - threshold)
    assert {POSITIVE, NEGATIVE, UNCERTAIN} == set(division.role.tolist())


def test_where_all_losses_are_equal_the_features_decide():
    loss, similarity, labels = stream_scores()
    division = divide(np.ones_like(loss), similarity, labels, N_CLASSES)
    assert division.loss_abstains
    np.testing.assert_array_equal(division.p_loss, 0.5)
    expected = np.where(similarity > 0.5, POSITIVE, NEGATIVE)
    np.testing.assert_array_equal(division.role, expected)


def test_a_class_whose_similarities_are_one_heap_is_judged_by_the_loss():
    loss, similarity, labels = stream_scores()
    expected = divide(loss, similarity, labels, N_CLASSES)
    own = labels == 1
    one_heap = np.where(own, 0.4, similarity)
    division = divide(loss, one_heap, labels, N_CLASSES)
    np.testing.assert_array_equal(division.feature_abstains, [False, True, False])
    np.testing.assert_array_equal(division.p_feature[own], 0.5)
    by_loss = np.where(loss < 1, POSITIVE, NEGATIVE)
    np.testing.assert_array_equal(division.role[own], by_loss[own])
    np.testing.assert_array_equal(division.role[~own], expected.role[~own])


def test_a_class_of_one_sample_abstains():
    loss, similarity, labels = stream_scores()
    labels[0] = 3
    assert divide(loss, similarity, labels, 4).feature_abstains.tolist() == [0, 0, 0, 1]


def test_where_both_streams_abstain_everything_is_uncertain():
    division = divide(np.ones(40), np.zeros(40), np.arange(40) % 2, 2)
    np.testing.assert_array_equal(division.role, UNCERTAIN)
    np.testing.assert_array_equal([division.p_loss, division.p_feature], 0.5)


@pytest.mark.parametrize(("stream", "left_out"), [("loss", "p_feature"), ("feature", "p_loss")])
def test_a_stream_that_is_left_out_abstains(stream, left_out):
    loss, similarity, labels = stream_scores()
    division = divide(loss, similarity, labels, N_CLASSES, streams=(stream,))
    np.testing.assert_array_equal(getattr(division, left_out), 0.5)
    clean = loss < 1 if stream == "loss" else similarity > 0.5
    np.testing.assert_array_equal(division.role, np.where(clean, POSITIVE, NEGATIVE))
    assert division.loss_abstains == (stream != "loss")
    assert division.feature_abstains.all() == (stream != "feature")


def test_ranks_are_within_the_class_and_raw_scores_break_ties():
    posterior = np.array([0.9, 1.0, 1.0, 0.2, 0.5, 0.5])
    raw = np.array([3.0, 1.0, 2.0, 9.0, 0.1, 0.2])
    labels = np.array([0, 0, 0, 1, 1, 1])
    assert rank_in_class(posterior, raw, labels, 2).tolist() == [2, 1, 0, 2, 1, 0]


SIZES = (1000, 120, 51, 50, 1, 0)
FLOORS = (10, 3, 2, 1, 1, 0)  # min(10, 2 % of the class, rounded up)


def floor_case(seed):
    """Classes of `SIZES`: labels, their division, loss, similarity."""
    rng = np.random.default_rng(seed)
    labels = rng.permutation(np.repeat(np.arange(len(SIZES)), SIZES))
    p_loss, p_feature = rng.random((2, len(labels)))
    return labels, some_division(p_loss, p_feature), 1 - p_loss, p_feature


def floored(role, case, **settings):
    labels, division, loss, similarity = case
    return apply_floor(role, division, loss, similarity, labels, len(SIZES), **settings)


def counts(labels, chosen):
    return np.bincount(labels[chosen], minlength=len(SIZES)).tolist()


@pytest.mark.parametrize("role", [NEGATIVE, UNCERTAIN])
def test_no_class_dies_out(role):
    case = floor_case(0)
    before = np.full(sum(SIZES), role, np.int8)
    after = floored(before, case)
    assert counts(case[0], after == FLOOR) == list(FLOORS)
    assert (before == role).all()
    assert (after[after != FLOOR] == role).all()


@pytest.mark.parametrize("seed", range(5))
def test_the_floor_keeps_the_best_of_each_class_and_adds_no_more_than_those(seed):
    case = floor_case(seed)
    before = np.random.default_rng(seed).choice(
        [POSITIVE, NEGATIVE, UNCERTAIN, SEMI_HARD], sum(SIZES)
    )
    nothing_kept = floored(np.full(sum(SIZES), NEGATIVE, np.int8), case)
    best = nothing_kept == FLOOR
    after = floored(before, case)
    kept = np.isin(before, [POSITIVE, SEMI_HARD])
    np.testing.assert_array_equal(after == FLOOR, best & ~kept)
    np.testing.assert_array_equal(after[after != FLOOR], before[after != FLOOR])


def test_a_class_whose_best_are_kept_already_gets_no_more():
    case = floor_case(0)
    kept = floored(np.full(sum(SIZES), NEGATIVE, np.int8), case) == FLOOR
    before = np.where(kept, POSITIVE, NEGATIVE).astype(np.int8)
    np.testing.assert_array_equal(floored(before, case), before)


def test_the_best_have_the_least_sum_of_ranks_and_the_loss_breaks_ties():
    # Ranks by loss 0 1 2 3, by feature 2 0 3 1: sums 2 1 5 4.
    division = some_division([0.9, 0.8, 0.7, 0.6], [0.2, 0.4, 0.1, 0.3])
    labels, loss = np.zeros(4, int), np.array([0.1, 0.2, 0.3, 0.4])
    negative = np.full(4, NEGATIVE, np.int8)

    def best(division, n):
        role = apply_floor(
            negative, division, loss, division.p_feature, labels, 1, floor_count=n, floor_share=1
        )
        return np.flatnonzero(role == FLOOR).tolist()

    assert [best(division, n) for n in (1, 2, 3)] == [[1], [0, 1], [0, 1, 3]]
    tied = some_division([0.9, 0.8, 0.7, 0.6], [0.3, 0.4, 0.1, 0.2])  # sums 1 1 5 5
    assert [best(tied, n) for n in (1, 3)] == [[0], [0, 1, 2]]


@pytest.mark.parametrize(
    ("floor_count", "floor_share", "expected"),
    [(1, 1.0, [1, 1, 1, 1, 1, 0]), (500, 0.5, [500, 60, 26, 25, 1, 0])],
)
def test_the_floor_is_the_lesser_of_count_and_share(floor_count, floor_share, expected):
    case = floor_case(0)
    role = floored(
        np.full(sum(SIZES), NEGATIVE, np.int8),
        case,
        floor_count=floor_count,
        floor_share=floor_share,
    )
    assert counts(case[0], role == FLOOR) == expected


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"loss": np.zeros(3)}, "got 3, 6 and 6"),
        ({"similarity": np.zeros(5)}, "got 6, 5 and 6"),
        ({"labels": np.array([0, 1, 2, 0, 7, 3])}, r"0\.\.2: 2 of 6 do not, .* sample 4 with 7"),
        ({"labels": np.array([0, -1, 2, 0, 1, 2])}, "1 of 6 do not, the first is sample 1 with -1"),
        ({"loss": [0, 1, np.nan, 0, np.inf, 0]}, "loss must be finite: 2 of 6 .* sample 2"),
        ({"similarity": [0, 0, 0, 0, 0, np.inf]}, "similarity must be finite: 1 of 6 .* sample 5"),
    ],
)
def test_what_cannot_be_divided_is_refused_by_name(changed, message):
    good = {"loss": np.arange(6.0), "similarity": np.zeros(6), "labels": np.arange(6) % 3}
    with pytest.raises(ValueError, match=message):
        divide(**(good | changed), n_classes=3)

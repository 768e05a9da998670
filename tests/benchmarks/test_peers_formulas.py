"""Each peer's formula, against its paper's, worked out by hand."""

import math
import sys
from pathlib import Path

import numpy as np
import pytest
from keras import ops

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"
P = np.array([0.7, 0.2, 0.1])
LOGITS = np.log([P, P[::-1]]).astype(np.float32)  # of two samples


@pytest.fixture(scope="module", autouse=True)
def importable():
    sys.path.insert(0, str(BENCHMARKS))
    yield
    sys.path.remove(str(BENCHMARKS))


def array(tensor):
    return np.asarray(ops.convert_to_numpy(tensor))


def networks(number):
    import keras

    return [keras.Sequential([keras.layers.Input((3,)), keras.layers.Dense(3)])] * number


def test_label_smoothing_gives_each_class_its_part_of_the_share():
    from peers.label_smoothing import smoothed

    # arXiv 1512.00567, section 7: 0.9 + 0.1/3 for the label, 0.1/3 for the others
    target = np.array([0.9 + 0.1 / 3, 0.1 / 3, 0.1 / 3])
    found = array(smoothed(LOGITS, np.array([0, 2]), 0.1))
    np.testing.assert_allclose(found, [-(target @ np.log(P))] * 2, rtol=1e-5)


def test_without_smoothing_it_is_cross_entropy():
    from peers.label_smoothing import smoothed

    np.testing.assert_allclose(array(smoothed(LOGITS, np.array([1, 1]), 0.0)), -np.log([0.2, 0.2]))


def test_generalized_cross_entropy_is_the_box_cox_transform_of_p():
    from peers.gce import generalized

    # arXiv 1805.07836, equation 6
    found = array(generalized(LOGITS, np.array([0, 0]), 0.7))
    np.testing.assert_allclose(found, [(1 - 0.7**0.7) / 0.7, (1 - 0.1**0.7) / 0.7], rtol=1e-5)


def test_generalized_cross_entropy_lies_between_cross_entropy_and_absolute_error():
    from peers.gce import generalized

    labels = np.array([0, 0])
    np.testing.assert_allclose(array(generalized(LOGITS, labels, 1.0)), [0.3, 0.9], rtol=1e-5)
    near = array(generalized(LOGITS, labels, 1e-5))
    np.testing.assert_allclose(near, -np.log([0.7, 0.1]), rtol=1e-4)


def test_early_learning_moves_targets_and_rewards_agreement():
    from peers.elr import moved, probabilities, regularization

    # arXiv 2007.00151: t = 0.7 * 0 + 0.3 p, then 0.7 * 0.3 p + 0.3 p
    p = probabilities(LOGITS[:1])
    first = moved(np.zeros((1, 3), np.float32), p, 0.7)
    np.testing.assert_allclose(array(first), [0.3 * P], rtol=1e-5)
    second = moved(first, p, 0.7)
    np.testing.assert_allclose(array(second), [0.51 * P], rtol=1e-5)
    expected = math.log(1 - 0.3 * (0.49 + 0.04 + 0.01))
    np.testing.assert_allclose(array(regularization(p, first)), [expected], rtol=1e-5)


def test_the_slope_of_early_learning_is_that_of_the_papers_lemma():
    from peers.elr import regularization

    # arXiv 2007.00151, lemma 2: p_c / (1 - <p, t>) * sum_k (t_k - t_c) p_k
    target = np.array([0.1, 0.6, 0.2])

    def value(logits):
        p = np.exp(logits) / np.exp(logits).sum()
        return float(array(regularization(p[None], target[None]))[0])

    z = np.log(P)
    slope = [(value(z + d) - value(z - d)) / 2e-3 for d in 1e-3 * np.eye(3)]
    lemma = [P[c] / (1 - P @ target) * ((target - target[c]) @ P) for c in range(3)]
    np.testing.assert_allclose(slope, lemma, atol=1e-3)


def test_early_learning_keeps_a_target_for_each_row_and_none_of_the_filling():
    from peers.elr import EarlyLearning

    own = {"n": 4, "n_classes": 3, "strength": 3.0, "momentum": 0.7}
    step = EarlyLearning(networks(1), **own)
    rows, weight = np.array([2, 0]), np.array([1.0, 0.0], np.float32)
    loss = step.loss_of([LOGITS], np.array([0, 0]), rows, weight)
    expected = np.zeros((4, 3))
    expected[2] = 0.3 * P
    np.testing.assert_allclose(array(step.targets), expected, rtol=1e-5)
    assert float(loss) == pytest.approx(-math.log(0.7) + 3 * math.log(1 - 0.162), rel=1e-5)


def test_co_teaching_leaves_out_more_until_it_leaves_out_the_rate():
    from peers.co_teaching import kept_share

    # arXiv 1804.06872, algorithm 1: R(T) = 1 - min(T / T_k tau, tau), T from 1
    found = [kept_share(epoch, 0.5, 10) for epoch in (0, 4, 9, 30)]
    np.testing.assert_allclose(found, [0.95, 0.75, 0.5, 0.5])


@pytest.mark.parametrize(
    ("share", "expected"), [(0.5, [0, 1, 1, 0, 0]), (0.75, [1, 1, 1, 0, 0]), (1.0, [1, 1, 1, 1, 0])]
)
def test_the_smallest_losses_are_chosen_and_no_filling(share, expected):
    from peers.co_teaching import smallest

    losses = np.array([3.0, 1.0, 2.0, 5.0, 0.5], np.float32)
    weight = np.array([1, 1, 1, 1, 0], np.float32)
    np.testing.assert_array_equal(array(smallest(losses, weight, share)), expected)


def test_a_whole_number_of_samples_is_not_rounded_down():
    from peers.co_teaching import smallest

    assert array(smallest(np.arange(5.0), np.ones(5), np.float32(0.6))).sum() == 3


def test_each_network_learns_what_the_other_finds_easy():
    from peers.co_teaching import CoTeaching

    step = CoTeaching(networks(2))
    step.share.assign(0.5)
    # The first network is sure of sample 0, the second of sample 1; both labels are 0.
    loss = step.loss_of([LOGITS, LOGITS[::-1]], np.array([0, 0]), np.arange(2), np.ones(2))
    # It is stepped on sample 1, of which it gives 0.1, and so is the other on sample 0.
    assert float(loss) == pytest.approx(-math.log(0.1), rel=1e-5)


def test_the_corruption_is_the_mean_prediction_of_each_true_class():
    from peers.glc import corruption

    # arXiv 1802.05300, equation 2
    p = np.array([[0.8, 0.2], [0.6, 0.4], [0.1, 0.9]])
    np.testing.assert_allclose(corruption(p, np.array([0, 0, 1]), 2), [[0.7, 0.3], [0.1, 0.9]])


def test_the_corrected_loss_is_of_the_given_label_as_the_corruption_makes_it():
    from peers.glc import Corrected, corrected

    matrix = np.array([[0.8, 0.2, 0], [0.1, 0.9, 0], [0, 0, 1]], np.float32)
    given = -math.log(0.7 * 0.2 + 0.2 * 0.9)
    found = array(corrected(LOGITS[:1], np.array([1]), matrix))
    np.testing.assert_allclose(found, [given], rtol=1e-5)
    # Rows from n on are trusted: plain cross-entropy.
    step = Corrected(networks(1), n=1, matrix=matrix)
    twice = np.repeat(LOGITS[:1], 2, axis=0)
    loss = step.loss_of([twice], np.array([1, 1]), np.arange(2), np.ones(2))
    assert float(loss) == pytest.approx((given - math.log(0.2)) / 2, rel=1e-5)


def test_without_corruption_the_corrected_loss_is_cross_entropy():
    from peers.glc import corrected

    found = array(corrected(LOGITS, np.array([0, 1]), np.eye(3, dtype=np.float32)))
    np.testing.assert_allclose(found, -np.log([0.7, 0.2]), rtol=1e-5)


def circle(degrees):
    return np.stack([np.cos(np.radians(degrees)), np.sin(np.radians(degrees))], 1).astype("float32")


def test_neighbours_vote_and_nobody_for_itself():
    from peers.simifeat import soft_labels

    unit = circle([0, 1, 3, 90, 91, 93])
    soft = soft_labels(unit, np.array([0, 0, 1, 1, 1, 1]), 2, 2)
    np.testing.assert_allclose(soft[:, 1], [0.5, 0.5, 0, 1, 1, 1])


def test_copies_of_a_sample_vote_for_it():
    from peers.simifeat import soft_labels

    unit = circle([0] * 8 + [90] * 4)
    soft = soft_labels(unit, np.array([0, 1, 1, 1, 1, 1, 1, 1, 2, 2, 2, 2]), 3, 3)
    assert (soft.sum(axis=1) == 1).all()
    assert (soft[:8, 2] == 0).all()  # a neighbour of another place is never among the nearest three


def test_the_papers_score_is_the_cosine_of_soft_and_given_label():
    from peers.simifeat import agreement

    soft = np.array([[0.5, 0.5, 0], [0, 1, 0], [0.6, 0.2, 0.2]])
    found = agreement(soft, np.array([0, 0, 0]))
    np.testing.assert_allclose(found, [math.sqrt(0.5), 0, 0.6 / math.sqrt(0.44)])


def test_as_many_neighbours_as_samples_are_refused():
    from peers.simifeat import soft_labels

    with pytest.raises(
        ValueError, match=r"between 1 and 3, one less than there are samples, got 4"
    ):
        soft_labels(circle([0, 1, 2, 3]), np.zeros(4, int), 2, 4)


def test_dividemix_tells_two_heaps_of_losses_apart_whatever_their_unit():
    from peers.dividemix import p_clean

    rng = np.random.default_rng(0)
    loss = np.concatenate([rng.normal(0.1, 0.02, 60), rng.normal(2.3, 0.2, 40)])
    found = p_clean(loss, 0)
    assert (found[:60] > 0.99).all()
    assert (found[60:] < 0.01).all()
    np.testing.assert_allclose(p_clean(1000 * loss, 0), found, atol=1e-6)


def test_the_weight_of_the_unlabelled_rises_over_sixteen_epochs():
    from peers.dividemix import ramped

    # arXiv 2002.07394, appendix: linear ramp-up over 16 epochs
    assert [ramped(epoch, 10, 16) for epoch in (5, 10, 18, 26, 99)] == [0, 0, 0.5, 1, 1]


def test_labels_are_replaced_where_the_network_is_sure():
    from peers.ssr import relabelled

    log_p = np.log([[0.95, 0.05], [0.85, 0.15], [0.05, 0.95]])
    np.testing.assert_array_equal(relabelled(log_p, np.array([1, 1, 1]), 0.9), [0, 1, 1])


def test_a_vote_is_worth_more_for_a_rare_class():
    from peers.ssr import consistency

    # arXiv 2111.11288, equations 1 to 3: class 1 has a quarter of the labels, so that its votes
    # of 0.5 count 2 where those of class 0 count 2/3.
    votes = np.array([[0.5, 0.5], [0.5, 0.5], [1.0, 0.0], [0.6, 0.4]])
    found = consistency(votes, np.array([0, 1, 0, 0]))
    np.testing.assert_allclose(found, [1 / 3, 1, 1, 0.8 / 1.6])


def test_every_class_comes_as_often_and_every_row():
    from peers.ssr import balanced_rows

    rows, labels = np.array([3, 5, 7, 9]), np.array([0, 0, 0, 1])
    drawn = balanced_rows(rows, labels, np.random.default_rng(0))
    assert sorted(drawn) == [3, 5, 7, 9, 9, 9]


def test_mixing_a_sample_with_its_copies_is_cross_entropy():
    import keras
    from peers.ssr import Mixed

    network = networks(1)
    step = Mixed(network, alpha=4.0, seed=0)
    x = np.repeat(np.array([[0.3, -1.0, 2.0]], np.float32), 6, axis=0)
    y = np.stack([np.full(6, 2), np.arange(6)], axis=1)
    _, (loss, *_) = step.step_loss((x, y, np.ones(6, np.float32)))
    logits = network[0](x)
    expected = keras.losses.sparse_categorical_crossentropy(y[:, 0], logits, from_logits=True)
    assert float(loss) == pytest.approx(float(array(expected)[0]), rel=1e-5)


def test_what_a_method_kept_is_judged_where_the_truth_is_known():
    from peers.one import judged
    from peers.problem import Outcome

    given, truth = np.array([0, 1, 1, 0, 1]), np.array([0, 1, 0, 1, -1])
    score = np.array([0.9, 0.4, 0.5, 0.1, 1.0])  # three of four pairs are in order
    found = judged(Outcome([0.5], score, np.array([1, 1, 1, 0, 1], bool)), given, truth)
    assert found["label_error_auroc"] == pytest.approx(3 / 4)
    assert found["kept"] == {
        "count": 4,
        "precision": pytest.approx(2 / 3),
        "recall": 1.0,
        "f1": pytest.approx(0.8),
    }


def test_what_a_method_does_not_say_is_no_figure():
    from peers.one import judged
    from peers.problem import Outcome

    found = judged(Outcome([0.5]), np.array([0, 1]), np.array([0, 0]))
    assert found["label_error_auroc"] is None
    assert set(found["kept"].values()) == {None}
    score = np.array([0.1, 0.2])
    unknown = judged(Outcome([0.5], score, score > 0), np.array([0, 1]), None)
    assert unknown["label_error_auroc"] is None
    assert unknown["kept"] == {"count": 2, "precision": None, "recall": None, "f1": None}

import numpy as np
import pytest

from tssd_keras.judge.noise_matrix import (
    N_ITER,
    PSEUDO_COUNT,
    corrected,
    estimate_transition,
    posterior_true,
    symmetric_with_diagonal,
)

pytestmark = pytest.mark.backend_free

NOISES = {
    "none": np.eye(3),
    "symmetric": np.full((3, 3), 0.2) + 0.4 * np.eye(3),
    "asymmetric": np.array([[1, 0, 0], [0, 0.6, 0.4], [0, 0, 1.0]]),
    "pair": np.array([[0.55, 0.45, 0], [0, 0.55, 0.45], [0.45, 0, 0.55]]),
}


def simulated(matrix, share, n=20_000, distance=2.0, seed=0):
    """Log P(true | sample) as it really is, given labels and true ones.

    Class k is a round normal heap whose centre lies at `distance` on axis k.
    """
    rng = np.random.default_rng(seed)
    true = rng.choice(len(share), n, p=share)
    x = rng.normal(size=(n, len(share)))
    x[np.arange(n), true] += distance
    log_joint = distance * x + np.log(share)
    log_p = log_joint - np.log(np.exp(log_joint).sum(axis=1, keepdims=True))
    given = (rng.random((n, 1)) >= np.cumsum(matrix[true], axis=1)[:, :-1]).sum(axis=1)
    return log_p, given, true


def test_sample_and_label_are_weighed_by_bayes():
    transition = np.array([[0.9, 0.1], [0.4, 0.6]])
    log_p = np.log([[0.5, 0.5], [0.8, 0.2]])
    # Under label 1: 0.5 * 0.1 to 0.5 * 0.6. Under label 0: 0.8 * 0.9 to 0.2 * 0.4.
    expected = [[1 / 7, 6 / 7], [0.9, 0.1]]
    np.testing.assert_allclose(posterior_true(log_p, np.array([1, 0]), transition), expected)


def test_without_noise_the_given_label_is_the_true_one():
    log_p = np.log([[0.01, 0.99], [0.7, 0.3]])
    posterior = posterior_true(log_p, np.array([0, 1]), np.eye(2))
    np.testing.assert_array_equal(posterior, [[1, 0], [0, 1]])


def test_a_label_that_says_nothing_leaves_the_classifier_as_it_was():
    log_p, given, _ = simulated(NOISES["none"], [0.3, 0.3, 0.4], n=100)
    posterior = posterior_true(log_p, given, np.tile([0.2, 0.5, 0.3], (3, 1)))
    np.testing.assert_allclose(posterior, np.exp(log_p))


@pytest.mark.parametrize("noise", NOISES)
@pytest.mark.parametrize("share", [(1 / 3, 1 / 3, 1 / 3), (0.6, 0.1, 0.3)])
def test_the_noise_of_simulated_labels_is_found_again(noise, share):
    log_p, given, true = simulated(NOISES[noise], share)
    matrix, found_share = estimate_transition(log_p, given, 3)
    np.testing.assert_allclose(matrix, NOISES[noise], atol=0.05)
    np.testing.assert_allclose(matrix.sum(axis=1), 1)
    np.testing.assert_allclose(found_share, np.bincount(true) / len(true), atol=0.02)
    assert matrix.dtype == found_share.dtype == np.float64


def test_a_certain_classifier_leaves_counts_and_what_symmetric_noise_would_have_added():
    true = np.array([0, 0, 0, 0, 1, 1])
    given = np.array([0, 0, 0, 1, 1, 1])
    log_p = np.where(true[:, None] == np.arange(2), 0.0, -60.0)
    matrix, share = estimate_transition(log_p, given, 2)
    # 5 of 6 labels are right, and each of the 2 entries of a row counts 5 more.
    added = 10 * np.array([[5 / 6, 1 / 6], [1 / 6, 5 / 6]])
    counts = np.array([[3, 1], [0, 2]]) + added
    np.testing.assert_allclose(matrix, counts / counts.sum(axis=1, keepdims=True), rtol=1e-6)
    np.testing.assert_allclose(share, [4 / 6, 2 / 6], rtol=1e-6)


def test_the_iteration_is_that_of_posteriors_sample_by_sample():
    log_p, given, _ = simulated(NOISES["asymmetric"], [0.5, 0.3, 0.2], n=500)
    given[given == 2] = 0  # a label that nobody gave
    transition = symmetric_with_diagonal(3, 0.8)
    for _ in range(N_ITER):
        posterior = posterior_true(log_p, given, transition)
        count = np.zeros((3, 3))
        np.add.at(count.T, given, posterior)
        prior = symmetric_with_diagonal(3, np.trace(count) / len(given))
        count += PSEUDO_COUNT * 3 * prior
        transition = count / count.sum(axis=1, keepdims=True)
    matrix, share = estimate_transition(log_p, given, 3)
    np.testing.assert_allclose(matrix, transition, atol=1e-5)
    np.testing.assert_allclose(share, posterior.mean(axis=0), atol=1e-5)


def test_with_many_classes_a_weak_classifier_does_not_pass_for_noise():
    """100 classes of 60 samples, a fifth of the labels wrong, a classifier right in a third."""
    k = 100
    matrix = symmetric_with_diagonal(k, 0.8)
    log_p, given, true = simulated(matrix, np.full(k, 1 / k), n=60 * k, distance=1.8)
    assert (log_p.argmax(axis=1) == true).mean() < 0.4
    found, _ = estimate_transition(log_p, given, k)
    assert np.diag(found).mean() == pytest.approx(0.8, abs=0.05)
    assert np.diag(found).std() < 0.1


def test_neither_the_order_of_samples_nor_the_numbering_of_classes_matters():
    log_p, given, _ = simulated(NOISES["asymmetric"], [0.5, 0.3, 0.2], n=2000)
    matrix, share = estimate_transition(log_p, given, 3)
    order = np.random.default_rng(1).permutation(len(given))
    classes = np.array([2, 0, 1])  # new class c is old class classes[c]
    other, other_share = estimate_transition(
        log_p[order][:, classes], np.argsort(classes)[given[order]], 3
    )
    np.testing.assert_allclose(other, matrix[np.ix_(classes, classes)], atol=1e-4)
    np.testing.assert_allclose(other_share, share[classes], atol=1e-4)


def test_a_label_that_was_never_given_is_held_to_be_rare_not_impossible():
    log_p, given, _ = simulated(NOISES["none"], [0.3, 0.3, 0.4], n=1000)
    matrix, _ = estimate_transition(log_p, np.minimum(given, 1), 3)
    assert ((matrix[:, 2] > 0) & (matrix[:, 2] < 2e-2)).all()
    np.testing.assert_allclose(matrix.sum(axis=1), 1)


def test_with_one_class_there_is_nothing_to_confuse():
    matrix, share = estimate_transition(np.zeros((4, 1)), np.zeros(4, int), 1)
    assert (matrix.tolist(), share.tolist()) == ([[1]], [1])


def pairs_of(matrix, n, seed=0):
    """n true labels of each class, and what T gives them."""
    true = np.repeat(np.arange(len(matrix)), n)
    u = np.random.default_rng(seed).random((len(true), 1))
    return true, (u >= np.cumsum(matrix[true], axis=1)[:, :-1]).sum(axis=1)


@pytest.mark.parametrize("n", [10, 50])
def test_pairs_that_contradict_the_estimate_correct_it(n):
    wrong, matrix = symmetric_with_diagonal(10, 0.9), symmetric_with_diagonal(10, 0.55)
    found = corrected(wrong, *pairs_of(matrix, n))
    np.testing.assert_allclose(found.sum(axis=1), 1)
    assert np.diag(found).mean() == pytest.approx(0.55, abs=3 * np.sqrt(0.25 / (10 * n)))
    assert np.abs(found - matrix).sum() < np.abs(wrong - matrix).sum() / 2


def test_rows_go_their_own_ways_where_there_are_pairs_enough_to_say_so():
    """Only class 0 is given wrongly; a common factor would spread that over all classes."""
    matrix = np.eye(4)
    matrix[0] = (0.2, 0.8, 0, 0)
    found = corrected(symmetric_with_diagonal(4, 0.98), *pairs_of(matrix, 100))
    assert found[0, 0] < 0.35
    assert found[0, 1] > 0.6
    assert np.diag(found)[1:].min() > 0.93


def test_pairs_that_are_all_right_leave_some_noise():
    true = np.repeat(np.arange(3), 40)
    found = corrected(symmetric_with_diagonal(3, 0.5), true, true)
    assert (np.diag(found) > 0.98).all()
    assert (found > 0).all()


@pytest.mark.parametrize("right", [0.0, 1.0])
def test_pairs_can_deny_a_matrix_that_is_sure(right):
    """By as much as a thousand pairs on one side of a matrix that is certain of the other."""
    true = np.repeat(np.arange(3), 334)
    given = true if right else (true + 1) % 3
    sure = np.eye(3) if not right else np.roll(np.eye(3), 1, axis=1)
    matrix = corrected(sure, true, given)
    np.testing.assert_allclose(matrix.sum(axis=1), 1)
    np.testing.assert_allclose(np.diag(matrix), right, atol=0.01)


@pytest.mark.parametrize("wrong", [0.0, 1e-13])
def test_pairs_correct_a_matrix_that_knows_no_wrong_label(wrong):
    """As estimated where the network remembers every label; half of the pairs are wrong."""
    true, turn = np.arange(300) % 10, np.arange(300) // 10
    given = np.where(turn % 2 == 0, true, (true + 1 + turn // 2 % 9) % 10)
    found = corrected(symmetric_with_diagonal(10, 1 - wrong), true, given)
    usual = corrected(symmetric_with_diagonal(10, 0.99), true, given)
    np.testing.assert_allclose(found, usual, atol=0.01)

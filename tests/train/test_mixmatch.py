import numpy as np
import pytest
from keras import ops

from tssd_keras.train.steps import mixmatch


def array(tensor):
    return ops.convert_to_numpy(tensor)


def log_probabilities(n, k, seed=0):
    logits = np.random.default_rng(seed).normal(0, 2, (n, k))
    return (logits - np.log(np.exp(logits).sum(axis=1, keepdims=True))).astype("float32")


def test_sharpening_at_half_the_temperature_squares_the_odds():
    sharp = array(mixmatch.sharpen(np.array([[0.75, 0.25]], "float32"), 0.5))
    np.testing.assert_allclose(sharp, [[0.9, 0.1]], rtol=1e-6)


def test_temperature_one_changes_nothing():
    p = np.exp(log_probabilities(5, 4))
    np.testing.assert_allclose(array(mixmatch.sharpen(p, 1.0)), p, rtol=1e-5)


def test_a_class_that_is_out_of_the_question_stays_so():
    sharp = array(mixmatch.sharpen(np.array([[1.0, 0.0, 0.0]], "float32"), 0.5))
    np.testing.assert_allclose(sharp, [[1, 0, 0]], atol=1e-6)


def test_a_target_is_the_label_as_far_as_it_is_trusted():
    guess = np.array([[0.5, 0.3, 0.2]] * 3, "float32")
    found = array(mixmatch.targets(np.array([2, 2, 2]), np.array([1.0, 0.5, 0.0]), guess, 1.0))
    np.testing.assert_allclose(
        found, [[0, 0, 1], [0.25, 0.15, 0.6], [0.5, 0.3, 0.2]], rtol=1e-5, atol=1e-6
    )


@pytest.mark.parametrize("alpha", [0.5, 1, 4])
def test_lambda_has_the_moments_of_its_beta_distribution(alpha):
    rng = np.random.default_rng(0)
    uniforms = rng.uniform(size=(20_000, mixmatch.n_uniforms(alpha))).astype("float32")
    drawn = array(mixmatch.mixup_lambda(uniforms, alpha))
    expected = rng.beta(alpha, alpha, 200_000)
    expected = np.maximum(expected, 1 - expected)
    assert drawn.min() >= 0.5
    assert drawn.mean() == pytest.approx(expected.mean(), abs=0.01)
    assert drawn.std() == pytest.approx(expected.std(), abs=0.01)


def test_lambda_at_alpha_four_is_the_middle_of_seven():
    uniforms = np.array([0.9, 0.1, 0.2, 0.8, 0.3, 0.7, 0.35], "float32")
    assert float(mixmatch.mixup_lambda(uniforms, 4.0)) == pytest.approx(0.65)


@pytest.mark.parametrize("alpha", [0.0, 0.7, 2.5, -1])
def test_an_alpha_that_cannot_be_drawn_is_refused(alpha):
    with pytest.raises(ValueError, match=f"0.5 or a whole number from 1 on, got {alpha}"):
        mixmatch.n_uniforms(alpha)


def test_rows_are_mixed_with_their_partners():
    values = np.array([[0.0], [10.0], [20.0]], "float32")
    mixed = array(mixmatch.mix(values, np.array([2, 1, 0]), np.float32(0.75)))
    np.testing.assert_allclose(mixed, [[5], [10], [15]])


def test_each_loss_counts_its_own_rows():
    log_p = np.log(np.array([[0.5, 0.5], [0.9, 0.1], [0.2, 0.8]], "float32"))
    target = np.array([[1, 0], [1, 0], [0, 1]], "float32")
    labelled = np.array([1, 1, 0], "float32")
    supervised = float(mixmatch.supervised(log_p, target, labelled))
    assert supervised == pytest.approx(-(np.log(0.5) + np.log(0.9)) / 2, rel=1e-5)
    # The mean over two classes of 0.2 squared, twice.
    consistency = float(mixmatch.consistency(log_p, target, labelled))
    assert consistency == pytest.approx(0.04, rel=1e-5)


@pytest.mark.parametrize("labelled", [0.0, 1.0])
def test_a_batch_of_one_kind_has_no_loss_of_the_other(labelled):
    log_p, flags = log_probabilities(4, 3), np.full(4, labelled, "float32")
    target = np.eye(3, dtype="float32")[[0, 1, 2, 0]]
    losses = [float(f(log_p, target, flags)) for f in (mixmatch.consistency, mixmatch.supervised)]
    assert losses[int(labelled)] > 0
    assert losses[1 - int(labelled)] == 0.0


def test_mean_predictions_like_the_classes_shares_are_not_penalised():
    even, uneven = np.array([0.5, 0.5], "float32"), np.array([0.75, 0.25], "float32")
    sure = np.log(np.array([[0.98, 0.02], [0.02, 0.98]], "float32"))
    assert float(mixmatch.share_divergence(sure, even)) == pytest.approx(0.0, abs=1e-6)
    one_class = np.log(np.array([[0.75, 0.25]] * 2, "float32"))
    assert float(mixmatch.share_divergence(one_class, uneven)) == pytest.approx(0.0, abs=1e-6)
    expected = -0.5 * (np.log(2 * 0.75) + np.log(2 * 0.25))
    assert float(mixmatch.share_divergence(one_class, even)) == pytest.approx(expected, rel=1e-5)
    expected = 0.75 * np.log(0.75 / 0.5) + 0.25 * np.log(0.25 / 0.5)
    assert float(mixmatch.share_divergence(sure, uneven)) == pytest.approx(expected, rel=1e-5)


def test_negative_entropy_is_lowest_where_the_network_is_least_sure():
    even = np.log(np.full((2, 4), 0.25, "float32"))
    assert float(mixmatch.negative_entropy(even)) == pytest.approx(-np.log(4), rel=1e-5)
    sure = np.log(np.array([[1 - 3e-6, 1e-6, 1e-6, 1e-6]], "float32"))
    assert float(mixmatch.negative_entropy(sure)) == pytest.approx(0.0, abs=1e-4)


def test_no_loss_depends_on_the_order_of_rows_or_classes():
    log_p, labelled = log_probabilities(6, 4), np.array([1, 0, 1, 0, 0, 1], "float32")
    target = np.exp(log_probabilities(6, 4, seed=1))
    rows, classes = np.array([3, 1, 5, 0, 2, 4]), np.array([2, 0, 3, 1])
    turned, turned_target = log_p[rows][:, classes], target[rows][:, classes]
    for loss in (mixmatch.supervised, mixmatch.consistency):
        expected = float(loss(log_p, target, labelled))
        assert float(loss(turned, turned_target, labelled[rows])) == pytest.approx(expected)
    even = np.full(log_p.shape[1], 1 / log_p.shape[1], "float32")
    for loss in (lambda log_p: mixmatch.share_divergence(log_p, even), mixmatch.negative_entropy):
        assert float(loss(turned)) == pytest.approx(float(loss(log_p)), rel=1e-5)


@pytest.mark.parametrize(
    ("noise_rate", "n_classes", "published"),
    [(0.2, 10, 0), (0.45, 10, 25), (0.72, 10, 25), (0.45, 100, 150), (0.9, 100, 150)],
)
def test_lambda_u_by_noise_is_near_the_published_ones(noise_rate, n_classes, published):
    found = mixmatch.lambda_u_by_noise(noise_rate, n_classes)
    assert found == pytest.approx(published, rel=0.07)


def test_lambda_u_by_noise_rises_with_the_noise_and_never_falls_below_zero():
    found = [mixmatch.lambda_u_by_noise(rate, 10) for rate in np.linspace(0, 1, 21)]
    assert found == sorted(found)
    assert found[0] == 0
    assert 0 < mixmatch.lambda_u_by_noise(0.3, 10) < 25

import dataclasses

import numpy as np
import pytest
from sklearn.mixture import GaussianMixture

from tssd_keras.judge.mixture import REG_COVAR, fit_mixtures, scaled

pytestmark = pytest.mark.backend_free

# Shape of two heaps: share of the lower one, their deviations and the upper one's mean.
SHAPES = [
    (0.5, 0.3, 0.3, 3.0),
    (0.2, 0.1, 0.5, 2.3),
    (0.8, 0.5, 0.1, 2.3),
    (0.6, 0.05, 0.9, 4.0),
    (0.9, 0.9, 0.3, 4.5),
]
TOUCHING = [(0.5, 0.5, 0.5, 1.5), (0.4, 0.5, 0.4, 1.6)]


def heaps(share=0.6, low_sd=0.1, high_sd=0.3, distance=2.3, n=2000, seed=0):
    """n scores, in mixed order: a share near 0, the rest near `distance`."""
    rng = np.random.default_rng(seed)
    is_low = np.arange(n) < share * n
    score = np.where(is_low, rng.normal(0, low_sd, n), rng.normal(distance, high_sd, n))
    return rng.permutation(score)


def one_group(score):
    """The mixture of scores that are all in one group, and their posterior."""
    group = np.zeros(len(score), np.int64)
    mixture = fit_mixtures(score, group, 1)
    return mixture, mixture.p_low(score, group)


def assert_same_shape(a, b, atol):
    for name in ("mean", "variance", "share", "bimodal"):
        np.testing.assert_allclose(getattr(a, name), getattr(b, name), atol=atol, err_msg=name)


@pytest.mark.parametrize("shape", SHAPES + TOUCHING)
def test_two_heaps_are_fitted_as_scikit_learn_fits_them(shape):
    score = heaps(*shape)
    mixture, p_low = one_group(score)
    x = ((score - score.min()) / np.ptp(score))[:, None]
    other = GaussianMixture(2, reg_covar=5e-4, max_iter=100, tol=1e-4, random_state=0)
    other.fit(x)
    order = np.argsort(other.means_[:, 0])
    np.testing.assert_allclose(mixture.mean[0], other.means_[order, 0], atol=2e-4)
    np.testing.assert_allclose(mixture.variance[0], other.covariances_[order, 0, 0], atol=1e-5)
    np.testing.assert_allclose(mixture.share[0], other.weights_[order], atol=5e-4)
    between = (x[:, 0] > mixture.mean[0, 0]) & (x[:, 0] < mixture.mean[0, 1])
    expected = other.predict_proba(x)[:, order[0]]
    np.testing.assert_allclose(p_low[between], expected[between], atol=1e-3)
    assert mixture.bimodal[0]


def test_two_values_are_two_heaps_with_known_figures():
    score = np.array([-1.0] * 30 + [3.0] * 10)
    mixture, p_low = one_group(score)
    assert (mixture.low[0], mixture.high[0]) == (-1, 3)
    np.testing.assert_allclose(mixture.mean[0], [0, 1], atol=1e-12)
    np.testing.assert_allclose(mixture.variance[0], REG_COVAR)
    np.testing.assert_allclose(mixture.share[0], [0.75, 0.25])
    np.testing.assert_allclose(mixture.ashman_d[0], 1 / np.sqrt(REG_COVAR))
    np.testing.assert_allclose(p_low, score < 0, atol=1e-12)
    # Halfway the two densities are equal, and the shares decide.
    np.testing.assert_allclose(mixture.p_low(np.array([1.0]), np.array([0])), 0.75)


def test_scores_are_scaled_within_their_group():
    low, high = np.array([0.0, -1.0, 5.0]), np.array([4.0, 1.0, 5.0])
    x = scaled(np.array([1.0, 0.0, 5.0, 4.0]), np.array([0, 1, 2, 0]), low, high)
    np.testing.assert_allclose(x, [0.25, 0.5, 0, 1])


@pytest.mark.parametrize("factor", [1e-6, 1e-3, 1e3, 1e6])
@pytest.mark.parametrize("shift", [0.0, -7.0])
def test_unit_and_origin_of_the_scores_do_not_matter(factor, shift):
    score = heaps()
    mixture, p_low = one_group(score)
    other, other_p = one_group(factor * (score + shift))
    assert_same_shape(other, mixture, atol=1e-6)
    np.testing.assert_allclose(other_p, p_low, atol=1e-6)


def test_the_order_of_the_scores_does_not_matter():
    score = heaps()
    mixture, p_low = one_group(score)
    order = np.random.default_rng(1).permutation(len(score))
    other, other_p = one_group(score[order])
    assert_same_shape(other, mixture, atol=1e-9)
    np.testing.assert_allclose(other_p, p_low[order], atol=1e-9)


def test_turning_the_scores_round_turns_the_mixture_round():
    score = heaps(low_sd=0.2, high_sd=0.2, share=0.3)
    mixture, p_low = one_group(score)
    turned, turned_p = one_group(-score)
    np.testing.assert_allclose(turned.mean, 1 - mixture.mean[:, ::-1], atol=1e-4)
    np.testing.assert_allclose(turned.share, mixture.share[:, ::-1], atol=1e-4)
    np.testing.assert_allclose(turned_p, 1 - p_low, atol=1e-3)


def test_each_score_twice_gives_the_same_mixture():
    score = heaps()
    assert_same_shape(one_group(np.tile(score, 2))[0], one_group(score)[0], atol=1e-9)


def test_a_group_is_fitted_as_if_it_were_alone():
    scores = [heaps(seed=1), heaps(0.2, 0.3, 0.3, 1.0, n=300, seed=2), np.array([]), np.ones(5)]
    group = np.repeat(np.arange(4), [len(score) for score in scores])
    together = fit_mixtures(np.concatenate(scores), group, 4)
    p_low = together.p_low(np.concatenate(scores), group)
    for k, score in enumerate(scores):
        alone, alone_p = one_group(score)
        for name in (field.name for field in dataclasses.fields(alone)):
            np.testing.assert_allclose(getattr(together, name)[k], getattr(alone, name)[0])
        np.testing.assert_allclose(p_low[group == k], alone_p)


def test_renumbering_the_groups_renumbers_the_mixtures():
    score, group = heaps(n=900), np.arange(900) % 3
    renumber = np.array([2, 0, 1])
    mixture = fit_mixtures(score, group, 3)
    other = fit_mixtures(score, renumber[group], 3)
    for name in (field.name for field in dataclasses.fields(mixture)):
        np.testing.assert_allclose(getattr(other, name)[renumber], getattr(mixture, name))


@pytest.mark.parametrize("low_sd", [0.05, 0.3, 1.0])
@pytest.mark.parametrize("high_sd", [0.05, 0.3, 1.0])
@pytest.mark.parametrize("share", [0.1, 0.5, 0.9])
def test_the_posterior_never_rises_with_the_score(share, low_sd, high_sd):
    mixture, _ = one_group(heaps(share, low_sd, high_sd, 3.0))
    wide = np.linspace(-20, 20, 4001)  # far beyond the scores, too
    p_low = mixture.p_low(wide, np.zeros(len(wide), np.int64))
    assert (np.diff(p_low) <= 0).all()
    assert p_low[0] > 0.5 > p_low[-1]
    assert ((p_low >= 0) & (p_low <= 1)).all()


@pytest.mark.parametrize(("low_sd", "high_sd"), [(0.1, 0.9), (0.9, 0.1), (0.4, 0.4)])
def test_between_the_means_the_posterior_is_that_of_bayes(low_sd, high_sd):
    mixture, _ = one_group(heaps(0.5, low_sd, high_sd, 3.0))
    x = np.linspace(*mixture.mean[0], 101)[:, None]
    joint = mixture.share / np.sqrt(mixture.variance)
    joint = joint * np.exp(-((x - mixture.mean) ** 2) / (2 * mixture.variance))
    score = mixture.low + x[:, 0] * (mixture.high - mixture.low)
    p_low = mixture.p_low(score, np.zeros(len(score), np.int64))
    np.testing.assert_allclose(p_low, joint[:, 0] / joint.sum(axis=1), atol=1e-9)


ONE_HEAP = {
    "a normal one": np.random.default_rng(0).normal(size=2000),
    "a small normal one": np.random.default_rng(0).normal(size=30),
    "two that overlap": heaps(0.5, 1.0, 1.0, 1.5),
    "a narrow one within a wide one": heaps(0.5, 0.1, 1.0, 0.0),
    "all equal": np.full(50, 2.3),
    "all zero": np.zeros(50),
    "one sample": np.array([0.7]),
    "no sample": np.array([]),
}


@pytest.mark.parametrize("score", ONE_HEAP.values(), ids=ONE_HEAP.keys())
def test_one_heap_is_not_taken_for_two(score):
    mixture, p_low = one_group(score)
    assert not mixture.bimodal[0]
    assert np.isfinite(p_low).all()


def test_one_heap_is_hardly_ever_taken_for_two():
    score = np.random.default_rng(0).normal(size=(200, 100))
    group = np.repeat(np.arange(200), 100)
    assert fit_mixtures(score.ravel(), group, 200).bimodal.mean() < 0.05


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("n", [50, 20_000])
def test_two_heaps_are_seen_as_two(shape, n):
    assert one_group(heaps(*shape, n=n))[0].bimodal[0]


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_scores_that_are_not_finite_are_counted_and_the_first_is_named(value):
    score = np.array([0.1, value, 0.2, value, 0.3])
    with pytest.raises(ValueError, match="finite: 2 of 5 values are not, the first at sample 1"):
        one_group(score)

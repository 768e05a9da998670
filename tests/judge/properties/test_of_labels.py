"""Neighbours and the transition matrix: what must hold of any labels."""

import numpy as np
import pytest
from builders.properties import SEARCH, labels, log_probabilities, numbers, seeds
from hypothesis import given
from hypothesis import strategies as st

from tssd_keras.judge.neighbours import Neighbours, Votes
from tssd_keras.judge.noise_matrix import (
    corrected,
    estimate_transition,
    posterior_true,
    symmetric_with_diagonal,
)

pytestmark = pytest.mark.backend_free


@st.composite
def placed(draw, dtype=np.float32):
    """Features float[n, d] of any finite numbers, labels and K."""
    n, d, n_classes = draw(st.integers(1, 40)), draw(st.integers(1, 5)), draw(st.integers(1, 4))
    features = draw(numbers((n, d), low=-1.0, high=1.0, dtype=dtype))
    return features, draw(labels(n, n_classes)), n_classes


@st.composite
def apart(draw):
    """The same, no two distances alike."""
    n, n_classes = draw(st.integers(2, 40)), draw(st.integers(2, 4))
    rows = np.random.default_rng(draw(seeds)).normal(size=(n, 6)).astype(np.float32)
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    return rows, draw(labels(n, n_classes)), n_classes


def shares(features, given_labels, n_classes, **how):
    return Neighbours(features, given_labels, n_classes, seed=0, **how).similarity(slice(None))


@SEARCH
@given(placed(), st.integers(1, 60))
def test_shares_are_shares_wherever_the_samples_lie(samples, n_nearest):
    found = shares(*samples, n_nearest=n_nearest)
    assert found.shape == (len(samples[1]), samples[2])
    assert (found >= 0).all()
    np.testing.assert_allclose(found.sum(axis=1), 1, atol=1e-5)


@SEARCH
@given(placed(np.float16), st.data())
def test_a_sample_and_its_equals_have_no_say_in_their_own_case(samples, data):
    features, given_labels, n_classes = samples
    row = data.draw(st.integers(0, len(features) - 1))
    equals = (features.view(np.uint16) == features[row].view(np.uint16)).all(axis=1)
    changed = np.where(equals, data.draw(st.integers(0, n_classes - 1)), given_labels)
    np.testing.assert_allclose(
        shares(features, changed, n_classes)[row],
        shares(features, given_labels, n_classes)[row],
        atol=1e-2,  # distances of equal rows are off by 1e-7; with all others far that can be seen
    )


@SEARCH
@given(apart(), st.permutations(range(4)), st.permutations(range(40)))
def test_neighbours_know_neither_the_order_nor_the_numbers_of_classes(samples, numbers_of, order):
    features, given_labels, n_classes = samples
    new = np.array([k for k in numbers_of if k < n_classes])
    order = np.array([i for i in order if i < len(features)])
    found = shares(features[order], new[given_labels][order], n_classes)
    expected = shares(features, given_labels, n_classes)[order]
    np.testing.assert_allclose(found[:, new], expected, atol=1e-4)


@SEARCH
@given(placed())
def test_votes_come_back_from_their_state(samples):
    features, given_labels, n_classes = samples
    before = Neighbours(features, given_labels, n_classes, seed=0)
    after = Votes.of_state(before.get_state(), given_labels, n_classes)
    np.testing.assert_array_equal(after.similarity(slice(None)), before.similarity(slice(None)))


@st.composite
def predicted(draw):
    n, n_classes = draw(st.integers(1, 40)), draw(st.integers(1, 4))
    return draw(log_probabilities(n, n_classes)), draw(labels(n, n_classes)), n_classes


def is_stochastic(matrix, atol=1e-6):
    return (matrix >= 0).all() and np.allclose(matrix.sum(axis=1), 1, atol=atol)


@SEARCH
@given(predicted())
def test_an_estimated_matrix_has_rows_that_are_shares(samples):
    matrix, share = estimate_transition(*samples)
    assert is_stochastic(matrix)
    assert (share >= 0).all()
    assert share.sum() == pytest.approx(1, abs=1e-4)
    posterior = posterior_true(samples[0], samples[1], matrix)
    assert ((posterior >= 0) & (posterior <= 1 + 1e-6)).all()


@SEARCH
@given(predicted(), st.permutations(range(4)), st.permutations(range(40)))
def test_a_matrix_knows_neither_the_order_nor_the_numbers_of_classes(samples, numbers_of, order):
    log_p, given_labels, n_classes = samples
    new = np.array([k for k in numbers_of if k < n_classes])
    order = np.array([i for i in order if i < len(log_p)])
    renamed = np.empty_like(log_p)
    renamed[:, new] = log_p
    expected, _ = estimate_transition(*samples)
    found, _ = estimate_transition(renamed[order], new[given_labels][order], n_classes)
    np.testing.assert_allclose(found[np.ix_(new, new)], expected, atol=1e-3)


@SEARCH
@given(st.integers(2, 5), st.floats(0, 1), st.data())
def test_pairs_leave_a_matrix_one_and_their_order_does_not_count(n_classes, right, data):
    base = symmetric_with_diagonal(n_classes, right)
    n = data.draw(st.integers(0, 60))
    true, given_labels = data.draw(labels(n, n_classes)), data.draw(labels(n, n_classes))
    found = corrected(base, true, given_labels)
    assert is_stochastic(found)
    np.testing.assert_allclose(corrected(base, true[::-1], given_labels[::-1]), found, atol=1e-9)


@SEARCH
@given(st.integers(2, 5), st.floats(0.01, 0.99), st.integers(1, 200))
def test_pairs_that_are_all_right_raise_every_diagonal_and_all_wrong_lower_it(n_classes, right, n):
    base = symmetric_with_diagonal(n_classes, right)
    true = np.arange(n * n_classes) % n_classes
    half_a_pair = 0.5 / len(true)  # what n pairs cannot tell from none
    wrong = np.diag(corrected(base, true, (true + 1) % n_classes))
    assert (wrong <= max(right, half_a_pair) + 1e-9).all()
    all_right = np.diag(corrected(base, true, true))
    assert (all_right >= min(right, 1 - half_a_pair) - 1e-9).all()

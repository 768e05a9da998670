import numpy as np
import pytest

from tssd_keras.judge.roles import NEGATIVE, POSITIVE, SEMI_HARD, UNCERTAIN
from tssd_keras.judge.settle import bar_of, mining_criterion, overrule, settle

pytestmark = pytest.mark.backend_free


def test_settle_mines_the_uncertain_above_the_criterion():
    role = np.array([POSITIVE, POSITIVE, UNCERTAIN, UNCERTAIN, NEGATIVE], np.int8)
    settled = settle(role, np.array([0.9, 0.5, 0.8, 0.7, 0.99]), 0.7)
    assert settled.tolist() == [POSITIVE, POSITIVE, SEMI_HARD, UNCERTAIN, NEGATIVE]


def test_overrule_opens_what_the_meta_classifier_denies():
    role = np.array([POSITIVE, POSITIVE, UNCERTAIN, NEGATIVE, NEGATIVE], np.int8)
    opened = overrule(role, np.array([0.51, 0.5, 0.9, 0.5, 0.51]))
    assert opened.tolist() == [POSITIVE, UNCERTAIN, UNCERTAIN, NEGATIVE, UNCERTAIN]
    assert role.tolist() == [POSITIVE, POSITIVE, UNCERTAIN, NEGATIVE, NEGATIVE]


def test_a_higher_bar_opens_more_positives_and_fewer_negatives():
    role = np.array([POSITIVE, POSITIVE, POSITIVE, NEGATIVE, NEGATIVE, NEGATIVE], np.int8)
    q = np.array([0.81, 0.8, 0.6, 0.81, 0.8, 0.6])
    opened = overrule(role, q, 0.8)
    assert opened.tolist() == [POSITIVE, UNCERTAIN, UNCERTAIN, UNCERTAIN, NEGATIVE, NEGATIVE]


Q = np.linspace(0, 1, 101)  # 50 of 101 above 0.5
UNSURE = np.full(101, 0.6)


@pytest.mark.parametrize(
    ("clean_share", "bar"), [(0.9, 0.5), (0.5, 0.5), (0.3, 0.7), (0.2, 0.8), (0.0, 1.0)]
)
def test_no_more_are_above_the_bar_than_are_expected_to_be_right(clean_share, bar):
    assert bar_of(Q, clean_share, UNSURE) == pytest.approx(bar)
    assert (bar_of(Q, clean_share, UNSURE) < Q).mean() <= clean_share + 0.01


@pytest.mark.parametrize("clean_share", [1.0, 1.1])
def test_where_all_labels_are_expected_to_be_right_half_is_the_bar(clean_share):
    assert bar_of(Q, clean_share, UNSURE) == 0.5


@pytest.mark.parametrize("q", [[0.7, 0.9], [0.9, 0.9, 0.9]])
def test_where_all_labels_are_expected_to_be_right_all_above_half_are_taken(q):
    assert (np.array(q) > bar_of(np.array(q), 1.0, np.array(q))).all()


def test_where_none_is_expected_to_be_right_none_is_above_the_bar():
    for clean_share in (0.0, -0.1):
        assert not (bar_of(Q, clean_share, UNSURE) < Q).any()


def test_labels_with_a_high_q_are_kept_beyond_the_expected_number():
    q = np.sqrt(Q)  # of a larger share: 20 of 101 have 0.9
    assert ((bar_of(Q, 0.1, q) < Q) == (q >= 0.9)).all()
    assert (bar_of(Q, 0.3, q) < Q).sum() == 31


def test_mining_begins_at_the_bar_or_where_the_target_holds():
    q = np.array([0.95, 0.85, 0.75, 0.65, 0.55])
    assert mining_criterion(q, 0.0) == 0.5
    assert mining_criterion(q, 0.0, 0.6) == 0.6
    held = mining_criterion(q, 0.89)  # 0.95 and 0.85 have a mean of 0.9
    assert (q > held).tolist() == [True, True, False, False, False]
    assert mining_criterion(q, 0.89, 0.9) == 0.9
    assert mining_criterion(q, 0.6, 0.7) == 0.7
    assert mining_criterion(q, 0.99, 0.7) == 1.0
    assert mining_criterion(q[:0], 0.9, 0.7) == 0.7

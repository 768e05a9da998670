import numpy as np
import pytest

from tssd_keras.judge.divide import divide
from tssd_keras.judge.quality import quality, role_counts
from tssd_keras.judge.record import Quality, RoleCounts
from tssd_keras.judge.roles import NEGATIVE, POSITIVE, SEMI_HARD, UNCERTAIN
from tssd_keras.judge.table import Rewrite, SampleTable

pytestmark = pytest.mark.backend_free

# Eight samples: loss and similarity in two heaps, sample 3 left open by the streams and mined.
GIVEN = np.array([0, 0, 0, 0, 1, 1, 1, 1])
TRUTH = np.array([0, 0, 1, 0, 1, 1, 0, 0])
ROLE = np.array([POSITIVE, POSITIVE, NEGATIVE, SEMI_HARD] * 2, np.int8)
Q = np.array([0.9, 0.8, 0.1, 0.7, 0.9, 0.8, 0.2, 0.6], np.float32)
LOSS = np.array([0.1, 0.2, 3.0, 1.0, 0.1, 0.2, 3.0, 1.2])


def a_round(rows=None, q=Q):
    """A table after a round over some rows, and the round's division."""
    table = SampleTable(GIVEN)
    rows = np.arange(8) if rows is None else np.array(rows)
    table.draw(rows)
    role = ROLE[rows]
    weight = np.where(role == NEGATIVE, 0.0, np.where(role == SEMI_HARD, Q[rows], 1.0))
    p = np.where(role == POSITIVE, 0.9, np.where(role == NEGATIVE, 0.1, 0.5))
    table.rewrite(Rewrite(weight, role, p, p, q[rows], TRUTH[rows], *np.ones((2, len(rows)))), rows)
    division = divide(LOSS[rows], -LOSS[rows], GIVEN[rows], 2)
    division.role[:] = np.where(role == SEMI_HARD, UNCERTAIN, role)
    return table, division, LOSS[rows]


def test_the_figures_of_eight_samples_worked_out_by_hand():
    figures = quality(*a_round(), TRUTH)
    assert figures.kept_precision == pytest.approx(5 / 6)  # the last is mined and wrong
    assert figures.kept_recall == 1
    assert figures.uncertain_purity == figures.semi_hard_purity == 0.5
    assert figures.semi_hard_recall == 1
    assert figures.auroc_q == figures.auroc_loss == figures.label_error_auroc == 1


def test_samples_that_are_not_drawn_do_not_count():
    rows = [0, 2, 3, 6]
    table, division, loss = a_round(rows)
    figures = quality(table, division, loss, TRUTH)
    assert figures.kept_precision == figures.kept_recall == 1
    assert figures.auroc_q == figures.auroc_loss == 1
    assert role_counts(table) == RoleCounts(
        kept=2, positive=1, negative=2, uncertain=0, semi_hard=1, floor=0
    )


def test_what_an_earlier_round_left_without_q_does_not_hide_this_one():
    table, division, loss = a_round([0, 2, 3, 6])
    assert np.isnan(table.q).any()
    assert quality(table, division, loss, TRUTH).auroc_q == 1
    no_q = a_round([0, 2, 3, 6], q=np.full(8, np.nan, np.float32))
    assert quality(*no_q, TRUTH).auroc_q is None


def test_samples_of_unknown_truth_do_not_count():
    rows = [0, 2, 3, 6]
    known = np.full(8, -1)
    known[rows] = TRUTH[rows]
    whole = vars(quality(*a_round(), known))
    drawn = vars(quality(*a_round(rows), TRUTH))
    assert {k: v for k, v in whole.items() if k != "auroc_feature"} == {
        k: v for k, v in drawn.items() if k != "auroc_feature"
    }


@pytest.mark.parametrize("truth", [None, np.full(8, -1)])
def test_without_any_known_truth_there_are_no_figures(truth):
    assert quality(*a_round(), truth) == Quality()


def test_a_truth_that_is_known_of_undrawn_samples_only_gives_none():
    truth = np.full(8, -1)
    truth[7] = 1
    assert quality(*a_round([0, 2, 3, 6]), truth) == Quality()

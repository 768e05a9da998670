"""The sample table: what must hold after any order of rounds, draws, epochs and restarts."""

import numpy as np
import pytest
from builders.properties import SEARCH, labels
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from tssd_keras.judge.roles import DECIDED, FLOOR, NEGATIVE, POSITIVE, SEMI_HARD, UNCERTAIN
from tssd_keras.judge.table import CHANGING, JUDGED, Rewrite, SampleTable

pytestmark = pytest.mark.backend_free
ROLES = [POSITIVE, NEGATIVE, UNCERTAIN, SEMI_HARD, FLOOR]
K = 3


def some_rows(draw, among):
    """Rows of a table, each once, in any order."""
    return np.array(draw(st.lists(st.sampled_from(among), unique=True)), np.int64)


class Table(RuleBasedStateMachine):
    """A table beside what we remember of it."""

    @initialize(data=st.data())
    def begin(self, data):
        n = data.draw(st.integers(1, 12))
        self.n_networks = data.draw(st.integers(1, 3))
        given = data.draw(labels(n, K))
        decided = data.draw(arrays.arrays(np.int64, n, elements=st.sampled_from([-1, -1, 0, 2])))
        share = arrays.arrays(np.float32, n, elements=st.sampled_from([0.0, 0.5, 1.0, 3.0]))
        self.build = lambda: SampleTable(
            given,
            n_networks=self.n_networks,
            decided=decided,
            held_back=held_back,
            sample_weight=sample_weight,
        )
        held_back = data.draw(arrays.arrays(bool, n))
        sample_weight = data.draw(share)
        self.table, self.decided, self.given = self.build(), decided, given
        self.sample_weight = sample_weight
        self.trained = np.zeros((n, self.n_networks), bool)
        self.open = np.flatnonzero(decided < 0)

    @precondition(lambda self: len(self.open))
    @rule(data=st.data(), whole=st.booleans())
    def round(self, data, whole):
        whole &= len(self.open) == len(self.given)
        rows = self.open if whole else some_rows(data.draw, self.open.tolist())
        new = self.rewrite(data, len(rows))
        before = self.table.get_state()
        if not (new.weight > 0).any():
            with pytest.raises(ValueError, match="would carry weight"):
                self.table.rewrite(new, rows)
            self.is_as(before)
            return
        self.table.rewrite(new, None if whole else rows)
        others = np.setdiff1d(np.arange(len(self.given)), rows)
        after = self.table.get_state()
        for name in set(CHANGING) - {"n_rewrites"}:
            np.testing.assert_array_equal(after[name][others], before[name][others])
        for name in set(CHANGING) - {"n_rewrites", *JUDGED}:
            np.testing.assert_array_equal(after[name], before[name])
        np.testing.assert_array_equal(after["weights"][rows], new.weight)
        np.testing.assert_array_equal(after["role"][rows], new.role)
        assert (after["once_kept"][rows] == (before["once_kept"][rows] | (new.weight > 0))).all()
        assert after["judged"][rows].all()
        assert self.table.n_rewrites == before["n_rewrites"] + 1

    def rewrite(self, data, n):
        share = st.floats(0, 1, width=32)
        column = arrays.arrays(np.float32, n, elements=share)
        networks = arrays.arrays(np.float32, (n, self.n_networks), elements=share)
        return Rewrite(
            weight=data.draw(networks),
            role=np.array(
                data.draw(st.lists(st.sampled_from(ROLES), min_size=n, max_size=n)), np.int8
            ),
            p_loss=data.draw(column),
            p_feature=data.draw(column),
            q=data.draw(column),
            suggested=data.draw(labels(n, K)),
            p_suggested=data.draw(column),
            confidence=data.draw(column),
            rest=data.draw(networks) if data.draw(st.booleans()) else None,
        )

    @rule(data=st.data(), bad=st.sampled_from(["nan", "above", "short", "decided"]))
    def round_that_is_refused(self, data, bad):
        rows = self.open
        if bad == "decided":
            rows = np.arange(len(self.given))
            if len(self.open) == len(rows):
                return
        if not len(rows):
            return
        new = self.rewrite(data, len(rows))
        new.weight[0] = {"nan": np.nan, "above": 1.5}.get(bad, 1.0)
        if bad == "short":
            new = Rewrite(**{**vars(new), "q": new.q[1:]})
        before = self.table.get_state()
        with pytest.raises(ValueError):
            self.table.rewrite(new, rows)
        self.is_as(before)

    @rule(data=st.data())
    def draw_an_epoch(self, data):
        rows = some_rows(data.draw, range(len(self.given)))
        self.table.draw(rows)
        assert (np.flatnonzero(self.table.drawn) == np.sort(rows)).all()

    @rule()
    def end_an_epoch(self):
        self.trained |= self.table.weights_now > 0
        self.table.mark_trained()

    @rule()
    def start_again(self):
        state = self.table.get_state()
        self.table = self.build()
        self.table.set_state(state)
        self.is_as(state)

    def is_as(self, state):
        now = self.table.get_state()
        assert set(now) == set(state) == set(CHANGING)
        for name in CHANGING:
            np.testing.assert_array_equal(now[name], state[name])

    @invariant()
    def decisions_stand(self):
        table, rows = self.table, self.decided >= 0
        assert (table.role[rows] == DECIDED).all()
        assert (table.weights[rows] == 1).all()
        assert (table.suggested[rows] == self.decided[rows]).all()
        assert not table.judged[rows].any()
        assert (table.labels == np.where(rows, self.decided, self.given)).all()

    @invariant()
    def weights_are_in_bounds(self):
        table = self.table
        assert ((table.weights >= 0) & (table.weights <= 1)).all()
        assert ((table.weights_now >= 0) & (table.weights_now <= self.sample_weight[:, None])).all()
        assert not table.weights_now[~table.drawn].any()
        assert (table.fed <= table.drawn).all()
        assert (table.kept <= table.drawn).all()
        waiting = table.held_back & ~table.judged
        assert not table.weights_now[waiting].any()
        assert (table.trained == self.trained).all()


Table.TestCase.settings = SEARCH
TestTable = Table.TestCase

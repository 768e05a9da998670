import csv

import numpy as np
import pytest

from tssd_keras.judge import table as module
from tssd_keras.judge.roles import FLOOR, NEGATIVE, POSITIVE, SEMI_HARD, UNCERTAIN
from tssd_keras.judge.table import Rewrite, SampleTable, in_agreement, weights_of

pytestmark = pytest.mark.backend_free
ROLES = np.array([POSITIVE, NEGATIVE, UNCERTAIN, SEMI_HARD, FLOOR], np.int8)


def judged(n=5, **change):
    columns = {
        "weight": np.linspace(0, 1, n, dtype="float32"),
        "role": ROLES[:n],
        "p_loss": np.full(n, 0.25),
        "p_feature": np.full(n, 0.75),
        "q": np.full(n, 0.9),
        "suggested": np.zeros(n, int),
        "p_suggested": np.full(n, 0.6),
        "confidence": np.full(n, 0.5),
    }
    return Rewrite(**{**columns, **change})


def test_a_new_table_trusts_every_label():
    table = SampleTable([0, 1, 1])
    assert table.weight.tolist() == [1, 1, 1]
    assert np.isnan(table.q).all()
    assert table.index.tolist() == [0, 1, 2]


def test_weights_are_one_for_the_certain_and_q_for_the_mined():
    q = np.array([0.3, 0.9, 0.9, 0.7, 0.1], np.float32)
    assert weights_of(ROLES, q).tolist() == pytest.approx([1, 0, 0, 0.7, 1])


def test_a_rewrite_gives_new_weights():
    table = SampleTable(np.zeros(5, int))
    assert table.weights_now[:, 0].tolist() == [1] * 5
    table.rewrite(judged())
    assert table.weights_now[:, 0].tolist() == [0, 0.25, 0.5, 0.75, 1]
    assert table.n_rewrites == 1


def test_rejected_labels_can_count_without_being_kept():
    table = SampleTable(np.zeros(5, int), n_networks=2)
    rest = np.zeros((5, 2))
    rest[0] = 0.25, 0.5
    table.rewrite(judged(rest=rest))
    assert table.weights_now[0].tolist() == [0.25, 0.5]
    assert table.fed.tolist() == [True] * 5
    assert table.kept.tolist() == [False, True, True, True, True]
    assert table.weight[0] == 0
    table.rewrite(judged())
    assert table.fed.tolist() == table.kept.tolist() == [False, True, True, True, True]


def test_what_is_held_back_counts_once_it_was_judged():
    held_back = np.arange(5) > 2
    decided = np.array([-1, -1, -1, -1, 0])
    table = SampleTable(np.zeros(5, int), decided=decided, held_back=held_back)
    assert table.fed.tolist() == [True, True, True, False, True]
    table.mark_trained()
    table.rewrite(judged(4, weight=np.ones(4)), np.arange(4))
    assert table.trained[:, 0].tolist() == [True, True, True, False, True]
    assert table.fed.all()
    table.mark_trained()
    assert table.trained.all()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"weight": np.zeros(5)}, "no sample of 5 would carry weight"),
        ({"weight": np.array([0, 0, 0, 0, 1.5])}, "0..1"),
        ({"weight": np.array([0, 0, 0, np.nan, 1])}, "0..1"),
        ({"rest": np.full(5, 1.5)}, "0..1"),
        ({"rest": np.zeros(4)}, r"rest must have one entry a sample"),
        ({"q": np.zeros(4)}, r"q must have one entry a sample, shape \(5,\), got \(4,\)"),
    ],
)
def test_a_bad_rewrite_changes_nothing(change, message):
    table = SampleTable(np.zeros(5, int))
    with pytest.raises(ValueError, match=message):
        table.rewrite(judged(**change))
    assert table.weight.tolist() == [1] * 5
    assert table.n_rewrites == 0


def test_a_draw_takes_the_weight_of_the_others_until_they_are_drawn():
    table = SampleTable(np.zeros(5, int))
    table.rewrite(judged(weight=np.array([1, 0, 0.5, 1, 1])))
    table.draw(np.array([1, 2]))
    assert table.weights_now[:, 0].tolist() == [0, 0, 0.5, 0, 0]
    assert table.kept.tolist() == [False, False, True, False, False]
    assert table.weight.tolist() == [1, 0, 0.5, 1, 1]
    table.draw(np.array([0, 4]))
    assert table.weights_now[:, 0].tolist() == [1, 0, 0, 0, 1]


def test_a_rewrite_of_some_rows_leaves_the_others():
    table = SampleTable(np.zeros(5, int))
    table.rewrite(judged())
    before = {name: getattr(table, name).copy() for name in vars(judged())}
    rows = np.array([1, 3])
    table.rewrite(judged(2, weight=np.array([0.125, 1]), q=np.array([0.5, 0.75])), rows)
    assert table.weight[rows].tolist() == [0.125, 1]
    assert table.q[rows].tolist() == [0.5, 0.75]
    assert table.role[rows].tolist() == ROLES[:2].tolist()
    for name, column in before.items():
        np.testing.assert_array_equal(getattr(table, name)[[0, 2, 4]], column[[0, 2, 4]])


def test_each_network_is_trained_on_what_the_other_says():
    first = judged(weight=np.array([1, 1, 0, 0.5, 0]))
    second = judged(weight=np.array([1, 0, 0, 1, 0.25]))
    table = SampleTable(np.zeros(5, int), n_networks=2)
    table.rewrite(in_agreement([first, second]))
    assert table.weights[:, 1].tolist() == first.weight.tolist()
    assert table.weights[:, 0].tolist() == second.weight.tolist()
    assert table.weight.tolist() == [1, 0.5, 0, 0.75, 0.125]
    assert table.kept.tolist() == [True, True, False, True, True]


def test_networks_that_disagree_leave_a_sample_uncertain_and_the_surer_one_suggests():
    roles = np.array([POSITIVE, NEGATIVE, POSITIVE, SEMI_HARD, FLOOR], np.int8)
    first = judged(role=roles, suggested=np.full(5, 3), p_suggested=np.full(5, 0.7))
    second = judged(
        role=np.array([POSITIVE, POSITIVE, UNCERTAIN, SEMI_HARD, FLOOR], np.int8),
        q=np.full(5, 0.5),
        suggested=np.full(5, 4),
        p_suggested=np.array([0.6, 0.8, 0.6, 0.8, 0.6]),
    )
    both = in_agreement([first, second])
    assert both.role.tolist() == [POSITIVE, UNCERTAIN, UNCERTAIN, SEMI_HARD, FLOOR]
    assert both.suggested.tolist() == [3, 4, 3, 4, 3]
    assert both.p_suggested.tolist() == [0.7, 0.8, 0.7, 0.8, 0.7]
    assert both.q.tolist() == pytest.approx([0.7] * 5)


def test_a_network_alone_is_trained_on_what_it_says_itself():
    only = judged()
    assert in_agreement([only]) is only


def test_weights_of_another_number_of_networks_are_refused():
    table = SampleTable(np.zeros(5, int), n_networks=2)
    with pytest.raises(ValueError, match=r"weight .*\(5,\) or \(5, 2\), got \(5, 3\)"):
        table.rewrite(judged(weight=np.ones((5, 3))))


def test_judged_are_the_rows_that_a_round_has_written():
    table = SampleTable(np.zeros(5, int))
    for rows in ([1, 3], [3, 4]):
        table.rewrite(judged(2), np.array(rows))
    assert table.judged.tolist() == [False, True, False, True, True]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"weight": np.zeros(2)}, "no sample of 2 would carry weight"),
        ({"q": np.zeros(5)}, r"q must have one entry a sample, shape \(2,\), got \(5,\)"),
    ],
)
def test_a_bad_rewrite_of_some_rows_changes_nothing(change, message):
    table = SampleTable(np.zeros(5, int))
    with pytest.raises(ValueError, match=message):
        table.rewrite(judged(2, **change), np.array([0, 1]))
    assert table.weight.tolist() == [1] * 5
    assert not table.judged.any()


def test_the_csv_leaves_empty_what_is_not_known(tmp_path):
    table = SampleTable([1, 0, 1])
    table.rewrite(judged(1, weight=np.ones(1)), np.array([1]))
    table.write_csv(tmp_path / "t.csv", ("cat", "dog"), true_labels=np.array([-1, 0, 1]))
    with open(tmp_path / "t.csv", newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert [r["true"] for r in rows] == ["", "cat", "dog"]
    assert [r["role"] for r in rows] == ["", "positive", ""]
    for name in ("p_loss", "p_feature", "q", "suggested", "p_suggested"):
        assert [bool(r[name]) for r in rows] == [False, True, False]


def test_the_clean_score_is_q_or_else_the_mean_of_the_streams():
    table = SampleTable(np.zeros(5, int))
    table.rewrite(judged())
    assert table.clean_score.tolist() == pytest.approx([0.9] * 5)
    table.rewrite(judged(q=np.full(5, np.nan)))
    assert table.clean_score.tolist() == pytest.approx([0.5] * 5)


def test_the_csv_is_in_source_order_and_names_the_classes(tmp_path):
    table = SampleTable([1, 0, 1, 0, 1], index=[9, 3, 5, 4, 7])
    table.rewrite(judged())
    table.write_csv(
        tmp_path / "t.csv",
        ("cat, big", 'dog "small"'),
        true_labels=np.array([1, 1, 1, 0, 0]),
        ids=np.array(["i", "c", "e", "d", "g"]),
    )
    with open(tmp_path / "t.csv", newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert [r["index"] for r in rows] == ["3", "4", "5", "7", "9"]
    assert [r["id"] for r in rows] == ["c", "d", "e", "g", "i"]
    assert rows[0]["given"] == "cat, big"
    assert rows[0]["true"] == 'dog "small"'
    assert rows[1]["role"] == "semi-hard"
    assert rows[1]["weight"] == "0.75"


def test_an_index_of_another_length_is_refused():
    with pytest.raises(ValueError, match="got 2 for 3"):
        SampleTable([0, 0, 0], index=[1, 2])


def test_the_last_change_is_the_round_that_gave_another_role_or_suggestion():
    table = SampleTable(np.zeros(5, int))
    assert table.changed.tolist() == [-1] * 5
    table.rewrite(judged(), epoch=6)
    assert table.changed.tolist() == [6] * 5
    role = ROLES.copy()
    role[1] = POSITIVE
    table.rewrite(judged(role=role, suggested=np.array([0, 0, 3, 0, 0])), epoch=8)
    assert table.changed.tolist() == [6, 8, 8, 6, 6]
    table.rewrite(judged(role=role, q=np.zeros(5), suggested=np.array([0, 0, 3, 0, 0])), epoch=9)
    assert table.changed.tolist() == [6, 8, 8, 6, 6]


def test_a_rewrite_of_some_rows_changes_no_others():
    table = SampleTable(np.zeros(5, int))
    table.rewrite(judged(2), np.array([0, 3]), epoch=4)
    table.rewrite(judged(2), np.array([3, 4]), epoch=5)
    assert table.changed.tolist() == [4, -1, -1, 5, 5]


def test_a_network_that_tells_nothing_of_a_sample_has_no_part_in_its_judgement():
    def columns(p, q, role, suggested, p_suggested):
        return Rewrite(
            np.ones(2, np.float32),
            np.full(2, role, np.int8),
            np.full(2, p),
            np.full(2, p),
            np.full(2, q, np.float32),
            np.full(2, suggested),
            *np.full((2, 2), p_suggested, np.float32),
        )

    told = columns(0.1, 0.2, NEGATIVE, 1, 0.6)
    untold = columns(0.5, np.nan, UNCERTAIN, 0, 0.9)
    for pair in ([told, untold], [untold, told]):
        both = in_agreement(pair)
        for name in ("role", "p_loss", "p_feature", "q", "suggested", "p_suggested", "confidence"):
            np.testing.assert_array_equal(getattr(both, name), getattr(told, name))
    nobody = in_agreement([untold, untold])
    assert np.isnan(nobody.q).all()
    np.testing.assert_array_equal(nobody.role, untold.role)
    np.testing.assert_array_equal(nobody.p_loss, untold.p_loss)


def own_bytes(table):
    """Of its arrays, without those that are views of others."""
    arrays = [v for v in vars(table).values() if isinstance(v, np.ndarray)]
    return sum(v.nbytes for v in arrays if v.base is None)


@pytest.mark.parametrize(("n_networks", "bytes_a_row"), [(1, 58), (2, 68)])
def test_ten_million_rows_take_less_than_a_gigabyte(n_networks, bytes_a_row):
    table = SampleTable(np.zeros(1000, np.int64), n_networks=n_networks)
    assert own_bytes(table) == 1000 * bytes_a_row
    table.rewrite(judged(5), np.arange(5))
    assert own_bytes(table) == 1000 * bytes_a_row


def test_what_is_alike_for_all_rows_or_is_the_given_labels_cannot_be_changed_for_one():
    table = SampleTable(np.zeros(5, int))
    for column in (table.decided, table.sample_weight, table.labels):
        with pytest.raises(ValueError, match="read-only"):
            column[0] = 1


def some_rounds():
    """A table of 60 rows after a round of all and one of some, and which rows count."""
    rng = np.random.default_rng(0)
    decided = np.where(np.arange(60) % 20 == 7, 1, -1)
    table = SampleTable(
        rng.integers(0, 3, 60), decided=decided, held_back=rng.random(60) < 0.2, n_networks=2
    )
    seen = []
    for n, epoch in ((57, 1), (23, 3)):
        rows = rng.permutation(np.flatnonzero(decided < 0))[:n]
        table.draw(rng.permutation(60)[:40])
        new = {name: rng.random(n) for name in ("p_loss", "p_feature", "q", "p_suggested")}
        new |= {"weight": rng.integers(0, 2, (n, 2)), "rest": rng.integers(0, 2, (n, 2)) / 4}
        role, suggested = rng.integers(0, 5, n), rng.integers(0, 3, n)
        table.rewrite(Rewrite(**new, role=role, suggested=suggested, confidence=new["q"]), rows)
        table.mark_trained(None if epoch == 1 else rows)
        seen.append(table.fed)
    return {**table.get_state(), "first": seen[0], "second": seen[1]}


def test_blocks_do_not_matter(monkeypatch):
    expected = some_rounds()
    assert 0 < expected["second"].sum() < 40
    assert 0 < expected["trained"].sum() < 120
    monkeypatch.setattr(module, "BLOCK", 7)
    for name, column in some_rounds().items():
        np.testing.assert_array_equal(column, expected[name], err_msg=name)


@pytest.mark.parametrize("drawn", [slice(None), slice(3, None)])
def test_fed_and_trained_are_by_the_weights_now(drawn):
    rng = np.random.default_rng(1)
    table = SampleTable(
        np.zeros(9, int),
        n_networks=2,
        sample_weight=rng.integers(0, 2, 9),
        held_back=np.arange(9) == 6,
    )
    table.rewrite(
        judged(weight=rng.integers(0, 2, (5, 2)), rest=rng.integers(0, 2, (5, 2))), np.arange(5)
    )
    table.draw(np.arange(9)[drawn])
    np.testing.assert_array_equal(table.fed, (table.weights_now > 0).any(axis=1))
    table.mark_trained()
    np.testing.assert_array_equal(table.trained, table.weights_now > 0)

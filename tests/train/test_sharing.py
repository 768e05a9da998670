"""Work on all samples is shared by processes and devices, and all have the result of one alone."""

import re
import subprocess
import sys
from pathlib import Path

import keras
import numpy as np
import pytest
from builders.processes import free_port
from builders.shared_work import N, found
from builders.small_runs import network, new_tssd

import tssd_keras
from tssd_keras.judge import sharing
from tssd_keras.judge.sharing import Sharing, fill, total
from tssd_keras.recipe.method_sections import DivideRecipe
from tssd_keras.train import devices

ROOT = Path(tssd_keras.__file__).parent.parent
BACKEND = keras.backend.backend()


class InTurn(Sharing):
    """Process after process computes its share, then each is given those of all."""

    def __init__(self, n_processes, process, told):
        self.n_processes, self.process, self._told = n_processes, process, told
        self._asked = 0

    def rows_of_all(self, rows):
        sent = self._told.setdefault(self._asked, {})
        sent[self.process] = tuple(part.copy() for part in rows)
        self._asked += 1
        if len(sent) < self.n_processes:
            return tuple(np.concatenate([part] * self.n_processes) for part in rows)
        return tuple(np.concatenate(parts) for parts in zip(*(sent[i] for i in sorted(sent))))


@pytest.mark.parametrize("n_processes", [1, 2, 3, 7])
@pytest.mark.parametrize("n", [1, 5, 16, 40, 41])
def test_each_row_is_computed_once_by_one_process_and_comes_to_its_place(n, n_processes):
    told, seen = {}, []
    for process in range(n_processes):
        out = (np.zeros(n, np.int64), np.zeros((n, 2), np.float32))
        done = []

        def of_block(rows):
            number = np.arange(n)[rows]
            assert 0 < len(number) <= 5
            seen.extend(number)
            return number * 10, np.stack([number, -number], axis=1)

        fill(out, of_block, 5, InTurn(n_processes, process, told), done.append)
        assert sum(done) == n
    assert sorted(seen) == list(range(n))
    np.testing.assert_array_equal(out[0], np.arange(n) * 10)
    np.testing.assert_array_equal(out[1][:, 1], -np.arange(n))


@pytest.mark.parametrize("n_processes", [1, 2, 3, 7])
@pytest.mark.parametrize("n", [1, 5, 16, 41])
def test_a_sum_has_each_row_once(n, n_processes, monkeypatch):
    monkeypatch.setattr(sharing, "TOLD", 4)  # of six numbers: told in two pieces
    rows, told = np.outer(2.0 ** np.arange(n), np.arange(6)).reshape(n, 2, 3), {}
    for process in range(n_processes):
        among = InTurn(n_processes, process, told)
        added_up = total(n, lambda some: rows[some].sum(axis=0), 5, among)
    np.testing.assert_array_equal(added_up, (2.0**n - 1) * np.arange(6).reshape(2, 3))


def both(script, argument):
    """Two processes of a script of builders/, on one port."""
    script, port = ROOT / "tests" / "builders" / script, str(free_port())
    return [
        subprocess.Popen(
            [sys.executable, script, port, str(i), argument],
            cwd=ROOT,
            stderr=subprocess.PIPE,
            text=True,
        )
        for i in range(2)
    ]


def as_alone(results, *, atol):
    for name, expected in found().items():
        np.testing.assert_allclose(results[name], expected, atol=atol, err_msg=name)


@pytest.mark.skipif(BACKEND != "jax", reason="several processes are of JAX")
def test_two_processes_have_each_half_of_the_search_and_the_whole_result(tmp_path):
    processes = both("shared_by_two.py", str(tmp_path))
    said = [process.communicate(timeout=120)[1] for process in processes]
    assert [process.returncode for process in processes] == [0, 0], said
    results = [dict(np.load(tmp_path / f"{i}.npz")) for i in range(2)]
    assert [int(one.pop("rows_searched")) for one in results] == [-(-N // 2), N // 2]
    assert [int(one.pop("n_processes")) for one in results] == [2, 2]
    for name, rows in results[0].items():
        np.testing.assert_array_equal(rows, results[1][name], err_msg=name)
    as_alone(results[0], atol=1e-6)


@pytest.mark.parametrize("place", ["neighbours", "class_means"])
def test_a_round_hands_on_who_shares_its_work(place, monkeypatch):
    class Noted(Sharing):
        def rows_of_all(self, rows):
            heard.append(len(rows[0]))
            return rows

    heard, noted = [], Noted()
    monkeypatch.setattr(devices, "sharing_of", lambda model: noted)
    tssd = new_tssd(warmup_epochs=1, divide=DivideRecipe(place=place))
    before = []
    begun = keras.callbacks.LambdaCallback(on_epoch_begin=lambda *_: before.append(len(heard)))
    network().fit(tssd.feed(64), epochs=2, callbacks=[begun, tssd], shuffle=False, verbose=0)
    assert (before[0] > 0) == (place == "neighbours")  # inputs and neighbours before training
    assert len(heard) > before[1] == before[0]


@pytest.mark.skipif(BACKEND != "jax", reason="several processes are of JAX")
@pytest.mark.parametrize(
    ("other", "what"),
    [
        pytest.param("samples", r"labels: process 0 has \w+, this one", marks=pytest.mark.long),
        pytest.param("golden", r"golden: process 0 has \w+, this one", marks=pytest.mark.long),
        ("settings", "divide: process 0 has .*place_every=1.*this one .*place_every=2"),
        pytest.param(
            "seed", "drawing: process 0 has .*seed=0.*this one .*seed=1", marks=pytest.mark.long
        ),
        pytest.param(
            "batches", "batch_size: process 0 has 40, this one 20", marks=pytest.mark.long
        ),
        pytest.param(
            "state", "epochs trained: process 0 has 0, this one 3", marks=pytest.mark.long
        ),
    ],
)
def test_processes_that_differ_are_stopped_before_they_wait_for_each_other(other, what):
    found = []
    for process in both("fit_of_two.py", other):
        _, said = process.communicate(timeout=120)
        assert process.returncode == 1
        found.append(re.search(r"process 1 differs from process 0 \((.*)\)\. Give each", said))
    assert found[0][1] == "those processes say in what"
    assert re.search(what, found[1][1])


def test_three_devices_of_one_process_search_and_add_up_a_third_each():
    script = ROOT / "tests" / "builders" / "shared_by_devices.py"
    done = subprocess.run(
        [sys.executable, script], cwd=ROOT, capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 0, done.stderr
    # 1,501 rows are searched as 2,049, a multiple of three, and added up as 8,192 for each.
    assert done.stdout.split("\n")[:2] == ["3 [683, 8192]", "alike"]

"""All processes take the first one's table: of the rows that were judged, in blocks."""

import subprocess
import sys
from pathlib import Path

import keras
import numpy as np
import pytest
from builders.processes import free_port

import tssd_keras
from tssd_keras.judge.state import part
from tssd_keras.judge.table import JUDGED

ROOT = Path(tssd_keras.__file__).parent.parent


def both(folder, which):
    """Two processes of builders/one_table_of_two.py."""
    script, port = ROOT / "tests" / "builders" / "one_table_of_two.py", str(free_port())
    return [
        subprocess.Popen(
            [sys.executable, script, port, str(i), folder / f"{i}.npz", which],
            cwd=ROOT,
            stderr=subprocess.PIPE,
            text=True,
        )
        for i in range(2)
    ]


@pytest.mark.skipif(keras.backend.backend() != "jax", reason="several processes are of JAX")
def test_processes_that_judged_other_samples_are_stopped_in_all_of_them(tmp_path):
    processes = both(tmp_path, "other rows")
    for process in processes:
        _, said = process.communicate(timeout=120)
        assert process.returncode == 1
        assert "process 1 differs from process 0. Give each the same data, decisions" in said


@pytest.mark.skipif(keras.backend.backend() != "jax", reason="several processes are of JAX")
def test_two_processes_that_judged_otherwise_then_have_the_first_ones_table(tmp_path):
    processes = both(tmp_path, "the same rows")
    said = [process.communicate(timeout=120)[1] for process in processes]
    assert [process.returncode for process in processes] == [0, 0], said
    found = [dict(np.load(tmp_path / f"{i}.npz")) for i in range(2)]

    first, second = (part(one, "mine") for one in found)
    rows = found[0]["rows"]
    np.testing.assert_array_equal(rows, found[1]["rows"])
    assert (first["role"][rows] != second["role"][rows]).mean() > 0.5  # else nothing is shown
    for then in (part(one, "then") for one in found):
        assert then.keys() == first.keys()
        for name, column in first.items():
            np.testing.assert_array_equal(then[name], column, err_msg=name)
    assert [int(one["epoch"]) for one in found] == [0, 0]
    assert abs(found[0]["own_shares"] - found[1]["own_shares"]).max() > 0.01
    for one in found:
        np.testing.assert_allclose(one["shares"], found[0]["own_shares"], rtol=1e-6)

    whole = sum(first[name].nbytes for name in JUDGED)
    assert found[0]["longest"] < whole / 10  # a part was judged, and told in blocks

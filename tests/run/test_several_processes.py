"""Two processes that train one run on JAX: what one process gives, and the end of one of them."""

import csv
import os
import signal
import subprocess
import sys
from pathlib import Path

import keras
import numpy as np
import pytest
from builders.processes import free_port
from builders.runs import tssd

import tssd_keras

pytestmark = pytest.mark.skipif(
    keras.backend.backend() != "jax", reason="several processes train on JAX alone"
)
ROOT = Path(tssd_keras.__file__).parent.parent
SHORT = ("train.epochs=5", "train.warmup_epochs=2", "model.name=mlp", "model.width=16")
SETTINGS = [word for setting in SHORT for word in ("--set", setting)]


def begun(*words, own=()):
    """Both processes of a command, on a free port; their output comes as they print it.

    `own` words are of the second one alone.
    """
    several = {
        "JAX_COORDINATOR_ADDRESS": f"127.0.0.1:{free_port()}",
        "JAX_NUM_PROCESSES": "2",
    }
    return [
        subprocess.Popen(
            [sys.executable, "cli.py", "train", *map(str, words), "--devices", "all", *own * i],
            cwd=ROOT,
            env={**os.environ, **several, "JAX_PROCESS_ID": str(i)},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        for i in range(2)
    ]


def lines_until(process, start):
    """What a process prints up to a line that begins so."""
    lines = []
    for line in process.stdout:
        lines.append(line)
        if line.startswith(start):
            return "".join(lines)
    raise AssertionError("".join(lines))


def rows(path):
    with open(path, newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


@pytest.mark.long
def test_where_one_process_is_killed_the_other_ends_and_resume_ends_as_one_process_does(tmp_path):
    out = tmp_path / "run"
    first, second = begun(*SETTINGS, "--out", out)
    said = lines_until(first, "epoch 3/5")
    assert "2 devices (DataParallel) in 2 processes" in said
    assert f"go on with train --resume {out} in each" in said
    first.send_signal(signal.SIGKILL)  # of the second the first hears after 30 s, to wait for here
    said, _ = second.communicate(timeout=120)
    assert second.returncode != 0
    assert "another task died" in said or "Error: " in said  # JAX's reason, or that of the update
    first.communicate()

    both = begun("--resume", out)
    said = [process.communicate(timeout=300)[0] for process in both]
    assert [process.returncode for process in both] == [0, 0], said
    assert "going on after" in said[0]
    assert "everything is in" in said[0] and "everything is in" not in said[1]

    alone = tmp_path / "alone"
    result = tssd("train", *SETTINGS, "--out", alone)
    assert result.exit_code == 0, result.output
    losses = [[float(row["loss"]) for row in rows(run / "epochs.csv")] for run in (out, alone)]
    np.testing.assert_allclose(*losses, rtol=5e-3)
    tables = [rows(run / "samples.csv") for run in (out, alone)]
    differ = [a for a, b in zip(*tables, strict=True) if a["role"] != b["role"]]
    assert len(differ) <= len(tables[0]) // 100, differ


@pytest.mark.long
@pytest.mark.parametrize(
    ("setting", "differs"),
    [
        ("train.batch_size=32", "train.batch_size: process 0 has 64, this one 32"),
        ("train.seed=7", "train.seed: process 0 has 0, this one 7"),
        ("train.epochs=6", "train.epochs: process 0 has 5, this one 6"),
    ],
)
def test_processes_with_other_settings_are_stopped_before_anything_is_read(
    tmp_path, setting, differs
):
    run = tmp_path / "run"
    first, other = begun("recipes/digits.toml", *SETTINGS, "--out", run, own=("--set", setting))
    said = [process.communicate(timeout=120)[0] for process in (first, other)]
    assert [first.returncode, other.returncode] == [1, 1], said
    assert f"process 1 differs from process 0 ({differs}). Give each the same recipe" in said[1]
    assert "process 1 differs from process 0 (those processes say in what)" in said[0]
    assert not any("preparing data" in one for one in said)
    assert not run.exists() or not any(run.iterdir())

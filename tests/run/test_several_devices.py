"""A run on several devices is the run on one: the same losses, the same table, the same files."""

import csv
import json
import subprocess
import sys
from pathlib import Path

import keras
import numpy as np
import pytest

import tssd_keras

pytestmark = [pytest.mark.on_both, pytest.mark.long]

ROOT = Path(tssd_keras.__file__).parent.parent
SCRIPT = ROOT / "tests" / "builders" / "devices_beside_one.py"
N = {"jax": "4", "tensorflow": "2"}[keras.backend.backend()]
# Two networks that judge for each other, and running means of them. The objective "weighted" is
# trained in test_several_processes.py, and its updates are compared in train/test_devices.py.
SETTINGS = (
    *("train.epochs=2", "train.warmup_epochs=1", "augment.crop=1", "model.name=mlp"),
    *("model.width=32", "objective.kind=mixmatch", "objective.ramp_epochs=1"),
    *("train.networks=2", "train.ema=0.9"),
)
AT_ONCE = {"jax": 4, "tensorflow": 1}[keras.backend.backend()]  # TensorFlow's is refused, see below


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    """The folders of the runs on several devices and on one."""
    out = tmp_path_factory.mktemp("devices")
    words = [sys.executable, SCRIPT, N, out, *SETTINGS, f"train.steps_per_execution={AT_ONCE}"]
    done = subprocess.run(words, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return out / "several", out / "one"


def rows(path):
    with open(path, newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def column(path, name):
    return np.array([float(row[name]) for row in rows(path)])


def test_several_devices_train_and_judge_as_one_does(runs):
    several, one = runs
    losses = [column(run / "epochs.csv", "loss") for run in (several, one)]
    # Sums are taken in another order, and rounding grows from update to update.
    np.testing.assert_allclose(losses[0][0], losses[1][0], rtol=1e-5)
    np.testing.assert_allclose(*losses, rtol=5e-3)
    tables = [rows(run / "samples.csv") for run in (several, one)]
    differ = [a for a, b in zip(*tables, strict=True) if a["role"] != b["role"]]
    assert len(differ) <= len(tables[0]) // 50, differ
    apart = np.abs(column(several / "samples.csv", "q") - column(one / "samples.csv", "q"))
    assert np.median(apart) < 1e-3


def test_what_several_devices_leave_says_how_many_there_were(runs):
    several, _ = runs
    found = json.loads((several / "summary.json").read_text())
    assert (found["devices"], found["processes"]) == (int(N), 1)
    network = keras.models.load_model(several / "model.keras")
    assert network(np.zeros((2, 8, 8, 1), "uint8")).shape == (2, 10)


@pytest.mark.skipif(keras.backend.backend() == "jax", reason="JAX does several updates at once")
def test_several_updates_at_once_on_several_devices_are_refused_and_make_no_folder(tmp_path):
    words = ["--devices", "2", "--set", "train.steps_per_execution=4", "--out", tmp_path / "run"]
    words = [sys.executable, "cli.py", "train", *words]
    done = subprocess.run(words, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 1
    assert "steps_per_execution must be 1 on 2 devices (MirroredStrategy), got 4" in done.stderr
    assert not (tmp_path / "run").exists()

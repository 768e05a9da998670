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

pytestmark = pytest.mark.on_both

ROOT = Path(tssd_keras.__file__).parent.parent
SCRIPT = ROOT / "tests" / "builders" / "devices_beside_one.py"
N = {"jax": "4", "tensorflow": "2"}[keras.backend.backend()]
SHORT = ("train.epochs=3", "train.warmup_epochs=1", "augment.crop=1")
EVERY = {
    "weighted": ("model.width=4",),
    "mixmatch": (  # two networks that judge for each other, and running means of them
        *("model.name=mlp", "model.width=32", "objective.kind=mixmatch"),
        *("objective.ramp_epochs=1", "train.networks=2", "train.ema=0.9"),
    ),
}
# On JAX the other kind is trained in test_several_processes.py; a run costs its compilation.
KINDS = {k: v for k, v in EVERY.items() if N == "2" or k != "weighted"}


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    """A folder for each kind, with the runs "several" and "one"."""
    out = tmp_path_factory.mktemp("devices")
    kinds = [word for kind in KINDS for word in (kind, ",".join((*SHORT, *KINDS[kind])))]
    words = [sys.executable, SCRIPT, N, out, *kinds]
    done = subprocess.run(words, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return out


def rows(path):
    with open(path, newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def column(path, name):
    return np.array([float(row[name]) for row in rows(path)])


@pytest.mark.parametrize("kind", KINDS)
def test_several_devices_train_and_judge_as_one_does(kind, runs):
    several, one = runs / kind / "several", runs / kind / "one"
    losses = [column(run / "epochs.csv", "loss") for run in (several, one)]
    # Sums are taken in another order, and rounding grows from update to update.
    np.testing.assert_allclose(losses[0][0], losses[1][0], rtol=1e-5)
    np.testing.assert_allclose(*losses, rtol=5e-3)
    tables = [rows(run / "samples.csv") for run in (several, one)]
    differ = [a for a, b in zip(*tables, strict=True) if a["role"] != b["role"]]
    assert len(differ) <= len(tables[0]) // 100, differ
    apart = np.abs(column(several / "samples.csv", "q") - column(one / "samples.csv", "q"))
    assert np.median(apart) < 1e-3


@pytest.mark.parametrize("kind", KINDS)
def test_what_several_devices_leave_is_a_plain_network(kind, runs):
    several = runs / kind / "several"
    found = json.loads((several / "summary.json").read_text())
    assert (found["devices"], found["processes"]) == (int(N), 1)
    config = keras.models.load_model(several / "model.keras").get_config()
    assert "'synchronized': True" not in str(config)  # which TensorFlow alone would read back

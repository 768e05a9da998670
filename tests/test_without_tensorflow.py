import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.backend_free  # a process of its own, always on JAX

ROOT = Path(__file__).parent.parent
# TensorFlow is installed beside the tests; this hides it as if it were not.
BLOCKED = """
import importlib.machinery as machinery
found = machinery.PathFinder.find_spec
def hidden(name, *args, **kwargs):
    if name.split(".")[0] not in ("tensorflow", "tensorflow_datasets"):
        return found(name, *args, **kwargs)
machinery.PathFinder.find_spec = hidden
"""


# One process, as it takes longer to start one than to do either.
CODE = """
import sys
from tssd_keras.cli.main import main
main(sys.argv[1:], standalone_mode=False)
import numpy as np, keras
from tssd_keras import TSSD
tssd = TSSD(np.zeros((4, 2, 2, 1), "float32"), np.array([0, 1, 0, 1]))
feeds = [tssd.feed(2), tssd.feed(2, map=keras.layers.RandomFlip())]
print("pydataset:", all(isinstance(feed, keras.utils.PyDataset) for feed in feeds))
print("loaded:", [name for name in sys.modules if name.startswith("tensorflow")])
"""
SETTINGS = ("model.name=mlp", "model.width=0", "train.epochs=2", "train.warmup_epochs=1")


@pytest.fixture(scope="module")
def done(tmp_path_factory):
    """The folder of a run, and what was printed."""
    out = tmp_path_factory.mktemp("jax") / "run"
    arguments = [word for s in SETTINGS for word in ("--set", s)]
    done = subprocess.run(
        [
            *(sys.executable, "-c", BLOCKED + CODE),
            *("train", "recipes/digits.toml", *arguments, "--out", str(out)),
        ],
        cwd=ROOT,
        env={**os.environ, "KERAS_BACKEND": "jax"},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    return out, done.stdout


def test_the_command_line_runs_whole_on_jax_alone(done):
    summary = json.loads((done[0] / "summary.json").read_text())
    assert summary["backend"] == "jax"
    assert summary["label_error_auroc"] > 0.97


def test_the_feed_falls_back_to_pydataset(done):
    assert "pydataset: True" in done[1].splitlines()


def test_tensorflow_was_indeed_hidden(done):
    assert "loaded: []" in done[1].splitlines()

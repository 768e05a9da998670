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


def run(code, *arguments):
    done = subprocess.run(
        [sys.executable, "-c", BLOCKED + code, *arguments],
        cwd=ROOT,
        env={**os.environ, "KERAS_BACKEND": "jax"},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_command_line_runs_whole_on_jax_alone(tmp_path):
    settings = ["train.epochs=8", "train.warmup_epochs=6"]
    arguments = [word for s in settings for word in ("--set", s)]
    run(
        "from tssd_keras.cli.main import main; main()",
        "train",
        "recipes/digits.toml",
        *arguments,
        "--out",
        str(tmp_path / "run"),
    )
    summary = json.loads((tmp_path / "run" / "summary.json").read_text())
    assert summary["backend"] == "jax"
    assert summary["label_error_auroc"] > 0.97


def test_the_feed_falls_back_to_pydataset():
    out = run(
        "import numpy as np, keras; from tssd_keras import TSSD;"
        "tssd = TSSD(np.zeros((4, 2), 'float32'), np.array([0, 1, 0, 1]));"
        "print(isinstance(tssd.feed(2), keras.utils.PyDataset))"
    )
    assert out.strip() == "True"

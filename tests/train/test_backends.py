"""Another backend than the two that are tested is refused by name; NumPy's stands for them."""

import os
import subprocess
import sys

import pytest

pytestmark = pytest.mark.backend_free

MADE = {
    "the callback": "TSSD(x, y)",
    "the classifier": "TSSDClassifier().fit(x, y)",
    "a step": "weighted_step(keras.Sequential([keras.Input((3,)), keras.layers.Dense(2)]))",
}


@pytest.mark.parametrize("what", MADE)
def test_another_backend_is_refused_by_name(what):
    code = f"""
import keras, numpy as np
from tssd_keras import TSSD, TSSDClassifier
from tssd_keras.train.steps import weighted_step
x, y = np.random.default_rng(0).normal(size=(60, 3)), np.arange(60) % 2
{MADE[what]}
"""
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "KERAS_BACKEND": "numpy"},
        capture_output=True,
        text=True,
    )
    assert done.returncode
    assert "Keras must run on tensorflow or jax, it runs on numpy. Set" in done.stderr

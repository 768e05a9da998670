"""The search for near rows: the processor's and the accelerator's find the same ones."""

import os
import subprocess
import sys

import numpy as np
import pytest

from tssd_keras.judge import nearest


def unit(n, d, seed):
    rows = np.random.default_rng(seed).normal(size=(n, d)).astype(np.float32)
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


@pytest.mark.parametrize("n_rows", [1, 1024, 1500])
@pytest.mark.parametrize("way", [nearest.by_scikit_learn, nearest.by_keras])
def test_the_nearest_rows_are_found_with_their_distances(way, n_rows):
    among, rows = unit(300, 16, 0), unit(n_rows, 16, 1)
    squared, index = way(among, 7)(rows)
    every = ((rows[:, None] - among[None]) ** 2).sum(axis=2)
    np.testing.assert_array_equal(index, np.argsort(every, axis=1)[:, :7])
    np.testing.assert_allclose(squared, np.sort(every, axis=1)[:, :7], atol=1e-5)


def test_equal_rows_are_at_no_distance():
    rows = unit(20, 256, 0)
    squared, index = nearest.by_keras(rows, 1)(rows)
    assert index.ravel().tolist() == list(range(20))
    assert (squared >= 0).all()
    assert squared.max() < 1e-5


def test_keras_on_a_backend_that_lists_no_devices_is_not_asked():
    code = (
        "import keras, numpy as np; from tssd_keras import audit;"
        "rng = np.random.default_rng(0); y = rng.integers(0, 3, 300);"
        "p = np.eye(3)[y] * 0.7 + 0.1; x = p + rng.normal(0, 0.1, p.shape);"
        "print(len(audit(p, y, features=x).score), keras.backend.backend())"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "KERAS_BACKEND": "numpy"},
        capture_output=True,
        text=True,
    )
    assert done.stdout.split() == ["300", "numpy"], done.stderr


@pytest.mark.parametrize(
    ("devices", "way"),
    [(["cpu:0"], "by_scikit_learn"), (["CPU:0", "GPU:0"], "by_keras"), (["tpu:0"], "by_keras")],
)
def test_an_accelerator_searches_where_there_is_one(monkeypatch, devices, way):
    import keras

    monkeypatch.setattr(keras.distribution, "list_devices", lambda: devices)
    called = []
    monkeypatch.setattr(nearest, way, lambda among, k, *_: called.append((len(among), k)))
    nearest.nearest(unit(5, 3, 0), 2)
    assert called == [(5, 2)]

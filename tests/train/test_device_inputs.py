import csv

import keras
import numpy as np
import pytest
from click.testing import CliRunner

from tssd_keras.cli.main import main
from tssd_keras.train.device_inputs import DeviceInputs

on_jax = pytest.mark.skipif(keras.backend.backend() != "jax", reason="only JAX keeps them there")
SETTINGS = ("train.epochs=4", "train.warmup_epochs=2", "model.name=mlp", "model.width=32")
SHORT = ["train", *(word for setting in SETTINGS for word in ("--set", setting))]


@on_jax
def test_samples_are_picked_on_the_device():
    import jax

    array = np.arange(60, dtype=np.uint8).reshape(20, 3)
    inputs = DeviceInputs(array)
    assert (inputs.shape, inputs.dtype, len(inputs)) == ((20, 3), np.dtype(np.uint8), 20)
    batch = inputs.read(np.array([4, 4, 0]))
    assert isinstance(batch, jax.Array)
    np.testing.assert_array_equal(np.asarray(batch), array[[4, 4, 0]])


@on_jax
@pytest.mark.parametrize(
    ("dtype", "held"),
    [("float64", "float32"), (">f4", "float32"), ("int64", "int32"), ("bool", "bool")],
)
def test_numbers_that_jax_does_not_have_are_held_in_those_that_it_has(dtype, held):
    array = np.arange(6).reshape(3, 2).astype(dtype)
    inputs = DeviceInputs(array)
    assert inputs.dtype == np.dtype(held)
    batch = inputs.read(np.array([2, 0]))
    assert batch.dtype == held
    np.testing.assert_array_equal(np.asarray(batch), array[[2, 0]].astype(held))


@on_jax
def test_a_run_with_its_samples_on_the_device_is_the_same_run(tmp_path):
    tables = []
    for name, setting in (("host", "false"), ("device", "true")):
        asked = [*SHORT, "--set", f"train.on_device={setting}", "--out", str(tmp_path / name)]
        result = CliRunner().invoke(main, asked)
        assert result.exit_code == 0, result.output
        with open(tmp_path / name / "epochs.csv", newline="") as file:
            tables.append([(row["loss"], row["accuracy"]) for row in csv.DictReader(file)])
    assert tables[0] == tables[1]


@pytest.mark.skipif(keras.backend.backend() == "jax", reason="JAX keeps them there")
def test_another_backend_is_told_that_it_cannot(tmp_path):
    asked = [*SHORT, "--set", "train.on_device=true", "--out", str(tmp_path / "run")]
    result = CliRunner().invoke(main, asked)
    assert result.exit_code == 1
    assert "where Keras runs on JAX, it runs on tensorflow" in result.output
    assert not (tmp_path / "run").exists()

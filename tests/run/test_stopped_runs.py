"""What a run leaves behind when it does not come to its end."""

import contextlib
import csv
import json
import os
import signal
import threading

import keras
import numpy as np
import pytest
from click.testing import CliRunner

from tssd_keras import models
from tssd_keras.cli.main import main
from tssd_keras.data.parquet import can_write
from tssd_keras.recipe.recipe import DEFAULT
from tssd_keras.recipe.toml import load_recipe, parse_recipe
from tssd_keras.run import experiment, wiring

SHORT = ("train.epochs=3", "train.warmup_epochs=1", "model.name=mlp", "model.width=8")
NO_ROUND = {
    "classes.txt",
    "labels.npy",
    "labels.sha256",
    "model.keras",
    "recipe.toml",
    "samples.csv",
    "samples.npz",
    "state.npz",
    "summary.json",
    *(["samples.parquet"] if can_write() else []),
}


def train(out, *settings):
    words = [word for s in settings for word in ("--set", s)]
    return CliRunner().invoke(main, ["train", *words, "--out", str(out)])


def files(folder):
    return {path.name for path in folder.iterdir()}


def summary(folder):
    return json.loads((folder / "summary.json").read_text())


def n_epochs(folder):
    with open(folder / "epochs.csv", newline="", encoding="utf-8") as file:
        return len(list(csv.DictReader(file)))


def stopped_at(out, *beginnings):
    """A run that is sent Ctrl-C at each line that begins so, and all its lines."""
    lines = []

    def say(line):
        lines.append(line)
        if line.startswith(beginnings):
            os.kill(os.getpid(), signal.SIGINT)

    recipe = parse_recipe(DEFAULT, SHORT)
    return experiment.run(recipe, out=out, say=say), lines


def test_an_error_in_mid_training_leaves_what_there_was_and_why_it_ended(tmp_path):
    result = train(tmp_path / "run", *SHORT, "train.learning_rate=1e30")
    assert result.exit_code == 1
    assert isinstance(result.exception, SystemExit)  # a message, not a traceback
    assert f"what there was before the error is in {tmp_path / 'run'}" in result.output
    said = result.output.rpartition("Error: ")[2].strip()
    assert "finite" in said
    found = summary(tmp_path / "run")
    assert found["error"] == f"ValueError: {said}"
    assert found["interrupted"] is False
    assert found["epochs"] == 0
    assert files(tmp_path / "run") == NO_ROUND
    network = keras.saving.load_model(tmp_path / "run" / "model.keras", safe_mode=True)
    assert np.isfinite(network.predict_on_batch(np.zeros((1, 8, 8, 1), "uint8"))).all()
    assert load_recipe(tmp_path / "run" / "recipe.toml").train.learning_rate == 1e30


@pytest.mark.parametrize("kind", ["plain", "weighted", "mixmatch"])
def test_a_loss_that_is_no_number_ends_a_run_of_any_objective(kind, tmp_path):
    x = np.random.default_rng(0).normal(size=(300, 5)).astype("float32")
    x[123, 2] = np.nan
    y = np.arange(300) % 3
    np.savez(tmp_path / "data.npz", x_train=x, y_train=y, x_test=x[:90], y_test=y[:90])
    (tmp_path / "recipe.toml").write_text(
        f'[data]\nsource = "npz"\npath = "{tmp_path / "data.npz"}"\n[noise]\nkind = "none"\n'
        f'[golden]\nsource = "none"\n[model]\nname = "mlp"\nwidth = 8\n'
        f'[objective]\nkind = "{kind}"\n'
        "[train]\nepochs = 2\nwarmup_epochs = 1\n"
    )
    words = ["train", str(tmp_path / "recipe.toml"), "--out", str(tmp_path / "run")]
    result = CliRunner().invoke(main, words)
    assert result.exit_code == 1
    assert "sample" in result.output
    assert "123" in result.output
    assert "learning_rate" not in result.output


@pytest.mark.parametrize("kind", ["plain", "weighted", "mixmatch"])
def test_a_last_epoch_whose_loss_is_no_number_is_no_success(kind, tmp_path):
    one = (*SHORT, "train.epochs=2", f"objective.kind={kind}", "train.learning_rate=1e30")
    result = train(tmp_path / "run", *one)
    assert result.exit_code == 1
    assert "Try a lower train.learning_rate" in result.output
    assert summary(tmp_path / "run")["error"]


def test_ctrl_c_before_the_first_epoch_leaves_a_readable_run(tmp_path):
    done, lines = stopped_at(tmp_path / "run", "backend:")
    assert done.interrupted
    assert lines[-1] == "interrupted: writing down what there is"
    assert files(tmp_path / "run") == NO_ROUND
    assert summary(tmp_path / "run")["interrupted"] is True
    assert summary(tmp_path / "run")["error"] is None
    network = keras.saving.load_model(tmp_path / "run" / "model.keras", safe_mode=True)
    assert np.isfinite(network.predict_on_batch(np.zeros((1, 8, 8, 1), "uint8"))).all()


def test_a_second_ctrl_c_does_not_break_off_the_writing(tmp_path):
    done, lines = stopped_at(tmp_path / "run", "epoch 1/", "interrupted:")
    assert done.interrupted
    assert lines[-1] == "one moment: the files of the run are being written"
    assert files(tmp_path / "run") == NO_ROUND | {"epochs.csv", "accuracy.png"}
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def dropped_ctrl_c():
    """Python drops an exception that comes within a finaliser or a weak reference's callback."""
    with contextlib.suppress(KeyboardInterrupt):
        signal.raise_signal(signal.SIGINT)


class CtrlCInABatch(keras.callbacks.Callback):
    """It comes in one batch, where it is dropped; counts the batches that begin."""

    def __init__(self, at):
        super().__init__()
        self.at, self.began = at, 0

    def on_train_batch_begin(self, batch, logs=None):
        self.began += 1
        if self.began == self.at:
            dropped_ctrl_c()


def test_ctrl_c_that_python_drops_stops_the_run_at_the_next_batch(tmp_path, monkeypatch):
    schedules, batches = wiring.schedules, CtrlCInABatch(7)
    monkeypatch.setattr(wiring, "schedules", lambda *given: [*schedules(*given), batches])
    before = signal.getsignal(signal.SIGINT)
    done = experiment.run(parse_recipe(DEFAULT, SHORT), out=tmp_path / "run", say=lambda line: None)
    assert done.interrupted
    assert done.summary["epochs"] == 0
    assert batches.began == 7
    assert signal.getsignal(signal.SIGINT) is before


def test_ctrl_c_that_python_drops_between_epochs_stops_the_run(tmp_path):
    def say(line):
        if line.startswith("epoch 1/"):
            dropped_ctrl_c()

    done = experiment.run(parse_recipe(DEFAULT, SHORT), out=tmp_path / "run", say=say)
    assert done.interrupted
    assert n_epochs(tmp_path / "run") == 1


def test_a_handler_of_the_programs_own_decides_what_ctrl_c_does(tmp_path):
    came = []
    before = signal.signal(signal.SIGINT, lambda *_: came.append(1))
    try:

        def say(line):
            if line.startswith("epoch 1/"):
                signal.raise_signal(signal.SIGINT)

        done = experiment.run(parse_recipe(DEFAULT, SHORT), out=tmp_path / "run", say=say)
    finally:
        signal.signal(signal.SIGINT, before)
    assert came == [1]
    assert not done.interrupted
    assert n_epochs(tmp_path / "run") == 3


# Ctrl-C can come while threadpoolctl reads which libraries there are.
@pytest.mark.filterwarnings("ignore:.*/proc/self/maps")
def test_a_run_that_is_stopped_in_its_first_update_keeps_its_network(tmp_path):
    """On JAX an update gives the weights away until it has ended, and the first is compiled."""

    def say(line):
        if line.startswith("backend:"):
            threading.Timer(0.5, os.kill, (os.getpid(), signal.SIGINT)).start()

    recipe = parse_recipe(DEFAULT, [*SHORT, "train.epochs=1000"])
    done = experiment.run(recipe, out=tmp_path / "run", say=say)
    assert done.interrupted
    found = keras.saving.load_model(tmp_path / "run" / "model.keras", safe_mode=True)
    if done.summary["epochs"] == 0:
        first = models.build("mlp", (8, 8, 1), "uint8", 10, width=8, seed=0)
        for ours, theirs in zip(found.get_weights(), first.get_weights(), strict=True):
            np.testing.assert_array_equal(ours, theirs)
    assert np.isfinite(found.predict_on_batch(np.zeros((1, 8, 8, 1), "uint8"))).all()


def test_a_run_whose_samples_are_all_trusted_is_refused_and_makes_no_folder(tmp_path):
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(30, 5)), np.arange(30) % 3
    path = tmp_path / "own.npz"
    np.savez(path, x_train=x, y_train=y, x_test=x + 1, y_test=y, trusted=np.ones(30, bool))
    settings = ("data.source=npz", f"data.path={path}", "noise.kind=none", "model.name=mlp")
    told = "once 30 golden and 0 validation samples have left"
    words = [word for s in settings for word in ("--set", s)]
    for result in (train(tmp_path / "run", *settings), CliRunner().invoke(main, ["check", *words])):
        assert result.exit_code == 1
        assert told in result.output
    assert not (tmp_path / "run").exists()


@pytest.mark.backend_free
def test_a_place_where_no_folder_can_be_made_is_told_before_anything_is_loaded(tmp_path):
    (tmp_path / "file").write_text("mine")
    for out in (tmp_path / "file" / "run", "/proc/none/run", tmp_path / ("n" * 300)):
        result = train(out, "data.source=npz", "data.path=absent.npz")
        assert result.exit_code == 1
        assert (
            f"the run folder must lie where a folder can be made, {out} does not" in result.output
        )
        assert "Nothing was run. Give another --out." in result.output
        assert "loading" not in result.output
    assert files(tmp_path) == {"file"}

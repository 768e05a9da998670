"""Runs that were stopped or killed, and gone on with."""

import csv
import json
import os
import shutil
import signal
import subprocess
import sys
from datetime import datetime
from pathlib import Path

import keras
import numpy as np
import pytest
from click.testing import CliRunner

import tssd_keras
from tssd_keras.cli.main import main
from tssd_keras.data import loading
from tssd_keras.recipe.recipe import DEFAULT
from tssd_keras.recipe.toml import parse_recipe
from tssd_keras.run import experiment
from tssd_keras.run.folder import RUNNING, RunFolder
from tssd_keras.run.kept_state import read_kept
from tssd_keras.run.read import read_run

ROOT = Path(tssd_keras.__file__).parent.parent
SHORT = ("train.epochs=4", "train.warmup_epochs=1", "model.name=mlp", "model.width=16")
KINDS = {
    "weighted": (),
    "two networks, means, rounds that rest": (
        "objective.kind=mixmatch",
        "train.networks=2",
        "train.ema=0.9",
        "divide.every=2",
    ),
    "certain, drawn, dropped": (
        "golden.source=certain",
        "train.balanced_batches=8",
        "divide.history=3",
        "train.optimizer=adam",
        "train.steps_per_execution=3",
    ),
}


def command(out, *settings):
    words = [word for s in settings for word in ("--set", s)]
    return [sys.executable, "cli.py", "train", *words, "--out", str(out)]


def begun(words):
    """A process of its own, whose lines are read as they come."""
    return subprocess.Popen(
        words,
        cwd=ROOT,
        env=dict(os.environ),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


ROUND = "round before epoch"


def killed_at(line, words):
    with begun(words) as process:
        read_until(process, line)
        process.kill()


def read_until(process, beginning):
    for line in process.stdout:
        if line.startswith(beginning):
            return
    raise AssertionError(f"the run ended without a line {beginning!r}")


def stopped_after(out, line, *settings):
    """A run in this process that Ctrl-C stops at the first line that begins so, or in a `ROUND`."""

    def say(text):
        if text.startswith(line):
            os.kill(os.getpid(), signal.SIGINT)

    append = RunFolder.append_round

    def append_round(folder, row):
        append(folder, row)
        say(f"{ROUND} {row['epoch'] + 1}")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(RunFolder, "append_round", append_round)
        done = experiment.run(parse_recipe(DEFAULT, settings), out=out, say=say)
    assert done.interrupted
    return done


def whole(out, *settings):
    return experiment.run(parse_recipe(DEFAULT, settings), out=out, say=lambda line: None)


def rows(path):
    """Of a CSV file, without what a clock measured."""
    with open(path, newline="", encoding="utf-8") as file:
        return [
            {k: v for k, v in row.items() if "seconds" not in k} for row in csv.DictReader(file)
        ]


def assert_same_run(folder, other):
    assert (folder / "samples.csv").read_bytes() == (other / "samples.csv").read_bytes()
    for name in ("epochs.csv", "rounds.csv"):
        assert rows(folder / name) == rows(other / name)
    ours, theirs = (keras.saving.load_model(one / "model.keras") for one in (folder, other))
    for a, b in zip(ours.get_weights(), theirs.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)
    with np.load(folder / "streams.npz") as a, np.load(other / "streams.npz") as b:
        assert a.files == b.files
        for name in a.files:
            np.testing.assert_array_equal(a[name], b[name])
    assert {p.name for p in folder.iterdir()} == {p.name for p in other.iterdir()}


@pytest.fixture(scope="module")
def uncut(tmp_path_factory):
    """The folder of a kind's run that was never stopped; each is made once."""
    made = {}

    def folder(kind="weighted"):
        if kind not in made:
            out = tmp_path_factory.mktemp("uncut") / "run"
            made[kind] = whole(out, *SHORT, *KINDS[kind]).folder
        return made[kind]

    return folder


STOPS = [("weighted", line) for line in ("backend:", "epoch 1/", "epoch 4/")]


@pytest.mark.parametrize(("kind", "line"), [*STOPS, *((kind, f"{ROUND} 4") for kind in KINDS)])
def test_a_run_that_was_stopped_ends_as_if_it_had_not_been(kind, line, tmp_path, uncut):
    settings = (*SHORT, *KINDS[kind])
    stopped_after(tmp_path / "run", line, *settings)
    kept = read_kept(tmp_path / "run")
    lines = []
    done = experiment.resume(tmp_path / "run", say=lines.append)
    n_ended = len(kept.epochs)
    assert f"going on after {n_ended} of 4 epochs" in lines
    assert not any("last digits" in said for said in lines)
    assert not done.interrupted
    assert done.summary["resumed"] == [n_ended]
    assert done.summary["epochs"] == 4
    assert_same_run(tmp_path / "run", uncut(kind))


@pytest.mark.long
def test_a_run_that_was_killed_twice_ends_as_if_it_had_not_been(tmp_path, uncut):
    out = tmp_path / "run"
    killed_at("epoch 2/", command(out, *SHORT))
    assert not (out / "summary.json").exists()
    with pytest.raises(FileNotFoundError, match=r"has not ended, or was killed.*train --resume"):
        read_run(out)
    again = [sys.executable, "cli.py", "train", "--resume", str(out)]
    killed_at("epoch 3/", again)
    done = subprocess.run(again, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    assert_same_run(out, uncut())
    assert len(json.loads((out / "summary.json").read_text())["resumed"]) == 2
    read_run(out)


@pytest.mark.parametrize(
    ("number", "at_once"), [(signal.SIGTERM, 1), (signal.SIGTERM, 4), (signal.SIGHUP, 1)]
)
def test_sigterm_and_sighup_end_a_run_as_ctrl_c_does(number, at_once, tmp_path):
    more = ("train.epochs=400", f"train.steps_per_execution={at_once}")
    with begun(command(tmp_path / "run", *SHORT, *more)) as process:
        read_until(process, "epoch 3/")
        process.send_signal(number)
        said, _ = process.communicate(timeout=60)
    assert process.returncode == 128 + number
    assert "interrupted: writing down what there is" in said
    assert f"go on with it: python cli.py train --resume {tmp_path / 'run'}" in said
    summary = json.loads((tmp_path / "run" / "summary.json").read_text())
    assert summary["interrupted"] is True
    assert summary["epochs"] >= 3
    read_run(tmp_path / "run")


@pytest.mark.long
def test_a_hang_up_that_is_ignored_stays_so(tmp_path):
    with begun(["nohup", *command(tmp_path / "run", *SHORT)]) as process:
        read_until(process, "epoch 1/")
        process.send_signal(signal.SIGHUP)
        process.communicate(timeout=60)
    assert process.returncode == 0


def digits_labels():
    """The true labels of the default recipe's training split."""
    recipe = parse_recipe(DEFAULT)
    return loading.load(recipe.data, recipe.golden).labels


def go_on(folder, *words):
    return CliRunner().invoke(main, ["train", "--resume", str(folder), *words])


def contents(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_what_cannot_go_on_is_refused_and_stays_as_it_was(tmp_path):
    labels = tmp_path / "labels.npy"
    np.save(labels, given := digits_labels())
    settings = (*SHORT, f"noise.labels={labels}", "noise.kind=file", "golden.source=none")
    stopped_after(tmp_path / "run", "epoch 2/", *settings)
    before = contents(tmp_path / "run")
    other = "jax" if keras.backend.backend() == "tensorflow" else "tensorflow"

    def edited(name, old, new):
        text = (tmp_path / "run" / name).read_text()
        assert old in text
        (tmp_path / "run" / name).write_text(text.replace(old, new))

    said = go_on(tmp_path / "run", "--backend", other).output
    assert (
        f"the backend that it began with, {keras.backend.backend()}, got --backend {other}" in said
    )
    assert "leave out RECIPE" in go_on(tmp_path / "run", "--set", "train.epochs=9").output
    edited("recipe.toml", "epochs = 4", "epochs = 5")
    said = go_on(tmp_path / "run").output
    assert "was changed: 1 settings, the first was epochs = 4 and is epochs = 5" in said
    edited("recipe.toml", "epochs = 5", "epochs = 4")
    np.save(labels, np.where(np.arange(len(given)) == 7, (given + 1) % 10, given))
    said = go_on(tmp_path / "run").output
    assert "labels that it began with" in said
    assert "Bring back the data" in said
    assert contents(tmp_path / "run") == before
    (tmp_path / "run" / RUNNING).touch()  # as a run that was killed leaves it
    assert "labels that it began with" in go_on(tmp_path / "run").output
    assert contents(tmp_path / "run") == before | {RUNNING: b""}
    state = tmp_path / "run" / "state.npz"
    state.write_bytes(before["state.npz"][:-100])
    assert "cut short" in go_on(tmp_path / "run").output
    state.unlink()
    assert "has ended, or state.npz was taken away" in go_on(tmp_path / "run").output
    assert "has none" in go_on(tmp_path / "nowhere").output


def test_a_run_that_has_ended_does_not_go_on(uncut):
    assert not (uncut() / "state.npz").exists()
    assert "takes a run that was stopped" in go_on(uncut()).output


def test_of_two_runs_that_ask_for_one_folder_one_gets_it(tmp_path):
    first, second = (RunFolder.plan(tmp_path / "run", "digits") for _ in range(2))
    first.make()
    with pytest.raises(FileExistsError, match="Nothing was overwritten"):
        second.make()
    with pytest.raises(FileExistsError, match="another has taken"):
        RunFolder(tmp_path / "run").take(new=False)
    first.release()
    again = RunFolder(tmp_path / "run")
    again.take(new=False)
    again.release()
    assert list((tmp_path / "run").iterdir()) == []


def test_two_runs_of_one_second_have_folders_of_their_own(tmp_path, monkeypatch):
    class Still(datetime):
        @classmethod
        def now(cls, zone=None):
            return cls(2026, 11, 28, tzinfo=zone)

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("tssd_keras.run.folder.datetime", Still)
    folders = []
    for _ in range(3):
        folders.append(RunFolder.plan(None, "digits"))
        folders[-1].make()
    name = f"digits-20261128-000000-{os.getpid()}"
    assert [one.path.name for one in folders] == [name, f"{name}-2", f"{name}-3"]
    for one in folders:
        one.release()


def test_who_waits_at_a_file_that_a_run_takes_away_does_not_get_the_folder(tmp_path, monkeypatch):
    first, second, third = (RunFolder(tmp_path) for _ in range(3))
    first.take(new=True)
    opened = os.open

    def opened_before_the_end(path, *rest):
        handle = opened(path, *rest)
        if first._lock is not None:  # the run ends now, and another one begins
            first.release()
            third.take(new=True)
        return handle

    monkeypatch.setattr(os, "open", opened_before_the_end)
    with pytest.raises(FileExistsError, match="another has taken"):
        second.take(new=False)
    third.release()


def test_a_run_that_ends_while_another_process_loads_does_not_go_on(tmp_path, uncut):
    out = tmp_path / "run"
    shutil.copytree(uncut(), out)
    before = {p.name: p.read_bytes() for p in out.iterdir()}
    with pytest.raises(ValueError, match="takes a run that was stopped"):
        experiment.resume(out)  # its state was there when the command line looked
    assert {p.name: p.read_bytes() for p in out.iterdir()} == before


@pytest.mark.long
def test_two_processes_at_once_share_no_folder(tmp_path):
    running = [begun(command(tmp_path / "run", *SHORT)) for _ in range(2)]
    said = [process.communicate(timeout=120)[0] for process in running]
    assert sorted(process.returncode for process in running) == [0, 1], said
    loser = said[[process.returncode for process in running].index(1)]
    assert "Nothing was overwritten" in loser
    read_run(tmp_path / "run")


def test_a_run_folder_that_is_taken_away_is_made_again_beside_its_place(tmp_path, uncut):
    lines = []

    def say(line):
        lines.append(line)
        if line.startswith("epoch 2/"):
            shutil.rmtree(tmp_path / "run")

    done = experiment.run(parse_recipe(DEFAULT, SHORT), out=tmp_path / "run", say=say)
    assert done.folder == tmp_path / "run-2"
    assert f"{tmp_path / 'run'} is gone: the run goes on in {tmp_path / 'run-2'}" in lines
    assert not (tmp_path / "run").exists()
    assert_same_run(done.folder, uncut())


def test_a_file_that_cannot_be_written_does_not_cost_the_others(tmp_path, uncut):
    lines = []

    def say(line):
        lines.append(line)
        if line.startswith("epoch 2/"):
            (tmp_path / "run" / "model.keras").mkdir()  # in the place of the file

    with pytest.raises(OSError, match=r"model\.keras must be written, and cannot be: Is a dir"):
        experiment.run(parse_recipe(DEFAULT, SHORT), out=tmp_path / "run", say=say)
    assert any(line.startswith("the network could not be written") for line in lines)
    expected = {p.name for p in uncut().iterdir()}
    assert {p.name for p in (tmp_path / "run").iterdir()} == expected | {"state.npz"}
    (tmp_path / "run" / "model.keras").rmdir()
    assert go_on(tmp_path / "run").exit_code == 0
    assert_same_run(tmp_path / "run", uncut())


def test_no_older_table_lies_beside_a_newer_summary(tmp_path):
    """The run that went on could not write its table: the one of the part before is gone."""
    run = tmp_path / "run"
    stopped_after(run, "epoch 2/", *SHORT)
    assert (run / "samples.npz").exists()
    table = run / "samples.csv"

    def say(line):
        if line.startswith("epoch 3/"):
            assert not table.exists()
            table.mkdir()  # in the place of the file

    with pytest.raises(OSError, match=r"samples\.csv must be written, and cannot be: Is a dir"):
        experiment.resume(run, say=say)
    assert json.loads((run / "summary.json").read_text())["resumed"] == [1]
    assert not (run / "samples.npz").exists()
    assert (run / "state.npz").exists()


@pytest.mark.parametrize("limit", [40_000])
def test_a_disk_that_is_full_is_named_and_what_fits_is_there(limit, tmp_path):
    """No file may be larger, as on a full disk: the state cannot be written, nor the table."""
    code = (
        "import resource, signal, sys;"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN);"
        f"resource.setrlimit(resource.RLIMIT_FSIZE, ({limit}, {limit}));"
        "from tssd_keras.cli.main import main; main(sys.argv[1:])"
    )
    words = command(tmp_path / "run", *SHORT)[2:]
    done = subprocess.run(
        [sys.executable, "-c", code, *words], cwd=ROOT, capture_output=True, text=True
    )
    assert done.returncode == 1
    said = done.stdout + done.stderr
    assert "must be written, and cannot be: File too large" in said
    assert "Traceback" not in said
    assert json.loads((tmp_path / "run" / "summary.json").read_text())["error"]
    assert not list((tmp_path / "run").glob(".*"))


def test_another_number_of_threads_is_said(tmp_path, monkeypatch):
    stopped_after(tmp_path / "run", "epoch 3/", *SHORT)
    monkeypatch.setenv("OMP_NUM_THREADS", "7")
    lines = []
    experiment.resume(tmp_path / "run", say=lines.append)
    assert any("OMP_NUM_THREADS=7" in said and "last digits" in said for said in lines)


def test_states_are_kept_every_so_many_epochs(tmp_path):
    stopped_after(tmp_path / "run", "epoch 3/", *SHORT, "train.save_every=2")
    assert len(read_kept(tmp_path / "run").epochs) == 2

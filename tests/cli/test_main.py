import csv
import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import keras
import numpy as np
import pytest
from builders.runs import command, train, tssd

from tssd_keras.data.parquet import can_write
from tssd_keras.data.sources import digits
from tssd_keras.recipe.data_sections import DataRecipe

ROOT = Path(__file__).parents[2]
FILES = {
    "accuracy.png",
    "classes.txt",
    "epochs.csv",
    "feature_stream.png",
    "labels.npy",
    "labels.sha256",
    "loss_stream.png",
    "model.keras",
    "recipe.toml",
    "rounds.csv",
    "samples.csv",
    "samples.npz",
    "shift.json",
    "streams.npz",
    "summary.json",
    *(["samples.parquet"] if can_write() else []),
}


def rows(path):
    with open(path, newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


@pytest.fixture(scope="module")
def run(digits_run):
    return digits_run


def test_a_run_leaves_every_file(run):
    assert {path.name for path in run[0].iterdir()} == FILES


def test_a_network_can_normalise_by_the_samples_of_the_stream(tmp_path):
    result = tssd(*command(tmp_path / "run", "model.normalise=true", "golden.source=none"))
    assert result.exit_code == 0, result.output
    assert "mlp in float32, channels normalised" in result.output
    first = keras.saving.load_model(tmp_path / "run" / "model.keras").get_layer("rescaled")
    stream = [int(row["index"]) for row in rows(tmp_path / "run" / "samples.csv")]
    pixels = digits.load(DataRecipe()).inputs.read(np.array(stream)).astype("float64")
    np.testing.assert_allclose(first.scale, [1 / pixels.std()])
    np.testing.assert_allclose(first.offset, [-pixels.mean() / pixels.std()])


def test_the_summary_has_the_figures_and_they_are_numbers(run):
    summary = json.loads((run[0] / "summary.json").read_text())
    for path in (
        "accuracy.best",
        "accuracy.last",
        "accuracy.mean_last_10",
        "kept.precision",
        "kept.recall",
        "kept.f1",
        "label_error_auroc",
        "effective_noise_rate",
        "seconds",
    ):
        value = summary
        for name in path.split("."):
            value = value[name]
        assert value > 0, path
    assert summary["effective_noise_rate"] == pytest.approx(0.4, abs=0.02)
    assert summary["traces"] == 1
    assert summary["interrupted"] is False


def test_the_saved_labels_have_the_hash_that_is_reported(run):
    from tssd_keras.labels.noise import labels_sha256

    labels = np.load(run[0] / "labels.npy", allow_pickle=False)
    assert labels.shape == (1437,)
    expected = json.loads((run[0] / "summary.json").read_text())["labels_sha256"]
    assert labels_sha256(labels) == expected == (run[0] / "labels.sha256").read_text().strip()


def test_there_is_a_row_an_epoch_a_row_a_round_and_a_row_a_sample(run):
    assert [r["epoch"] for r in rows(run[0] / "epochs.csv")] == ["1", "2", "3"]
    assert [r["epoch"] for r in rows(run[0] / "rounds.csv")] == ["1", "2"]
    samples = rows(run[0] / "samples.csv")
    assert len(samples) == 1437 - 50
    assert len({r["index"] for r in samples}) == len(samples)
    assert {r["role"] for r in samples} <= {
        "positive",
        "negative",
        "uncertain",
        "semi-hard",
        "floor",
    }


def test_the_output_has_a_line_an_epoch_and_a_final_table(run):
    assert f"python cli.py audit {run[0]}" in run[1]
    epochs = [line for line in run[1].splitlines() if line.startswith("epoch ")]
    assert len(epochs) == len(rows(run[0] / "epochs.csv"))
    assert sum(" of 1,387, " in line for line in epochs) == 2
    assert epochs[0].endswith(" left") and epochs[-1].endswith(" s")
    assert "label-error AUROC" in run[1]
    assert str(run[0]) in run[1]


def test_the_saved_network_needs_neither_this_library_nor_unsafe_mode(run):
    code = (
        "import sys, numpy, keras; m = keras.saving.load_model(sys.argv[1], safe_mode=True);"
        "print(m(numpy.zeros((2, 8, 8, 1), 'uint8')).shape);"
        "assert not [n for n in sys.modules if n.startswith('tssd')]"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(run[0] / "model.keras")],
        cwd=run[0],
        capture_output=True,
        text=True,
        check=True,
    )
    assert "(2, 10)" in done.stdout


def test_the_saved_recipe_gives_the_same_run_again(run, tmp_path):
    result = tssd("train", run[0] / "recipe.toml", "--out", tmp_path / "again")
    assert result.exit_code == 0, result.output
    for name in ("recipe.toml", "labels.sha256", "samples.csv"):
        assert (tmp_path / "again" / name).read_text() == (run[0] / name).read_text()
    timed = ("seconds", "wall")
    for name in ("epochs.csv", "rounds.csv"):
        ours, theirs = (
            [{k: v for k, v in r.items() if not k.startswith(timed)} for r in rows(p / name)]
            for p in (run[0], tmp_path / "again")
        )
        assert ours == theirs


@pytest.mark.parametrize("rate", [0.0, 0.02])
def test_labels_that_are_right_are_kept_where_few_or_none_are_wrong(tmp_path, rate):
    train(tmp_path / "run", f"noise.rate={rate}", "model.width=128", "train.epochs=6")
    summary = json.loads((tmp_path / "run" / "summary.json").read_text())
    assert summary["kept"]["recall"] > 0.96
    assert summary["accuracy"]["last"] > 0.9


def test_an_existing_run_is_not_overwritten(run):
    before = {p.name: p.stat().st_mtime_ns for p in run[0].iterdir()}
    result = tssd("train", ROOT / "recipes" / "digits.toml", "--out", run[0])
    assert result.exit_code == 1
    assert "Nothing was overwritten" in result.output
    assert {p.name: p.stat().st_mtime_ns for p in run[0].iterdir()} == before


def test_plain_trains_the_same_labels_without_rounds(run, tmp_path):
    result = tssd(
        "train", run[0] / "recipe.toml", "--set", "objective.kind=plain", "--out", tmp_path / "p"
    )
    assert result.exit_code == 0, result.output
    summary = json.loads((tmp_path / "p" / "summary.json").read_text())
    tssd_summary = json.loads((run[0] / "summary.json").read_text())
    assert summary["labels_sha256"] == tssd_summary["labels_sha256"]
    assert summary["rounds"] == 0
    assert summary["label_error_auroc"] is None
    assert summary["samples"]["stream"] == tssd_summary["samples"]["stream"]


def test_plain_can_train_on_the_golden_samples_too(run, tmp_path):
    settings = ["--set", "objective.kind=plain", "--set", "golden.train_on=true"]
    result = tssd("train", run[0] / "recipe.toml", *settings, "--out", tmp_path / "p")
    assert result.exit_code == 0, result.output
    assert len(rows(tmp_path / "p" / "samples.csv")) == 1437


def test_mistakes_are_told_together_and_nothing_is_made(tmp_path):
    recipe = tmp_path / "bad.toml"
    recipe.write_text("[train]\nepoch = 3\nbatch_size = -1\n[noize]\nrate = 0.5\n")
    out = tmp_path / "run"
    result = tssd("train", recipe, "--out", out, "--set", "noise.rate=2")
    assert result.exit_code == 1
    assert "4 mistakes, nothing was run" in result.output
    assert "did you mean epochs?" in result.output
    assert "did you mean noise?" in result.output
    assert "[train] batch_size must be at least 1, got -1" in result.output
    assert "[noise] rate must lie in 0..1, got 2.0" in result.output
    assert not out.exists()


def test_a_missing_recipe_is_told(tmp_path):
    result = tssd("train", tmp_path / "none.toml")
    assert result.exit_code == 1
    assert "cannot read the recipe" in result.output


def test_missing_data_are_told_before_a_folder_is_made(tmp_path):
    settings = ["--set", "data.source=npz", "--set", f"data.path={tmp_path / 'no.npz'}"]
    result = tssd("train", *settings, "--out", tmp_path / "run")
    assert result.exit_code == 1
    assert "no.npz" in result.output
    assert not (tmp_path / "run").exists()


def test_check_describes_and_trains_nothing(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    result = tssd("check", ROOT / "recipes" / "digits.toml", "--set", "noise.rate=0.6")
    assert result.exit_code == 0, result.output
    assert "rate = 0.6" in result.output
    assert "1,437 training samples of 8x8x1 (uint8), 10 classes" in result.output
    assert list(tmp_path.iterdir()) == []


def test_check_says_when_the_network_cannot_take_the_samples(tmp_path):
    x, y = np.random.default_rng(0).normal(size=(30, 5)), np.arange(30) % 3
    np.savez(tmp_path / "own.npz", x_train=x, y_train=y, x_test=x, y_test=y)
    result = tssd(
        *("check", "--set", "data.source=npz", "--set", f"data.path={tmp_path / 'own.npz'}"),
        *("--set", "noise.kind=none", "--set", "golden.source=none"),
    )
    assert result.exit_code == 1
    assert "model small_cnn takes images" in result.output
    assert 'Try model.name = "mlp"' in result.output


def test_check_says_what_augmentation_does_and_when_it_cannot():
    command = ("check", ROOT / "recipes" / "digits.toml", "--set")
    result = tssd(*command, "augment.crop=1", "--set", "augment.cutout=2")
    assert "in training: crop after zero padding by 1 pixels, cutout of 2 x 2" in result.output
    result = tssd(*command, "augment.cutout=9")
    assert result.exit_code == 1
    assert "augment.cutout must be at most 8" in result.output


def test_without_a_recipe_the_default_is_the_digits_run():
    ours = tssd("check").output
    assert ours == tssd("check", ROOT / "recipes" / "digits.toml").output


@pytest.mark.parametrize("name", ["train", "check"])
def test_a_backend_that_is_not_there_is_told(monkeypatch, tmp_path, name):
    monkeypatch.setenv("KERAS_BACKEND", "torch")
    result = tssd(*(command(tmp_path / "run") if name == "train" else [name]))
    assert result.exit_code == 1
    assert "tensorflow, jax, got 'torch'" in result.output


@pytest.fixture
def unknown_truth(tmp_path):
    """Digits whose true labels nobody knows; ten of each class are marked as trusted."""
    from sklearn.datasets import load_digits

    data = load_digits()
    rng = np.random.default_rng(0)
    x, right = data.data[:1200].astype("float32"), data.target[:1200]
    given = np.where(rng.random(1200) < 0.3, rng.integers(0, 10, 1200), right)
    trusted = np.zeros(1200, bool)
    trusted[:150] = True
    given[trusted] = right[trusted]
    path = tmp_path / "own.npz"
    np.savez(
        path,
        x_train=x,
        y_train=given,
        trusted=trusted,
        x_test=data.data[1200:].astype("float32"),
        y_test=data.target[1200:],
    )
    return path


def test_what_is_unknown_is_null_and_never_a_number(unknown_truth, tmp_path):
    data = ("data.source=npz", f"data.path={unknown_truth}", "noise.kind=none")
    train(tmp_path / "run", *data)
    summary = json.loads((tmp_path / "run" / "summary.json").read_text())
    assert summary["kept"]["precision"] is None
    assert summary["label_error_auroc"] is None
    assert summary["effective_noise_rate"] is None
    assert summary["kept"]["count"] > 500
    assert summary["samples"]["golden"] == 150
    assert {row["true"] for row in rows(tmp_path / "run" / "samples.csv")} == {""}


def test_ctrl_c_leaves_a_readable_run(tmp_path):
    out = tmp_path / "run"
    with subprocess.Popen(
        [
            sys.executable,
            "cli.py",
            "train",
            "recipes/digits.toml",
            "--out",
            str(out),
            "--set",
            "train.epochs=100000",
            "--set",
            "model.name=mlp",
            "--set",
            "train.warmup_epochs=1",
        ],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env={**os.environ, "PYTHONUNBUFFERED": "1"},
    ) as process:
        lines = []
        for line in process.stdout:
            lines.append(line)
            if line.startswith("epoch 3/"):
                process.send_signal(signal.SIGINT)
                break
        lines += process.stdout.readlines()
        assert process.wait(60) == 130, "".join(lines)
    summary = json.loads((out / "summary.json").read_text())
    assert summary["interrupted"] is True
    assert summary["epochs"] >= 3
    assert {p.name for p in out.iterdir()} == FILES | {"state.npz"}
    network = keras.saving.load_model(out / "model.keras", safe_mode=True)
    assert np.isfinite(network.predict_on_batch(np.zeros((1, 8, 8, 1), "uint8"))).all()


def test_help_teaches_by_example():
    result = tssd("--help")
    assert result.exit_code == 0
    assert "python cli.py train recipes/digits.toml" in result.output
    for name in ("train", "check"):
        assert tssd(name, "--help").exit_code == 0


def test_help_loads_neither_keras_nor_a_backend():
    code = (
        "import sys; from click.testing import CliRunner; from tssd_keras.cli.main import main;"
        "CliRunner().invoke(main, ['train', '--help']);"
        "print([n for n in ('keras', 'tensorflow', 'jax', 'sklearn') if n in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]"


def test_the_command_line_needs_no_fcntl():
    modules = sorted(path.stem for path in (ROOT / "tssd_keras" / "cli").glob("*.py"))
    assert len(modules) > 8
    code = (
        "import sys, importlib; sys.modules['fcntl'] = None\n"
        f"for name in {modules!r}: importlib.import_module('tssd_keras.cli.' + name)\n"
        "from tssd_keras.cli.main import main; main(['--help'])"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "python cli.py train recipes/digits.toml" in done.stdout

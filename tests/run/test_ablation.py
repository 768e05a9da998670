import contextlib
import dataclasses
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import keras
import numpy as np
import pytest
from click.testing import CliRunner

from tssd_keras.cli.main import main
from tssd_keras.run import ablation, experiment
from tssd_keras.run.ablation_table import plot, table
from tssd_keras.run.lines import Line, of_plan, read_lines, settings_hash
from tssd_keras.run.variants import plan

ROOT = Path(__file__).parents[2]
DIGITS = ROOT / "recipes" / "digits.toml"
SETTINGS = ("train.epochs=2", "train.warmup_epochs=1", "data.per_class=40", "model.name=mlp")
SETTINGS += ("train.batch_size=8",)  # so that one epoch teaches something
SHORT = [word for setting in SETTINGS for word in ("--set", setting)]
TWO = ["--only", "plain", "--only", "PSD"]


def tssd(*arguments):
    return CliRunner().invoke(main, [str(a) for a in arguments])


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    out = tmp_path_factory.mktemp("ablation")
    result = tssd("ablate", DIGITS, *SHORT, *TWO, "--seeds", "0,1", "--out", out)
    assert result.exit_code == 0, result.output
    return out, result.output


@pytest.mark.long
def test_each_run_has_a_line_with_its_summary(folder):
    lines = read_lines(folder[0] / "runs.jsonl")
    assert [(line.variant, line.seed) for line in lines] == [
        ("plain", 0),
        ("PSD", 0),
        ("plain", 1),
        ("PSD", 1),
    ]
    assert len({line.settings for line in lines}) == 4
    assert {line.backend for line in lines} == {keras.backend.backend()}
    hashes = {line.seed: line.summary["labels_sha256"] for line in lines}
    assert len(set(hashes.values())) == 2
    assert all(0 < line.summary["accuracy"]["last"] <= 1 for line in lines)


def test_the_table_says_what_the_lines_say(folder):
    text = (folder[0] / "table.md").read_text()
    assert text.strip() in folder[1]
    lines = [line for line in read_lines(folder[0] / "runs.jsonl") if line.variant == "plain"]
    last = [line.summary["accuracy"]["last"] for line in lines]
    row = next(row for row in text.splitlines() if "| plain |" in row)
    assert f"| 0,1 | {np.mean(last):.4f} ± {np.std(last, ddof=1):.4f} |" in row


def test_the_plot_is_a_picture(folder):
    from PIL import Image

    with Image.open(folder[0] / "ablation.png") as image:
        pixels = np.asarray(image.convert("L"))
    assert pixels.shape[0] > 200
    assert pixels.min() < 100


def test_what_has_run_is_not_run_again_and_more_is_added(folder):
    before = (folder[0] / "runs.jsonl").read_text()
    asked = ["ablate", DIGITS, *SHORT, "--only", "plain", "--out", folder[0]]
    result = tssd(*asked, "--seeds", "0,1,2")
    assert result.exit_code == 0, result.output
    after = (folder[0] / "runs.jsonl").read_text()
    assert after.startswith(before)
    assert len(after.splitlines()) == 5
    assert "3 of 3 runs" in result.output


def test_the_table_can_be_made_without_running_anything(folder):
    before = (folder[0] / "runs.jsonl").read_text()
    asked = ["ablate", DIGITS, *SHORT, "--seeds", "0,1", "--no-run", "--out", folder[0]]
    result = tssd(*asked)
    assert result.exit_code == 0, result.output
    assert "4 of 28 runs" in result.output
    assert "without --no-run it goes on" in result.output
    assert (folder[0] / "runs.jsonl").read_text() == before
    assert result.output.count("| 0,1 |") == 2


def test_other_settings_are_other_runs_and_not_in_the_table(folder, tmp_path):
    asked = ["ablate", DIGITS, *SHORT, "--only", "plain", "--seeds", "0", "--out", folder[0]]
    result = tssd(*asked, "--set", "train.batch_size=32")
    assert result.exit_code == 0, result.output
    assert "1 of 1 runs" in result.output
    rows = [row for row in result.output.splitlines() if row.startswith("| as the recipe")]
    assert len(rows) == 1


def test_settings_of_another_objective_do_not_make_another_run():
    def found(variant, *overrides):
        (one,) = plan(DIGITS, overrides, noises=(), variants=[variant], seeds=[0])
        return settings_hash(one.recipe)

    other = "objective.lambda_u=7"
    assert found("PSD") == found("PSD", other)
    assert found("mixmatch") != found("mixmatch", other)
    assert found("PSD") != found("PSD", "train.epochs=7")


def test_a_run_that_fails_is_a_line_and_the_others_go_on(tmp_path):
    asked = ["ablate", DIGITS, *SHORT, *TWO, "--seeds", "0", "--out", tmp_path]
    result = tssd(*asked, "--set", "train.learning_rate=1e30")
    assert result.exit_code == 1
    assert "2 runs failed" in result.output
    lines = read_lines(tmp_path / "runs.jsonl")
    assert ["must be finite" in line.error for line in lines] == [True, True]
    assert "(1 failed)" in (tmp_path / "table.md").read_text()
    again = tssd(*asked, "--set", "train.learning_rate=1e30")
    assert again.exit_code == 1  # it has not gone away by being asked for again
    assert f"their lines in {tmp_path / 'runs.jsonl'} say why" in again.output
    assert len(read_lines(tmp_path / "runs.jsonl")) == 2


def test_what_does_not_fit_the_data_is_refused_before_anything_runs(tmp_path):
    asked = ["ablate", DIGITS, *SHORT, "--out", tmp_path / "new"]
    result = tssd(*asked, "--set", "golden.per_class=50")
    assert result.exit_code == 1
    assert "at least 51 samples, one more than golden.per_class" in result.output
    assert "This concerns the run as the recipe says, plain, seed 0." in result.output
    assert not (tmp_path / "new").exists()


def test_a_file_of_something_else_is_refused_and_kept(tmp_path):
    (tmp_path / "runs.jsonl").write_text('{"not": "a run"}\n')
    result = tssd("ablate", DIGITS, *SHORT, *TWO, "--seeds", "0", "--out", tmp_path)
    assert result.exit_code == 1
    assert "line 1 must be one run" in result.output
    assert (tmp_path / "runs.jsonl").read_text() == '{"not": "a run"}\n'


def line(one, **changed):
    values = {
        "case": one.case,
        "variant": one.variant,
        "seed": one.seed,
        "backend": "jax",
        "settings": settings_hash(one.recipe),
        "date": "2026-11-25",
        "summary": {"accuracy": {"evaluated_on": "test", "last": 0.9, "best": 0.9}, "seconds": 1},
    }
    return Line(**values | changed)


def planned(*variants, noises=(), overrides=(), seeds=(0,)):
    return plan(DIGITS, overrides, noises=noises, variants=variants, seeds=seeds)


def test_a_run_is_in_the_table_once_on_each_backend_and_under_the_names_that_were_asked_for():
    (recipes_own,) = planned("PSD")
    (asked,) = planned("PSD", noises=["symmetric:0.4"])
    lines = [line(recipes_own), line(recipes_own, date="new"), line(asked, backend="tensorflow")]
    found = of_plan([asked], lines)
    assert [(one.case, one.backend, one.date) for one in found] == [
        ("symmetric 0.4", "jax", "new"),
        ("symmetric 0.4", "tensorflow", "2026-11-25"),
    ]


def test_variants_that_a_recipe_makes_equal_are_one_run_and_a_row_each():
    both = planned("PSD+MSP", "PSD+MSP, EMA", overrides=["train.ema=0.99"])
    assert len({settings_hash(one.recipe) for one in both}) == 1
    found = of_plan(both, [line(both[0])])
    assert [one.variant for one in found] == ["PSD+MSP", "PSD+MSP, EMA"]


def test_runs_of_another_backend_do_not_count_as_done(tmp_path):
    other = "tensorflow" if keras.backend.backend() == "jax" else "jax"
    asked = ["--set", "train.epochs=1", "--set", "data.per_class=40", "--set", "model.name=mlp"]
    runs = planned("plain", overrides=asked[1::2], seeds=(0, 1))
    lines = [line(one, backend=other) for one in runs]
    lines += [line(runs[0], backend=keras.backend.backend())]
    text = "".join(json.dumps(dataclasses.asdict(one)) + "\n" for one in lines)
    (tmp_path / "runs.jsonl").write_text(text.rstrip("\n"))  # as an editor leaves it
    result = tssd("ablate", DIGITS, *asked, "--only", "plain", "--seeds", "0,1", "--out", tmp_path)
    assert result.exit_code == 0, result.output
    assert "2/2: as the recipe says, plain, seed 1" in result.output
    assert "2 of 2 runs are in" in result.output
    assert "goes on" not in result.output
    assert len(read_lines(tmp_path / "runs.jsonl")) == 4


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"seed": "0"}, "seed must be int, got '0'"),
        ({"settings": ["x"]}, r"settings must be str, got \['x'\]"),
        ({"summary": {}}, "neither an accuracy nor an error"),
    ],
)
def test_a_line_of_another_form_is_refused(changed, words, tmp_path):
    (one,) = planned("plain")
    texts = [json.dumps(dataclasses.asdict(line(one))), ""]
    texts += [json.dumps({**dataclasses.asdict(line(one)), **changed})]
    (tmp_path / "runs.jsonl").write_text("\n".join(texts))
    with pytest.raises(ValueError, match=rf"line 3 must be one run: .*{words}"):
        read_lines(tmp_path / "runs.jsonl")


def test_a_folder_that_cannot_hold_results_is_refused_by_its_name(tmp_path):
    (tmp_path / "file").write_text("")
    asked = ["ablate", DIGITS, *SHORT, *TWO, "--seeds", "0", "--out", tmp_path / "file" / "new"]
    result = tssd(*asked)
    assert result.exit_code == 1
    assert f"--out must be a folder that results can be written to and read from, {tmp_path}" in (
        result.output
    )


def test_a_file_that_is_no_text_is_refused_by_its_name(tmp_path):
    (tmp_path / "runs.jsonl").write_bytes(b"\xff\xfe")
    with pytest.raises(ValueError, match=r"runs\.jsonl must be lines of runs in UTF-8"):
        read_lines(tmp_path / "runs.jsonl")


@pytest.mark.parametrize("text", ["5", "[]", '"x"', "{", "\x00"])
def test_a_line_that_is_no_object_is_refused(text, tmp_path):
    (tmp_path / "runs.jsonl").write_text(text)
    with pytest.raises(ValueError, match="line 1 must be one run"):
        read_lines(tmp_path / "runs.jsonl")


def test_the_variants_can_be_listed():
    result = tssd("ablate", DIGITS, "--list")
    assert result.exit_code == 0
    assert "mixmatch, 2 networks" in result.output


def test_seeds_that_are_no_numbers_are_refused():
    result = tssd("ablate", DIGITS, "--seeds", "0,x")
    assert result.exit_code == 1
    assert "--seeds takes whole numbers, as 0,1,2; got '0,x'" in result.output


@pytest.mark.long
def test_after_ctrl_c_the_same_command_goes_on(tmp_path):
    command = [sys.executable, "cli.py", "ablate", str(DIGITS), *SHORT, *TWO]
    command += ["--seeds", "0,1,2,3,4,5", "--out", str(tmp_path)]
    path = tmp_path / "runs.jsonl"
    with subprocess.Popen(
        command, cwd=ROOT, env=os.environ, stdout=subprocess.PIPE, text=True
    ) as process:
        while process.poll() is None and not (path.exists() and path.read_text()):
            time.sleep(0.1)
        process.send_signal(signal.SIGINT)
        said, _ = process.communicate(timeout=120)
    n = len(path.read_text().splitlines())
    assert 1 <= n < 12
    assert "the same command goes on" in said
    for line in path.read_text().splitlines():
        json.loads(line)


def test_ctrl_c_that_python_drops_ends_it_after_the_run(tmp_path, monkeypatch):
    def swallowing(recipe, **settings):
        with contextlib.suppress(KeyboardInterrupt):  # as a finaliser does
            signal.raise_signal(signal.SIGINT)
        summary = {"accuracy": {"evaluated_on": "test", "last": 0.5, "best": 0.5}, "seconds": 1}
        return experiment.Finished(tmp_path, summary, interrupted=False)

    monkeypatch.setattr(experiment, "run", swallowing)
    before = signal.getsignal(signal.SIGINT)
    runs = planned("plain", seeds=(0, 1, 2))
    ended = list(ablation.run(runs, tmp_path / "runs.jsonl", say=lambda text: None))
    assert [one.seed for one in ended] == [0]
    assert signal.getsignal(signal.SIGINT) is before


def test_no_lines_make_an_empty_table_and_plot(tmp_path):
    assert len(table([]).splitlines()) == 2
    plot(tmp_path / "empty.png", [])
    assert (tmp_path / "empty.png").stat().st_size > 0

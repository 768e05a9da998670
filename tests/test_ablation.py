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

from tssd_keras.ablation import read_lines, settings_hash
from tssd_keras.cli import main
from tssd_keras.recipe_variants import plan
from tssd_keras.report.ablation_table import plot, table

ROOT = Path(__file__).parent.parent
DIGITS = ROOT / "recipes" / "digits.toml"
SHORT = ["--set", "train.epochs=3", "--set", "train.warmup_epochs=2", "--set", "data.per_class=40"]
TWO = ["--only", "plain", "--only", "PSD"]


def tssd(*arguments):
    return CliRunner().invoke(main, [str(a) for a in arguments])


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    out = tmp_path_factory.mktemp("ablation")
    result = tssd("ablate", DIGITS, *SHORT, *TWO, "--seeds", "0,1", "--out", out)
    assert result.exit_code == 0, result.output
    return out, result.output


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
    asked = ["ablate", DIGITS, *SHORT, *TWO, "--out", folder[0]]
    result = tssd(*asked, "--seeds", "0,1,2")
    assert result.exit_code == 0, result.output
    after = (folder[0] / "runs.jsonl").read_text()
    assert after.startswith(before)
    assert len(after.splitlines()) == 6
    assert "6 of 6 runs" in result.output


def test_the_table_can_be_made_without_running_anything(folder):
    before = (folder[0] / "runs.jsonl").read_text()
    asked = ["ablate", DIGITS, *SHORT, "--seeds", "0,1", "--no-run", "--out", folder[0]]
    result = tssd(*asked)
    assert result.exit_code == 0, result.output
    assert "4 of 28 runs" in result.output
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
    assert "1 runs failed" in result.output
    lines = read_lines(tmp_path / "runs.jsonl")
    assert [bool(line.error) for line in lines] == [False, True]
    assert "must be finite" in lines[1].error
    assert "(1 failed)" in (tmp_path / "table.md").read_text()


def test_what_does_not_fit_the_data_is_refused_before_anything_runs(tmp_path):
    asked = ["ablate", DIGITS, *SHORT, "--out", tmp_path / "new"]
    result = tssd(*asked, "--set", "golden.per_class=50")
    assert result.exit_code == 1
    assert "golden.per_class = 50" in result.output
    assert not (tmp_path / "new").exists()


def test_a_file_of_something_else_is_refused_and_kept(tmp_path):
    (tmp_path / "runs.jsonl").write_text('{"not": "a run"}\n')
    result = tssd("ablate", DIGITS, *SHORT, *TWO, "--seeds", "0", "--out", tmp_path)
    assert result.exit_code == 1
    assert "line 1 must be one run of an ablation" in result.output
    assert (tmp_path / "runs.jsonl").read_text() == '{"not": "a run"}\n'


def test_the_variants_can_be_listed():
    result = tssd("ablate", DIGITS, "--list")
    assert result.exit_code == 0
    assert "mixmatch, 2 networks" in result.output


def test_seeds_that_are_no_numbers_are_refused():
    result = tssd("ablate", DIGITS, "--seeds", "0,x")
    assert result.exit_code == 1
    assert "--seeds takes whole numbers, as 0,1,2; got '0,x'" in result.output


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


def test_no_lines_make_an_empty_table_and_plot(tmp_path):
    assert len(table([]).splitlines()) == 2
    plot(tmp_path / "empty.png", [])
    assert (tmp_path / "empty.png").stat().st_size > 0

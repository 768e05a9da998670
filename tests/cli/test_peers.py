"""`peers`: a line a run, nothing twice, and what may be asked for in every refusal."""

import csv
import shutil
import subprocess
import sys
from pathlib import Path

import keras
import pytest
from builders.runs import tssd

from tssd_keras.cli import peers as command
from tssd_keras.run.lines import read_lines

ROOT = Path(__file__).parents[2]
DIGITS = ROOT / "recipes" / "digits.toml"
SETTINGS = ("train.epochs=2", "train.warmup_epochs=1", "data.per_class=40", "model.name=mlp")
SHORT = [word for setting in SETTINGS for word in ("--set", setting)]


def ask(out, *more):
    return tssd("peers", DIGITS, *SHORT, "--out", out, *more)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    out = tmp_path_factory.mktemp("peers")
    result = ask(out, "--methods", "gce,tssd-weighted", "--seeds", "0", "--noise", "symmetric:0.2")
    assert result.exit_code == 0, result.output
    return out, result.output


@pytest.mark.long
def test_each_run_has_a_line_with_its_figures(folder):
    lines = read_lines(folder[0] / "runs.jsonl")
    assert [(line.variant, line.case) for line in lines] == [
        ("gce", "symmetric 0.2"),
        ("tssd-weighted", "symmetric 0.2"),
    ]
    assert {line.backend for line in lines} == {keras.backend.backend()}
    assert len({line.summary["labels_sha256"] for line in lines}) == 1  # the same noise
    for line in lines:
        assert len(line.summary["accuracy_by_epoch"]) == 2
        assert line.summary["accuracy"]["last"] == pytest.approx(
            line.summary["accuracy_by_epoch"][-1], abs=1e-5
        )
        assert 0.05 < line.summary["peak_gib"] < 100
        assert line.summary["seconds"] > 0
    assert lines[0].summary["own"] == {"q": 0.7}
    assert lines[0].summary["label_error_auroc"] is None
    assert lines[1].summary["label_error_auroc"] is not None


@pytest.mark.long
def test_tables_and_picture_say_what_the_lines_say(folder):
    out, said = folder
    lines = read_lines(out / "runs.jsonl")
    last = {line.variant: line.summary["accuracy"]["last"] for line in lines}
    text = (out / "table.md").read_text()
    assert text.strip() in said
    for name, value in last.items():
        assert f"| {name} | {100 * value:.1f} |" in text
    with open(out / "table.csv", newline="", encoding="utf-8") as file:
        rows = {row["method"]: row for row in csv.DictReader(file)}
    assert {name: float(row["last"]) for name, row in rows.items()} == pytest.approx(last, abs=1e-4)
    assert rows["gce"]["own"] == "q=0.7"
    assert (out / "peers.png").read_bytes().startswith(b"\x89PNG")


@pytest.mark.long
def test_what_has_run_is_not_run_again_and_no_run_runs_nothing(folder):
    before = (folder[0] / "runs.jsonl").read_bytes()
    again = ("--methods", "gce,tssd-weighted", "--noise", "symmetric:0.2")
    result = ask(folder[0], *again, "--seeds", "0")
    assert result.exit_code == 0, result.output
    assert "2 of 2 runs" in result.output
    result = ask(folder[0], *again, "--seeds", "0,1", "--no-run")
    assert result.exit_code == 0, result.output
    assert "2 of 4 runs" in result.output
    assert "without --no-run it goes on" in result.output
    other = ask(folder[0], "--methods", "gce", "--peer", "gce.q=0.5", "--seeds", "0", "--no-run")
    assert "0 of 1 runs" in other.output
    assert (folder[0] / "runs.jsonl").read_bytes() == before


@pytest.mark.long
def test_a_run_that_fails_is_a_line_that_says_why(tmp_path):
    result = ask(tmp_path, "--methods", "gce", "--seeds", "0", "--set", "train.learning_rate=1e30")
    assert result.exit_code == 1
    assert "1 runs failed" in result.output
    (line,) = read_lines(tmp_path / "runs.jsonl")
    assert line.error.startswith("loss must be finite")
    assert "- (1 failed)" in (tmp_path / "table.md").read_text()


@pytest.mark.backend_free
@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["--methods", "gec"], "a method must be one of cross-entropy; label-smoothing; gce;"),
        (["--methods", "co-teachin"], "did you mean co-teaching?"),
        (["--methods", "gce", "--seeds", "0,x"], "--seeds takes whole numbers"),
        (["--methods", "gce", "--noise", "0.4"], "--noise takes KIND:RATE or file:PATH"),
        (["--methods", "gce", "--peer", "gce.p=1"], "with METHOD.KEY of gce.q among the methods"),
        (["--methods", "gce", "--peer", "elr.strength=1"], "METHOD.KEY of gce.q among"),
        (["--methods", "cross-entropy", "--peer", "gce.q=1"], "METHOD.KEY of none among"),
        (["--methods", "gce", "--peer", "gce.q=much"], "--peer gce.q must be a finite number"),
        (["--methods", "simifeat", "--peer", "simifeat.k=0.5"], "must be a whole number"),
        (["--methods", "gce", "--set", "golden.source=none"], "would be lost: the methods,"),
        (["--methods", "glc", "--set", "golden.per_class=50"], "fit with --methods"),
    ],
)
def test_what_does_not_fit_is_refused_before_anything_runs(tmp_path, words, told):
    result = ask(tmp_path / "new", *words)
    assert result.exit_code == 1
    assert told in result.output
    assert not (tmp_path / "new").exists()


@pytest.mark.backend_free
def test_a_recipe_must_be_named_and_be_there(tmp_path):
    result = tssd("peers", "--methods", "gce")
    assert (result.exit_code, "Missing argument 'RECIPE'" in result.output) == (2, True)
    result = tssd("peers", tmp_path / "none.toml", "--methods", "gce")
    assert (result.exit_code, "cannot read the recipe" in result.output) == (1, True)


@pytest.mark.backend_free
def test_a_line_of_something_else_is_refused_and_kept(tmp_path):
    (tmp_path / "runs.jsonl").write_text('{"not": "a run"}\n')
    result = ask(tmp_path, "--methods", "gce", "--seeds", "0")
    assert result.exit_code == 1
    assert "line 1 must be one run" in result.output
    assert (tmp_path / "runs.jsonl").read_text() == '{"not": "a run"}\n'


@pytest.mark.backend_free
def test_a_package_that_is_lacking_is_named(tmp_path, monkeypatch):
    import importlib.util

    there = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name: None if name == "cleanlab" else there(name)
    )
    result = ask(tmp_path, "--methods", "cleanlab", "--seeds", "0")
    assert result.exit_code == 1
    assert "pip install 'tssd_keras[peers]'" in " ".join(result.output.split())


@pytest.mark.backend_free
def test_the_list_names_every_method_and_its_own_settings():
    result = tssd("peers", "--list")
    assert result.exit_code == 0
    names = [line.split()[0] for line in result.output.splitlines()]
    assert names == list(command._module("").METHODS)
    described = (ROOT / "docs" / "peers.md").read_text()
    assert [name for name in names if f"`{name}`" not in described] == []
    assert "elr.strength=3.0" in result.output


@pytest.mark.backend_free
def test_without_a_clone_the_command_says_where_the_peers_are(tmp_path, monkeypatch):
    monkeypatch.setattr(command, "BENCHMARKS", tmp_path / "benchmarks")
    result = tssd("peers", DIGITS)
    assert result.exit_code == 1
    assert f"{tmp_path / 'benchmarks' / 'peers'} is not there" in result.output
    assert "in a clone of the repository" in result.output


@pytest.mark.backend_free
def test_a_library_beside_no_benchmarks_has_the_command_and_its_error(tmp_path):
    shutil.copytree(ROOT / "tssd_keras", tmp_path / "site" / "tssd_keras")
    done = subprocess.run(
        [sys.executable, "-c", "from tssd_keras.cli.main import main; main(['peers', '--list'])"],
        cwd=tmp_path / "site",
        capture_output=True,
        text=True,
    )
    assert done.returncode == 1
    assert "Try python cli.py peers in a clone" in done.stderr

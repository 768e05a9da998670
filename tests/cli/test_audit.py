"""The audit of real runs: short ones, by the command line."""

import csv
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import urllib.parse
from pathlib import Path

import numpy as np
import pytest
from builders.examples import load as load_example
from builders.run_files import edit_arrays
from builders.runs import SHORT, train, tssd

from tssd_keras.auditing import write as audit_files
from tssd_keras.cli import audit as cli_audit
from tssd_keras.recipe.recipe import DEFAULT
from tssd_keras.recipe.toml import parse_recipe
from tssd_keras.run import experiment
from tssd_keras.run.folder import RunFolder

ROOT = Path(__file__).parents[2]
FILES = {
    "label_issues.csv",
    "label_studio_config.xml",
    "label_studio_tasks.json",
    "report.html",
    "samples.csv",
    "samples.parquet",
    "strata.csv",
}


def audited(run, *options):
    result = tssd("audit", run, *options)
    assert result.exit_code == 0, result.output
    return result.output


def refused(run):
    result = tssd("audit", run, "--without-samples")
    assert result.exit_code == 1, result.output
    return result.output


def rows(path):
    with open(path, newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def page_data(folder):
    html = (folder / "report.html").read_text(encoding="ascii")
    return json.loads(re.search(r'id="data">(.*?)</script>', html, re.S).group(1))


def pictures_of(folder, block="pictures"):
    html = (folder / "report.html").read_text(encoding="ascii")
    lines = re.search(rf'id="{block}">(.*?)</script>', html, re.S).group(1)
    return [json.loads(line) for line in lines.split("\n")]


def edit(path, old, new):
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))


@pytest.fixture(scope="module")
def run(digits_run, tmp_path_factory):
    return shutil.copytree(digits_run[0], tmp_path_factory.mktemp("runs") / "digits")


@pytest.fixture(scope="module")
def audit(run):
    """Made in a process of its own, which shows what it loads and that it leaves the run alone."""
    before = {path: path.read_bytes() for path in run.iterdir()}
    code = (
        "import sys; from tssd_keras.cli.main import main;"
        "options = ['--pictures-mb=0.02', '--kept=10', '--teaching=40'];"
        "main(['audit', sys.argv[1], *options], standalone_mode=False);"
        "print([n for n in ('keras', 'tensorflow', 'jax') if n in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(run)], cwd=ROOT, capture_output=True, text=True, check=True
    )
    *_, address, command, loaded = done.stdout.strip().splitlines()
    assert loaded == "[]"
    page = urllib.parse.urlsplit(address.removeprefix("open ").partition(" in a browser")[0])
    assert page.scheme == "file"
    assert Path(urllib.parse.unquote(page.path)) == run / "audit" / "report.html"
    assert command.split()[:4] == ["python", "cli.py", "relabel", str(run)]
    assert {path: path.read_bytes() for path in run.iterdir() if path.is_file()} == before
    return run / "audit"


def test_an_audit_leaves_every_file(audit):
    assert {path.name for path in audit.iterdir()} == FILES


def test_the_rows_are_those_of_the_run(run, audit):
    theirs, ours = rows(run / "samples.csv"), rows(audit / "samples.csv")
    assert len(ours) == len(theirs) == 1387
    for a, b in zip(theirs, ours, strict=True):
        for name in ("index", "id", "weight", "role", "p_loss", "p_feature", "q", "changed"):
            assert a[name] == b[name]
        assert (a["given"], a["suggested"]) == (b["given_name"], b["suggested_name"])
        assert a["given"] == b["given_label"]  # of digits
        assert float(b["p_wrong"]) == pytest.approx(1 - float(b["q"]), abs=1e-5)
    assert {r["changed"] for r in ours} == {"2", "3"}


def test_parquet_says_the_same_as_csv(audit):
    parquet = pytest.importorskip("pyarrow.parquet", reason="no pyarrow")
    table = parquet.read_table(audit / "samples.parquet").to_pylist()
    for a, b in zip(table, rows(audit / "samples.csv"), strict=True):
        assert list(a) == list(b)
        assert str(a["index"]) == b["index"]
        assert a["q"] == pytest.approx(float(b["q"]), rel=1e-5)
        assert (a["rank"] is None) == (b["rank"] == "")
        assert a["suggested_name"] == b["suggested_name"]


def test_the_strata_count_the_rows_and_the_page_shows_what_they_say(audit):
    strata = rows(audit / "strata.csv")
    samples = rows(audit / "samples.csv")
    data = page_data(audit)
    assert data["strata"] == [
        {"name": s["stratum"], "samples": int(s["samples"]), "shown": int(s["shown"])}
        for s in strata
    ]
    for place, s in enumerate(strata):
        assert sum(r["stratum"] == s["stratum"] for r in samples) == int(s["samples"])
        assert data["samples"]["stratum"].count(place) == int(s["shown"])
    assert strata[-1]["stratum"] == "kept"
    assert 10 < int(strata[-1]["shown"]) <= 50
    made = pictures_of(audit)
    assert 10 < len(made) == len(data["pictures"]["at"]) < len(data["samples"]["index"])
    assert sum(map(len, made + pictures_of(audit, "beside"))) <= 20_000


def test_the_suspects_are_mostly_wrong_and_come_first(audit):
    ranked = sorted(
        (r for r in rows(audit / "samples.csv") if r["rank"]), key=lambda r: int(r["rank"])
    )
    assert [r["index"] for r in ranked] == [
        str(i) for i in page_data(audit)["samples"]["index"][: page_data(audit)["listed"] - 10]
    ]
    assert np.mean([r["true_name"] != r["given_name"] for r in ranked[:200]]) > 0.9


def test_the_overview_has_what_the_round_found(run, audit):
    found = page_data(audit)["overview"]
    last = rows(run / "rounds.csv")[-1]
    assert found["totals"]["kept"] == int(last["kept"])
    assert found["rounds"]["epoch"] == [2, 3]
    assert found["epochs"]["epoch"] == [1, 2, 3]
    assert found["matrix"]["kind"] == "transition"
    for row in found["matrix"]["rows"]:
        assert sum(row) == pytest.approx(1000, abs=10)
    assert found["totals"]["wrong"] == pytest.approx(0.4, abs=0.1)


def test_cleanlab_s_columns_and_label_studio_s_tasks(audit):
    issues = rows(audit / "label_issues.csv")
    assert list(issues[0]) == [
        *("id", "index", "filepath", "is_label_issue", "label_quality", "given_label"),
        *("predicted_label", "mistakenness"),
    ]
    samples = rows(audit / "samples.csv")
    assert [r["is_label_issue"] == "True" for r in issues] == [r["rank"] != "" for r in samples]
    tasks = json.loads((audit / "label_studio_tasks.json").read_text())
    data = page_data(audit)  # those that are listed, with a picture: digits are no files
    assert len(tasks) == sum(place < data["listed"] for place in data["pictures"]["at"]) > 10
    by_index = {int(r["index"]): r for r in samples}
    for task in tasks:
        row = by_index[task["data"]["index"]]
        [prediction] = task["predictions"]
        [result] = prediction["result"]
        assert result["value"]["choices"] == [row["suggested_name"]]
        assert task["data"]["image"].startswith("data:image/png;base64,")


def test_an_audit_is_never_written_over(run, audit):
    result = tssd("audit", run)
    assert result.exit_code == 1
    assert f"the audit's folder must be new or empty, {audit} is not" in result.output


def test_two_networks_and_mixmatch_can_be_audited(tmp_path):
    out = train(tmp_path / "run", "objective.kind=mixmatch", "train.networks=2", "train.epochs=2")
    audited(out)
    data = page_data(out / "audit")
    assert len(data["overview"]["streams"]) == 2
    assert data["overview"]["totals"]["objective"] == "mixmatch"
    assert data["samples"]["index"]


@pytest.mark.parametrize(
    ("place", "by", "matrix"),
    [("class_means", "streams", "counts"), ("neighbours", "q", "transition")],
)
def test_a_run_that_was_stopped_and_has_judged_some_only_can_be_audited(
    tmp_path, monkeypatch, place, by, matrix
):
    """Epochs that draw samples leave others unjudged; without neighbours there is no q."""

    append = RunFolder.append_round

    def stopped(folder, row):
        append(folder, row)
        os.kill(os.getpid(), signal.SIGINT)

    monkeypatch.setattr(RunFolder, "append_round", stopped)
    drawn = ("train.balanced_batches=24", "train.batch_size=16", "golden.source=none")
    settings = (*SHORT, *drawn, f"divide.place={place}")
    done = experiment.run(parse_recipe(DEFAULT, settings), out=tmp_path / "run", say=str)
    assert done.interrupted
    audited(tmp_path / "run")
    samples = rows(tmp_path / "run" / "audit" / "samples.csv")
    unjudged = [r for r in samples if not r["role"]]
    assert len(unjudged) == 1437 - 24 * 16
    assert {(r["stratum"], r["rank"], r["p_wrong"], r["changed"]) for r in unjudged} == {
        ("unjudged", "", "", "")
    }
    found = page_data(tmp_path / "run" / "audit")["overview"]
    assert found["matrix"]["kind"] == matrix
    assert found["totals"]["by"] == by
    assert found["totals"]["judged"] == 24 * 16
    assert found["totals"]["interrupted"] is True
    after = f"This is the run after epoch {done.summary['epochs']} of "
    assert page_data(tmp_path / "run" / "audit")["note"].startswith(after)


def test_a_run_that_goes_on_is_refused_until_it_has_ended(tmp_path, monkeypatch):
    """Stopped, resumed, and ended as by a kill: what the stop had written is gone."""
    append, run, calls = RunFolder.append_round, tmp_path / "run", []

    def stopped(folder, row):
        append(folder, row)
        calls.append(row)
        if len(calls) == 1:
            os.kill(os.getpid(), signal.SIGINT)
        elif len(calls) == 3:  # the resumed run repeats the round that was cut off
            raise SystemExit  # which writes nothing, as a kill

    monkeypatch.setattr(RunFolder, "append_round", stopped)
    assert experiment.run(parse_recipe(DEFAULT, SHORT), out=run, say=str).interrupted
    whole = (run / "epochs.csv").read_text()
    (run / "epochs.csv").write_text(whole + whole.splitlines()[-1].replace("1,", "2,", 1) + "\n")
    assert "summary.json says that there are 1 rows, there are 2" in refused(run)
    (run / "epochs.csv").write_text(whole)
    with pytest.raises(SystemExit):
        experiment.resume(run, say=str)
    told = refused(run)
    assert "lacks samples.npz, summary.json" in told or "lacks summary.json, samples.npz" in told
    assert f"train --resume {run}" in told


@pytest.mark.parametrize(
    ("spoil", "told"),
    [
        (lambda run: (run / "summary.json").unlink(), "lacks summary.json"),
        (lambda run: (run / "summary.json").write_text("{"), "summary.json must be the summary"),
        (lambda run: (run / "streams.npz").unlink(), "must hold streams.npz"),
        (
            lambda run: (run / "streams.npz").write_bytes(b"PK"),
            "streams.npz must hold a round's streams",
        ),
        (lambda run: edit(run / "recipe.toml", '"weighted"', '"plain"'), "which judges no labels"),
        (
            lambda run: edit(run / "summary.json", '"rounds": 2', '"rounds": 0'),
            "stopped before its first round, after 3 of 1 epochs of warm-up",
        ),
        (lambda run: (run / "samples.npz").unlink(), "the run is of an older version"),
        (lambda run: (run / "samples.npz").write_bytes(b"PK"), "samples.npz must hold the samples"),
        (lambda run: edit_arrays(run / "samples.npz", given=None), "it lacks given"),
    ],
)
def test_what_is_no_run_folder_is_told_so(run, tmp_path, spoil, told):
    copy = tmp_path / "run"
    shutil.copytree(run, copy, ignore=shutil.ignore_patterns("audit"))
    spoil(copy)
    result = tssd("audit", copy)
    assert result.exit_code == 1
    assert isinstance(result.exception, SystemExit)
    assert told in result.output
    assert not (copy / "audit").exists()


def test_a_sample_table_with_another_class_is_told_so(run, tmp_path):
    copy = tmp_path / "run"
    shutil.copytree(run, copy, ignore=shutil.ignore_patterns("audit"))
    edit_arrays(copy / "samples.npz", given=np.full(1387, 11))
    result = tssd("audit", copy)
    assert result.exit_code == 1
    assert "samples.npz must hold the samples of a run as a run writes them" in result.output
    assert "given must lie in 0..9, got 11" in result.output


def test_sentences_are_shown_where_the_samples_were_made_of_some(tmp_path):
    rng = np.random.default_rng(0)
    y = np.arange(300) % 3
    x = (rng.normal(0, 0.3, (300, 5)) + np.eye(5)[y] * 3).astype(np.float32)
    wrong = rng.random(300) < 0.3
    texts = np.array([f"sentence <b>{i}</b>" for i in range(300)])
    path = tmp_path / "own.npz"
    arrays = {"x_train": x, "y_train": np.where(wrong, (y + 1) % 3, y), "text_train": texts}
    np.savez(path, **arrays, x_test=x[:60], y_test=y[:60], y_train_true=y)
    out = train(
        tmp_path / "run",
        "data.source=npz",
        f"data.path={path}",
        "noise.kind=none",
        "train.epochs=6",
    )
    audited(out)
    data = page_data(out / "audit")
    assert data["pictures"]["kind"] == "text"
    first = data["samples"]["index"][0]
    assert pictures_of(out / "audit")[0] == f"sentence <b>{first}</b>"
    task = json.loads((out / "audit" / "label_studio_tasks.json").read_text())[0]
    assert task["data"]["text"] == f"sentence <b>{first}</b>"

    np.savez(path, **{**arrays, "y_train": y}, x_test=x[:60], y_test=y[:60], y_train_true=y)
    result = tssd("audit", out, "--out", tmp_path / "other")
    assert result.exit_code == 1
    assert "the data must be those of the run: their labels (300) have the hash" in result.output

    path.unlink()
    result = tssd("audit", out, "--out", tmp_path / "gone")
    assert result.exit_code == 1
    assert "the run's data cannot be loaded again: data.path must name an .npz" in result.output
    assert "--without-samples" in result.output
    assert not (tmp_path / "gone").exists()
    audited(out, "--out", tmp_path / "gone", "--without-samples")
    data = page_data(tmp_path / "gone")
    assert data["pictures"]["kind"] == "none"
    assert data["note"] == cli_audit.NO_SAMPLES


def test_image_files_have_their_path_in_every_table(tmp_path):
    photos = tmp_path / "photos"
    load_example("own_folder").write(photos)
    out = train(
        tmp_path / "run",
        "data.source=table",
        f"data.path={photos / 'labels.csv'}",
        "noise.kind=none",
    )
    output = audited(out, "--pictures-mb", 0.05)
    assert f"LABEL_STUDIO_LOCAL_FILES_DOCUMENT_ROOT={photos}" in output
    samples = rows(out / "audit" / "samples.csv")
    assert samples[0]["path"] == str(photos / samples[0]["id"])
    issues = rows(out / "audit" / "label_issues.csv")
    assert [r["filepath"] for r in issues] == [r["path"] for r in samples]
    tasks = json.loads((out / "audit" / "label_studio_tasks.json").read_text())
    assert len(tasks) == sum(r["rank"] != "" for r in samples)
    assert tasks[0]["data"]["image"] == f"/data/local-files/?d={tasks[0]['data']['id']}"
    config = (out / "audit" / "label_studio_config.xml").read_text()
    assert '<Choice value="zero"/>' in config


def test_the_command_has_the_defaults_of_the_function():
    defaults = {o.name: o.default for o in cli_audit.audit.params}
    assert defaults["pictures_mb"] == audit_files.PICTURES_MB
    assert defaults["most"] == audit_files.MOST_SUSPECTS
    assert defaults["teaching"] == audit_files.TEACHING

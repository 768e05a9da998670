"""The loop on the digits: train, decide on suspects, apply, train again."""

import dataclasses
import json
import os
import re
import shutil
from pathlib import Path

import numpy as np
import pytest
from builders.run_files import HEADER, read_csv, write_csv
from builders.runs import SHORT, tssd
from PIL import Image
from sklearn.metrics import roc_auc_score

from tssd_keras.data.sources import digits
from tssd_keras.labels.decisions.reading import in_golden_half
from tssd_keras.labels.prepare import prepare
from tssd_keras.recipe.data_sections import DataRecipe, GoldenRecipe, NoiseRecipe
from tssd_keras.recipe.method_sections import ObjectiveRecipe
from tssd_keras.recipe.recipe import Recipe
from tssd_keras.run.compare import check_same_labels, compare
from tssd_keras.run.read import read_run

DIGITS = Path(__file__).parents[2] / "recipes" / "digits.toml"
N_DECIDED = 40


def train(recipe, out, *settings):
    words = [word for setting in settings for word in ("--set", setting)]
    result = tssd("train", recipe, *words, "--out", out)
    assert result.exit_code == 0, result.output
    return json.loads((out / "summary.json").read_text())


def decide(run, path, n=N_DECIDED):
    """The true labels of the surest suspects, as decisions."""
    rows = [r for r in read_csv(run / "samples.csv") if r["suggested"] != r["given"]]
    rows = sorted(
        (r for r in rows if r["role"] != "decided"), key=lambda r: -float(r["p_suggested"])
    )
    sha = (run / "labels.sha256").read_text().strip()
    actions = {True: "keep", False: "confirm"}
    table = [
        (r["id"], r["index"], r["given"], r["true"], actions[r["true"] == r["given"]], "", sha)
        for r in rows[:n]
    ]
    return write_csv(path, HEADER, table)


@pytest.fixture(scope="module")
def first(digits_run, tmp_path_factory):
    """The first run, its summary, and the labels that its decisions gave."""
    folder = tmp_path_factory.mktemp("loop")
    shutil.copytree(digits_run[0], folder / "first")
    summary = json.loads((folder / "first" / "summary.json").read_text())
    decisions = decide(folder / "first", folder / "decisions.csv")
    result = tssd("relabel", folder / "first", decisions, "--out", folder / "labels.csv")
    assert result.exit_code == 0, result.output
    return folder / "first", summary, folder / "labels.csv"


@pytest.fixture(scope="module")
def second(first):
    run, _, labels = first
    out = labels.parent / "second"
    return out, train(run / "recipe.toml", out, f"golden.decisions={labels}")


def test_half_of_the_decided_are_trained_on_and_the_others_have_left_the_stream(first, second):
    decided = read_csv(second[0] / "decided.csv")
    assert len(decided) == N_DECIDED
    samples = {row["index"]: row for row in read_csv(second[0] / "samples.csv")}
    golden = in_golden_half([row["id"] for row in decided])
    assert [row["use"] == "golden" for row in decided] == golden.tolist()
    for row in decided:
        if row["use"] == "golden":
            assert row["index"] not in samples
            continue
        sample = samples[row["index"]]
        assert (sample["role"], sample["weight"]) == ("decided", "1")
        assert (sample["given"], sample["suggested"]) == (row["given"], row["decided"])
    assert sum(row["role"] == "decided" for row in samples.values()) == (~golden).sum()
    assert len(samples) == first[1]["samples"]["stream"] - golden.sum()


def test_the_summary_says_what_was_decided_and_counts_none_of_it(first, second):
    summary, decisions = second[1], second[1]["decisions"]
    assert decisions["count"] == N_DECIDED == decisions["trained"] + decisions["golden"]
    assert decisions["agree_with_truth"] == 1.0
    assert len(decisions["sha256"]) == 64
    assert summary["labels_sha256"] == first[1]["labels_sha256"]  # of the labels as they were given
    assert summary["effective_noise_rate"] == first[1]["effective_noise_rate"]
    assert summary["samples"]["golden"] == 50 + decisions["golden"]
    judged = [r for r in read_csv(second[0] / "samples.csv") if r["role"] != "decided"]
    kept = [r for r in judged if float(r["weight"]) > 0]
    assert summary["kept"]["count"] == len(kept)
    right = np.mean([r["given"] == r["true"] for r in kept])
    assert summary["kept"]["precision"] == pytest.approx(right)
    assert first[1]["decisions"] is None


def test_the_saved_recipe_names_the_decisions_by_their_whole_path(first, second):
    assert f'decisions = "{first[2]}"' in (second[0] / "recipe.toml").read_text()


def test_the_next_audit_s_decisions_come_on_top(first, second, tmp_path):
    decisions = decide(second[0], tmp_path / "decisions.csv", n=7)
    result = tssd("relabel", second[0], decisions, "--out", tmp_path / "labels.csv")
    assert result.exit_code == 0, result.output
    assert f"{N_DECIDED} earlier decisions of the run stay" in result.output
    now = {r["index"]: r["label"] for r in read_csv(tmp_path / "labels.csv") if r["action"]}
    before = {r["index"]: r["label"] for r in read_csv(first[2]) if r["action"]}
    assert len(now) == N_DECIDED + 7
    assert before.items() <= now.items()


def test_two_networks_learn_from_decided_samples_as_labelled_ones(first, tmp_path):
    summary = train(
        first[0] / "recipe.toml",
        tmp_path / "run",
        f"golden.decisions={first[2]}",
        "objective.kind=mixmatch",
        "train.networks=2",
        "train.epochs=2",
        "train.warmup_epochs=1",
    )
    assert summary["error"] is None
    decided = [r for r in read_csv(tmp_path / "run" / "samples.csv") if r["role"] == "decided"]
    assert len(decided) == summary["decisions"]["trained"] > 0
    assert {r["weight"] for r in decided} == {"1"}


def test_folders_and_files_whose_names_are_no_text_go_round_the_loop(tmp_path):
    """Bytes that are not UTF-8, as old archives unpack to."""
    rng = np.random.default_rng(0)
    for grey, name in ((60, b"caf\xe9"), (180, b"cat")):
        folder = os.path.join(os.fsencode(tmp_path), b"photos", name)
        os.makedirs(folder)
        for i in range(60):
            pixels = (grey + rng.integers(-40, 40, (8, 8))).astype(np.uint8)
            with open(os.path.join(folder, b"\xe9 %d.png" % i), "wb") as file:
                Image.fromarray(pixels).save(file, "PNG")
    own = ("data.source=folder", f"data.path={tmp_path / 'photos'}", "golden.source=none")
    own = (*SHORT, *own, "noise.kind=symmetric", "noise.rate=0.2")
    train(DIGITS, tmp_path / "run", *own)
    result = tssd("audit", tmp_path / "run")
    assert result.exit_code == 0, result.output
    row = read_csv(tmp_path / "run" / "audit" / "samples.csv")[0]
    assert os.fsencode(row["path"]).startswith(os.fsencode(tmp_path) + b"/photos/ca")
    sha = (tmp_path / "run" / "labels.sha256").read_text().strip()
    seen = [row["id"], row["index"], row["given_name"], "caf\udce9", "other", row["stratum"], sha]
    seen[4] = "keep" if row["given_name"] == "caf\udce9" else "other"
    # The page's export has U+FFFD where there was no character.
    seen = [re.sub("[\ud800-\udfff]", "\ufffd", cell) for cell in seen]
    decisions = write_csv(tmp_path / "decisions.csv", HEADER, [seen])
    result = tssd("relabel", tmp_path / "run", decisions, "--out", tmp_path / "labels.csv")
    assert result.exit_code == 0, result.output
    summary = train(
        tmp_path / "run" / "recipe.toml",
        tmp_path / "again",
        f"golden.decisions={tmp_path / 'labels.csv'}",
    )
    assert summary["decisions"]["trained"] == 1
    assert read_csv(tmp_path / "again" / "decided.csv")[0]["id"] == row["id"]


def test_plain_training_takes_the_decided_labels(first, tmp_path):
    summary = train(
        first[0] / "recipe.toml",
        tmp_path / "run",
        f"golden.decisions={first[2]}",
        "objective.kind=plain",
        "train.epochs=1",
    )
    assert summary["decisions"]["trained"] > 0
    decided = [r for r in read_csv(tmp_path / "run" / "samples.csv") if r["role"] == "decided"]
    assert len(decided) == summary["decisions"]["trained"]


def test_decisions_on_other_labels_are_refused_before_anything_is_run(first, tmp_path):
    result = tssd(
        "train",
        first[0] / "recipe.toml",
        "--set",
        f"golden.decisions={first[2]}",
        "--set",
        "noise.seed=5",
        "--out",
        tmp_path / "run",
    )
    assert result.exit_code == 1
    assert "labels_sha256 must be" in result.output
    assert not (tmp_path / "run").exists()


def test_check_says_what_decisions_are_used_for(first):
    result = tssd("check", first[0] / "recipe.toml", "--set", f"golden.decisions={first[2]}")
    assert result.exit_code == 0, result.output
    assert f"decisions: {N_DECIDED} of sha256" in result.output
    assert "teach the meta classifier" in result.output


SOURCE = digits.load(DataRecipe())


def recipe(labels, **golden):
    base = Recipe(noise=NoiseRecipe(kind="symmetric"))
    return dataclasses.replace(base, golden=GoldenRecipe(decisions=str(labels), **golden))


def test_without_trusted_samples_to_learn_from_all_are_trained_on(first):
    for source in ("none", "certain"):
        found = prepare(recipe(first[2], source=source), SOURCE)
        assert (found.decided.labels(len(found.given)) >= 0).sum() == N_DECIDED
        assert found.golden is None
        assert len(found.stream) == len(found.given)
        assert any("all are trained on" in note for note in found.notes)


def test_a_sample_that_is_golden_or_held_out_anyway_stays_that(first):
    settings = recipe(first[2], per_class=100)
    settings = dataclasses.replace(settings, data=DataRecipe(validation_share=0.1))
    found = prepare(settings, SOURCE)
    use = found.decided.summary(found.given, found.truth)
    assert use["not_used"] > 0
    index = found.decided.decisions.index[found.decided.of(2)]
    assert not np.isin(index, found.stream).any()
    assert np.unique(found.golden_index).size == len(found.golden_index)
    assert any("are not used" in note for note in found.notes)


def test_drawn_golden_samples_are_the_same_with_and_without_decisions(first):
    with_decisions = prepare(recipe(first[2]), SOURCE)
    without = prepare(dataclasses.replace(recipe(""), golden=GoldenRecipe()), SOURCE)
    assert with_decisions.golden_index[:50].tolist() == without.golden_index.tolist()
    assert with_decisions.golden.labels[:50].tolist() == without.golden.labels.tolist()
    weight = with_decisions.golden.stands_for
    assert (weight[:50] == weight[0]).all()
    assert weight[0] > weight[50:].max()  # the decided ones are of the surest suspects
    assert without.golden.stands_for is None


def test_unusable_samples_are_neither_trained_on_nor_golden_and_all_else_stays(first, tmp_path):
    without = prepare(dataclasses.replace(recipe(""), golden=GoldenRecipe()), SOURCE)
    rows = read_csv(first[2])
    drawn = int(without.golden_index[0])
    undecided = next(i for i in without.stream.tolist() if not rows[i]["action"])
    sha = next(row["labels_sha256"] for row in rows if row["action"])
    for i in (drawn, undecided):
        rows[i] |= {"id": str(SOURCE.ids[i]), "label": "", "action": "unusable"}
        rows[i] |= {"stratum": "these", "stratum_size": "2", "labels_sha256": sha}
    write_csv(tmp_path / "labels.csv", list(rows[0]), [row.values() for row in rows])
    found = prepare(recipe(tmp_path / "labels.csv"), SOURCE)
    assert undecided not in found.stream
    assert drawn not in found.stream
    assert drawn not in found.golden_index
    assert found.golden_index[:49].tolist() == without.golden_index[1:].tolist()
    assert found.decided.summary(found.given, found.truth)["left_out"] == 2


def test_decided_samples_can_be_all_the_golden_ones_there_are(first, tmp_path):
    unknown = dataclasses.replace(SOURCE, true_labels=None)
    every = read_csv(first[2])
    given = prepare(recipe(first[2]), SOURCE).given
    as_given = dataclasses.replace(unknown, labels=given)
    settings = dataclasses.replace(
        recipe(first[2]), noise=NoiseRecipe(), objective=ObjectiveRecipe(kind="plain")
    )
    found = prepare(settings, as_given)
    decided = {int(r["index"]): r["label"] for r in every if r["action"]}
    assert len(found.golden) == len(found.decided.of(1)) > 0
    assert [str(label) for label in found.golden.labels] == [
        decided[i] for i in found.golden_index.tolist()
    ]


def test_what_decisions_bought_is_told_of_the_samples_that_both_runs_judged(first, second):
    found = compare([first[0], second[0]])
    before, after = (
        {r["index"]: r for r in read_csv(run / "samples.csv")} for run in (first[0], second[0])
    )
    decided = {row["index"] for row in read_csv(second[0] / "decided.csv")}
    shared = sorted((set(before) & set(after)) - decided, key=int)
    assert found.samples == len(shared) == len(before) - N_DECIDED
    clean = np.array([before[i]["given"] == before[i]["true"] for i in shared])
    assert found.truly_wrong == pytest.approx(1 - clean.mean())
    for run, rows, summary in zip(found.runs, (before, after), (first[1], second[1]), strict=True):
        q = np.array([float(rows[i]["q"]) for i in shared])
        assert run.auroc == pytest.approx(roc_auc_score(clean, q))
        assert run.wrong == pytest.approx(summary["estimated_wrong_share"], abs=1e-6)
        assert run.kept == np.mean([float(rows[i]["weight"]) > 0 for i in shared])
        assert run.accuracy["last"] == summary["accuracy"]["last"]
    assert found.runs[0].decisions == (0, 0)
    assert sum(found.runs[1].decisions) == N_DECIDED


def test_compare_prints_the_runs_side_by_side(first, second):
    result = tssd("compare", first[0], second[0])
    assert result.exit_code == 0, result.output
    lines = {line[:30].strip(): line[30:].split() for line in result.output.splitlines()}
    one, two = compare([first[0], second[0]]).runs
    assert lines["run"] == ["first", "second"]
    assert lines["decisions trained on / golden"] == [
        "0",
        "/",
        "0",
        str(two.decisions[0]),
        "/",
        str(two.decisions[1]),
    ]
    difference = f"({two.auroc - one.auroc:+.4f})"
    assert lines["AUROC of label errors"] == [f"{one.auroc:.4f}", f"{two.auroc:.4f}", difference]
    assert lines["accuracy measured on"] == ["test", "test"]
    assert "samples were judged by all" in result.output


def test_a_run_that_was_stopped_or_measured_elsewhere_is_told(first, tmp_path):
    other = shutil.copytree(first[0], tmp_path / "a\nb")
    summary = json.loads((other / "summary.json").read_text())
    summary["interrupted"] = True
    summary["accuracy"] = {"evaluated_on": "validation", "last": None, "mean_last_10": None}
    (other / "summary.json").write_text(json.dumps(summary))
    lines = tssd("compare", first[0], other).output.splitlines()
    assert lines[0].split() == ["run", "first", "a", "b"]
    assert lines[1].split() == ["epochs", "3", "3,", "stopped"]
    assert lines[3].split()[-1] == "validation"
    assert lines[4].split()[-1] == "-"


def test_runs_that_cannot_be_compared_are_refused(first, tmp_path):
    run = first[0]
    other = tmp_path / "other"
    train(run / "recipe.toml", other, "noise.seed=7", "golden.source=none")
    for words, text in (
        ([run], "two different runs"),
        ([run, run], "two different runs to compare, or more, got 2, 1 of them"),
        ([run, other], "same given labels"),
        ([run, tmp_path / "nothing"], "must be the folder of a run"),
    ):
        result = tssd("compare", *words)
        assert result.exit_code == 1
        assert text in result.output


def test_classes_of_other_names_are_told_by_the_first_that_differs(first):
    judged = read_run(first[0])[0]
    names = (*judged.class_names[:3], "three\n", *judged.class_names[4:])
    other = dataclasses.replace(judged, class_names=names)
    with pytest.raises(ValueError, match=r"class 3 is '3' in a and 'three\\n' in b"):
        check_same_labels(Path("a"), judged, Path("b"), other)

"""The command line on data that somebody brings along: from image files to a run folder."""

import csv
import json
import os
from pathlib import Path

import numpy as np
import pytest
from builders.examples import load as load_example
from builders.prepared import prepared_folder
from click.testing import CliRunner
from PIL import Image

from tssd_keras.cli.main import main

ROOT = Path(__file__).parents[2]
N_TRAIN, N_TEST, N_GOLDEN, N_KNOWN = 1437, 360, 100, 400  # of examples/own_folder.py


def tssd(*arguments):
    return CliRunner().invoke(main, [str(a) for a in arguments])


def rows(path):
    with open(path, newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """The folder that the example writes, with three bad files and one image twice."""
    folder = tmp_path_factory.mktemp("own") / "photos"
    load_example("own_folder").write(folder)
    scans = folder / "scans"
    (scans / "0800.png").write_bytes(b"")
    (scans / "0801.png").write_bytes((scans / "0802.png").read_bytes()[:50])
    Image.new("I;16", (8, 8), 40_000).save(scans / "0803.png")
    (scans / "0900.png").write_bytes((scans / "1700.png").read_bytes())
    return folder


def settings(folder, *more):
    chosen = (
        f"data.path={folder / 'labels.csv'}",
        "data.image_size=0",
        "golden.source=trusted",
        "model.name=mlp",
        "train.epochs=10",
        "train.warmup_epochs=4",
        *more,
    )
    return [word for setting in chosen for word in ("--set", setting)]


RECIPE = ROOT / "recipes" / "own_folder.toml"


def test_bad_images_stop_the_run_before_anything_is_made(folder, tmp_path):
    result = tssd("train", RECIPE, *settings(folder), "--out", tmp_path / "run")
    assert result.exit_code == 1
    assert "3 of 1437 train images" in result.output
    assert f"{folder}/scans/0800.png is empty" in result.output
    assert f"{folder}/scans/0803.png has more than 8 bits" in result.output
    assert "--skip-bad-images" in result.output
    assert not (tmp_path / "run").exists()


@pytest.fixture(scope="module")
def run(folder, tmp_path_factory):
    out = tmp_path_factory.mktemp("runs") / "own"
    result = tssd("train", RECIPE, *settings(folder), "--skip-bad-images", "--out", out)
    assert result.exit_code == 0, result.output
    return out, result.output


@pytest.mark.long
def test_a_table_of_ones_own_trains_from_end_to_end(run):
    summary = json.loads((run[0] / "summary.json").read_text())
    assert summary["accuracy"]["evaluated_on"] == "test"
    assert summary["accuracy"]["last"] > 0.7
    assert summary["samples"] == {
        "stream": N_TRAIN - 3 - N_GOLDEN,
        "golden": N_GOLDEN,
        "evaluated": N_TEST,
        "left_out": 3,
        "true_label_known": N_KNOWN - N_GOLDEN,
    }
    assert summary["label_error_auroc"] > 0.9
    assert (run[0] / "classes.txt").read_text().split() == sorted(load_example("own_folder").NAMES)


def test_wrong_labels_are_found_by_the_names_of_their_files(run):
    samples = rows(run[0] / "samples.csv")
    assert samples[0]["id"] == f"scans/{N_GOLDEN:04}.png"
    assert {row["true"] for row in samples[:100]} <= set(load_example("own_folder").NAMES)
    assert {row["true"] for row in samples[-100:]} == {""}
    known = [row for row in samples if row["true"]]
    worst = sorted(known, key=lambda row: float(row["q"]))[:30]
    assert np.mean([row["given"] != row["true"] for row in worst]) > 0.8
    mended = [row["suggested"] == row["true"] for row in worst if row["given"] != row["true"]]
    assert np.mean(mended) > 0.7


def test_what_was_left_out_is_listed_with_its_reason(run):
    listed = rows(run[0] / "left_out.csv")
    assert [row["split"] for row in listed] == ["train"] * 3
    assert listed[0]["reason"].endswith("0800.png is empty (0 bytes); replace the file.")
    assert "left out: 3 bad images" in run[1]
    assert "train: " in run[1].partition("left out: 3")[2]


def test_trusted_samples_that_nobody_judges_by_are_named(folder):
    more = [*settings(folder), "--set", "golden.source=none", "--skip-bad-images"]
    output = tssd("check", RECIPE, *more).output
    assert f"golden: {N_GOLDEN} samples are marked as trusted, and golden.source is" in output
    assert 'Set golden.source = "trusted" to judge by them' in output


def test_check_and_noise_name_every_image_that_was_left_out(folder, tmp_path):
    more = [*settings(folder), "--skip-bad-images"]
    names = [f"scans/{i}.png" for i in ("0800", "0801", "0803")]
    for arguments in (
        ("check", RECIPE, *more),
        ("noise", RECIPE, *more, "--out", tmp_path / "l.npy"),
    ):
        output = tssd(*arguments).output
        listed = output.partition("left out: 3 bad images")[2].splitlines()[1:4]
        assert [name in line for name, line in zip(names, listed, strict=True)] == [True] * 3
    assert "entry 0 is the label of scans/0000.png, and so on" in output


def test_a_class_that_only_bad_images_have_is_refused_with_these(folder):
    table = folder / "bad_class.csv"
    lines = [f"scans/{i:04}.png,{'x' if 800 <= i < 802 else i % 2}\n" for i in range(790, 820)]
    table.write_text("path,label\n" + "".join(lines))
    arguments = ["--set", f"data.path={table}", "--set", "data.image_size=0"]
    result = tssd("check", RECIPE, *arguments, "--skip-bad-images")
    assert result.exit_code == 1
    assert "each class must occur among the given labels: 1 of 3" in result.output
    assert "3 bad images were left out, the first is" in result.output


def test_an_image_that_training_and_test_share_is_listed(run):
    listed = rows(run[0] / "duplicates.csv")
    pair = [row for row in listed if row["kind"] == "train+test"]
    assert {(row["split"], row["id"]) for row in pair} >= {
        ("train", "scans/0900.png"),
        ("test", "scans/1700.png"),
    }
    summary = json.loads((run[0] / "summary.json").read_text())
    assert summary["equal_samples"]["training_in_test"] == 1
    assert "1 training samples equal a test sample" in run[1]


def test_a_golden_sample_that_test_holds_too_is_refused(folder, tmp_path):
    ids = tmp_path / "golden.txt"
    ids.write_text("\n".join(f"scans/{i:04}.png" for i in (1, 2, 900)))
    more = settings(folder, f"golden.ids={ids}")
    result = tssd("check", RECIPE, *more, "--skip-bad-images")
    assert result.exit_code == 1
    assert (
        "1 of 3 are equal to a test sample byte by byte, the first scans/0900.png" in result.output
    )


def test_a_saved_run_of_ones_own_data_can_be_run_again(run, tmp_path):
    result = tssd("check", run[0] / "recipe.toml")
    assert result.exit_code == 0, result.output
    assert "left out: 3 bad images" in result.output


def test_noise_writes_labels_that_train_reads_back(tmp_path):
    digits = ROOT / "recipes" / "digits.toml"
    out = tmp_path / "labels.npy"
    result = tssd("noise", digits, "--set", "noise.kind=instance", "--out", out)
    assert result.exit_code == 0, result.output
    assert "confusion matrix: " in result.output
    with Image.open(tmp_path / "labels.png") as picture:
        assert min(picture.size) > 300
    sha256 = next(line for line in result.output.splitlines() if line.startswith("sha256"))
    back = tssd("check", digits, "--set", "noise.kind=file", "--set", f"noise.labels={out}")
    assert back.exit_code == 0, back.output
    assert sha256.replace("sha256 ", "sha256 ")[:23] in back.output


def test_labels_that_noise_wrote_are_read_back_where_the_truth_is_known_in_part(folder, tmp_path):
    more = [*settings(folder), "--skip-bad-images"]
    for name in ("l.npy", "l.csv"):
        out = tmp_path / name
        assert tssd("noise", RECIPE, *more, "--out", out).exit_code == 0
        out.with_suffix(".png").unlink()
        back = tssd(
            *("check", RECIPE, *more, "--set", "noise.kind=file", "--set", f"noise.labels={out}")
        )
        assert back.exit_code == 0, back.output
        assert "of the 400 whose true label is known" in back.output


def test_noise_overwrites_nothing(tmp_path):
    out = tmp_path / "labels.npy"
    picture = tmp_path / "labels.png"
    picture.write_text("mine")
    result = tssd("noise", "--out", out, "--picture", picture)
    assert result.exit_code == 1
    assert "labels.png is there already and is not overwritten" in result.output
    assert not out.exists()
    result = tssd("noise", "--out", out)  # a picture that nobody named takes another name
    assert result.exit_code == 0, result.output
    assert "labels.npy.png" in result.output
    assert picture.read_text() == "mine"


@pytest.mark.parametrize(
    ("out", "picture", "message"),
    [
        ("l.txt", "p.png", "--out must end in .npy, .npz, .csv, got"),
        ("l.npy", "p", "--picture must end in .png, got"),
        ("l.npy", "p.foo", "--picture must end in .png, got"),
        ("l.png", "l.png", "--out must end in"),
        ("none/l.npy", "p.png", "none is none. Make it first"),
        ("l.npy", "none/p.png", "--picture must lie in a folder that is there"),
    ],
)
def test_noise_checks_both_names_before_it_loads_or_writes(tmp_path, out, picture, message):
    out, picture = tmp_path / out, tmp_path / picture
    absent = ["--set", f"data.path={tmp_path / 'absent.csv'}"]  # never asked for
    result = tssd("noise", RECIPE, *absent, "--out", out, "--picture", picture)
    assert result.exit_code == 1
    assert message in result.output
    assert list(tmp_path.iterdir()) == []


def test_noise_that_fails_leaves_nothing(tmp_path):
    digits = ROOT / "recipes" / "digits.toml"
    (tmp_path / "l.npy").write_bytes(b"")
    given = ("--set", "noise.kind=file", "--set", f"noise.labels={tmp_path / 'l.npy'}")
    assert tssd("noise", digits, *given, "--out", tmp_path / "m.npy").exit_code == 1
    done = tssd("noise", digits, "--out", tmp_path / "n.csv", "--picture", tmp_path / "p.PNG")
    assert done.exit_code == 0, done.output
    assert sorted(path.name for path in tmp_path.iterdir()) == ["l.npy", "n.csv", "p.PNG"]


def test_labels_whose_truth_nobody_knows_are_written_without_a_picture(folder, tmp_path):
    table = folder / "plain.csv"
    with open(table, "w", encoding="utf-8") as file:
        file.write("path,label\n")
        file.writelines(f"scans/{i:04}.png,{i % 2}\n" for i in range(40))
    arguments = ["--set", f"data.path={table}", "--set", "data.image_size=0"]
    result = tssd("noise", RECIPE, *arguments, "--out", tmp_path / "labels.csv")
    assert result.exit_code == 0, result.output
    assert "there is no confusion matrix" in result.output
    assert rows(tmp_path / "labels.csv")[0]["id"].startswith("scans/")


@pytest.mark.long
def test_the_clothing1m_schedule_runs_on_a_small_folder_in_the_originals_layout(tmp_path):
    """The published schedule's parts, on 32 pixels and two epochs.

    Its ResNet-50 takes half a minute to compile for training, rounds and evaluation: `test_models`
    shows how it is fitted.
    """
    pytest.importorskip("tensorflow_datasets")
    from builders.clothing1m_folder import write_original

    write_original(tmp_path / "original", noisy=6, clean=4)
    done = tssd(
        *("datasets", "prepare", "clothing1m", "--from", tmp_path / "original"),
        *("--data-dir", tmp_path / "tfds"),
    )
    assert done.exit_code == 0, done.output
    chosen = (
        f"data.data_dir={tmp_path / 'tfds'}",
        "data.image_size=32",
        "golden.at_most_per_class=3",
        "train.epochs=2",
        "train.balanced_batches=4",
        "train.batch_size=14",
        "train.decay_epochs=[1]",
        "model.name=small_cnn",
    )
    result = tssd(
        *("train", ROOT / "recipes" / "clothing1m.toml", "--out", tmp_path / "run"),
        *(word for setting in chosen for word in ("--set", setting)),
    )
    assert result.exit_code == 0, result.output
    summary = json.loads((tmp_path / "run" / "summary.json").read_text())
    # Of each class six noisy images, the first with a clean label too, and three with a clean label
    # only; golden are three of the four with a clean one, and those that are left over are trained
    # on where they have a noisy label.
    assert summary["samples"]["golden"] == 3 * 14
    assert summary["samples"]["stream"] - summary["samples"]["true_label_known"] == 5 * 14
    assert summary["samples"]["evaluated"] == 14
    judged = [row for row in rows(tmp_path / "run" / "samples.csv") if row["role"]]
    assert len(judged) == 4 * 14
    assert summary["traces"] == 2  # of the warm-up, and of what follows


@pytest.mark.long
@pytest.mark.prepared
@pytest.mark.skipif(
    os.environ["KERAS_BACKEND"] != "tensorflow", reason="60,000 images are decoded once"
)
def test_cifar10_n_runs_whole_for_an_epoch_or_two(tmp_path):
    folder = prepared_folder("cifar10_n")
    chosen = (
        f"data.data_dir={folder}",
        "model.name=mlp",
        "model.width=32",
        "train.epochs=2",
        "train.warmup_epochs=1",
        "train.batch_size=512",
    )
    result = tssd(
        *("train", ROOT / "recipes" / "cifar10n_worst.toml", "--out", tmp_path / "run"),
        *(word for setting in chosen for word in ("--set", setting)),
        *("--set", "train.decay_epochs=[1]"),
    )
    assert result.exit_code == 0, result.output
    summary = json.loads((tmp_path / "run" / "summary.json").read_text())
    assert summary["effective_noise_rate"] == pytest.approx(0.40208, abs=1e-5)
    assert summary["label_error_auroc"] > 0.6


def test_names_that_are_no_text_are_printed_escaped_and_written_as_they_are(tmp_path):
    for name in ("cat", "dog"):
        for i, stem in enumerate((b"0", b"1", b"2", b"3", b"caf\xe9")):
            path = tmp_path / name / f"{os.fsdecode(stem)}.png"
            path.parent.mkdir(exist_ok=True)
            Image.new("RGB", (8, 8), (40 + 10 * i, 90, 20)).save(path)
    (tmp_path / "dog" / os.fsdecode(b"na\xefve.png")).write_bytes(b"<html>")
    own = ["--set", "data.source=folder", "--set", f"data.path={tmp_path}", "--skip-bad-images"]
    result = tssd("check", RECIPE, *own)
    assert result.exit_code == 0, result.output
    assert "na\\udcefve.png is no image" in result.output
    result = tssd("noise", RECIPE, *own, "--out", tmp_path / "labels.csv")
    assert result.exit_code == 0, result.output
    assert b"caf\xe9.png," in (tmp_path / "labels.csv").read_bytes()

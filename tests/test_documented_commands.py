"""The commands of README.md and docs/, run as they stand: block by block, each in a new folder.

What a block takes as given (RUN, decisions.csv, photos, ...) is made before. Runs are shortened by
settings that are added at the end. Not run here, but held to have options and files that exist
(test_documents.py): blocks behind `<!-- long -->`, and what is timed by taskset; benchmarks, whose
figures stand beside them; make's targets, which .ci/run calls; examples/your_model, which
test_your_model.py runs.
"""

import csv
import os
import shutil
import signal
import subprocess
import sys
import urllib.request
from pathlib import Path

import numpy as np
import pytest
from builders.documented import blocks
from builders.examples import load as load_example
from builders.runs import SHORT, train, tssd

from tssd_keras.recipe.recipe import DEFAULT
from tssd_keras.recipe.toml import parse_recipe
from tssd_keras.run import experiment

pytestmark = pytest.mark.skipif(
    os.environ["KERAS_BACKEND"] != "jax", reason="runs once, where Keras loads and compiles fastest"
)

ROOT = Path(__file__).parent.parent
SMALL = tuple(word for setting in SHORT for word in ("--set", setting))
N = 120  # samples that a model's outputs are of


def to_run():
    """Block by block what is run here, named after its document."""
    for path in (ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))):
        for n, block in enumerate(blocks(path.read_text())):
            run = [
                c for c in block if not c.long and (c.cli or c.script.startswith("examples/own_"))
            ]
            if run:
                yield pytest.param(run, id=f"{path.relative_to(ROOT)}-{n}")


BLOCKS = list(to_run())


def decide(audit, path):
    """What the page exports of the first three suspects: two confirmed, one kept."""
    with open(audit / "samples.csv", newline="", encoding="utf-8") as file:
        rows = [row for row in csv.DictReader(file) if row["stratum"].startswith("suspects")][:3]
    labels = (audit / "labels.sha256", audit.parent / "labels.sha256")
    sha = next(file for file in labels if file.is_file()).read_text().strip()
    with open(path, "w", newline="", encoding="utf-8") as file:
        table = csv.writer(file)
        table.writerow(["id", "index", "given", "decided", "action", "stratum", "labels_sha256"])
        for row, action in zip(rows, ("confirm", "confirm", "keep"), strict=True):
            kept, other = (row.get(f"{n}_name") or row[n] for n in ("given", "suggested"))
            names = {"confirm": other, "keep": kept}
            given = (row.get("id", ""), row["index"], kept)
            table.writerow([*given, names[action], action, row["stratum"], sha])


@pytest.fixture(scope="module")
def given(tmp_path_factory):
    """A folder with all that the documents take as given, each made once."""
    folder = tmp_path_factory.mktemp("given")
    run = train(folder / "RUN")
    assert tssd("audit", run).exit_code == 0
    decide(run / "audit", folder / "decisions.csv")

    def stop(line):
        if line.startswith("epoch 1"):
            os.kill(os.getpid(), signal.SIGINT)

    settings = (*SHORT, "train.epochs=4")
    assert experiment.run(
        parse_recipe(DEFAULT, settings), out=folder / "STOPPED", say=stop
    ).interrupted
    load_example("own_folder").write(folder / "photos")
    images(folder / "images")
    rng = np.random.default_rng(0)
    y = np.arange(N) % 3
    centre = np.eye(3)[y]
    wrong = np.where(rng.random(N) < 0.2, (y + 1) % 3, y)
    p = np.exp(3 * centre + rng.normal(size=(N, 3)))
    np.save(folder / "probs.npy", p / p.sum(axis=1, keepdims=True))
    np.save(folder / "feats.npy", centre + 0.1 * rng.normal(size=(N, 3)))
    np.save(folder / "y.npy", wrong)
    outputs = [w for name in ("predictions", "features", "labels") for w in (f"--{name}", name)]
    files = {"predictions": "probs.npy", "features": "feats.npy", "labels": "y.npy"}
    words = [str(folder / files[w]) if w in files else w for w in outputs]
    result = tssd("audit", *words, "--out", folder / "FOLDER")
    assert result.exit_code == 0, result.output
    decide(folder / "FOLDER", folder / "decisions of FOLDER.csv")
    return folder


def images(folder):
    """As many image files as there are outputs of a model."""
    shutil.copytree(folder.parent / "photos" / "scans", folder)
    for path in sorted(folder.iterdir())[N:]:
        path.unlink()


def lay_out(block, given):
    """Put what the block takes as given into this folder, under the names that it uses."""
    for name in ("recipes", "examples"):
        Path(name).symlink_to(ROOT / name)
    words = {word for command in block for word in command.words}
    stopped = "--resume" in words
    runs = {"RUN": stopped, "checked": False, "runs/my-run": False, "runs/digits-...": False}
    for name, is_stopped in runs.items():
        if name in words or f"{name}/recipe.toml" in words:
            shutil.copytree(given / ("STOPPED" if is_stopped else "RUN"), name)
    if "runs/digits-..." in words:
        shutil.rmtree("runs/digits-.../audit")
    of_outputs = "FOLDER" in words and "--predictions" not in words
    if of_outputs:
        shutil.copytree(given / "FOLDER", "FOLDER")
    if "decisions.csv" in words:
        name = "decisions of FOLDER.csv" if of_outputs else "decisions.csv"
        shutil.copy(given / name, "decisions.csv")
    if "--predictions" in words:
        for name in ("probs.npy", "feats.npy", "y.npy"):
            shutil.copy(given / name, name)
        shutil.copytree(given / "images", "photos")
    elif "photos" not in words and any("=photos/" in word for word in words):
        shutil.copytree(given / "photos", "photos")


def shortened(words):
    """The words of a command, with the settings of a short run at the end."""
    long_ones = (
        words[0] in ("train", "ablate") and "--resume" not in words and "--help" not in words
    )
    return (*words, *SMALL) if long_ones else words


def serve(words):
    """Open the page that `serve` shows, and end it as Ctrl-C does."""
    command = [sys.executable, "-m", "tssd_keras.cli.main", *words]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            line = process.stdout.readline()
            address = line.removeprefix("open ").strip()
            with urllib.request.urlopen(address, timeout=30) as page:
                assert b'id="data"' in page.read()
        finally:
            process.send_signal(signal.SIGINT)
    assert process.returncode in (0, 130, -signal.SIGINT)


@pytest.mark.parametrize("block", BLOCKS)
def test_the_commands_of_a_block_run_one_after_the_other(block, given, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    lay_out(block, given)
    for command in block:
        if command.script.startswith("examples/"):
            assert command.words[2:] == ("photos",)
            load_example("own_folder").write(Path("photos"))
        elif command.cli[0] == "serve":
            serve(command.cli)
        else:
            result = tssd(*shortened(command.cli))
            assert result.exit_code == 0, (command.words, result.output)
            assert result.output


def test_the_blocks_are_found():
    assert len(BLOCKS) >= 15
    words = {word for block in BLOCKS for command in block.values[0] for word in command.words}
    assert {"check", "train", "audit", "serve", "relabel", "compare", "ablate", "noise"} <= words

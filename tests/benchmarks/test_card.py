"""The visit to a card: what fits in the time, who is stopped, what is unpacked, and all of it."""

import dataclasses
import io
import itertools
import json
import signal
import sys
import tarfile
import zipfile
from pathlib import Path

import numpy as np
import pytest

from tssd_keras.recipe.toml import load_recipe

pytestmark = pytest.mark.backend_free  # what trains is processes of their own, on JAX

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"


@pytest.fixture(scope="module", autouse=True)
def importable():
    """The scripts of benchmarks/ import each other by name."""
    sys.path.insert(0, str(BENCHMARKS))
    handlers = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    yield
    sys.path.remove(str(BENCHMARKS))
    for number, handler in handlers.items():  # watched.Limit has its own
        signal.signal(number, handler)


def measured():
    """Lines of a measuring run, its seconds, what grows of each epoch, what rounds are spared."""
    lines = [
        (1.0, "loading Keras on jax"),
        (8.0, "backend: jax; run folder: x"),
        (30.0, "epoch 1/4: test accuracy 0.1"),  # 22 s, of which 20 compile
        (32.0, "epoch 2/4: test accuracy 0.2"),
        (32.5, "round before epoch 3: kept 9"),
        (77.0, "epoch 3/4: test accuracy 0.3"),  # 45 s, of which 40 compile
        (82.0, "epoch 4/4: test accuracy 0.4"),
    ]
    return lines, 86.0, [21.0, 1.0, 42.0, 3.0], 0.5


def pace():
    import card_plan

    return card_plan.Pace.of(*measured())


def test_a_short_runs_times_become_those_of_all_images():
    found = pace()
    assert (found.around, found.compiling, found.compiling_mixmatch) == (12.0, 20.0, 40.0)
    assert found.plain == 2.0 + 4 * 1.0  # what grows is there five times, the rest once
    assert found.warming == found.plain
    assert found.mixmatch == 5.0 + 4 * 3.0 - 0.5  # it rests half of its rounds


def test_what_an_earlier_run_compiled_costs_a_sixth():
    found = pace()
    assert found.cost("true", 8) == pytest.approx(12 + 20 + 8 * 6)
    assert found.cost("plain", 8) == pytest.approx(12 + 20 / 6 + 8 * 6)
    assert found.cost("mixmatch", 8) == pytest.approx(12 + 60 / 6 + 2 * 6 + 6 * 16.5)
    faster = dataclasses.replace(found, plain=1.0)  # as the run on true labels told
    assert faster.cost("mixmatch", 8) == found.cost("mixmatch", 8)


@pytest.mark.parametrize("seconds", [300.0, 421.0, 1000.0])
def test_as_many_epochs_as_fit_are_planned(seconds):
    runs, found = ["true", "plain", "mixmatch"], pace()
    epochs = found.epochs(runs, seconds)
    assert sum(found.cost(run, epochs) for run in runs) <= seconds
    assert sum(found.cost(run, epochs + 1) for run in runs) > seconds


def test_where_nothing_fits_the_fewest_epochs_are_planned():
    assert pace().epochs(["mixmatch"], 1.0) == 4


def limited(code, seconds, grace=20.0):
    """What became of a program that says a line and then runs `code`."""
    import watched

    heard = []
    program = f"import signal, sys, time\nprint('begun', flush=True)\n{code}"
    command = [sys.executable, "-c", program]
    return watched.Limit(seconds).run(command, on_line=heard.append, grace=grace), heard


def test_a_program_is_sent_ctrl_c_at_the_limit_and_heard_to_its_end():
    code = (
        "try:\n    time.sleep(60)\nexcept KeyboardInterrupt:\n    print('written'); sys.exit(130)"
    )
    done, heard = limited(code, 1.0)
    assert heard == ["begun", "written"]
    assert (done.status, done.stopped) == (130, True)
    assert done.seconds < 20


def test_a_program_that_goes_on_is_killed():
    code = "signal.signal(signal.SIGINT, signal.SIG_IGN)\nprint('deaf', flush=True)\ntime.sleep(60)"
    done, heard = limited(code, 1.0, grace=0.5)
    assert heard[0] == "begun"
    assert done.status == -signal.SIGKILL
    assert done.seconds < 20


def test_a_program_that_ends_by_itself_is_left_alone():
    done, heard = limited("print('end')", 60.0)
    assert heard == ["begun", "end"]
    assert (done.status, done.stopped) == (0, False)


def wheel(folder, name, module):
    folder.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(folder / f"{name}-1.0-py3-none-any.whl", "w") as file:
        file.writestr(f"{module}/__init__.py", "")


def test_only_what_is_lacking_is_unpacked(tmp_path):
    import card_carry

    wheel(tmp_path / "wheels", "scikit_learn", "sklearn")
    wheel(tmp_path / "wheels", "tqdm", "tqdm")
    site = tmp_path / "site"
    unpacked = card_carry.unpack(tmp_path / "wheels", site, there=lambda name: name != "sklearn")
    assert unpacked == ["scikit_learn-1.0-py3-none-any.whl"]
    assert [path.name for path in site.iterdir()] == ["sklearn"]


def test_what_is_neither_there_nor_carried_is_named(tmp_path):
    import card_carry

    with pytest.raises(SystemExit, match="lacks jax, optree, and"):
        card_carry.unpack(tmp_path, tmp_path, there=lambda name: name not in ("jax", "optree"))


N_TRAIN, N_TEST = 400, 100


def data(folder):
    """Forty training and ten test images of each of ten colours; four labels of ten are wrong."""
    import PIL.Image

    rng = np.random.default_rng(0)
    colour = rng.integers(40, 216, (10, 3))
    clean, test = (np.arange(n) % 10 for n in (N_TRAIN, N_TEST))
    folder.mkdir()
    names = []
    with tarfile.open(folder / "cifar10-images.tar.xz", "w:xz", preset=0) as tar:
        for split, labels in (("train", clean), ("test", test)):
            for i, label in enumerate(labels):
                pixels = np.clip(colour[label] + rng.normal(0, 20, (32, 32, 3)), 0, 255)
                file = io.BytesIO()
                PIL.Image.fromarray(pixels.astype(np.uint8)).save(file, "JPEG")
                member = tarfile.TarInfo(f"{split}/{label}/{i:04d}.jpg")
                member.size = file.tell()
                file.seek(0)
                tar.addfile(member, file)
                names.append(member.name)
    wrong = np.where(rng.random(N_TRAIN) < 0.4, (clean + 1) % 10, clean)
    given = dict.fromkeys(("worst", "aggre", "random1", "random2", "random3"), wrong)
    np.savez(
        folder / "cifar10n.npz",
        path=np.array(names[:N_TRAIN]),
        test_path=np.array(names[N_TRAIN:]),
        test_label=test.astype(np.uint8),
        clean=clean.astype(np.uint8),
        class_names=np.array([f"colour {k}" for k in range(10)]),
        **{name: labels.astype(np.uint8) for name, labels in given.items()},
    )
    return (wrong != clean).mean()


# Stands in for `cli.py train`: 0.01 s an epoch; a mixmatch of more than four epochs ends the visit
# in its third one, as SIGTERM to the whole program would.
TRAINS = """
import csv, json, os, signal, sys, time
from pathlib import Path

settings = dict(b.split("=", 1) for a, b in zip(sys.argv, sys.argv[1:]) if a == "--set")
out = Path(sys.argv[sys.argv.index("--out") + 1])
out.mkdir()
epochs, warmup = int(settings["train.epochs"]), int(settings["train.warmup_epochs"])
mixmatch = settings["objective.kind"] == "mixmatch"
print("backend: jax; run folder: x", flush=True)
rows, stopped = [], False
try:
    for epoch in range(1, epochs + 1):
        if mixmatch and epochs > 4 and epoch == 3:
            os.kill(os.getppid(), signal.SIGTERM)
            time.sleep(60)
        time.sleep(0.01)
        rows.append({"epoch": epoch, "accuracy": epoch / 10, "seconds": 0.01})
        print(f"epoch {epoch}/{epochs}: test accuracy 0.5, loss 1, 0.0 s", flush=True)
except KeyboardInterrupt:
    stopped = True

def write(name, rows):
    with open(out / name, "w", newline="") as file:
        table = csv.DictWriter(file, rows[0])
        table.writeheader()
        table.writerows(rows)

write("epochs.csv", rows)
rounds = len(rows[warmup:]) if mixmatch else 0
if rounds:
    write("rounds.csv", [{"seconds_score": 0.001, "kept_precision": 0.9}] * rounds)
accuracy = {"last": rows[-1]["accuracy"], "best": 0.5, "mean_last_10": 0.5}
summary = {"accuracy": accuracy, "epochs": len(rows), "rounds": rounds, "seconds_in_rounds": 0.1,
           "label_error_auroc": None, "kept": None, "labels_sha256": "0" * 64,
           "effective_noise_rate": 0.0 if "noise.kind" in settings else 0.4}
(out / "summary.json").write_text(json.dumps(summary))
sys.exit(130 if stopped else 0)
"""


@pytest.fixture(scope="module")
def visit(tmp_path_factory):
    """The folder of a visit of stand-ins, ended in its last run, and the share of wrong labels."""
    import argparse

    import card
    import card_report

    folder = tmp_path_factory.mktemp("visit")
    noise = data(folder / "data")
    (folder / "trains.py").write_text(TRAINS)
    options = argparse.Namespace(
        data=folder / "data", minutes=10.0, seed=3, epochs=6, quick=True, set=["golden.seed=4"]
    )
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(card, "TRAIN", str(folder / "trains.py"))
        patch.setattr(card, "WHERE", """print('{"device": "a stand-in"}')""")
        (folder / "work").mkdir()
        report = card_report.Report(folder / "out")
        assert card.Card(options, folder / "work", report).all() == 0
    return folder / "out", noise


def rows(out):
    return [json.loads(line) for line in (out / "card.jsonl").read_text().splitlines()]


def test_a_visit_leaves_a_row_of_each_run_also_of_one_that_was_stopped(visit):
    found = [(row["run"], row["epochs"], row["summary"]["epochs"]) for row in rows(visit[0])]
    assert found == [("true", 6, 6), ("plain", 6, 6), ("mixmatch", 6, 2)]
    assert {(row["seed"], row["device"]) for row in rows(visit[0])} == {(3, "a stand-in")}


def test_a_visit_names_what_it_left_out(visit):
    text = (visit[0] / "card.md").read_text()
    left_out = [line for line in text.splitlines() if line.startswith("Left out: ")]
    assert left_out[0] == "Left out: mixmatch from epoch 3 of 6 on."
    assert [line.split()[3] for line in left_out[1:]] == [
        f"benchmarks/{name}.py" for name in ("round", "step", "floor")
    ]
    assert "Points behind true, last epochs: plain 0.00, mixmatch 40.00." in text


def test_a_visit_says_where_the_time_went(visit):
    """The stand-in sleeps 10 ms an epoch, and says that a score pass takes one."""
    text = (visit[0] / "card.md").read_text()
    _, _, rest = text.partition("| run | load | compilation |")
    table = [line.strip("| ").split(" | ") for line in rest.splitlines()[2:5]]
    assert [cells[0] for cells in table] == ["true", "plain", "mixmatch"]
    assert all(float(cells[1]) > 0 for cells in table)  # Python starts
    assert [cells[3] == "-" for cells in table] == [False, False, True]  # it had two epochs
    assert [cells[4:8] for cells in table[:2]] == [["0.01", "-", "-", "-"]] * 2
    row = rows(visit[0])[0]
    assert row["seconds_of_compilation"] < 1
    assert len(row["seconds_of_updates"]) == 6


def test_a_phases_first_epoch_takes_longer_by_what_it_compiles():
    import card_plan

    assert card_plan.compiling([[9.0, 1.0, 2.0], [7.0, 3.0, 3.0]]) == 7.5 + 4.0
    assert card_plan.compiling([[9.0], []]) == 0


def test_a_visits_log_has_the_commands_and_every_epoch(visit):
    log = (visit[0] / "card.log").read_text()
    assert log.count("$ python ") == 5  # one decodes the images, one measures
    assert log.count(": test accuracy 0.5") == 4 + 6 + 6 + 2


def test_the_commands_of_a_visit_are_recipes_without_a_mistake(visit):
    for row in rows(visit[0]):
        words = row["command"].split()
        given = [b for a, b in itertools.pairwise(words) if a == "--set"]
        recipe = load_recipe(BENCHMARKS.parent / words[3], given)
        assert recipe.objective.kind == ("mixmatch" if row["run"] == "mixmatch" else "plain")
        assert recipe.data.path == "WORK/cifar10n/images.npz"
        labels = "" if row["run"] == "true" else "WORK/cifar10n/worst.npy"
        assert (recipe.noise.kind, recipe.noise.labels) == ("file" if labels else "none", labels)
        assert recipe.train.precision == "bfloat16"
        assert recipe.train.on_device
        assert recipe.golden.seed == 4  # --set comes last


def test_the_images_of_a_visit_are_those_of_the_two_files(visit):
    folder = visit[0].parent / "work" / "cifar10n"
    with np.load(folder / "images.npz", allow_pickle=False) as images:
        assert images["x_train"].shape == (N_TRAIN, 32, 32, 3)
        assert (np.load(folder / "worst.npy") != images["y_train_true"]).mean() == visit[1]

"""One card, ten minutes: CIFAR-10N worst by true labels, plain and mixmatch; step and round times.

    python benchmarks/card.py prepare --out data/card          # at home: wheels and data
    python benchmarks/card.py run --data data/card --out OUT   # on the machine with the card
    python benchmarks/card.py run --data data/card --out OUT --quick --minutes 2    # does it run?

`run` needs Python with JAX, NumPy, SciPy and Matplotlib, and no network; what else is lacking is
unpacked from the folder that `prepare` made. It trains PreAct ResNet-18 in bfloat16 on all images,
kept on the device, as recipes/cifar10n_worst_bf16.toml says but for the epochs, and for true and
plain without strong views. A short run
measures first what an epoch takes; then `true`, `plain` and `mixmatch` get as many epochs as fit,
the same number for each as far as the times hold, so that each learning rate falls to its end. What
time is left goes to step.py, floor.py and round.py. At the limit (--minutes) the program that runs
is asked to end, and the rest is left out and named. OUT gets card.jsonl (a line a run), card.md
(the tables) and card.log (every line that was printed, with its seconds), all written as they come.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import os
import subprocess
import sys
import tempfile
import tomllib
from pathlib import Path

import card_carry
import card_plan
import cifar10n
import gpu
import numpy as np
import result_lines
import run_rows
import watched
from card_report import Report

ROOT = result_lines.ROOT
TRAIN = "cli.py"
RECIPE = "recipes/cifar10n_worst_bf16.toml"
RUNS = ["true", "plain", "mixmatch"]
QUICK_BATCH = 32
QUICK = ["train.batch_size=32", "train.learning_rate=0.02", "golden.per_class=2"]
QUICK += ["model.name=mlp", "model.width=32"]
TIMINGS = 0.15  # of the time that measuring leaves is for step and round times
CLOSING = 10.0  # seconds before the limit: a run then ends, and writes its folder
FEWEST = 5.0  # seconds; with less left nothing is begun
END = 30  # lines of the measuring run that are shown if it failed

WHERE = """
import json, platform, jax, keras
d = jax.devices()[0]
print(json.dumps({"device": d.device_kind, "platform": d.platform, "jax": jax.__version__,
                  "keras": keras.__version__, "python": platform.python_version()}))
"""


class Card:
    """One visit to a card.

    Args:
        options: of the command line.
        work: a folder for what is unpacked, compiled and trained.
        report: takes what comes out.
    """

    def __init__(self, options: argparse.Namespace, work: Path, report: Report) -> None:
        self._options, self._work, self._report = options, work, report
        self._limit = watched.Limit(60 * options.minutes)
        path = [str(work / "site"), str(ROOT), os.environ.get("PYTHONPATH", "")]
        self._environment = {
            # What one process compiled another one reads.
            "JAX_COMPILATION_CACHE_DIR": str(work / "compiled"),
            "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS": "0",
            **os.environ,
            "KERAS_BACKEND": "jax",
            "PYTHONPATH": os.pathsep.join(filter(None, path)),
            "PYTHONUNBUFFERED": "1",
        }

    def all(self) -> int:
        """Everything, in order of worth; the exit status."""
        self._set_up()
        pace = self._measure()
        if pace is None:
            self._report.left_out(f"{', '.join(RUNS)}: the measuring run did not end well")
            return 1
        for_timings = TIMINGS * self._limit.left
        for i, run in enumerate(RUNS):
            epochs = pace.epochs(RUNS[i:], self._limit.left - for_timings - CLOSING)
            seconds = self._train(run, min(epochs, self._options.epochs or epochs))
            if run != "mixmatch" and seconds:
                pace = dataclasses.replace(pace, plain=seconds)
        for command in timings(self._options.quick):
            self._time(command)
        return 0

    def _set_up(self) -> None:
        """Unpack packages and images, and ask which device there is."""
        data = self._options.data
        wheels = data / "wheels" / card_carry.HERE_VERSION
        unpacked = card_carry.unpack(wheels, self._work / "site")
        card_carry.hide_tensorflow(self._work / "site")
        self._report.say(f"unpacked {', '.join(unpacked) or 'no package: all are there'}")
        # A process of its own: whoever touches the card keeps most of its memory.
        where = subprocess.Popen(
            [sys.executable, "-c", WHERE], stdout=subprocess.PIPE, text=True, env=self._environment
        )
        paths = ["--archives", str(data.resolve()), "--out", str(self._images)]
        if self._run(["benchmarks/cifar10n.py", "prepare", *paths]).status:
            sys.exit(f"{data} must hold what `prepare` gathers, see card.log")
        told = where.communicate()[0]
        if where.returncode:
            sys.exit("JAX and Keras must load and find a device, see above")
        self._report.where = {
            **json.loads(told.splitlines()[-1]),
            **result_lines.origin(),
            "commit": card_carry.commit(data),
        }
        self._report.say(json.dumps(self._report.where))
        self._report.write()

    @property
    def _images(self) -> Path:
        return self._work / "cifar10n"

    def _command(self, run: str, seed: int, out: Path, settings: list[str]) -> list[str]:
        """The words behind `python` that train."""
        files = [f"data.path={self._images / 'images.npz'}"]
        if run != "true":
            files.append(f"noise.labels={self._images / 'worst.npy'}")
        quick = QUICK if self._options.quick else []
        given = [*cifar10n.settings(RECIPE, run, seed), *files, *quick]
        words = [w for s in (*given, *self._options.set, *settings) for w in ("--set", s)]
        return [TRAIN, "train", RECIPE, "--backend", "jax", *words, "--out", str(out)]

    def _run(self, command: list[str], grace: float = watched.GRACE) -> watched.Done:
        self._report.note(f"$ python {' '.join(command)}")
        return self._limit.run(
            [sys.executable, *command],
            on_line=self._report.heard,
            before=CLOSING,
            grace=grace,
            cwd=ROOT,
            env=self._environment,
        )

    def _measure(self) -> card_plan.Pace | None:
        """What a short run of mixmatch takes; it compiles what mixmatch needs."""
        out = self._work / "measured"
        recipe = tomllib.loads((ROOT / RECIPE).read_text())
        batch = QUICK_BATCH if self._options.quick else recipe["train"]["batch_size"]
        n = len(np.load(self._images / "worst.npy", mmap_mode="r"))
        settings = [f"train.balanced_batches={max(2, n // batch // card_plan.PART)}"]
        settings += [f"train.epochs={card_plan.MEASURED_EPOCHS}"]
        settings += [f"train.warmup_epochs={card_plan.MEASURED_WARMUP}", "divide.every=1"]
        done = self._run(self._command("mixmatch", 0, out, settings))
        if done.status:
            for _, line in done.lines[-END:]:
                print(line, flush=True)
            return None
        updates = [float(row["seconds"]) for row in run_rows.rows(out / "epochs.csv")]
        parts = _parts(run_rows.rows(out / "rounds.csv"))
        score = parts["seconds_score"]
        last_round = sum(part[-1] for part in parts.values()) + (card_plan.PART - 1) * score[-1]
        score = [0.0] * (len(updates) - len(score)) + score
        grows = [a + b for a, b in zip(updates, score, strict=True)]
        spared = last_round * (1 - 1 / recipe["divide"]["every"])
        pace = card_plan.Pace.of(done.lines, done.seconds, grows, spared)
        self._report.say(f"measured in {done.seconds:.0f} s: {pace}")
        return pace

    def _train(self, run: str, epochs: int) -> float | None:
        """A row; seconds of an epoch of its last phase."""
        if self._limit.left < CLOSING + FEWEST:
            self._report.left_out(run)
            return None
        out, seed = self._work / run, self._options.seed
        warmup = card_plan.warmup_epochs(epochs)
        settings = [f"train.epochs={epochs}", f"train.warmup_epochs={warmup}"]
        self._report.say(f"{run}: {epochs} epochs, {self._limit.left:.0f} s are left")
        command = self._command(run, seed, out, settings)
        done = self._run(command)
        if not (out / "summary.json").exists():
            self._report.left_out(f"{run}: it ended with status {done.status} and left no summary")
            return None
        gaps = card_plan.gaps(done.lines)
        phases = [gaps[:warmup], gaps[warmup:]] if run == "mixmatch" else [gaps]
        seconds = card_plan.usual(phases[-1])
        updates = [float(row["seconds"]) for row in run_rows.rows(out / "epochs.csv")]
        found = cifar10n.outcome(out)
        summary = found["summary"]
        if done.stopped:
            self._report.left_out(f"{run} from epoch {summary['epochs'] + 1} of {epochs} on")
        rounds = summary["rounds"]
        row = {
            "run": run,
            "seed": seed,
            "epochs": epochs,
            "command": f"python {' '.join(command)}".replace(str(self._work), "WORK"),
            **self._report.where,
            "wall_minutes": round(done.seconds / 60, 2),
            "seconds_an_epoch": seconds,
            "seconds_a_round": summary["seconds_in_rounds"] / rounds if rounds else None,
            "seconds_of_load": card_plan.moments(done.lines)[0],
            "seconds_of_compilation": card_plan.compiling(phases),
            "seconds_by_epoch": [round(gap, 3) for gap in gaps],
            "seconds_of_updates": [round(s, 3) for s in updates[len(gaps) - len(phases[-1]) :]],
            "seconds_of_rounds": _parts(run_rows.rows(out / "rounds.csv")),
            **found,
        }
        self._report.row(row)
        return seconds

    def _time(self, command: list[str]) -> None:
        """The table of one of the other benchmarks."""
        name = f"python benchmarks/{' '.join(command)}"
        if self._limit.left < CLOSING + FEWEST:
            return self._report.left_out(name)
        done = self._run([f"benchmarks/{command[0]}", *command[1:]], grace=1.0)
        if done.stopped or done.status:
            why = "stopped at the limit" if done.stopped else f"status {done.status}"
            self._report.left_out(f"the rest of {name}: {why}")
        tables = [line for _, line in done.lines if line.startswith(("|", "jax, "))]
        self._report.timing(name, tables)


def _parts(rounds: list[dict[str, str]]) -> dict[str, list[float]]:
    """Seconds of each round, by its parts."""
    names = [name for name in (rounds[0] if rounds else ()) if name.startswith("seconds_")]
    return {name: [round(float(row[name]), 3) for row in rounds] for name in names}


def timings(quick: bool) -> list[list[str]]:
    """The commands behind step and round times, the short ones first."""
    samples = "1024" if quick else "12800"
    network = [*(gpu.QUICK if quick else gpu.FULL), "--samples", samples]
    return [
        ["round.py", "5000" if quick else "50000", "10"],
        ["step.py", "jax", *network, "--epochs", "1"],
        ["floor.py", "jax", *network],
        *([] if quick else [["round.py", "1000000", "14"]]),
    ]


def main() -> int | None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    commands = parser.add_subparsers(dest="what", required=True)
    prepare = commands.add_parser("prepare", help="gather what travels to the card")
    prepare.add_argument("--out", type=Path, default=ROOT / "data" / "card")
    prepare.add_argument("--archives", type=Path, default=ROOT.parent / "shared" / "data")
    prepare.add_argument(
        "--python-version", nargs="+", default=[card_carry.HERE_VERSION], metavar="3.N",
        help="of the machine with the card",
    )  # fmt: skip
    run = commands.add_parser("run", help="on the machine with the card")
    run.add_argument("--data", type=Path, default=ROOT / "data" / "card")
    run.add_argument("--out", type=Path, required=True)
    run.add_argument("--minutes", type=float, default=9.0)
    run.add_argument("--seed", type=int, default=0)
    run.add_argument("--set", action="append", default=[], metavar="SECTION.KEY=VALUE")
    run.add_argument("--epochs", type=int, help="at most, also where more would fit")
    run.add_argument("--quick", action="store_true", help="a tiny network: does it run?")
    options = parser.parse_args()
    if options.what == "prepare":
        return card_carry.gather(options.out, options.archives, options.python_version)
    with tempfile.TemporaryDirectory() as work:
        return Card(options, Path(work), Report(options.out)).all()


if __name__ == "__main__":
    sys.exit(main())

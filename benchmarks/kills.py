"""Runs that are killed at random moments and gone on with: do they end as runs that were not?

    python benchmarks/kills.py run --kills 200      # all that have not run yet, a line a kill
    python benchmarks/kills.py table                # of what has run

The digits of the default recipe, a small network, five epochs; `weighted`, `mixmatch` with two
networks and running means of the weights, rounds that rest; on TensorFlow and on JAX. Each kill
(SIGKILL) comes at a moment drawn evenly from a run's whole time, loading included. A run that has
kept nothing is run again; the others go on by `train --resume`. Equal is: samples.csv byte for
byte, epochs.csv and rounds.csv but for seconds, every weight of the network.
"""

from __future__ import annotations

import argparse
import collections
import csv
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
import zipfile
from pathlib import Path

import numpy as np
import result_lines

ROOT, RESULTS = result_lines.ROOT, result_lines.RESULTS / "kills.jsonl"
SHORT = ("train.epochs=5", "train.warmup_epochs=2", "model.name=mlp", "model.width=16")
KINDS = {
    "weighted": SHORT,
    "mixmatch, two networks, means": (
        *SHORT,
        "objective.kind=mixmatch",
        "train.networks=2",
        "train.ema=0.9",
        "divide.every=2",
    ),
}
PHASES = (
    ("writing the files", "epoch 5/"),
    ("a round or an epoch", "epoch "),
    ("the warm-up", "backend:"),
    ("building", "building"),
    ("preparing", "preparing"),
)  # by the last line that a run said
ENDED = "ended before the kill"


def command(*words: str) -> list[str]:
    return [sys.executable, "cli.py", "train", *words]


def environment(backend: str) -> dict[str, str]:
    return {**os.environ, "KERAS_BACKEND": backend, "OMP_NUM_THREADS": "1"}


def new_run(kind: str, out: Path) -> list[str]:
    words = [word for setting in KINDS[kind] for word in ("--set", setting)]
    return command(*words, "--out", str(out))


def rows(path: Path) -> list[dict[str, str]]:
    with open(path, newline="", encoding="utf-8") as file:
        return [{k: v for k, v in r.items() if "seconds" not in k} for r in csv.DictReader(file)]


def weights(run: Path) -> bytes:
    """The arrays of model.keras; its other files have the time in them."""
    import h5py

    found: list[bytes] = []

    def note(_, part) -> None:
        if hasattr(part, "shape"):
            found.append(part[()].tobytes())

    with (
        zipfile.ZipFile(run / "model.keras") as archive,
        tempfile.TemporaryDirectory() as folder,
        h5py.File(archive.extract("model.weights.h5", folder)) as file,
    ):
        file.visititems(note)
    return b"".join(found)


def differences(run: Path, whole: Path) -> list[str]:
    """Which files of two runs differ."""
    out = []
    if (run / "samples.csv").read_bytes() != (whole / "samples.csv").read_bytes():
        out.append("samples.csv")
    out += [n for n in ("epochs.csv", "rounds.csv") if rows(run / n) != rows(whole / n)]
    if weights(run) != weights(whole):
        out.append("model.keras")
    return out


def called(words: list[str], backend: str) -> str:
    """What a command prints; raises if it fails."""
    done = subprocess.run(
        words, cwd=ROOT, env=environment(backend), capture_output=True, text=True, timeout=600
    )
    if done.returncode:
        raise RuntimeError(f"{' '.join(words)}\n{done.stdout[-1500:]}\n{done.stderr[-1500:]}")
    return done.stdout


def killed(words: list[str], backend: str, seconds: float, log: Path) -> str:
    """The phase in which a command was killed after so many seconds; "ended" if it was faster."""
    with open(log, "w", encoding="utf-8") as said:
        process = subprocess.Popen(
            words, cwd=ROOT, env=environment(backend), stdout=said, stderr=subprocess.DEVNULL
        )
        try:
            process.wait(seconds)
            return "ended"
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
    lines = log.read_text(encoding="utf-8").splitlines()
    told = (phase for line in reversed(lines) for phase, start in PHASES if line.startswith(start))
    return next(told, "loading")


def one(kind: str, backend: str, at: float, whole: Path, work: Path) -> dict:
    """Kill a run after so many seconds, go on, and compare."""
    out = work / "run"
    shutil.rmtree(out, ignore_errors=True)
    phase = killed(new_run(kind, out), backend, at, work / "log")
    kept = (out / "state.npz").is_file()
    if phase != "ended":
        if kept:
            called(command("--resume", str(out)), backend)
        elif not (out / "summary.json").is_file():  # else it had come to its end
            shutil.rmtree(out, ignore_errors=True)
            called(new_run(kind, out), backend)
    return {"phase": phase, "went_on": kept, "differ": differences(out, whole)}


def run(args: argparse.Namespace) -> None:
    rng = np.random.default_rng(args.seed)
    n_there = len(result_lines.read(RESULTS)) if RESULTS.exists() else 0
    combinations = [(kind, backend) for kind in KINDS for backend in args.backend]
    with tempfile.TemporaryDirectory() as folder:
        wholes: dict[tuple[str, str], tuple[Path, float]] = {}
        for number in range(args.kills):
            kind, backend = combinations[number % len(combinations)]
            moment = float(rng.random())
            if number < n_there:
                continue
            if (kind, backend) not in wholes:
                whole = Path(folder) / f"whole{len(wholes)}"
                start = time.perf_counter()
                called(new_run(kind, whole), backend)
                wholes[kind, backend] = whole, time.perf_counter() - start
            whole, seconds = wholes[kind, backend]
            found = one(kind, backend, moment * seconds, whole, Path(folder))
            line = {
                "case": {"kill": number, "kind": kind, "backend": backend},
                "at": round(moment, 4),
                "of_seconds": round(seconds, 2),
                **found,
                **result_lines.origin(),
            }
            result_lines.append(RESULTS, line)
            print(json.dumps({k: line[k] for k in ("case", "at", "phase", "went_on", "differ")}))
            sys.stdout.flush()


def where(line: dict) -> str:
    """A line's phase. A run takes its state away last, so without one it had come to its end."""
    had_ended = line["phase"] == "ended" or (line["phase"] == PHASES[0][0] and not line["went_on"])
    return ENDED if had_ended else line["phase"]


def table() -> None:
    lines = result_lines.read(RESULTS)
    print("| killed in | backend | kills | went on | run anew | equal |\n" + "| --- " * 6 + "|")
    groups: dict[tuple[str, str], list[dict]] = collections.defaultdict(list)
    for line in lines:
        groups[where(line), line["case"]["backend"]].append(line)
    for (phase, backend), of in sorted(groups.items()):
        on = sum(line["went_on"] for line in of)
        anew = 0 if phase == ENDED else len(of) - on
        equal = sum(not line["differ"] for line in of)
        print(f"| {phase} | {backend} | {len(of)} | {on} | {anew} | {equal} |")
    equal = sum(not line["differ"] for line in lines)
    print(f"\n{equal} of {len(lines)} are equal.")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("what", choices=("run", "table"))
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--backend", nargs="+", default=["tensorflow", "jax"])
    args = parser.parse_args()
    run(args) if args.what == "run" else table()


if __name__ == "__main__":
    main()

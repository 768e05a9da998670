"""Trains what a change of structure must not move, and prints the hashes of what came out.

    python benchmarks/same_results.py run HASHES.jsonl      # 12 runs, about 12 minutes
    python benchmarks/same_results.py compare BEFORE AFTER  # says what differs; then exits with 1

`run` appends a line a run and goes on where it stopped. Run it in a checkout of the commit before
the change and in one of the commit after it, on one machine: hashes are the same only under one
set of threads and library versions. `rounds.csv` and `epochs.csv` are hashed without their seconds.
fashion_mnist_12k needs the TFDS data set (`TFDS_DATA_DIR`).
"""

from __future__ import annotations

import csv
import hashlib
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path.cwd()  # the checkout that is measured, which need not be the one of this script
TWO_NETWORKS = ["objective.kind=mixmatch", "train.networks=2"]
RUNS = {
    **{f"digits seed {seed}": ("digits", [f"train.seed={seed}"]) for seed in (0, 1)},
    **{
        f"digits mixmatch, two networks, seed {seed}": (
            "digits",
            [f"train.seed={seed}", *TWO_NETWORKS],
        )
        for seed in (0, 1)
    },
    "own folder": ("own_folder", ["data.path=photos/labels.csv", "data.image_size=0"]),
    "fashion_mnist_12k": ("fashion_mnist_12k", ["train.epochs=3", "train.warmup_epochs=1"]),
}


def hashes(folder: Path) -> dict[str, str]:
    """File -> SHA-256 of what must not move."""
    found = {
        name: hashlib.sha256((folder / name).read_bytes()).hexdigest()
        for name in ("samples.csv", "labels.npy")
    }
    for name in ("rounds.csv", "epochs.csv"):
        with open(folder / name, newline="", encoding="utf-8") as file:
            rows = [
                {k: v for k, v in row.items() if not k.startswith("seconds")}
                for row in csv.DictReader(file)
            ]
        found[name] = hashlib.sha256(json.dumps(rows).encode()).hexdigest()
    return found


def one(name: str, backend: str, scratch: Path) -> dict:
    """Train one of RUNS with the checkout's own command line."""
    recipe, settings = RUNS[name]
    if recipe == "own_folder":
        photos = scratch / "photos"
        subprocess.run(
            [sys.executable, "examples/own_folder.py", str(photos)], cwd=ROOT, check=True
        )
        settings = [s.replace("photos", str(photos)) for s in settings]
    command = [sys.executable, "cli.py", "train", f"recipes/{recipe}.toml", "--backend", backend]
    for setting in settings:
        command += ["--set", setting]
    out = scratch / "run"
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    subprocess.run(
        [*command, "--out", str(out)],
        cwd=ROOT,
        env=environment,
        check=True,
        stdout=subprocess.DEVNULL,
    )
    return {"run": name, "backend": backend, **hashes(out)}


def run(lines: Path) -> None:
    """Train what the file has no line for."""
    done = {(row["run"], row["backend"]) for row in read(lines)} if lines.exists() else set()
    for backend in ("tensorflow", "jax"):
        for name in RUNS:
            if (name, backend) in done:
                continue
            with tempfile.TemporaryDirectory() as scratch:
                row = one(name, backend, Path(scratch))
            with open(lines, "a") as file:
                file.write(json.dumps(row) + "\n")
            print(json.dumps(row), flush=True)


def read(lines: Path) -> list[dict]:
    """The rows of a file of hashes."""
    return [json.loads(line) for line in lines.read_text().splitlines()]


def compare(before: Path, after: Path) -> int:
    """Print what differs; the number of differing hashes and missing runs."""
    new = {(row["run"], row["backend"]): row for row in read(after)}
    wrong = 0
    for row in read(before):
        key = (row["run"], row["backend"])
        if key not in new:
            wrong += 1
            print(f"{key}: no line in {after}")
            continue
        moved = [name for name in row if row[name] != new[key].get(name)]
        wrong += len(moved)
        print(f"{key[0]}, {key[1]}: " + (f"DIFFERS in {', '.join(moved)}" if moved else "the same"))
    return wrong


if __name__ == "__main__":
    if len(sys.argv) == 3 and sys.argv[1] == "run":
        run(Path(sys.argv[2]).absolute())
    elif len(sys.argv) == 4 and sys.argv[1] == "compare":
        sys.exit(1 if compare(Path(sys.argv[2]), Path(sys.argv[3])) else 0)
    else:
        sys.exit(__doc__)

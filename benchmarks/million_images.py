"""Peak memory and seconds of a whole run on a million image files.

    python benchmarks/million_images.py
    python benchmarks/million_images.py 100000

Writes a table of so many paths into a temporary folder: each is a hard link to
one of a thousand 32 x 32 JPEG files (real digits, scaled up), so that little
disk is needed while every path is opened, read, checked and decoded. Then runs
two epochs with one round of division and purification by the command line with
`data.cache_gib = 0`: nothing is decoded ahead. 30 % of the labels are wrong,
drawn by image. Memory is the peak of that process.
"""

from __future__ import annotations

import csv
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from PIL import Image
from sklearn.datasets import load_digits

ROOT = Path(__file__).parent.parent
N_FILES = 1000


def write(folder: Path, n: int) -> None:
    digits = load_digits()
    rng = np.random.default_rng(0)
    originals = folder / "originals"
    originals.mkdir()
    for i in range(N_FILES):
        pixels = (digits.images[i] * 15).astype(np.uint8)
        image = Image.fromarray(pixels).resize((32, 32), Image.Resampling.BICUBIC)
        image.save(originals / f"{i}.jpg")
    wrong = rng.random(n) < 0.3
    shift = rng.integers(1, 10, n)
    with open(folder / "labels.csv", "w", newline="", encoding="utf-8") as file:
        table = csv.writer(file)
        table.writerow(["path", "label", "true_label"])
        for i in range(n):
            path = f"{i // 1000:04}/{i % 1000:03}.jpg"
            if i % 1000 == 0:
                (folder / f"{i // 1000:04}").mkdir()
            os.link(originals / f"{i % N_FILES}.jpg", folder / path)
            right = digits.target[i % N_FILES]
            table.writerow([path, (right + shift[i]) % 10 if wrong[i] else right, right])


def main() -> None:
    n = int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000
    with tempfile.TemporaryDirectory() as folder:
        start = time.perf_counter()
        write(Path(folder), n)
        print(f"{n:,} files written in {time.perf_counter() - start:.0f} s", flush=True)
        run = Path(folder) / "run"
        chosen = (
            f"data.path={folder}/labels.csv",
            "data.image_size=0",
            "data.cache_gib=0.0",
            "data.find_duplicates=false",  # the files are copies of each other by design
            "golden.source=certain",  # a trusted one would have copies in the test split
            "model.name=mlp",
            "model.width=64",
            "train.epochs=2",
            "train.warmup_epochs=1",
            "train.batch_size=512",
        )
        command = [sys.executable, "cli.py", "train", "recipes/own_folder.toml", "--out", str(run)]
        command += [word for setting in chosen for word in ("--set", setting)]
        start = time.perf_counter()
        subprocess.run(command, cwd=ROOT, check=True, stderr=subprocess.DEVNULL)
        seconds = time.perf_counter() - start
        peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 2**20
        summary = json.loads((run / "summary.json").read_text())
        print(
            f"| {n:,} | {summary['backend']} | {seconds / 60:.1f} | "
            f"{summary['seconds_in_epochs']:.0f} | {summary['seconds_in_rounds']:.0f} | "
            f"{peak:.2f} | {summary['label_error_auroc']:.4f} |"
        )


if __name__ == "__main__":
    main()

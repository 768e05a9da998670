"""What a round costs after its score pass: seconds and peak memory by part.

    python benchmarks/round.py                        # every size below, a row each
    python benchmarks/round.py 1000000 14             # one: samples, classes

Made-up scores in the shape of real ones (d = 512 half-precision unit features around a direction
for each class, 40 % symmetric noise, five golden samples a class), since only time and memory
matter here. Each size runs in a process of its own; memory is the resident set's peak, everything
that the process holds and the features themselves included.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import numpy as np

D = 512
NOISE = 0.4
GOLDEN = 5  # a class
SIZES = [(n, k) for k in (10, 14, 100, 1000) for n in (10_000, 100_000, 1_000_000)]
PARTS = ("means", "similarity", "divide", "floor", "purify")


def made_up(n: int, k: int, rng: np.random.Generator):
    """Scores of n samples, their given labels, and the true ones."""
    from tssd_keras.judge.scores import Scores

    direction = rng.normal(size=(k, D)).astype(np.float32)
    direction /= np.linalg.norm(direction, axis=1, keepdims=True)
    truth = rng.integers(0, k, n)
    given = np.where(rng.uniform(size=n) < NOISE, (truth + rng.integers(1, k, n)) % k, truth)
    features, log_p = np.empty((n, D), np.float16), np.empty((n, k), np.float16)
    loss = np.empty(n, np.float32)
    for start in range(0, n, 8192):
        rows = slice(start, min(start + 8192, n))
        z = direction[truth[rows]] + 0.06 * rng.normal(size=(rows.stop - start, D))
        z = (z / np.linalg.norm(z, axis=1, keepdims=True)).astype(np.float32)
        logits = 12 * z @ direction.T
        logits -= np.log(np.exp(logits).sum(axis=1, keepdims=True))
        features[rows], log_p[rows] = z, logits
        loss[rows] = -logits[np.arange(len(z)), given[rows]]
    return Scores(loss, features, log_p), given, truth


class Parts:
    """Seconds and peak memory of one part after another."""

    def __init__(self) -> None:
        self.seconds: list[float] = []
        self.gib: list[float] = []
        self._start()

    def _start(self) -> None:
        Path("/proc/self/clear_refs").write_text("5")  # the peak begins anew
        self._time = time.perf_counter()

    def done(self) -> None:
        """End a part."""
        self.seconds.append(time.perf_counter() - self._time)
        status = Path("/proc/self/status").read_text()
        peak = next(line for line in status.splitlines() if line.startswith("VmHWM"))
        self.gib.append(int(peak.split()[1]) / 2**20)
        self._start()


def measure(n: int, k: int) -> None:
    """One row of the table."""
    from tssd_keras.judge.divide import apply_floor, divide
    from tssd_keras.judge.golden_head import assign_folds
    from tssd_keras.judge.meta_rows import Trusted
    from tssd_keras.judge.purify import Purifier
    from tssd_keras.judge.similarity import ClassMeans
    from tssd_keras.recipe.method_sections import PurifyRecipe

    rng = np.random.default_rng(0)
    scores, given, _ = made_up(n, k, rng)
    golden_scores, _, labels = made_up(GOLDEN * k * 2, k, rng)
    golden_rows = np.concatenate([np.flatnonzero(labels == c)[:GOLDEN] for c in range(k)])
    labels = labels[golden_rows]
    golden = Trusted(
        golden_scores.take(golden_rows),
        labels,
        np.full(len(labels), -1),
        assign_folds(labels, 5, seed=0),
    )
    purifier = Purifier("trusted", k, PurifyRecipe())
    # The first round traces the meta classifier, which happens once a run.
    few = min(n, 2_000)
    head = scores.take(np.arange(few))
    where = ClassMeans(head.features, given[:few], k)
    seen = divide(head.loss, where.scores(), given[:few], k)
    Purifier("trusted", k, PurifyRecipe()).purify(head, given[:few], where, seen, golden=golden)

    parts = Parts()
    where = ClassMeans(scores.features, given, k)
    parts.done()
    similarity = where.scores()
    parts.done()
    division = divide(scores.loss, similarity, given, k)
    parts.done()
    apply_floor(division.role, division, scores.loss, similarity, given, k)
    parts.done()
    purifier.purify(scores, given, where, division, golden=golden)
    parts.done()
    division_seconds = sum(parts.seconds[:-1])
    cells = [
        f"{n:,}",
        str(k),
        *(f"{s:.2f}" for s in parts.seconds),
        f"{division_seconds:.2f}",
        f"{max(parts.gib[:-1]):.2f}",
        f"{parts.gib[-1]:.2f}",
    ]
    print("| " + " | ".join(cells) + " |", flush=True)


def main(sizes: list[tuple[int, int]]) -> None:
    heads = [*(f"{part} s" for part in PARTS), "division s", "division GiB", "purify GiB"]
    print(f"| samples | classes | {' | '.join(heads)} |")
    print("|" + " --- |" * (len(heads) + 2), flush=True)
    environment = {**os.environ, "TF_CPP_MIN_LOG_LEVEL": "2"}
    for n, k in sizes:
        command = [sys.executable, __file__, "one", str(n), str(k)]
        subprocess.run(command, check=True, env=environment)


if __name__ == "__main__":
    if sys.argv[1:2] == ["one"]:
        measure(int(sys.argv[2]), int(sys.argv[3]))
    elif len(sys.argv) == 3:
        main([(int(sys.argv[1]), int(sys.argv[2]))])
    else:
        main(SIZES)

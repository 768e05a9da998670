"""What a round costs after its score pass: seconds and peak memory by part.

    python benchmarks/round.py                        # every size below, a row each
    python benchmarks/round.py 1000000 14             # one: samples, classes
    python benchmarks/round.py 50000 10 --width 256 --golden 50 --pairs
    python benchmarks/round.py 50000 10 --place class_means

Made-up scores in the shape of real ones (half-precision unit features around a direction for each
class, 40 % symmetric noise), since only time and memory matter here. With --pairs the golden
samples' given labels are known, and 70 % of them are wrong, so that they correct the transition
matrix. The first purification compiles the meta classifier and fits it longer; after it three
rounds are timed, and the fastest counts. Each size runs in a process of its own; memory is the
resident set's peak, everything that the process holds and the features themselves included.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import time
from dataclasses import astuple, dataclass
from pathlib import Path

import numpy as np

NOISE = 0.4
PAIRS_NOISE = 0.7
LATER_ROUNDS = 3
PARTS = ("place", "similarity", "divide", "floor", "first purify", "purify")
PLACES = ("neighbours", "class_means")  # divide.place


@dataclass(frozen=True)
class Case:
    """Samples, classes, width d of the features, golden samples a class, in pairs?, place."""

    n: int
    k: int
    width: int = 512
    golden: int = 5
    pairs: bool = False
    place: str = PLACES[0]


CASES = [
    Case(50_000, 10, 256, 50, pairs=True),
    *(Case(n, k) for k in (10, 14, 100, 1000) for n in (10_000, 100_000, 1_000_000)),
]


def made_up(n: int, k: int, width: int, rng: np.random.Generator, noise: float = NOISE):
    """Scores of n samples, their given labels, and the true ones."""
    from tssd_keras.judge.scores import Scores

    direction = rng.normal(size=(k, width)).astype(np.float32)
    direction /= np.linalg.norm(direction, axis=1, keepdims=True)
    truth = rng.integers(0, k, n)
    given = np.where(rng.uniform(size=n) < noise, (truth + rng.integers(1, k, n)) % k, truth)
    features, log_p = np.empty((n, width), np.float16), np.empty((n, k), np.float16)
    loss = np.empty(n, np.float32)
    for start in range(0, n, 8192):
        rows = slice(start, min(start + 8192, n))
        z = direction[truth[rows]] + 0.06 * rng.normal(size=(rows.stop - start, width))
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


def golden_of(case: Case, rng: np.random.Generator):
    """Golden samples, as many of each class."""
    from tssd_keras.judge.golden_head import assign_folds
    from tssd_keras.judge.meta_rows import Trusted

    noise = PAIRS_NOISE if case.pairs else NOISE
    scores, given, truth = made_up(case.golden * case.k * 3, case.k, case.width, rng, noise)
    rows = np.concatenate([np.flatnonzero(truth == c)[: case.golden] for c in range(case.k)])
    labels = truth[rows]
    return Trusted(
        scores.take(rows),
        labels,
        given[rows] if case.pairs else np.full(len(labels), -1),
        assign_folds(labels, 5, seed=0),
        at_random=np.full(len(labels), case.pairs),
    )


def place_of(case: Case, features: np.ndarray, given: np.ndarray):
    """Where the samples lie: by neighbours, or by class means."""
    from tssd_keras.judge.neighbours import Neighbours
    from tssd_keras.judge.place import Neighbourhood
    from tssd_keras.judge.similarity import ClassMeans

    if case.place == "class_means":
        return ClassMeans(features, given, case.k)
    return Neighbourhood(given, Neighbours(features, given, case.k, seed=0))


def measure(case: Case) -> None:
    """One row of the table."""
    import keras  # noqa: F401  where it has an accelerator, neighbours are searched there
    import sklearn.neighbors  # noqa: F401  its import is no part of a round

    from tssd_keras.judge.divide import apply_floor, divide
    from tssd_keras.judge.purify import Purifier
    from tssd_keras.recipe.method_sections import PurifyRecipe

    rng, k = np.random.default_rng(0), case.k
    scores, given, _ = made_up(case.n, k, case.width, rng)
    golden = golden_of(case, rng)
    purifier = Purifier("trusted", k, PurifyRecipe())

    parts = Parts()
    where = place_of(case, scores.features, given)
    parts.done()
    similarity = where.scores()
    parts.done()
    division = divide(scores.loss, similarity, given, k)
    parts.done()
    apply_floor(division.role, division, scores.loss, similarity, given, k)
    parts.done()
    for i in range(1 + LATER_ROUNDS):
        purifier.purify(scores, given, where, division, golden=golden, round_index=i)
        parts.done()
    first, later = parts.seconds[4], min(parts.seconds[5:])
    division_seconds = sum(parts.seconds[:4])
    cells = [
        f"{case.n:,}",
        *(str(value) for value in astuple(case)[1:4]),
        "yes" if case.pairs else "no",
        case.place,
        *(f"{s:.2f}" for s in (*parts.seconds[:4], first, later, division_seconds)),
        f"{max(parts.gib[:4]):.2f}",
        f"{max(parts.gib[4:]):.2f}",
    ]
    print("| " + " | ".join(cells) + " |", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("samples", type=int, nargs="?")
    parser.add_argument("classes", type=int, nargs="?", default=10)
    parser.add_argument("--width", type=int, default=512)
    parser.add_argument("--golden", type=int, default=5, help="a class")
    parser.add_argument("--pairs", action="store_true", help="their given labels are known")
    parser.add_argument("--place", choices=PLACES, default=PLACES[0])
    parser.add_argument("--here", action="store_true", help=argparse.SUPPRESS)
    args = parser.parse_args()
    case = Case(args.samples or 0, args.classes, args.width, args.golden, args.pairs, args.place)
    if args.here:
        measure(case)
        return
    heads = ["samples", "classes", "d", "golden a class", "pairs", "by"]
    heads += [*(f"{part} s" for part in PARTS), "division s", "division GiB", "purify GiB"]
    print(f"| {' | '.join(heads)} |")
    print("|" + " --- |" * len(heads), flush=True)
    environment = {**os.environ, "TF_CPP_MIN_LOG_LEVEL": "2"}
    for n, k, width, golden, pairs, place in map(astuple, [case] if args.samples else CASES):
        command = [sys.executable, __file__, str(n), str(k), f"--width={width}"]
        command += [
            f"--golden={golden}",
            f"--place={place}",
            "--here",
            *(["--pairs"] if pairs else []),
        ]
        subprocess.run(command, check=True, env=environment)


if __name__ == "__main__":
    main()

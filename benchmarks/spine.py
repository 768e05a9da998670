"""TSSD beside plain training, on digits and Fashion-MNIST.

    taskset -c 0 python benchmarks/spine.py run digits tensorflow   # one data set, one backend
    python benchmarks/spine.py table                                # the table, from what has run

How many cores there are changes the order of sums, and so the figures: each
line says on how many its run was, and of which commit.

Each run is `python cli.py train` in a process of its own; its summary becomes
one line of benchmarks/results/spine.jsonl. What is in the file is not run
again, so that a benchmark can stop and go on.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import result_lines

RESULTS = result_lines.RESULTS / "spine.jsonl"
OBJECTIVES = {
    "tssd": [],
    "plain": ["objective.kind=plain"],
    "plain+golden": ["objective.kind=plain", "golden.train_on=true"],
}
CASES = {
    "digits": {
        "digits sym 40": ("recipes/digits.toml", []),
        "digits sym 60": ("recipes/digits.toml", ["noise.rate=0.6"]),
    },
    "fashion": {
        "fashion sym 50": ("recipes/fashion_mnist_sym50.toml", []),
        "fashion asym 40": ("recipes/fashion_mnist_asym40.toml", []),
    },
}
SEEDS = (0, 1, 2)


def seeded(seed: int) -> list[str]:
    """One seed for everything that is drawn."""
    return [
        f"noise.seed={100 + seed}",
        f"golden.seed={seed}",
        f"purify.seed={seed}",
        f"train.seed={seed}",
    ]


def key(row: dict) -> tuple:
    return row["case"], row["objective"], row["backend"], row["seed"]


def run(group: str, backend: str, seeds: tuple[int, ...], objectives: list[str]) -> None:
    """Run what is missing, seed by seed, so that whole comparisons come first."""
    have = {key(row) for row in result_lines.read(RESULTS)}
    for seed in seeds:
        for case, (recipe, settings) in CASES[group].items():
            for objective in objectives:
                row = {"case": case, "objective": objective, "backend": backend, "seed": seed}
                if key(row) not in have:
                    row |= measure(recipe, settings + OBJECTIVES[objective], backend, seed)
                    result_lines.append(RESULTS, row)
                    print(*key(row), f"{row['wall_seconds']} s", flush=True)


def measure(recipe: str, settings: list[str], backend: str, seed: int) -> dict:
    """One run in a process of its own."""
    overrides = [word for s in settings + seeded(seed) for word in ("--set", s)]
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "run"
        command = [sys.executable, "cli.py", "train", recipe, "--backend", backend, *overrides]
        start = time.perf_counter()
        subprocess.run(
            [*command, "--out", str(out)],
            cwd=result_lines.ROOT,
            check=True,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        seconds = time.perf_counter() - start
        summary = json.loads((out / "summary.json").read_text())
    cores = sorted(os.sched_getaffinity(0))
    pinned = f"taskset -c {','.join(map(str, cores))}"
    return {
        "command": " ".join([pinned, "python", *command[1:]]),
        **result_lines.origin(),
        "wall_seconds": round(seconds, 1),
        "summary": summary,
    }


COLUMNS = {
    "last": ("accuracy", "last"),
    "mean 10": ("accuracy", "mean_last_10"),
    "best": ("accuracy", "best"),
    "AUROC": ("label_error_auroc",),
    "kept F1": ("kept", "f1"),
    "semi-hard purity": ("semi_hard", "purity"),
    "of uncertain purity": ("semi_hard", "uncertain_purity"),
    "mined": ("semi_hard", "recall"),
    "noise": ("effective_noise_rate",),
}


def figure(rows: list[dict], path: tuple[str, ...]) -> str:
    """Mean and spread (sample standard deviation) over the seeds."""
    values = []
    for row in rows:
        value = row["summary"]
        for name in path:
            value = value[name]
        values.append(value)
    if any(v is None for v in values):
        return "-"
    mean = np.mean(values)
    return f"{mean:.4f} ± {np.std(values, ddof=1):.4f}" if len(values) > 1 else f"{mean:.4f}"


def table() -> str:
    """A Markdown table: one line for each case, objective and backend."""
    groups: dict[tuple, list[dict]] = {}
    for row in result_lines.read(RESULTS):
        groups.setdefault((row["case"], row["backend"], row["objective"]), []).append(row)
    head = ["data", "backend", "objective", "seeds", *COLUMNS, "minutes"]
    lines = ["| " + " | ".join(head) + " |", "|" + " --- |" * len(head)]
    order = list(OBJECTIVES)
    for (case, backend, objective), rows in sorted(
        groups.items(), key=lambda item: (*item[0][:2], order.index(item[0][2]))
    ):
        minutes = np.mean([row["wall_seconds"] for row in rows]) / 60
        seeds = ",".join(str(row["seed"]) for row in rows)
        cells = [figure(rows, path) for path in COLUMNS.values()]
        lines.append(
            "| " + " | ".join([case, backend, objective, seeds, *cells, f"{minutes:.1f}"]) + " |"
        )
    return "\n".join(lines)


def main() -> None:
    match sys.argv[1:]:
        case ["table"]:
            print(table())
        case ["run", group, backend, *rest] if group in CASES:
            seeds = tuple(map(int, rest[0].split(","))) if rest else SEEDS
            run(group, backend, seeds, rest[1].split(",") if len(rest) > 1 else list(OBJECTIVES))
        case _:
            sys.exit(__doc__)


if __name__ == "__main__":
    main()

"""Does a class die? Digits under heavy noise, by seed: the least share of right labels kept.

    python benchmarks/class_survival.py run            # all that has not run yet, a line a run
    python benchmarks/class_survival.py table

For each noise and objective 20 seeds of everything that is drawn. Every run is `python cli.py
train` in a process of its own and appends a line to benchmarks/results/class_survival.jsonl.
"""

from __future__ import annotations

import argparse
import csv
import json
from collections import Counter
from pathlib import Path

import numpy as np
import result_lines
from one_run import one_run

RESULTS = result_lines.RESULTS / "class_survival.jsonl"
NOISES = {"symmetric 0.5": ("symmetric", 0.5), "symmetric 0.6": ("symmetric", 0.6)}
NOISES |= {"asymmetric 0.3": ("asymmetric", 0.3)}
OBJECTIVES = ("weighted", "mixmatch")
SEEDS = tuple(range(70, 90))


def kept_share(path: Path) -> dict[str, float]:
    """Of the right labels of each class the share that is kept."""
    right, kept = Counter(), Counter()
    with open(path, newline="", encoding="utf-8") as file:
        for row in csv.DictReader(file):
            if row["given"] == row["true"]:
                right[row["true"]] += 1
                kept[row["true"]] += float(row["weight"]) > 0
    return {name: kept[name] / right[name] for name in sorted(right)}


def measure(case: dict) -> dict:
    kind, rate = NOISES[case["noise"]]
    seed = case["seed"]
    settings = [f"noise.kind={kind}", f"noise.rate={rate}", f"objective.kind={case['objective']}"]
    settings += [f"{section}.seed={seed}" for section in ("noise", "golden", "purify", "train")]
    with one_run("digits", settings, case["backend"]) as (command, out):
        summary = json.loads((out / "summary.json").read_text())
        shares = kept_share(out / "samples.csv")
    return {
        "command": command,
        **result_lines.origin(),
        "kept_share": shares,
        "accuracy": summary["accuracy"],
        "auroc": summary["label_error_auroc"],
        "effective_noise_rate": summary["effective_noise_rate"],
        "labels_sha256": summary["labels_sha256"],
    }


def table(path: Path) -> str:
    head = "| noise | objective | backend | seeds | least share of a class's right labels kept | "
    head += "runs below half | last accuracy, mean | worst | AUROC | commit |"
    lines = [head, "|" + " --- |" * 10]
    groups: dict[tuple, list[dict]] = {}
    for row in result_lines.read(path):
        groups.setdefault((row["noise"], row["objective"], row["backend"]), []).append(row)
    for key, rows in groups.items():
        least = [min(row["kept_share"].values()) for row in rows]
        last = [row["accuracy"]["last"] for row in rows]
        cells = (
            *key,
            len(rows),
            f"{min(least):.2f}",
            sum(value < 0.5 for value in least),
            f"{np.mean(last):.4f}",
            f"{min(last):.4f}",
            f"{np.mean([row['auroc'] for row in rows]):.4f}",
            " ".join(dict.fromkeys(row["commit"][:7] for row in rows)),
        )
        lines.append("| " + " | ".join(map(str, cells)) + " |")
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("what", choices=("run", "table"))
    parser.add_argument("--noise", nargs="+", choices=NOISES, default=tuple(NOISES))
    parser.add_argument("--objective", nargs="+", choices=OBJECTIVES, default=OBJECTIVES)
    parser.add_argument("--seed", nargs="+", type=int, default=SEEDS)
    parser.add_argument("--backend", default="tensorflow")
    parser.add_argument("--results", type=Path, default=RESULTS)
    args = parser.parse_args()
    if args.what == "table":
        return print(table(args.results))
    for seed in args.seed:
        for noise in args.noise:
            for objective in args.objective:
                case = {
                    "noise": noise,
                    "objective": objective,
                    "seed": seed,
                    "backend": args.backend,
                }
                done = result_lines.read(args.results)
                if any(case.items() <= row.items() for row in done):
                    continue
                row = case | measure(case)
                result_lines.append(args.results, row)
                least = min(row["kept_share"], key=row["kept_share"].get)
                print(
                    f"{noise}, {objective}, seed {seed}: class {least} keeps "
                    f"{row['kept_share'][least]:.2f}, last {row['accuracy']['last']:.4f}",
                    flush=True,
                )


if __name__ == "__main__":
    main()

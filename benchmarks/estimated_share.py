"""How far off is the estimated share of right labels? By noise and number of golden pairs.

    python benchmarks/estimated_share.py run           # all that has not run yet, a line a run
    python benchmarks/estimated_share.py table         # and what benchmarks/human_noise.py ran

Digits and Fashion-MNIST under made noise, without golden samples, with 10 a class (100 pairs) and
with 50 (500 pairs), three seeds of everything that is drawn. Every run is `python cli.py train` in
a process of its own and appends a line to benchmarks/results/estimated_share.jsonl. The last
round's estimate counts.
"""

from __future__ import annotations

import argparse
import itertools
import json
from pathlib import Path

import result_lines
import run_rows
from one_run import one_run

RESULTS = result_lines.RESULTS / "estimated_share.jsonl"
HUMAN_NOISE = result_lines.RESULTS / "human_noise.jsonl"
FASHION = ["train.epochs=10"]
SETS = {
    "digits symmetric 0.5": ("digits", "symmetric", 0.5, []),
    "digits symmetric 0.6": ("digits", "symmetric", 0.6, []),
    "digits asymmetric 0.3": ("digits", "asymmetric", 0.3, []),
    "Fashion-MNIST symmetric 0.5": ("fashion_mnist_12k", "symmetric", 0.5, FASHION),
    "Fashion-MNIST symmetric 0.8": ("fashion_mnist_12k", "symmetric", 0.8, FASHION),
    "Fashion-MNIST asymmetric 0.4": ("fashion_mnist_12k", "asymmetric", 0.4, FASHION),
}
PAIRS = {
    "none": ["golden.source=none"],
    "100": ["golden.per_class=10"],
    "500": ["golden.per_class=50"],
}
SEEDS = (0, 1, 2)


def measure(case: dict) -> dict:
    recipe, kind, rate, more = SETS[case["set"]]
    settings = [f"noise.kind={kind}", f"noise.rate={rate}", *PAIRS[case["pairs"]], *more]
    settings += [f"{part}.seed={case['seed']}" for part in ("noise", "golden", "purify", "train")]
    with one_run(recipe, settings, case["backend"]) as (command, out):
        summary = json.loads((out / "summary.json").read_text())
        last = run_rows.rows(out / "rounds.csv")[-1]
    error = last["clean_share_error"]
    return {
        "command": command,
        **result_lines.origin(),
        "estimated_share": float(last["estimated_clean_share"]),
        "said_error": float(error) if error else None,
        "share": 1 - summary["effective_noise_rate"],
        "accuracy": summary["accuracy"],
        "labels_sha256": summary["labels_sha256"],
    }


def human_noise(path: Path) -> list[dict]:
    """The runs of benchmarks/human_noise.py that belong here, as lines of this one."""
    pairs = {"none": "none", "10": "100", "50": "500"}
    return [
        {
            **{name: row[name] for name in ("seed", "backend", "commit", "estimated_share")},
            "set": f"CIFAR-10N {row['labels']}, {row['way']}",
            "pairs": pairs[row["golden"]],
            "share": 1 - row["effective_noise_rate"],
        }
        for row in result_lines.read(path)
        if row["golden"] in pairs and row["networks"] == 1 and not row["set"]
    ]


def table(rows: list[dict]) -> str:
    """Markdown: by set and number of pairs the errors of all seeds, estimate less truth."""
    lines = ["| labels | golden pairs | backend | seeds | error, each seed | largest | commit |"]
    lines.append("|" + " --- |" * 7)
    groups: dict[tuple, list[dict]] = {}
    for row in rows:
        groups.setdefault((row["set"], row["pairs"], row["backend"]), []).append(row)
    for (name, pairs, backend), some in sorted(groups.items()):
        some.sort(key=lambda row: row["seed"])
        errors = [row["estimated_share"] - row["share"] for row in some]
        cells = (
            name,
            pairs,
            backend,
            ",".join(str(row["seed"]) for row in some),
            " ".join(f"{error:+.3f}" for error in errors),
            f"{max(map(abs, errors)):.3f}",
            " ".join(dict.fromkeys(row["commit"][:7] for row in some)),
        )
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("what", choices=("run", "table"))
    parser.add_argument("--set", nargs="+", choices=SETS, default=tuple(SETS), dest="sets")
    parser.add_argument("--pairs", nargs="+", choices=PAIRS, default=tuple(PAIRS))
    parser.add_argument("--seed", nargs="+", type=int, default=SEEDS)
    parser.add_argument("--backend", default="tensorflow")
    parser.add_argument("--results", type=Path, default=RESULTS)
    args = parser.parse_args()
    if args.what == "table":
        return print(table(result_lines.read(args.results) + human_noise(HUMAN_NOISE)))
    for seed, name, pairs in itertools.product(args.seed, args.sets, args.pairs):
        case = {"set": name, "pairs": pairs, "seed": seed, "backend": args.backend}
        if any(case.items() <= row.items() for row in result_lines.read(args.results)):
            continue
        row = case | measure(case)
        result_lines.append(args.results, row)
        print(
            f"{name}, {pairs} pairs, seed {seed}: {row['estimated_share']:.3f} for "
            f"{row['share']:.3f}",
            flush=True,
        )


if __name__ == "__main__":
    main()

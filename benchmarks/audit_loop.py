"""What decisions buy: train, audit, decide, train again; by data set, order and number.

    python benchmarks/audit_loop.py run              # all that has not run yet, a line a step
    python benchmarks/audit_loop.py run --data features --decisions 200 --seed 0
    python benchmarks/audit_loop.py table            # of what has run

Fashion-MNIST (12,000 images), asymmetric 40 %, and CIFAR-10N worst as features of a pretrained
network, each with 100 golden samples, 10 of each class. The decisions are the true labels of the
first 200 or 500 samples

    page       of the page's order to find wrong labels: the surest suspects
    teaching   of its order to teach the next run
    random     of all judged samples in random order: the control

`before` is the first run; each of the others is a second run, told by the decisions. All runs of a
seed are judged on the same samples: those that are golden in none and decided in none. Every step
appends a line to benchmarks/results/audit_loop.jsonl. The runs stay in --work.
"""

from __future__ import annotations

import argparse
import csv
import itertools
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import result_lines
from sklearn.metrics import roc_auc_score

ROOT, RESULTS = result_lines.ROOT, result_lines.RESULTS
ARMS = ("page", "teaching", "random")
DECISIONS = (200, 500)
GOLDEN = "golden.per_class=10"
DATA = {
    "fashion": ("recipes/fashion_mnist_12k.toml",
                [GOLDEN, "noise.kind=asymmetric", "noise.rate=0.4", "train.epochs=10"]),
    "features": ("recipes/cifar10n_features.toml", [GOLDEN]),
}  # fmt: skip
HEADER = ("id", "index", "given", "decided", "action", "stratum", "labels_sha256")


def rows(path: Path) -> list[dict[str, str]]:
    with open(path, newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def tssd(*words: object) -> None:
    """Run the command line in a process of its own."""
    command = [sys.executable, "cli.py", *map(str, words)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    if done.returncode:
        sys.exit(f"{' '.join(command)}\n{done.stdout[-2000:]}\n{done.stderr[-2000:]}")


def chosen(run: Path, seed: int) -> dict[str, list[str]]:
    """Indices of samples in the order of each arm."""
    audit = rows(run / "audit" / "samples.csv")

    def by(column: str) -> list[str]:
        ranked = [row for row in audit if row[column]]
        return [row["index"] for row in sorted(ranked, key=lambda row: int(row[column]))]

    judged = [row["index"] for row in audit if row["p_wrong"]]
    order = np.random.default_rng((seed, 1)).permutation(len(judged))
    arms = (by("rank"), by("teaching_rank"), [judged[i] for i in order])
    for name, arm in zip(ARMS, arms, strict=True):
        if len(arm) < max(DECISIONS):
            sys.exit(f"{name}: there must be {max(DECISIONS)} samples, got {len(arm)} in {run}")
    return dict(zip(ARMS, arms, strict=True))


def write_decisions(run: Path, indices: list[str], out: Path) -> None:
    """The true labels as a person's decisions, as the page exports them."""
    sha256 = (run / "labels.sha256").read_text().strip()
    stratum = {row["index"]: row["stratum"] for row in rows(run / "audit" / "samples.csv")}
    samples = {row["index"]: row for row in rows(run / "samples.csv")}
    with open(out, "w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(HEADER)
        for index in indices:
            s = samples[index]
            action = {s["suggested"]: "confirm", s["given"]: "keep"}.get(s["true"], "other")
            cells = (s["id"], index, s["given"], s["true"], action, stratum[index], sha256)
            writer.writerow(cells)


def auroc(run: Path, left_out: set[str]) -> tuple[float, int, float]:
    """AUROC of label errors, number of samples and share of wrong ones, on those not left out."""
    table = [row for row in rows(run / "samples.csv") if row["index"] not in left_out]
    clean = np.array([row["given"] == row["true"] for row in table])
    score = np.array(
        [
            float(row["q"]) if row["q"] else (float(row["p_loss"]) + float(row["p_feature"])) / 2
            for row in table
        ]
    )
    return float(roc_auc_score(clean, score)), len(table), float(1 - clean.mean())


def run(data: str, seed: int, args: argparse.Namespace) -> None:
    """All of a data set and a seed: the first run, and a run told by the decisions of each arm."""
    recipe, settings = DATA[data]
    work = (args.work / f"{data}-{args.backend}-{seed}").resolve()
    work.mkdir(parents=True, exist_ok=True)
    noise = [f"noise.seed={100 + seed}"] if data == "fashion" else []
    seeds = (*noise, *(f"{s}.seed={seed}" for s in SEEDED))
    words = [word for s in (*settings, *seeds) for word in ("--set", s)]
    train = ("train", recipe, "--backend", args.backend, *words)
    before = work / "before"
    if not (before / "summary.json").exists():
        tssd(*train, "--out", before)
    if not (before / "audit" / "samples.csv").exists():
        tssd("audit", before, "--without-samples")
    arms = chosen(before, seed)
    left_out = {index for indices in arms.values() for index in indices[: max(DECISIONS)]}
    done = [row["case"] for row in result_lines.read(args.results)]

    def measured(case: dict, folder: Path, *words: object) -> None:
        if case in done:
            return
        score, n, wrong = auroc(folder, left_out)
        summary = json.loads((folder / "summary.json").read_text())
        line = {
            "case": case,
            "auroc_same_samples": score,
            "same_samples": n,
            "wrong_among_them": wrong,
            "accuracy": summary["accuracy"],
            "kept": summary["kept"],
            "decisions": summary["decisions"],
            "effective_noise_rate": summary["effective_noise_rate"],
            "labels_sha256": summary["labels_sha256"],
            "minutes": round(summary["seconds"] / 60, 2),
            "command": " ".join(map(str, ("python cli.py", *words))).replace(f"{work}/", ""),
            **result_lines.origin(),
            "machine": summary["machine"],
        }
        result_lines.append(args.results, line)
        last = summary["accuracy"]["last"]
        print(f"{case}: AUROC {score:.4f} on {n:,}, accuracy {last:.4f}", flush=True)

    case = {"data": data, "seed": seed, "backend": args.backend}
    measured(case | {"arm": "before", "decisions": 0}, before, *train)
    for n, arm in itertools.product(args.decisions, ARMS):
        name = f"{arm}-{n}"
        decisions, labels, after = (work / f"{name}{end}" for end in (".csv", "-labels.csv", ""))
        again = (*train, "--set", f"golden.decisions={labels}")
        if not labels.exists():
            write_decisions(before, arms[arm][:n], decisions)
            tssd("relabel", before, decisions, "--out", labels)
        if not (after / "summary.json").exists():
            tssd(*again, "--out", after)
        measured(case | {"arm": arm, "decisions": n}, after, *again)


SEEDED = ("golden", "purify", "train")  # sections whose seed is the run's; the noise has its own


def table(results: Path) -> str:
    """A Markdown table, a line a data set, number of decisions and arm: means over seeds."""
    found: dict[tuple, list[dict]] = {}
    for row in result_lines.read(results):
        case = row["case"]
        found.setdefault((case["data"], case["decisions"], case["arm"]), []).append(row)
    lines = [
        "| data | decisions | of which wrong labels | seeds | AUROC, same samples | by seed | "
        "accuracy, last | by seed | minutes |",
        "|" + " --- |" * 9,
    ]
    for (data, n, arm), group in sorted(found.items()):
        group.sort(key=lambda row: row["case"]["seed"])
        scores = [row["auroc_same_samples"] for row in group]
        last = [row["accuracy"]["last"] for row in group]
        wrong = [row["decisions"]["given_found_wrong"] for row in group if row["decisions"]]
        cells = (
            data,
            f"{n} {arm}" if n else "none (before)",
            f"{np.mean(wrong):.0f}" if wrong else "-",
            ", ".join(str(row["case"]["seed"]) for row in group),
            f"{np.mean(scores):.4f}",
            " ".join(f"{v:.4f}" for v in scores),
            f"{np.mean(last):.4f}",
            " ".join(f"{v:.4f}" for v in last),
            f"{np.mean([row['minutes'] for row in group]):.1f}",
        )
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("what", choices=("run", "table"))
    parser.add_argument("--data", nargs="+", choices=DATA, default=tuple(DATA))
    parser.add_argument("--decisions", nargs="+", type=int, choices=DECISIONS, default=DECISIONS)
    parser.add_argument("--seed", nargs="+", type=int, default=(0, 1, 2))
    parser.add_argument("--backend", default="tensorflow")
    parser.add_argument("--work", type=Path, default=ROOT / "runs" / "audit_loop")
    parser.add_argument("--results", type=Path, default=RESULTS / "audit_loop.jsonl")
    args = parser.parse_args()
    if args.what == "table":
        return print(table(args.results))
    for data, seed in itertools.product(args.data, args.seed):
        run(data, seed, args)


if __name__ == "__main__":
    main()

"""What decisions buy: train, audit, decide, train again; Fashion-MNIST, asymmetric 40 %.

    taskset -c 0 python benchmarks/audit_loop.py run              # seed 0, TensorFlow
    taskset -c 0 python benchmarks/audit_loop.py run --seed 1
    python benchmarks/audit_loop.py table                         # of what has run

There are 100 golden samples, 10 of each class. The decisions are the true labels of 500 samples:

    page     the suspects that the page shows first
    spread   suspects at even distances, from the first to the last
    random   any samples of the stream: the control

`before` is the first run; each of the others is a second run, told by 500 decisions. All are judged
on the same samples: those that are golden in none and decided in none. Every step appends a line to
benchmarks/results/audit_loop.jsonl; what is there is not run again. The runs stay in --work.
"""

from __future__ import annotations

import argparse
import csv
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import result_lines
from sklearn.metrics import roc_auc_score

ROOT, RESULTS = result_lines.ROOT, result_lines.RESULTS
ARMS = ("page", "spread", "random")
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


def chosen(run: Path, n: int, seed: int) -> dict[str, list[str]]:
    """Indices of the samples that each arm decides on, from the audit's ranks."""
    audit = rows(run / "audit" / "samples.csv")
    ranked = sorted((row for row in audit if row["rank"]), key=lambda row: int(row["rank"]))
    suspects = [row["index"] for row in ranked]
    every = [row["index"] for row in audit]
    if len(suspects) < n:
        sys.exit(f"there must be {n} suspects, got {len(suspects)}. Try a lower --decisions.")
    rng = np.random.default_rng((seed, 1))
    return {
        "page": suspects[:n],
        "spread": [suspects[i] for i in np.linspace(0, len(suspects) - 1, n).astype(int)],
        "random": [every[i] for i in rng.choice(len(every), n, replace=False)],
    }


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


def run(args: argparse.Namespace) -> None:
    case = {
        "recipe": args.recipe,
        "settings": args.set,
        "decisions": args.decisions,
        "seed": args.seed,
        "backend": args.backend,
    }
    done = {row["step"] for row in result_lines.read(args.results) if row["case"] == case}
    name = f"{Path(args.recipe).stem}-{args.decisions}-{args.backend}-{args.seed}"
    work = (args.work / name).resolve()
    work.mkdir(parents=True, exist_ok=True)
    seeds = (f"noise.seed={100 + args.seed}", *(f"{s}.seed={args.seed}" for s in SEEDED))
    settings = [word for s in (*args.set, *seeds) for word in ("--set", s)]
    train = ("train", args.recipe, "--backend", args.backend, *settings)
    before = work / "before"
    if not (before / "summary.json").exists():
        tssd(*train, "--out", before)
    if not (before / "audit" / "samples.csv").exists():
        tssd("audit", before, "--without-samples")
    arms = chosen(before, args.decisions, args.seed)
    left_out = {index for indices in arms.values() for index in indices}

    def measured(step: str, folder: Path, *words: object) -> None:
        score, n, wrong = auroc(folder, left_out)
        summary = json.loads((folder / "summary.json").read_text())
        line = {
            "step": step,
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
        print(f"{step}: AUROC {score:.4f} on {n:,}, accuracy {last:.4f}", flush=True)

    if "before" not in done:
        measured("before", before, *train)
    for arm in ARMS:
        if arm in done:
            continue
        decisions, labels, after = (work / f"{arm}{end}" for end in (".csv", "-labels.csv", ""))
        if not labels.exists():
            write_decisions(before, arms[arm], decisions)
            tssd("relabel", before, decisions, "--out", labels)
        again = (*train, "--set", f"golden.decisions={labels}")
        if not (after / "summary.json").exists():
            tssd(*again, "--out", after)
        measured(arm, after, *again)


SEEDED = ("golden", "purify", "train")  # sections whose seed is the run's; the noise has its own


def table(results: Path) -> str:
    """A Markdown table, a line a step."""
    lines = [
        "| data | seed | backend | decisions | trained / golden | AUROC, same samples | accuracy, "
        "last | minutes |",
        "|" + " --- |" * 8,
    ]
    for row in result_lines.read(results):
        case, told = row["case"], row["decisions"]
        cells = (
            Path(case["recipe"]).stem,
            case["seed"],
            case["backend"],
            f"{case['decisions']} {row['step']}" if told else "none (before)",
            f"{told['trained']} / {told['golden']}" if told else "-",
            f"{row['auroc_same_samples']:.4f}",
            f"{row['accuracy']['last']:.4f}",
            row["minutes"],
        )
        lines.append(f"| {' | '.join(map(str, cells))} |")
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("what", choices=("run", "table"))
    parser.add_argument("--recipe", default="recipes/fashion_mnist_asym40.toml")
    parser.add_argument(
        "--set",
        action="append",
        metavar="SECTION.KEY=VALUE",
        help="of both runs; default: golden.per_class=10",
    )
    parser.add_argument("--decisions", type=int, default=500)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--backend", default="tensorflow")
    parser.add_argument("--work", type=Path, default=ROOT / "runs" / "audit_loop")
    parser.add_argument("--results", type=Path, default=RESULTS / "audit_loop.jsonl")
    args = parser.parse_args()
    args.set = args.set or ["golden.per_class=10"]
    if args.what == "run":
        run(args)
    else:
        print(table(args.results))


if __name__ == "__main__":
    main()

"""How much decided samples are to count as golden ones, by how they were chosen: development seeds.

    taskset -c 0 python benchmarks/decision_weights.py run 7 8 9 10
    python benchmarks/decision_weights.py table

A run of Fashion-MNIST, asymmetric 40 %, with 100 golden samples and a validation split. What its
last round saw is kept; then 500 samples are decided on, half of them become golden, all of them
leave the stream, and that round's purification is done again, once. A golden sample counts by the
number of samples that it stands for to the power 0 (all alike), 1/4, 1/2 or 1 (as the strata say).
The figures are of samples that nobody decided on, the same for all. Each line of
benchmarks/results/decision_weights.jsonl is one purification.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from pathlib import Path

import numpy as np
import result_lines

RESULTS = result_lines.RESULTS / "decision_weights.jsonl"
RECIPE = "recipes/fashion_mnist_asym40.toml"
N_DECIDED = 500
POWERS = (0.0, 0.25, 0.5, 1.0)
ENDS = (100, 200, 500, 1000, 2000, 5000, 10_000, 20_000, 50_000)  # of the strata, by rank
ARRAYS = ("loss", "features", "log_p")


def train(seed: int, work: Path) -> Path:
    """Train, and keep what the last purification was given, and what it said."""
    kept = work / f"last-round-{seed}.npz"
    if kept.exists():
        return kept
    from tssd_keras.recipe.toml import load_recipe
    from tssd_keras.run import experiment
    from tssd_keras.train import round as train_round

    last: dict[str, np.ndarray] = {}

    class Recording(train_round.Purifier):
        def purify(self, scores, given, where, division, *, golden, **options):
            found = super().purify(scores, given, where, division, golden=golden, **options)
            last.update({name: getattr(scores, name) for name in ARRAYS}, given=given)
            last.update({f"golden_{name}": getattr(golden.scores, name) for name in ARRAYS})
            last.update(golden_labels=golden.labels, golden_given=golden.given)
            last.update(q=found.q, suggested=found.suggested, p_suggested=found.p_suggested)
            return found

    train_round.Purifier = Recording
    seeds = [f"{section}.seed={seed}" for section in ("golden", "noise", "train", "purify")]
    settings = ["golden.per_class=10", "data.validation_share=0.1", *seeds]
    finish = experiment.finish

    def finished(training, *rest):
        last["truth"] = training.prepared.truth[training.tssd.table.index]
        finish(training, *rest)

    experiment.finish = finished
    experiment.run(load_recipe(RECIPE, settings), out=work / f"run-{seed}")
    np.savez(kept, **last)
    return kept


def evaluate(seed: int, kept: Path) -> list[dict]:
    """One purification for each choice of samples and each power."""
    from sklearn.metrics import log_loss, roc_auc_score

    from tssd_keras.judge.divide import divide
    from tssd_keras.judge.golden_head import assign_folds
    from tssd_keras.judge.meta_rows import Trusted
    from tssd_keras.judge.purify import Purifier
    from tssd_keras.judge.scores import Scores
    from tssd_keras.judge.similarity import ClassMeans
    from tssd_keras.labels.decisions import weights as decision_weights
    from tssd_keras.labels.golden import effective_weights
    from tssd_keras.recipe.method_sections import PurifyRecipe

    with np.load(kept, allow_pickle=False) as file:
        last = dict(file)
    given, truth, n_classes = last["given"], last["truth"], last["log_p"].shape[1]
    scores = Scores(*(last[name] for name in ARRAYS))
    drawn = Scores(*(last[f"golden_{name}"] for name in ARRAYS))
    suspects = np.flatnonzero((last["q"] <= 0.5) | (last["suggested"] != given))
    order = np.lexsort((-last["p_suggested"][suspects], last["q"][suspects]))
    suspects = suspects[order]
    stratum = np.zeros(len(given), np.int64)  # of what is no suspect
    stratum[suspects] = 1 + np.searchsorted(ENDS, np.arange(len(suspects)), side="right")
    size = np.bincount(stratum)
    rng = np.random.default_rng((seed, 1))
    chosen = {
        "nobody": np.empty(0, np.int64),
        "page": suspects[:N_DECIDED],
        "spread": suspects[np.linspace(0, len(suspects) - 1, N_DECIDED).astype(int)],
        "random": rng.choice(len(given), N_DECIDED, replace=False),
    }
    judged = np.setdiff1d(np.arange(len(given)), np.concatenate(list(chosen.values())))

    def purified(decided: np.ndarray, power: float) -> dict:
        golden = np.random.default_rng(seed).permutation(decided)[: len(decided) // 2]
        decision_weights.FLATTENED = power
        weight = decision_weights.stands_for(
            stratum[golden].astype(str).astype(object),
            size[stratum[golden]],
            n_uniform=len(drawn.loss),
            n_stream=len(given),
        )
        labels = np.concatenate([last["golden_labels"], truth[golden]])
        both = [np.concatenate([getattr(drawn, a), getattr(scores, a)[golden]]) for a in ARRAYS]
        fold = assign_folds(labels, PurifyRecipe().folds, seed=0)
        known = np.concatenate([last["golden_given"], given[golden]])
        trusted = Trusted(Scores(*both), labels, known, fold, effective_weights(weight))
        stream = np.setdiff1d(np.arange(len(given)), decided)
        own, labels = scores.take(stream), given[stream]
        where = ClassMeans(own.features, labels, n_classes)
        similarity = where.scores()
        division = divide(own.loss, similarity, labels, n_classes, threshold=0.98)
        purifier = Purifier("trusted", n_classes, PurifyRecipe(target_precision=0.95))
        found = purifier.purify(own, labels, where, division, golden=trusted)
        q = found.q[np.searchsorted(stream, judged)].astype(np.float64)
        clean = given[judged] == truth[judged]
        return {
            "auroc": float(roc_auc_score(clean, q)),
            "log_loss": float(log_loss(clean, np.clip(q, 1e-4, 1 - 1e-4))),
            "estimated_clean_share": found.figures.estimated_clean_share,
            "clean_share": float((labels == truth[stream]).mean()),
            "effective_golden": float(trusted.weight.sum()),
            "judged": len(judged),
        }

    lines = []
    for how, decided in chosen.items():
        for power in POWERS if len(decided) else (0.0,):
            line = {"seed": seed, "how": how, "power": power, **purified(decided, power)}
            line |= {"noise_rate": float((given != truth).mean()), "commit": result_lines.commit()}
            lines.append(line)
            print(json.dumps(line), flush=True)
    return lines


def table() -> str:
    """A Markdown table: means over the seeds."""
    rows = result_lines.read(RESULTS)
    seeds = sorted({row["seed"] for row in rows})
    lines = [
        f"Means over seeds {', '.join(map(str, seeds))}.",
        "",
        "| decided on | power | AUROC | by seed | log loss of q | effective golden samples |",
        "|" + " --- |" * 6,
    ]
    for how, power in dict.fromkeys((row["how"], row["power"]) for row in rows):
        own = [row for row in rows if (row["how"], row["power"]) == (how, power)]
        means = {k: np.mean([r[k] for r in own]) for k in ("auroc", "log_loss", "effective_golden")}
        each = " ".join(f"{row['auroc']:.4f}" for row in sorted(own, key=lambda r: r["seed"]))
        lines.append(
            f"| {how} | {power if how != 'nobody' else '-'} | {means['auroc']:.4f} | {each} | "
            f"{means['log_loss']:.4f} | {means['effective_golden']:.0f} |"
        )
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("what", choices=("run", "table"))
    parser.add_argument("seeds", type=int, nargs="*", default=[7])
    parser.add_argument(
        "--work", type=Path, default=result_lines.ROOT / "runs" / "decision_weights"
    )
    args = parser.parse_args()
    if args.what == "table":
        print(table())
        return
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    args.work.mkdir(parents=True, exist_ok=True)
    done = {line["seed"] for line in result_lines.read(RESULTS)}
    for seed in args.seeds:
        if seed in done:
            print(f"seed {seed} has run", file=sys.stderr)
            continue
        for line in evaluate(seed, train(seed, args.work)):
            result_lines.append(RESULTS, line)


if __name__ == "__main__":
    main()

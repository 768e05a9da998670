"""One run of one method, in a process of its own: `python -m peers.one ...`, as `rows` calls it.

A process of its own has its own peak of memory, and no program that another run compiled.
"""

from __future__ import annotations

import argparse
import json
import resource
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from tssd_keras.cli.backend import load_tensorflow_quietly


def main(words: list[str]) -> None:
    """Run METHOD on RECIPE under --set, and write its figures to OUT, or why there are none."""
    parser = argparse.ArgumentParser(prog="peers.one")
    parser.add_argument("method")
    parser.add_argument("recipe", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--own", type=json.loads, default={})
    parser.add_argument("--set", action="append", default=[])
    args = parser.parse_args(words)
    load_tensorflow_quietly()
    from tssd_keras.recipe.toml import load_recipe

    try:
        found = figures(args.method, load_recipe(args.recipe, args.set), args.own)
    except (ValueError, RuntimeError, OSError) as error:
        found = {"error": str(error)}
    args.out.write_text(json.dumps(found), encoding="utf-8")


def figures(method: str, recipe, own: dict) -> dict:
    """A run's figures, named as in summary.json, with memory, and accuracy by epoch.

    Args:
        method: of `peers.METHODS`.
        recipe: of the run.
        own: settings of the method.
    """
    from peers import METHODS

    start, module = time.perf_counter(), METHODS[method].module
    found = of_peer(module, recipe, own) if module else of_library(recipe)
    return {
        **found,
        "own": own,
        "seconds": round(time.perf_counter() - start, 1),
        "peak_gib": round(peak_bytes() / 2**30, 2),
    }


def peak_bytes() -> int:
    """Memory that this process took at most; without what its parent had before it."""
    status = Path("/proc/self/status")
    if status.exists():
        lines = dict(line.split(":", 1) for line in status.read_text().splitlines() if ":" in line)
        if "VmHWM" in lines:
            return int(lines["VmHWM"].split()[0]) * 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def of_library(recipe) -> dict:
    """The figures of the library's own run."""
    from tssd_keras.run import experiment
    from tssd_keras.run.read_tables import read_table

    with tempfile.TemporaryDirectory() as folder:
        done = experiment.run(recipe, out=Path(folder) / "run", say=lambda text: None)
        if done.interrupted:
            raise KeyboardInterrupt
        epochs = read_table(done.folder / "epochs.csv")
    summary = {key: value for key, value in done.summary.items() if key != "machine"}
    return {**summary, "accuracy_by_epoch": [float(row["accuracy"]) for row in epochs]}


def of_peer(module: str, recipe, own: dict) -> dict:
    """The figures of a peer's run; it sees no true label."""
    import importlib

    from peers.problem import of_recipe, truth_of

    problem = of_recipe(recipe)
    outcome = importlib.import_module(f"peers.{module}").run(problem, **own)
    prepared = problem.prepared
    return {
        "accuracy": {
            "evaluated_on": prepared.evaluated_on,
            "best": max(outcome.accuracy),
            "last": outcome.accuracy[-1],
            "mean_last_10": float(np.mean(outcome.accuracy[-10:])),
        },
        "accuracy_by_epoch": outcome.accuracy,
        **judged(outcome, problem.labels[problem.stream], truth_of(problem)),
        "effective_noise_rate": prepared.effective_noise_rate,
        "labels_sha256": prepared.labels_sha256,
    }


def judged(outcome, given: np.ndarray, truth: np.ndarray | None) -> dict:
    """AUROC of a score, and precision, recall and F1 of what was kept; None where there is none.

    Args:
        outcome: of a method.
        given: int64[N].
        truth: int64[N], -1 where unknown; None: nowhere known.
    """
    from sklearn.metrics import roc_auc_score

    known = np.zeros(len(given), bool) if truth is None else truth >= 0
    right = known & (given == truth)
    auroc = None
    if outcome.score is not None and 0 < right.sum() < known.sum():
        auroc = float(roc_auc_score(right[known], np.asarray(outcome.score)[known]))
    kept = dict.fromkeys(("count", "precision", "recall", "f1"))
    if outcome.kept is not None:
        both, of_known = int((outcome.kept & right).sum()), int((outcome.kept & known).sum())
        kept["count"] = int(outcome.kept.sum())
        if of_known and right.any():
            kept["precision"], kept["recall"] = both / of_known, both / int(right.sum())
            kept["f1"] = 2 * both / (of_known + int(right.sum()))
    return {"label_error_auroc": auroc, "kept": kept}


if __name__ == "__main__":
    main(sys.argv[1:])

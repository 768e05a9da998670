"""Classes of different sizes: CIFAR-10N worst with a tenth to all of a class.

    python benchmarks/human_noise.py prepare
    python benchmarks/uneven_classes.py run            # seeds 0, 1 and 2
    python benchmarks/uneven_classes.py run 7          # other seeds
    python benchmarks/uneven_classes.py run mixmatch   # one objective
    python benchmarks/uneven_classes.py table

Two accuracies are of the same test images, 1,000 of each class: their mean over classes, and
weighted as the classes are frequent in training, as new data of the same source would be.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np
from one_run import one_run
from result_lines import RESULTS, ROOT, append, origin, read

DATA = ROOT / "data" / "human_noise"
PATH = RESULTS / "uneven_classes.jsonl"
WAYS = [(kind, golden) for golden in ("none", "trusted") for kind in ("weighted", "mixmatch")]
SEED = 2  # of the classes' order and of what is left out; the same for all runs


def prepare() -> np.ndarray:
    """Write the samples that are left, and their labels; the shares of the classes, float64[K]."""
    whole = dict(np.load(DATA / "features.npz", allow_pickle=False))
    true, rng = whole["y_train"], np.random.default_rng(SEED)
    rate = 10.0 ** -np.linspace(0, 1, true.max() + 1)[rng.permutation(true.max() + 1)]
    kept = np.flatnonzero(rng.random(len(true)) < rate[true])
    whole |= {name: whole[name][kept] for name in ("x_train", "y_train", "y_train_true")}
    np.savez(DATA / "uneven.npz", **whole)
    np.save(DATA / "uneven_worst.npy", np.load(DATA / "worst.npy", allow_pickle=False)[kept])
    return np.bincount(true[kept]) / len(kept)


def recalls(folder: Path) -> np.ndarray:
    """Share of each class's test images that the run's network tells, float64[K]."""
    import keras

    data = np.load(DATA / "uneven.npz", allow_pickle=False)
    model = keras.saving.load_model(folder / "model.keras")
    hit = model.predict(data["x_test"], verbose=0).argmax(axis=1) == data["y_test"]
    return np.bincount(data["y_test"], hit) / np.bincount(data["y_test"])


def run(seeds: list[int], kinds: list[str]) -> None:
    shares = prepare()
    ways = [way for way in [("plain", "none"), *WAYS] if not kinds or way[0] in kinds]
    done = {(row["kind"], row["golden"], row["seed"], row["commit"]) for row in read(PATH)}
    for seed in seeds:
        for kind, golden in ways:
            case = {"kind": kind, "golden": golden, "seed": seed}
            if (*case.values(), origin()["commit"]) in done:
                continue
            settings = [
                "data.path=data/human_noise/uneven.npz",
                "noise.labels=data/human_noise/uneven_worst.npy",
                f"objective.kind={kind}",
                f"golden.source={golden}",
                *(f"{section}.seed={seed}" for section in ("golden", "purify", "train")),
            ]
            with one_run("cifar10n_features", settings, "tensorflow") as (command, folder):
                summary = json.loads((folder / "summary.json").read_text())
                recall = recalls(folder)
            found = {
                "mean_recall": round(float(recall.mean()), 4),
                "as_frequent": round(float(recall @ shares), 4),
                **{name: summary[name] for name in ("label_error_auroc", "effective_noise_rate")},
                **{name: summary[name] for name in ("labels_sha256", "seconds")},
            }
            append(PATH, {**case, "command": command, **origin(), **found})
            print({**case, **found}, flush=True)


def table() -> None:
    """Means and sample standard deviations over seeds 0 to 2, by commit."""
    groups: dict[tuple, list[dict]] = {}
    for row in read(PATH):
        if row["seed"] < 3:
            groups.setdefault((row["kind"], row["golden"], row["commit"]), []).append(row)
    print(
        "| objective | golden | commit | accuracy, classes as frequent as in training "
        "| mean over classes | AUROC | minutes |"
    )
    print("| --- | --- | --- | --- | --- | --- | --- |")
    for (kind, golden, commit), rows in groups.items():
        of = {name: [row[name] for row in rows] for name in rows[0]}
        spread = [
            f"{np.mean(of[name]):.4f} ± {np.std(of[name], ddof=1):.4f}"
            for name in ("as_frequent", "mean_recall")
        ]
        judged = None not in of["label_error_auroc"]
        auroc = f"{np.mean(of['label_error_auroc']):.4f}" if judged else "-"
        golden = "-" if kind == "plain" else {"trusted": "10 a class"}.get(golden, golden)
        minutes = f"{np.mean(of['seconds']) / 60:.1f}"
        print(f"| {kind} | {golden} | {' | '.join([commit, *spread, auroc, minutes])} |")


if __name__ == "__main__":
    if sys.argv[1:2] == ["run"]:
        words = sys.argv[2:]
        seeds = [int(word) for word in words if word.isdigit()] or [0, 1, 2]
        run(seeds, [word for word in words if not word.isdigit()])
    else:
        table()

"""Labels that people got wrong, on a frozen backbone: TSSD beside what else could be done.

    python benchmarks/human_noise.py prepare            # features and labels -> data/human_noise
    python benchmarks/human_noise.py run                # all that has not run yet, a line a run
    python benchmarks/human_noise.py run --labels worst --way mixmatch --golden 10 --seed 0
    python benchmarks/human_noise.py table

CIFAR-10N, all 50,000 images as 256 features of a pretrained network, an MLP of width 256
(recipes/cifar10n_features.toml). Ways:

- true, plain: cross-entropy on the true and on the given labels.
- cleanlab: its documented way (the extra `peers`): predictions by five-fold cross-validation,
  `find_label_issues`, the issues are pruned, and the network is trained again. Cross-validation
  counts in the minutes.
- neighbours: no training; the share of the given label among a sample's neighbours.
- weighted, mixmatch: TSSD with one and two networks; golden samples: none, certain (none are at
  hand, the division's own certain samples stand in), 10 and 50 a class.

Every run is a process of its own and appends a line to benchmarks/results/human_noise.jsonl. What
is there is not run again.
"""

from __future__ import annotations

import argparse
import csv
import itertools
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import result_lines
import run_rows

ROOT, RESULTS = result_lines.ROOT, result_lines.RESULTS / "human_noise.jsonl"
RECIPE = "recipes/cifar10n_features.toml"
DATA = ROOT / "data" / "human_noise"
LABELS = ("worst", "aggre", "random1")
TRAINED = ("weighted", "mixmatch")
WAYS = ("true", "plain", "cleanlab", "neighbours", *TRAINED)
GOLDEN = {
    "none": ["golden.source=none"],
    "certain": ["golden.source=certain"],
    "10": ["golden.per_class=10"],
    "50": ["golden.per_class=50"],
}
FOLDS, FOLD_EPOCHS, PRUNED_EPOCHS = 5, 6, 20


def prepare(archives: Path) -> None:
    """features.npz with the true labels, and a .npy of each set of labels that people gave."""
    features = np.load(archives / "cifar10-features.npz", allow_pickle=False)
    labels = np.load(archives / "cifar10n.npz", allow_pickle=False)
    DATA.mkdir(parents=True, exist_ok=True)
    for name in LABELS:
        np.save(DATA / f"{name}.npy", labels[name].astype(np.int64))
    np.savez(
        DATA / "features.npz",
        x_train=features["train"].astype(np.float32),
        y_train=labels["clean"].astype(np.int64),
        y_train_true=labels["clean"].astype(np.int64),
        x_test=features["test"].astype(np.float32),
        y_test=labels["test_label"].astype(np.int64),
        class_names=labels["class_names"],
    )
    print(f"{len(features['train']):,} samples and {len(LABELS)} sets of labels are in {DATA}")


def cases(args: argparse.Namespace) -> list[dict]:
    """The runs that are asked for, in order: what needs no golden samples has them null."""
    out = []
    for labels, seed, way in itertools.product(args.labels, args.seed, args.way):
        if way == "true" and labels != args.labels[0]:
            continue  # the same for all of them
        tssd = way in TRAINED
        for golden in args.golden if tssd else (None,):
            for networks in args.networks if tssd else (None,):
                out.append(
                    {
                        "labels": labels,
                        "way": way,
                        "golden": golden,
                        "networks": networks,
                        "seed": seed,
                        "backend": args.backend,
                        "set": args.set,
                    }
                )
    return out


def measure(case: dict) -> dict:
    """One run: by the command line, or here where the library has no command for it."""
    start = time.perf_counter()
    if case["way"] in ("cleanlab", "neighbours"):
        with tempfile.TemporaryDirectory() as folder:
            out = Path(folder) / "figures.json"
            words = [case["way"], case["labels"], str(case["seed"]), str(out)]
            command = ["benchmarks/human_noise.py", "peer", *words]
            _call(command, case["backend"])
            figures = json.loads(out.read_text())
            command = [word.replace(str(out), "OUT") for word in command]
    else:
        command, figures = _train(case)
    return {
        "command": " ".join(["python", *command]),
        **result_lines.origin(),
        "minutes": round((time.perf_counter() - start) / 60, 2),
        **figures,
    }


def _call(command: list[str], backend: str) -> float:
    """Run a command in a process of its own; GiB of memory that it took at most."""
    environment = {**os.environ, "KERAS_BACKEND": backend}
    with tempfile.TemporaryFile("w+") as said:
        whole = [sys.executable, *command]
        process = subprocess.Popen(whole, cwd=ROOT, env=environment, stdout=said, stderr=said)
        _, status, usage = os.wait4(process.pid, 0)
        if status:
            said.seek(0)
            sys.exit(f"{' '.join(command)} failed:\n{said.read()[-3000:]}")
    return round(usage.ru_maxrss / 2**20, 2)


def _train(case: dict) -> tuple[list[str], dict]:
    """A run of the command line, and its figures."""
    seed, way = case["seed"], case["way"]
    settings = [
        f"objective.kind={'plain' if way == 'true' else way}",
        *(f"{section}.seed={seed}" for section in ("golden", "purify", "train")),
        *(GOLDEN[case["golden"]] if case["golden"] else ["golden.source=none"]),
        *([f"train.networks={case['networks']}"] if case["networks"] else []),
    ]
    if way == "true":
        settings += ["noise.kind=none", "noise.labels="]
    else:
        settings += [f"noise.labels=data/human_noise/{case['labels']}.npy"]
    words = [w for s in (*settings, *case["set"]) for w in ("--set", s)]
    command = ["cli.py", "train", RECIPE, "--backend", case["backend"], *words]
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "run"
        peak = _call([*command, "--out", str(out)], case["backend"])
        summary = json.loads((out / "summary.json").read_text())
        rounds = run_rows.rows(out / "rounds.csv")
        figures = {
            "accuracy": summary["accuracy"],
            "accuracy_by_epoch": [float(r["accuracy"]) for r in run_rows.rows(out / "epochs.csv")],
            "auroc": summary["label_error_auroc"],
            "auroc_of": summary["auroc"],
            "kept": summary["kept"],
            "effective_noise_rate": summary["effective_noise_rate"],
            "labels_sha256": summary["labels_sha256"],
            "estimated_share": _number(rounds[-1]["estimated_clean_share"]) if rounds else None,
            "suggested_right": _suggested_right(out) if rounds else None,
            "peak_gib": peak,
            "machine": summary["machine"],
            "seconds_in_rounds": round(summary["seconds_in_rounds"], 1),
            "seconds_in_epochs": round(summary["seconds_in_epochs"], 1),
        }
    return command, figures


def _number(text: str) -> float | None:
    return float(text) if text else None


def _suggested_right(run: Path) -> float:
    """Share of the judged samples whose suggested label is the true one."""
    with open(run / "samples.csv", newline="", encoding="utf-8") as file:
        right = [row["suggested"] == row["true"] for row in csv.DictReader(file)]
    return float(np.mean(right))


def _arrays(labels: str) -> tuple[dict[str, np.ndarray], np.ndarray]:
    with np.load(DATA / "features.npz", allow_pickle=False) as file:
        arrays = {name: file[name] for name in file.files}
    return arrays, np.load(DATA / f"{labels}.npy", allow_pickle=False)


def neighbours(labels: str, seed: int) -> dict:
    """What the neighbours alone say of the labels; nothing is trained."""
    from tssd_keras.judge.neighbours import Neighbours
    from tssd_keras.judge.place import log_ratio

    arrays, given = _arrays(labels)
    truth, features = arrays["y_train_true"], arrays["x_train"]
    unit = features / np.linalg.norm(features, axis=1, keepdims=True)
    found = Neighbours(unit, given, 10, seed=seed)
    every = np.concatenate(
        [found.similarity(slice(i, i + 10_000)) for i in range(0, len(given), 10_000)]
    )
    score = log_ratio(every, given)
    return {
        **_of_labels(given, truth, score, score > 0),
        "suggested_right": float((every.argmax(axis=1) == truth).mean()),
    }


def _of_labels(given: np.ndarray, truth: np.ndarray, score: np.ndarray, kept: np.ndarray) -> dict:
    """Figures of a judgement of labels, higher scores being likelier right."""
    from sklearn.metrics import roc_auc_score

    from tssd_keras.labels.noise import labels_sha256

    clean = given == truth
    precision, recall = float(clean[kept].mean()), float(kept[clean].mean())
    return {
        "auroc": float(roc_auc_score(clean, score)),
        "kept": {
            "count": int(kept.sum()),
            "precision": precision,
            "recall": recall,
            "f1": 2 * precision * recall / (precision + recall),
        },
        "effective_noise_rate": float(1 - clean.mean()),
        "labels_sha256": labels_sha256(given),
        "peak_gib": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20, 2),
    }


def cleanlab(labels: str, seed: int) -> dict:
    """Cross-validated predictions, `find_label_issues`, prune, train again."""
    from cleanlab.filter import find_label_issues
    from cleanlab.rank import get_label_quality_scores
    from sklearn.model_selection import StratifiedKFold

    arrays, given = _arrays(labels)
    x, truth = arrays["x_train"], arrays["y_train_true"]
    probabilities = np.empty((len(given), 10))
    folds = StratifiedKFold(FOLDS, shuffle=True, random_state=seed).split(x, given)
    for number, (rest, held_out) in enumerate(folds):
        network = _network(seed * 100 + number, FOLD_EPOCHS, len(rest))
        network.fit(x[rest], given[rest], batch_size=256, epochs=FOLD_EPOCHS, verbose=0)
        probabilities[held_out] = network.predict(x[held_out], batch_size=1000, verbose=0)
    issue = find_label_issues(given, probabilities)
    kept = ~issue
    network = _network(seed, PRUNED_EPOCHS, int(kept.sum()))
    test = (arrays["x_test"], arrays["y_test"])
    history = network.fit(
        x[kept],
        given[kept],
        batch_size=256,
        epochs=PRUNED_EPOCHS,
        validation_data=test,
        verbose=0,
    )
    accuracy = [float(value) for value in history.history["val_accuracy"]]
    return {
        "accuracy": {
            "best": max(accuracy),
            "last": accuracy[-1],
            "mean_last_10": float(np.mean(accuracy[-10:])),
        },
        "accuracy_by_epoch": accuracy,
        **_of_labels(given, truth, get_label_quality_scores(given, probabilities), kept),
        "estimated_share": float(kept.mean()),
        "suggested_right": float((probabilities.argmax(axis=1) == truth).mean()),
    }


def _network(seed: int, epochs: int, n: int):
    """The recipe's MLP, compiled as plain Keras would, with its cosine schedule by update."""
    import keras

    from tssd_keras import models

    network = models.build("mlp", (256,), "float32", 10, seed=seed)
    probability = keras.Sequential([network, keras.layers.Softmax()])
    steps = epochs * -(-n // 256)
    keras.utils.set_random_seed(seed)
    probability.compile(
        keras.optimizers.Adam(keras.optimizers.schedules.CosineDecay(1e-3, steps)),
        loss="sparse_categorical_crossentropy",
        metrics=["accuracy"],
    )
    return probability


def table(path: Path) -> str:
    """A Markdown table: means over the seeds, plus or minus their standard deviation."""
    head = (
        "labels", "way", "golden", "networks", "backend", "seeds", "last", "mean 10", "best",
        "AUROC", "F1", "kept precision", "kept recall", "share", "estimated", "suggested right",
        "minutes", "GiB", "labels' sha256", "commit",
    )  # fmt: skip
    lines = ["| " + " | ".join(head) + " |", "|" + " --- |" * len(head)]
    groups: dict[tuple, list[dict]] = {}
    for row in result_lines.read(path):
        names = ("labels", "way", "golden", "networks", "backend")
        key = (*(row[name] for name in names), str(row["set"]))
        groups.setdefault(key, []).append(row)
    for key in sorted(groups, key=_place):
        rows = sorted(groups[key], key=lambda row: row["seed"])
        kept = [row.get("kept") or {} for row in rows]
        accuracy = [row.get("accuracy") or {} for row in rows]
        cells = (
            *(word or "-" for word in key[:5]),
            ",".join(str(row["seed"]) for row in rows),
            *(_spread([a.get(k) for a in accuracy]) for k in ("last", "mean_last_10", "best")),
            _spread([row.get("auroc") for row in rows]),
            *(_spread([k.get(name) for k in kept]) for name in ("f1", "precision", "recall")),
            f"{1 - rows[0]['effective_noise_rate']:.3f}",
            *(
                _spread([row.get(k) for row in rows])
                for k in ("estimated_share", "suggested_right")
            ),
            f"{np.mean([row['minutes'] for row in rows]):.1f}",
            f"{max(row['peak_gib'] for row in rows):.1f}",
            rows[0]["labels_sha256"][:12],
            " ".join(dict.fromkeys(row["commit"][:7] for row in rows)),
        )
        lines.append("| " + " | ".join(map(str, cells)) + " |")
    return "\n".join(lines)


def _place(key: tuple) -> tuple:
    """Where a group is listed: the most wrong labels first."""
    labels, way, golden, networks, backend, settings = key
    return (
        LABELS.index(labels),
        WAYS.index(way),
        [None, *GOLDEN].index(golden),
        networks or 0,
        backend,
        settings,
    )


def _spread(values: list) -> str:
    if any(value is None for value in values):
        return "-"
    spread = f" ± {np.std(values, ddof=1):.3f}" if len(values) > 1 else ""
    return f"{np.mean(values):.3f}{spread}"


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("what", choices=("prepare", "run", "table", "peer"))
    parser.add_argument("words", nargs="*", help=argparse.SUPPRESS)
    parser.add_argument("--labels", nargs="+", choices=LABELS, default=LABELS)
    parser.add_argument("--way", nargs="+", choices=WAYS, default=WAYS)
    parser.add_argument("--golden", nargs="+", choices=GOLDEN, default=tuple(GOLDEN))
    parser.add_argument("--networks", nargs="+", type=int, choices=(1, 2), default=(1, 2))
    parser.add_argument("--seed", nargs="+", type=int, default=(0, 1, 2))
    parser.add_argument("--backend", default="tensorflow")
    parser.add_argument("--set", action="append", default=[], metavar="SECTION.KEY=VALUE")
    parser.add_argument("--archives", type=Path, default=ROOT.parent / "shared" / "data")
    parser.add_argument("--results", type=Path, default=RESULTS)
    args = parser.parse_args()
    if args.what == "prepare":
        return prepare(args.archives)
    if args.what == "table":
        return print(table(args.results))
    if args.what == "peer":
        way, labels, seed, out = args.words
        figures = {"cleanlab": cleanlab, "neighbours": neighbours}[way](labels, int(seed))
        return Path(out).write_text(json.dumps(figures))
    for case in cases(args):
        if any(case.items() <= row.items() for row in result_lines.read(args.results)):
            continue
        row = case | measure(case)
        result_lines.append(args.results, row)
        last = (row.get("accuracy") or {}).get("last")
        print(
            f"{row['labels']} {row['way']} golden {row['golden']} networks {row['networks']} seed "
            f"{row['seed']}: last {run_rows.share(last)}, AUROC {run_rows.share(row['auroc'])}, "
            f"{row['minutes']} min",
            flush=True,
        )


if __name__ == "__main__":
    main()

r"""CIFAR-10N worst: true labels, plain training and TSSD side by side, on a card or a processor.

    python benchmarks/cifar10n.py prepare                       # images and labels -> data/cifar10n
    python benchmarks/cifar10n.py run recipes/cifar10n_worst_bf16.toml true plain mixmatch
    python benchmarks/cifar10n.py run recipes/cifar10n_worst_wrn.toml     # all four of them
    python benchmarks/cifar10n.py run recipes/cifar10n_worst_wrn.toml --backend jax \
        --set data.source=npz --set data.path=data/cifar10n/part.npz --set data.name= \
        --set data.label= --set train.on_device=true       # a fifth too, without TFDS, on a card
    python benchmarks/cifar10n.py table

`prepare` reads cifar10-images.tar.xz and cifar10n.npz (--archives, ../shared/data) without
TensorFlow and TFDS. `true` is plain training on the true labels, `plain` on the given ones. Every
run is `python cli.py train` in a process of its own and appends a line to
benchmarks/results/cifar10n.jsonl; what is there is not run again, so each can be a piece of its
own: name one of them a call. What it prints goes to a .log beside the lines.
"""

from __future__ import annotations

import argparse
import io
import json
import subprocess
import sys
import tarfile
import tempfile
import time
import tomllib
from pathlib import Path

import numpy as np
import result_lines
import run_rows

ROOT, RESULTS = result_lines.ROOT, result_lines.RESULTS
LABELS = ("worst", "aggre", "random1", "random2", "random3")
RUNS = ("true", "plain", "weighted", "mixmatch")
# What the others do without: a strong policy is mixmatch's, whose guesses are made without it.
WEAK = ["augment.strong=0", "objective.weak_guesses=false"]
TRUE_LABELS = {"tfds": ["data.label="], "npz": ["noise.kind=none", "noise.labels="]}


def prepare(archives: Path, out: Path) -> None:
    """images.npz with the true labels, and a .npy of each set of labels that people gave."""
    import PIL.Image

    named = np.load(archives / "cifar10n.npz", allow_pickle=False)
    wanted = {str(path) for path in (*named["path"], *named["test_path"])}
    images: dict[str, np.ndarray] = {}
    with tarfile.open(archives / "cifar10-images.tar.xz") as tar:
        for member in tar:
            if member.name in wanted and (file := tar.extractfile(member)):
                with PIL.Image.open(io.BytesIO(file.read())) as image:
                    images[member.name] = np.asarray(image.convert("RGB"))
    if lacking := wanted - set(images):
        sys.exit(
            f"cifar10-images.tar.xz must hold all of {len(wanted):,} images that cifar10n.npz "
            f"names, {len(lacking):,} are not in it, {min(lacking)} first"
        )
    out.mkdir(parents=True, exist_ok=True)
    for name in LABELS:
        np.save(out / f"{name}.npy", named[name].astype(np.int64))
    np.savez(
        out / "images.npz",
        x_train=np.stack([images[str(path)] for path in named["path"]]),
        y_train=named["clean"].astype(np.int64),
        y_train_true=named["clean"].astype(np.int64),
        x_test=np.stack([images[str(path)] for path in named["test_path"]]),
        y_test=named["test_label"].astype(np.int64),
        class_names=named["class_names"],
    )
    _part(out, named["worst"].astype(np.int64))
    print(f"{len(images):,} images and {len(LABELS)} sets of labels are in {out}")


def _part(out: Path, worst: np.ndarray, per_class: int = 1000, seed: int = 0) -> None:
    """part.npz: a fifth of the training images, as many of each true class, with labels worst."""
    with np.load(out / "images.npz", allow_pickle=False) as file:
        arrays = dict(file)
    order = np.random.default_rng(seed).permutation(len(worst))
    truth = arrays["y_train_true"][order]
    rows = np.sort(np.concatenate([order[truth == c][:per_class] for c in np.unique(truth)]))
    for name in ("x_train", "y_train_true"):
        arrays[name] = arrays[name][rows]
    np.savez(out / "part.npz", **{**arrays, "y_train": worst[rows]})


def settings(recipe: str, run: str, seed: int) -> list[str]:
    """What a run sets beside its recipe."""
    objective = f"objective.kind={'plain' if run == 'true' else run}"
    sections = tomllib.loads((ROOT / recipe).read_text())
    labels = TRUE_LABELS[sections["data"]["source"]] if run == "true" else []
    strong = sections.get("augment", {}).get("strong", 0)
    weak = WEAK if strong and run != "mixmatch" else []
    return [objective, *labels, *weak, *(f"{s}.seed={seed}" for s in ("golden", "purify", "train"))]


def measure(recipe: str, run: str, seed: int, backend: str, extra: list[str], log: Path) -> dict:
    """One run in a process of its own, whose output goes to `log`."""
    words = [w for s in (*settings(recipe, run, seed), *extra) for w in ("--set", s)]
    command = ["cli.py", "train", recipe, "--backend", backend, *words]
    log.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "run"
        start = time.perf_counter()
        with open(log, "w") as file:
            whole = [sys.executable, *command, "--out", str(out)]
            done = subprocess.run(whole, cwd=ROOT, stdout=file, stderr=subprocess.STDOUT)
        if done.returncode:
            sys.exit(f"{' '.join(whole)} failed, the end of {log}:\n{log.read_text()[-2000:]}")
        seconds = time.perf_counter() - start
        text = log.read_text().replace(f"{folder}/", "").replace(f"{ROOT}/", "")
        log.write_text(text)
        return {
            "command": " ".join(["python", *command]),
            **result_lines.origin(),
            "wall_minutes": round(seconds / 60, 2),
            **outcome(out),
        }


def outcome(out: Path) -> dict[str, object]:
    """What a run folder says, as a line has it."""
    epochs, rounds = (run_rows.rows(out / f"{name}.csv") for name in ("epochs", "rounds"))
    return {
        "accuracy_by_epoch": [float(r["accuracy"]) for r in epochs],
        "kept_precision_by_round": [
            float(r["kept_precision"]) for r in rounds if r["kept_precision"]
        ],
        "summary": json.loads((out / "summary.json").read_text()),
    }


def table(path: Path) -> str:
    """A Markdown table, a line a run."""
    head = (
        "recipe", "run", "seed", "backend", "last", "mean 10", "best", "AUROC", "kept precision",
        "kept recall", "wrong labels", "minutes", "cores", "labels' sha256", "commit",
    )  # fmt: skip
    lines = ["| " + " | ".join(head) + " |", "|" + " --- |" * len(head)]
    for row in result_lines.read(path):
        summary = row["summary"]
        accuracy, kept = summary["accuracy"], summary["kept"] or {}
        figures = (
            *(accuracy[key] for key in ("last", "mean_last_10", "best")),
            summary["label_error_auroc"],
            *(kept.get(key) for key in ("precision", "recall")),
            summary["effective_noise_rate"],
        )
        cells = (
            Path(row["recipe"]).stem,
            row["run"],
            row["seed"],
            row["backend"],
            *map(run_rows.share, figures),
            row["wall_minutes"],
            row["cores"],
            summary["labels_sha256"][:12],
            row["commit"],
        )
        lines.append("| " + " | ".join(map(str, cells)) + " |")
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("what", choices=("prepare", "run", "table"))
    parser.add_argument("recipe", nargs="?")
    parser.add_argument("runs", nargs="*", metavar="RUN", help=f"of {', '.join(RUNS)}; all")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--backend", help="default: jax for an .npz recipe, else tensorflow")
    parser.add_argument("--set", action="append", default=[], metavar="SECTION.KEY=VALUE")
    parser.add_argument("--archives", type=Path, default=ROOT.parent / "shared" / "data")
    parser.add_argument("--out", type=Path, default=ROOT / "data" / "cifar10n")
    parser.add_argument("--results", type=Path, default=RESULTS / "cifar10n.jsonl")
    args = parser.parse_args()
    if args.what == "prepare":
        return prepare(args.archives, args.out)
    if args.what == "table":
        return print(table(args.results))
    if not args.recipe or set(args.runs) - set(RUNS):
        parser.error(f"run wants a recipe and some of {', '.join(RUNS)}, got {args.runs}")
    source = tomllib.loads((ROOT / args.recipe).read_text())["data"]["source"]
    backend = args.backend or ("jax" if source == "npz" else "tensorflow")
    for run in args.runs or RUNS:
        case = {
            "recipe": args.recipe,
            "run": run,
            "seed": args.seed,
            "backend": backend,
            "set": args.set,
        }
        if any(case.items() <= row.items() for row in result_lines.read(args.results)):
            continue
        name = f"cifar10n-{Path(args.recipe).stem}-{run}-{backend}-{args.seed}"
        name += "-set" * bool(args.set)
        log = args.results.parent / f"{name}.log"
        row = case | measure(args.recipe, run, args.seed, backend, args.set, log)
        result_lines.append(args.results, row)
        print(
            f"{run}: last {row['summary']['accuracy']['last']:.4f}, {row['wall_minutes']} min",
            flush=True,
        )


if __name__ == "__main__":
    sys.exit(main())

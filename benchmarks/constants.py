"""What each constant of the judge is worth: one changed at a time, the same scores judged again.

    KERAS_BACKEND=jax taskset -c 0 python benchmarks/constants.py run          # all, an hour
    KERAS_BACKEND=jax taskset -c 0 python benchmarks/constants.py run DRAWS C  # some constants
    python benchmarks/constants.py table                                       # Markdown

For each data set, noise and seed a network is trained once, without test samples: some epochs on
all given labels, then two rounds with two epochs each on what the judge keeps. The scores of the
stream and of the golden samples before each round are stored under runs/constants. Then the rounds
are judged again from these scores, with one constant changed: by one `Purifier`, as in a run. The
figures are of the last round, on the stream. Each line of benchmarks/results/constants.jsonl is
one such judgement; what has a line is not run again. JAX keeps what it compiled between runs, so
a line's processor seconds include compiling only where it came first: they are in no table.

Data: "worst" and "aggre" are 6,000 CIFAR-10 features of a pretrained network with human labels
(CIFAR10_FEATURES names the folder of cifar10-features.npz and cifar10n.npz), digits come with
scikit-learn, Fashion-MNIST is 6,000 samples of the TFDS data set. Seeds 7, 8 and 9 are used
nowhere else.
"""

from __future__ import annotations

import argparse
import importlib
import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import result_lines

RESULTS = result_lines.RESULTS / "constants.jsonl"
SHARED = result_lines.ROOT.parent / "shared" / "data"
FEATURES = Path(os.environ.get("CIFAR10_FEATURES", SHARED))
SEEDS = (7, 8, 9)
ROUNDS = 3
MANY = 50  # golden samples a class that are scored; a judgement takes the first of each class
ARRAYS = ("loss", "features", "log_p")
OFF = float("inf")


@dataclass(frozen=True)
class Case:
    """Data and noise; `warmup` epochs of a network come before the first round."""

    noise: str
    model: str
    warmup: int
    per_class: int = 600
    width: int = 0


CASES = {
    "worst": Case("worst", "mlp", 4),
    "aggre": Case("aggre", "mlp", 4),
    "digits sym 40": Case("symmetric:0.4", "small_cnn", 6, per_class=0, width=16),
    "digits sym 5": Case("symmetric:0.05", "small_cnn", 6, per_class=0, width=16),
    "fashion asym 40": Case("asymmetric:0.4", "small_cnn", 3, width=8),
}
ALL, HUMAN, FEW_WRONG = tuple(CASES), ("worst", "aggre"), ("aggre", "digits sym 5")


@dataclass(frozen=True)
class Constant:
    """Where it stands, what it is tried at, on which data, with how many golden samples a class."""

    module: str
    values: tuple[float, ...]
    cases: tuple[str, ...] = ALL
    golden: tuple[int, ...] = (5, 20)
    source: str = "trusted"


# In the order they are measured; the package's own value is added to each.
CONSTANTS = {
    "DRAWS": Constant("meta_rows", (1, 3, 12)),
    "WEIGHT_DECAY_SAMPLES": Constant("meta_classifier", (0.0, 125.0, 2000.0), golden=(2, 5, 20)),
    "MOST_RIGHT": Constant("meta_rows", (0.7, 0.9, 0.95, 1.0), FEW_WRONG, (2, 5, 20)),
    "UNIFORM_SHARE": Constant("meta_rows", (0.0, 0.3), golden=(5,)),
    "PSEUDO_COUNT": Constant("noise_matrix", (0.0, 1.0, 25.0), golden=(5,)),
    "C": Constant("golden_head", (1.0, 5.0, 125.0), golden=(5,)),
    "P_SCALE": Constant("golden_head", (0.0, 0.2, 0.8), golden=(5,)),
    "MIN_ASHMAN_D": Constant("mixture", (0.0, 1.0, 3.0), golden=(5,)),
    "CONTRADICTED": Constant("calibrate", (0.0, 2.0, 4.0, OFF), HUMAN, (50,)),
    "CERTAIN_PER_CLASS": Constant("stand_ins", (10, 25, 100), golden=(0,), source="certain"),
}
MEASURES = {
    "auroc": "AUROC of q",
    "log_loss": "log loss of q",
    "f1": "kept F1",
    "share_error": "error of the clean share",
    "suggested": "suggested, of wrong",
}


def module_of(name: str):
    """The judge's module that holds the constant."""
    return importlib.import_module(f"tssd_keras.judge.{CONSTANTS[name].module}")


@contextmanager
def set_to(name: str, value: float | None) -> Iterator[None]:
    """The constant at this value; None: as it is."""
    module = module_of(name)
    before = getattr(module, name)
    if value is not None:
        setattr(module, name, value)
    try:
        yield
    finally:
        setattr(module, name, before)


def samples(case: Case, name: str, seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Samples, given labels and true labels of one training split."""
    from tssd_keras.data.inputs import as_inputs
    from tssd_keras.data.loading import load
    from tssd_keras.labels import noise
    from tssd_keras.labels.golden import choose_per_class
    from tssd_keras.recipe.data_sections import DataRecipe

    if name in HUMAN:
        with np.load(FEATURES / "cifar10-features.npz") as file:
            x = file["train"].astype(np.float32)
        with np.load(FEATURES / "cifar10n.npz") as file:
            truth, given = file["clean"].astype(np.int64), file[case.noise].astype(np.int64)
        chosen = choose_per_class(truth, case.per_class, 10, seed=seed)
        return x[chosen], given[chosen], truth[chosen]
    dataset = "digits" if name.startswith("digits") else "fashion_mnist"
    tfds = {} if dataset == "digits" else {"source": "tfds", "name": dataset}
    data = load(DataRecipe(**tfds, per_class=case.per_class, split_seed=seed))
    kind, rate = case.noise.split(":")
    matrix = noise.transition_matrix(kind, data.class_names, rate=float(rate), dataset=dataset)
    x = as_inputs(data.inputs).read(np.arange(len(data.labels)))
    return x, noise.draw_labels(data.labels, matrix, seed=100 + seed), data.labels


def record(name: str, seed: int, work: Path) -> dict[str, np.ndarray]:
    """The scores before each round, of a network that is trained on what the judge keeps."""
    kept = work / f"{name.replace(' ', '-')}-{seed}.npz"
    if not kept.exists():
        np.savez(kept, **train(name, seed))
    with np.load(kept, allow_pickle=False) as file:
        return dict(file)


def train(name: str, seed: int) -> dict[str, np.ndarray]:
    """See `record`."""
    import keras

    from tssd_keras.data.inputs import as_inputs
    from tssd_keras.judge.table import weights_of
    from tssd_keras.labels.golden import choose_per_class
    from tssd_keras.models import build
    from tssd_keras.train.score_pass import score_pass
    from tssd_keras.train.scoring_model import scoring_model

    case = CASES[name]
    x, given, truth = samples(case, name, seed)
    golden = choose_per_class(truth, MANY, 10, seed=seed)
    stream = np.setdiff1d(np.arange(len(x)), golden)
    out = {"given": given[stream], "truth": truth[stream]}
    out |= {"golden_given": given[golden], "golden_labels": truth[golden]}
    keras.utils.set_random_seed(seed)
    network = build(case.model, x.shape[1:], str(x.dtype), 10, width=case.width, seed=seed)
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    network.compile(keras.optimizers.Adam(1e-3), loss=loss)
    scorer = scoring_model(network, x[:8])
    inputs, judge = as_inputs(x), Replay("trusted", seed, 10)
    weight, epochs = np.ones(len(stream), np.float32), case.warmup
    for i in range(ROUNDS):
        rows = weight > 0
        own = (x[stream][rows], given[stream][rows], weight[rows])
        network.fit(*own[:2], sample_weight=own[2], batch_size=64, epochs=epochs, verbose=0)
        for side, index, labels in (("", stream, given), ("golden_", golden, truth)):
            scores = score_pass(scorer, inputs, index, labels[index])
            out |= {f"{side}{array}_{i}": getattr(scores, array) for array in ARRAYS}
        found, role = judge.round(out, i)
        weight, epochs = weights_of(role, found.q), 2
    return out


class Replay:
    """Judges recorded rounds, one after the other, as a run would."""

    def __init__(self, source: str, seed: int, per_class: int) -> None:
        from tssd_keras.judge.purify import Purifier
        from tssd_keras.recipe.method_sections import PurifyRecipe

        self.settings = PurifyRecipe(seed=seed)
        self.purifier = Purifier(source, 10, self.settings)
        self.per_class = per_class

    def _golden(self, rounds: dict, i: int):
        """The first golden samples of each class, which were drawn at random; None without."""
        if self.purifier.source != "trusted":
            return None
        from tssd_keras.judge.golden_head import assign_folds
        from tssd_keras.judge.meta_rows import Trusted
        from tssd_keras.judge.scores import Scores

        labels = rounds["golden_labels"]
        few = np.concatenate([np.flatnonzero(labels == k)[: self.per_class] for k in range(10)])
        fold = assign_folds(labels[few], self.settings.folds, seed=self.settings.seed)
        scores = Scores(*(rounds[f"golden_{array}_{i}"][few] for array in ARRAYS))
        given = rounds["golden_given"][few]
        return Trusted(scores, labels[few], given, fold, at_random=np.ones(len(few), bool))

    def round(self, rounds: dict, i: int):
        """Purification and roles of round i; without a purification None and the streams'."""
        from tssd_keras.judge.divide import apply_floor, divide
        from tssd_keras.judge.scores import Scores
        from tssd_keras.judge.similarity import ClassMeans

        given = rounds["given"]
        scores = Scores(*(rounds[f"{array}_{i}"] for array in ARRAYS))
        where = ClassMeans(scores.features, given, 10)
        similarity = where.scores()
        division = divide(scores.loss, similarity, given, 10)
        found = self.purifier.purify(
            scores, given, where, division, golden=self._golden(rounds, i), round_index=i
        )
        role = division.role if found is None else found.role
        return found, apply_floor(role, division, scores.loss, similarity, given, 10)


def judged(rounds: dict, source: str, seed: int, per_class: int) -> dict:
    """The figures of the last round; null where nothing was purified."""
    from sklearn.metrics import f1_score, log_loss, roc_auc_score

    from tssd_keras.judge.roles import FLOOR, POSITIVE, SEMI_HARD

    start = time.process_time()
    replay = Replay(source, seed, per_class)
    for i in range(ROUNDS):
        found, role = replay.round(rounds, i)
    seconds = round(time.process_time() - start, 2)
    given, truth = rounds["given"], rounds["truth"]
    clean = given == truth
    kept = np.isin(role, (POSITIVE, SEMI_HARD, FLOOR))
    row = {"f1": float(f1_score(clean, kept)), "clean_share": float(clean.mean())}
    if found is not None:
        q = found.q.astype(np.float64)
        row |= {
            "auroc": float(roc_auc_score(clean, q)),
            "log_loss": float(log_loss(clean, np.clip(q, 1e-4, 1 - 1e-4))),
            "share_error": abs(found.figures.estimated_clean_share - row["clean_share"]),
            "suggested": float((found.suggested == truth)[~clean].mean()),
            "golden_pairs": found.figures.golden_pairs,
        }
    return row | {"seconds": seconds}


def key(row: dict) -> tuple:
    return row["constant"], row["value"], row["data"], row["golden"], row["seed"]


def wanted(names: list[str], seeds: list[int]) -> Iterator[tuple]:
    """Keys of what is to be measured, seed by seed, so that whole comparisons come first."""
    for seed in seeds:
        for name in names:
            constant = CONSTANTS[name]
            for data in constant.cases:
                for golden in constant.golden:
                    for value in (None, *constant.values):
                        yield name, value, data, golden, seed


def run(names: list[str], seeds: list[int], work: Path) -> None:
    """Judge what has no line yet."""
    done = {key(row): row for row in result_lines.read(RESULTS)}
    # With nothing changed, all constants of one source share a judgement.
    as_it_is = {(CONSTANTS[k[0]].source, *k[2:]): row for k, row in done.items() if k[1] is None}
    for name, value, data, golden, seed in wanted(names, seeds):
        if (name, value, data, golden, seed) in done:
            continue
        source = CONSTANTS[name].source
        shared = as_it_is.get((source, data, golden, seed)) if value is None else None
        figures = shared
        if shared is None:
            rounds = record(data, seed, work)
            with set_to(name, value):
                figures = judged(rounds, source, seed, golden) | result_lines.origin()
        row = figures | {"constant": name, "value": value, "data": data}
        row |= {"golden": golden, "seed": seed, "own": getattr(module_of(name), name)}
        if value is None:
            as_it_is[source, data, golden, seed] = row
        result_lines.append(RESULTS, row)
        print(name, value, data, golden, seed, f"{row['seconds']} s", flush=True)


def table() -> str:
    """A Markdown table a constant: means over the seeds, and the spread of each difference."""
    groups: dict[tuple, dict[int, dict]] = {}
    for row in result_lines.read(RESULTS):
        groups.setdefault(key(row)[:4], {})[row["seed"]] = row
    lines: list[str] = []
    for name, constant in CONSTANTS.items():
        parts = [(d, g) for d in constant.cases for g in constant.golden]
        parts = [(d, g) for d, g in parts if (name, None, d, g) in groups]
        if not parts:
            continue
        lines += ["", f"### {name}", "", "| data | golden a class | value | seeds |"]
        lines[-1] += "".join(f" {title} |" for title in MEASURES.values())
        lines.append("|" + " --- |" * (4 + len(MEASURES)))
        for data, golden in parts:
            base = groups[name, None, data, golden]
            own = next(iter(base.values()))["own"]
            values = {own: base} | {
                v: groups[name, v, data, golden]
                for v in constant.values
                if (name, v, data, golden) in groups
            }
            for value in sorted(values):
                shown = f"**{value:g}**" if value == own else f"{value:g}"
                cells = [data, str(golden or "-"), shown.replace("inf", "off")]
                cells.append(str(len(values[value])))
                cells += [_figure(values[value], base, measure) for measure in MEASURES]
                lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines[1:])


def _figure(rows: dict[int, dict], base: dict[int, dict], measure: str) -> str:
    """Mean over the seeds; in brackets the mean difference from the own value ± its deviation."""
    both = [seed for seed in rows if seed in base]
    values = [rows[seed].get(measure) for seed in both]
    if None in values or not values:
        return "-"
    mean = f"{np.mean(values):.4f}"
    if rows is base:
        return mean
    apart = np.array(values) - [base[seed][measure] for seed in both]
    spread = f" ± {apart.std(ddof=1):.4f}" if len(apart) > 1 else ""
    return f"{mean} ({apart.mean():+.4f}{spread})"


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("what", choices=("run", "table"))
    parser.add_argument("names", nargs="*", help=f"some of {', '.join(CONSTANTS)}; none: all")
    parser.add_argument("--seeds", type=int, nargs="+", default=SEEDS)
    parser.add_argument("--work", type=Path, default=result_lines.ROOT / "runs" / "constants")
    args = parser.parse_args()
    if args.what == "table":
        print(table())
        return
    unknown = [name for name in args.names if name not in CONSTANTS]
    if unknown:
        sys.exit(f"constants must be some of {', '.join(CONSTANTS)}, got {', '.join(unknown)}.")
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    os.environ.setdefault("JAX_COMPILATION_CACHE_DIR", str(args.work / "compiled"))
    os.environ.setdefault("JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS", "0")
    args.work.mkdir(parents=True, exist_ok=True)
    run(args.names or list(CONSTANTS), list(args.seeds), args.work)


if __name__ == "__main__":
    main()

"""What an audit says at the edges: no wrong label, few, all; models and golden samples of no use.

    python benchmarks/nothing_to_tell.py            # seeds 0, 1 and 2
    python benchmarks/nothing_to_tell.py 7 8        # other seeds

Each row is `tssd_keras.audit` of digits with cross-validated predictions (three parts): the share
of wrong labels as estimated, or why there is none, suspects, and what these are. Means over
the seeds, which draw the noise and the golden samples.
"""

from __future__ import annotations

import sys

import numpy as np
from sklearn.datasets import load_digits
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import cross_val_predict

import tssd_keras
from tssd_keras.auditing.label_audit import LabelAudit
from tssd_keras.labels import noise

K = 10
RATES = (0.0, 0.05, 0.1, 0.2, 0.4)
X, TRUTH = load_digits(return_X_y=True)
X = X / 16
MODELS = {
    "logistic": lambda seed: LogisticRegression(C=0.1, max_iter=500),
    "forest": lambda seed: RandomForestClassifier(60, random_state=seed),
}
HEAD = ("predictions", "features", "golden", "wrong", "estimated", "suspects", "recall", "falsely")


def given(rate: float, seed: int) -> np.ndarray:
    return noise.draw_labels(TRUTH, noise.symmetric(K, rate), seed=100 + seed) if rate else TRUTH


def predicted(labels: np.ndarray, model: str, seed: int) -> np.ndarray:
    return cross_val_predict(MODELS[model](seed), X, labels, cv=3, method="predict_proba")


def golden(labels: np.ndarray, seed: int, *, which: str = "random", per_class: int = 5):
    """Five samples a class, at random among all, or among those whose given label is wrong."""
    rng, known = np.random.default_rng(seed), np.full(len(TRUTH), -1)
    for k in range(K):
        of_class = (k == TRUTH) & ((which == "random") | (labels != TRUTH))
        known[rng.choice(np.flatnonzero(of_class), per_class, replace=False)] = k
    return known


def figures(found: LabelAudit, labels: np.ndarray) -> tuple[float, float, float, float, float, str]:
    """Wrong in truth, estimated, suspects, recall, share of right ones suspected; why nothing."""
    judged = found.role != "golden"
    wrong, suspect = (labels != TRUTH)[judged], found.suspect[judged]
    recall = float(suspect[wrong].mean()) if wrong.any() else np.nan
    falsely = float(suspect[~wrong].mean()) if (~wrong).any() else np.nan
    why = found.nothing_to_tell
    return float(wrong.mean()), found.wrong_share, float(suspect.mean()), recall, falsely, why


def row(names: tuple[str, ...], runs: list[tuple]) -> str:
    whys = {run[-1] for run in runs if run[-1]}
    untold = sum(np.isnan(run[1]) for run in runs)
    shares = [run[1] for run in runs if not np.isnan(run[1])]
    estimate = f"{np.mean(shares):.3f}" if shares else "nothing to tell"
    if untold:
        reason = f": {', '.join(sorted(whys))}" if whys else ""
        estimate += f" ({untold} of {len(runs)}{reason})"
    rest = [np.mean([run[i] for run in runs]) for i in (2, 3, 4)]
    cells = [f"{np.mean([run[0] for run in runs]):.3f}", estimate]
    cells += ["-" if np.isnan(value) else f"{value:.3f}" for value in rest]
    return f"| {' | '.join((*names, *cells))} |"


def ordinary(model: str, features: str, known: str, rate: float, seed: int) -> tuple:
    labels = given(rate, seed)
    found = tssd_keras.audit(
        predicted(labels, model, seed),
        labels,
        X if features == "pixels" else None,
        golden(labels, seed) if known == "50" else None,
    )
    return figures(found, labels)


def edge(case: str, seed: int) -> tuple:
    """One of `EDGES`, at 40 % wrong labels where nothing else is said."""
    labels, rng = given(0.4, seed), np.random.default_rng(seed)
    p, x, known = predicted(labels, "logistic", seed), X, golden(labels, seed)
    if case == "every label wrong":
        labels = (TRUTH + rng.integers(1, K, len(TRUTH))) % K
        p, known = predicted(labels, "logistic", seed), golden(labels, seed)
    if case == "golden pairs all wrong":
        known = golden(labels, seed, which="wrong")
    if case == "all constant":
        p, x = np.full(p.shape, 1 / K), np.ones((len(x), 3))
    if case.startswith("all random"):
        p, x = rng.dirichlet(np.ones(K), len(x)), rng.normal(size=(len(x), 20))
    if case == "random predictions":
        p = rng.dirichlet(np.ones(K), len(x))
    if case == "features times 1e200":
        x = x * 1e200
    alone = case in ("random predictions", "all random, no golden")
    return figures(tssd_keras.audit(p, labels, x, None if alone else known), labels)


EDGES = (
    ("every label wrong", "pixels", "50"),
    ("golden pairs all wrong", "pixels", "50, all wrong"),
    ("all constant", "constant", "50"),
    ("all random", "random", "50"),
    ("all random, no golden", "random", "-"),
    ("random predictions", "pixels", "-"),
    ("features times 1e200", "pixels", "50"),
)


def main(seeds: list[int]) -> None:
    print(f"| {' | '.join(HEAD)} |")
    print(f"|{' --- |' * len(HEAD)}", flush=True)
    for features, known in (("pixels", "-"), ("pixels", "50"), ("none", "-")):
        for model in MODELS:
            for rate in RATES:
                runs = [ordinary(model, features, known, rate, seed) for seed in seeds]
                print(row((model, features, known), runs), flush=True)
    for case, features, known in EDGES:
        print(row((case, features, known), [edge(case, seed) for seed in seeds]), flush=True)


if __name__ == "__main__":
    main([int(word) for word in sys.argv[1:]] or [0, 1, 2])

"""Runs on the same labels side by side, e.g. before and after a person's decisions."""

from __future__ import annotations

import reprlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import reduce
from itertools import zip_longest
from pathlib import Path

import numpy as np

from tssd_keras.judge.findings import Findings
from tssd_keras.judge.quality import label_error_auroc
from tssd_keras.run.read import read_run


@dataclass(frozen=True)
class Compared:
    """One run's figures; those of labels are of the samples that all runs judged.

    Attributes:
        folder: of the run.
        decisions: counts of those that it trained on, and of those that taught it to judge.
        epochs: that it trained for.
        stopped: whether it was, before its end.
        evaluated_on: what accuracy is measured on, "test" or "validation".
        accuracy: {"last", "mean_last_10", "best"}, None where no epoch ended.
        kept: share with weight.
        suspects: share suspected.
        wrong: share of wrong labels among all that it judged, as its last round estimates it; None
            where there is nothing to tell.
        auroc: of label errors; None where the truth is unknown.
    """

    folder: Path
    decisions: tuple[int, int]
    epochs: int
    stopped: bool
    evaluated_on: str
    accuracy: dict[str, float | None]
    kept: float
    suspects: float
    wrong: float | None
    auroc: float | None


@dataclass(frozen=True)
class Comparison:
    """Runs on the same labels.

    Attributes:
        runs: in the order asked for.
        samples: how many all runs judged: golden in none, decided in none.
        n_truth_known: how many of these have a known truth.
        truly_wrong: share of wrong labels among the latter; None if there are none.
    """

    runs: tuple[Compared, ...]
    samples: int
    n_truth_known: int
    truly_wrong: float | None


def compare(folders: Sequence[str | Path]) -> Comparison:
    """Read run folders and compare them on the samples that all of them judged.

    Args:
        folders: two or more, of finished or stopped runs.

    Raises:
        FileNotFoundError: one is no run folder, or the run has not ended.
        ValueError: fewer than two differ; a run judged no label; the runs have other labels;
            no sample was judged by all.
    """
    paths = [Path(folder) for folder in folders]
    n_different = len({path.resolve() for path in paths})
    if n_different < 2 or n_different < len(paths):
        raise ValueError(
            f"there must be two different runs to compare, or more, got {len(paths)}, "
            f"{n_different} of them different."
        )
    runs = [read_run(path)[0] for path in paths]
    for path, run in zip(paths[1:], runs[1:], strict=True):
        check_same_labels(paths[0], runs[0], path, run)
    shared = reduce(np.intersect1d, [run.index[run.judged] for run in runs])
    if not len(shared):
        raise ValueError(
            "there must be samples that all of the runs judged, there are none. Were they trained "
            "on different parts of the data?"
        )
    compared = [_figures(path, run, shared) for path, run in zip(paths, runs, strict=True)]
    clean = _clean(runs[0], shared)
    if clean is None:
        return Comparison(tuple(compared), len(shared), 0, None)
    return Comparison(tuple(compared), len(shared), len(clean), float(1 - clean.mean()))


def check_same_labels(path: Path, run: Findings, other_path: Path, other: Findings) -> None:
    """Raise ValueError unless two runs, by their folders, are on the same given labels."""
    if run.labels_sha256 != other.labels_sha256:
        raise ValueError(
            f"the runs must be on the same given labels, {path} has labels.sha256 "
            f"{run.labels_sha256[:16]}..., {other_path} has {other.labels_sha256[:16]}... Draw the "
            "same noise: the same noise.seed, and the same data."
        )
    if run.class_names != other.class_names:
        pairs = zip_longest(run.class_names, other.class_names)
        k, (name, other_name) = next((k, ab) for k, ab in enumerate(pairs) if ab[0] != ab[1])
        raise ValueError(
            f"the runs must name their classes alike, class {k} is {reprlib.repr(name)} in {path} "
            f"and {reprlib.repr(other_name)} in {other_path}. Give both the same names."
        )


def _figures(path: Path, run: Findings, shared: np.ndarray) -> Compared:
    rows = np.searchsorted(run.index, shared)
    clean, p_wrong = _clean(run, shared), run.p_wrong[rows]
    decisions, accuracy = (run.summary.get(key) or {} for key in ("decisions", "accuracy"))
    auroc = None
    if clean is not None and run.truth is not None:
        right = 1 - p_wrong[run.truth[rows] >= 0]
        auroc = label_error_auroc(clean, right) if not np.isnan(right).any() else None
    return Compared(
        folder=path,
        decisions=(int(decisions.get("trained", 0)), int(decisions.get("golden", 0))),
        epochs=int(run.summary.get("epochs") or 0),
        stopped=bool(run.summary.get("interrupted") or run.summary.get("error")),
        evaluated_on=str(accuracy.get("evaluated_on", "test")),
        accuracy={key: accuracy.get(key) for key in ("last", "mean_last_10", "best")},
        kept=float((run.weight[rows] > 0).mean()),
        suspects=float(run.suspect[rows].mean()),
        wrong=run.wrong_share.share,
        auroc=auroc,
    )


def _clean(run: Findings, shared: np.ndarray) -> np.ndarray | None:
    """bool[m]: which given labels are right, of the shared ones of known truth; None of none."""
    if run.truth is None:
        return None
    rows = np.searchsorted(run.index, shared)
    rows = rows[run.truth[rows] >= 0]
    return run.given[rows] == run.truth[rows] if len(rows) else None

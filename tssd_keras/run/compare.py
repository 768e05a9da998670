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
        told: how many decisions it trained on and learned to judge from.
        epochs: that it trained for; stopped: whether before its end.
        evaluated_on: what accuracy is measured on, "test" or "validation".
        accuracy: {"last", "mean_last_10", "best"}, None where no epoch ended.
        kept: share with weight.
        suspects: share suspected.
        wrong: mean probability of a wrong label, as the run estimates it.
        auroc: of label errors where the truth is known, else None.
    """

    folder: Path
    told: tuple[int, int]
    epochs: int
    stopped: bool
    evaluated_on: str
    accuracy: dict[str, float | None]
    kept: float
    suspects: float
    wrong: float
    auroc: float | None


@dataclass(frozen=True)
class Comparison:
    """Runs on the same labels.

    Attributes:
        runs: in the order asked for.
        samples: number of samples that all runs judged: golden in none, decided in none.
        known: how many of them have a known truth.
        truly_wrong: share of wrong labels among these, None of none.
    """

    runs: tuple[Compared, ...]
    samples: int
    known: int
    truly_wrong: float | None


def compare(folders: Sequence[str | Path]) -> Comparison:
    """Read run folders and compare them on the samples that all of them judged.

    Args:
        folders: two or more, of finished or stopped runs.

    Raises:
        FileNotFoundError: one is no run folder, or the run has not ended.
        ValueError: fewer than two different ones; a run judged no label; they are not of the
            same labels; no sample was judged by all.
    """
    paths = [Path(folder) for folder in folders]
    n = len({path.resolve() for path in paths})
    if n < 2 or n < len(paths):
        raise ValueError(
            f"there must be two different runs to compare, or more, got {len(paths)}, {n} of them "
            "different."
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
    known = 0 if clean is None else len(clean)
    wrong = None if clean is None else float(1 - clean.mean())
    return Comparison(tuple(compared), len(shared), known, wrong)


def check_same_labels(first: Path, one: Findings, path: Path, other: Findings) -> None:
    """Raise ValueError unless two runs, by their folders, are on the same given labels."""
    if one.labels_sha256 != other.labels_sha256:
        raise ValueError(
            f"the runs must be on the same given labels, {first} has labels.sha256 "
            f"{one.labels_sha256[:16]}..., {path} has {other.labels_sha256[:16]}... Draw the same "
            "noise: the same noise.seed, and the same data."
        )
    if one.class_names != other.class_names:
        pairs = zip_longest(one.class_names, other.class_names)
        k, (a, b) = next((k, pair) for k, pair in enumerate(pairs) if pair[0] != pair[1])
        raise ValueError(
            f"the runs must name their classes alike, class {k} is {reprlib.repr(a)} in {first} "
            f"and {reprlib.repr(b)} in {path}. Give both the same names."
        )


def _figures(path: Path, run: Findings, shared: np.ndarray) -> Compared:
    rows = np.searchsorted(run.index, shared)
    clean, p_wrong = _clean(run, shared), run.p_wrong[rows]
    decisions, accuracy = (run.facts.get(key) or {} for key in ("decisions", "accuracy"))
    known = slice(None) if clean is None else run.truth[rows] >= 0  # type: ignore[index]
    return Compared(
        path,
        (int(decisions.get("trained", 0)), int(decisions.get("golden", 0))),
        int(run.facts.get("epochs") or 0),
        bool(run.facts.get("interrupted") or run.facts.get("error")),
        str(accuracy.get("evaluated_on", "test")),
        {key: accuracy.get(key) for key in ("last", "mean_last_10", "best")},
        float((run.weight[rows] > 0).mean()),
        float(run.suspect[rows].mean()),
        float(p_wrong.mean()),
        None if clean is None else label_error_auroc(clean, 1 - p_wrong[known]),
    )


def _clean(run: Findings, shared: np.ndarray) -> np.ndarray | None:
    """Whether the given label is right: bool of the shared samples whose truth is known."""
    if run.truth is None:
        return None
    rows = np.searchsorted(run.index, shared)
    known = rows[run.truth[rows] >= 0]
    return run.given[known] == run.truth[known] if len(known) else None

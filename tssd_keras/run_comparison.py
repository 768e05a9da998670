"""Runs on the same labels side by side, e.g. before and after a person's decisions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import reduce
from pathlib import Path

import numpy as np

from tssd_keras.finished_run import read_run
from tssd_keras.judged import Judged
from tssd_keras.record import label_error_auroc


@dataclass(frozen=True)
class Compared:
    """One run's figures; those of labels are of the samples that all runs judged.

    Attributes:
        folder: of the run.
        told: how many decisions it trained on and learned to judge from.
        accuracy: {"last", "mean_last_10", "best"} on the test samples, None where none were.
        kept: share with weight.
        suspects: share suspected.
        wrong: mean probability of a wrong label, as the run estimates it.
        auroc: of label errors where the truth is known, else None.
    """

    folder: Path
    told: tuple[int, int]
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
        truly_wrong: share of wrong labels among those of them whose truth is known, or None.
    """

    runs: tuple[Compared, ...]
    samples: int
    truly_wrong: float | None


def compare(folders: Sequence[str | Path]) -> Comparison:
    """Read run folders and compare them on the samples that all of them judged.

    Args:
        folders: two or more, of finished or stopped runs.

    Raises:
        FileNotFoundError: one is no run folder, or the run has not ended.
        ValueError: fewer than two; a run judged no label; they are not of the same labels; no
            sample was judged by all.
    """
    paths = [Path(folder) for folder in folders]
    if len(paths) < 2:
        raise ValueError(f"there must be two runs to compare, or more, got {len(paths)}.")
    runs = [read_run(path)[0] for path in paths]
    for path, run in zip(paths[1:], runs[1:], strict=True):
        _check_same_labels(paths[0], runs[0], path, run)
    shared = reduce(np.intersect1d, [run.index[run.judged] for run in runs])
    if not len(shared):
        raise ValueError(
            "there must be samples that all of the runs judged, there are none. Were they trained "
            "on different parts of the data?"
        )
    compared = [_figures(path, run, shared) for path, run in zip(paths, runs, strict=True)]
    clean = _clean(runs[0], shared)
    return Comparison(tuple(compared), len(shared), None if clean is None else 1 - clean.mean())


def _check_same_labels(first: Path, one: Judged, path: Path, other: Judged) -> None:
    if one.labels_sha256 == other.labels_sha256 and one.class_names == other.class_names:
        return
    raise ValueError(
        f"the runs must be on the same given labels (their hash is in labels.sha256), {first} has "
        f"{one.labels_sha256[:16]}... of {len(one.class_names)} classes, {path} has "
        f"{other.labels_sha256[:16]}... of {len(other.class_names)}. Draw the same noise: the same "
        "noise.seed, and the same data."
    )


def _figures(path: Path, run: Judged, shared: np.ndarray) -> Compared:
    rows = np.searchsorted(run.index, shared)
    clean, p_wrong = _clean(run, shared), run.p_wrong[rows]
    decisions = run.facts.get("decisions") or {}
    known = slice(None) if clean is None else run.truth[rows] >= 0  # type: ignore[index]
    return Compared(
        path,
        (int(decisions.get("trained", 0)), int(decisions.get("golden", 0))),
        {key: run.facts["accuracy"].get(key) for key in ("last", "mean_last_10", "best")},
        float((run.weight[rows] > 0).mean()),
        float(run.suspect[rows].mean()),
        float(p_wrong.mean()),
        None if clean is None else label_error_auroc(clean, 1 - p_wrong[known]),
    )


def _clean(run: Judged, shared: np.ndarray) -> np.ndarray | None:
    """Whether the given label is right: bool of the shared samples whose truth is known."""
    if run.truth is None:
        return None
    rows = np.searchsorted(run.index, shared)
    known = rows[run.truth[rows] >= 0]
    return run.given[known] == run.truth[known] if len(known) else None

"""What a run found out as a whole, as plain data: numbers that a page draws, and nothing else."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from tssd_keras.auditing.suspects import DECIDED
from tssd_keras.judge.findings import Findings
from tssd_keras.judge.mixture import Mixtures, scaled
from tssd_keras.judge.roles import SEMI_HARD
from tssd_keras.judge.streams import Streams

BINS = 48  # of a histogram
MOST_CLASSES = 200  # drawn of a matrix, and of histograms by class
MOST_PAIRS = 40
ROUND_FIGURES = ("kept", "semi_hard", "kept_precision", "kept_recall", "estimated_clean_share")


def overview(judged: Findings) -> dict[str, Any]:
    """Everything that the page's first part shows.

    Args:
        judged: N samples.

    Returns:
        totals: samples, judged, kept, dropped, mined, suspects, and of the run
        golden, accuracy, ...; None where unknown.
        classes: a row a class: samples, judged, kept, mined, suspects, wrong (the
        estimated share of wrong labels).
        matrix: kind and rows, see `_matrix`; None of more than `MOST_CLASSES`.
        pairs: [given, suggested, suspects], the most frequent first.
        epochs, rounds: figures by epoch, counted from 1.
        streams: histograms and mixtures, one a network.
    """
    return {
        "totals": _totals(judged),
        "classes": _classes(judged),
        "matrix": _matrix(judged),
        "pairs": _pairs(judged),
        "epochs": _figures(judged.epochs, ("accuracy", "train_accuracy", "loss"), first=0),
        "rounds": _figures(judged.rounds, ROUND_FIGURES, first=1),
        "streams": [_stream(seen) for seen in judged.streams],
    }


def _totals(judged: Findings) -> dict[str, object]:
    facts = judged.summary
    seen = judged.judged
    samples = facts.get("samples") or {}
    return {
        "samples": len(judged),
        "judged": int(seen.sum()),
        "kept": int((seen & (judged.weight > 0)).sum()),
        "dropped": int((seen & (judged.weight <= 0)).sum()),
        "mined": int((judged.role == SEMI_HARD).sum()),
        "suspects": int(judged.suspect.sum()),
        "wrong": _mean(judged.p_wrong[seen]),
        "by": "q" if not np.isnan(judged.q[seen]).all() else "streams",
        "decided": sum(judged.role_name(row) == DECIDED for row in np.flatnonzero(~seen).tolist()),
        "golden": samples.get("golden"),
        "accuracy": facts.get("accuracy"),
        "known_noise": facts.get("effective_noise_rate"),
        "auroc": facts.get("label_error_auroc"),
        "objective": facts.get("objective"),
        "interrupted": bool(facts.get("interrupted")),
        "error": facts.get("error"),
    }


def _classes(judged: Findings) -> dict[str, list]:
    """Columns with one entry a given class."""
    k, given, seen = len(judged.class_names), judged.given, judged.judged

    def count(which: np.ndarray) -> list[int]:
        return np.bincount(given[which], minlength=k).tolist()

    wrong = np.bincount(given[seen], weights=judged.p_wrong[seen], minlength=k)
    n = np.bincount(given[seen], minlength=k)
    return {
        "samples": np.bincount(given, minlength=k).tolist(),
        "kept": count(seen & (judged.weight > 0)),
        "mined": count(judged.role == SEMI_HARD),
        "suspects": count(judged.suspect),
        "wrong": [round(float(w / m), 4) if m else None for w, m in zip(wrong, n, strict=True)],
    }


def _matrix(judged: Findings) -> dict[str, object] | None:
    """Rows of shares, in thousandths.

    Kind "transition": P(given = column | true = row) as the purification
    estimated it, the mean over networks. Without purification kind "counts":
    of the samples that were suggested to be of a class, how they were labelled.
    """
    k = len(judged.class_names)
    if k > MOST_CLASSES:
        return None
    found = [seen.transition for seen in judged.streams if seen.transition is not None]
    if found:
        matrix, kind = np.mean(found, axis=0), "transition"
    else:
        rows = np.flatnonzero(judged.suggested >= 0)
        counts = np.zeros((k, k))
        np.add.at(counts, (judged.suggested[rows], judged.given[rows]), 1)
        matrix, kind = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1), "counts"
    return {"kind": kind, "rows": np.rint(matrix * 1000).astype(int).tolist()}


def _pairs(judged: Findings) -> list[list[int]]:
    rows = np.flatnonzero(judged.suspect & (judged.suggested != judged.given))
    k = len(judged.class_names)
    code, count = np.unique(judged.given[rows] * k + judged.suggested[rows], return_counts=True)
    order = np.argsort(-count, kind="stable")[:MOST_PAIRS]
    return [[int(code[i]) // k, int(code[i]) % k, int(count[i])] for i in order]


def _figures(rows: list[dict[str, str]], names: tuple[str, ...], *, first: int) -> dict[str, list]:
    """Columns of numbers, None where there is none, over the epochs counted from 1."""
    return {
        "epoch": [int(row["epoch"]) + first for row in rows],
        **{name: [_number(row.get(name)) for row in rows] for name in names},
    }


def _number(text: str | None) -> float | None:
    try:
        value = float(text or "nan")
    except ValueError:  # of two networks that differ: "all / uncertain"
        return None
    return value if math.isfinite(value) else None


def _stream(seen: Streams) -> dict[str, object]:
    whole = np.zeros(len(seen.loss), np.int64)
    shown = min(len(seen.feature_abstains), MOST_CLASSES)
    order = np.argsort(seen.given, kind="stable")
    ends = np.searchsorted(seen.given[order], np.arange(shown + 1))
    return {
        "loss": _heap(seen.loss_mixture, 0, seen.loss, whole, seen.loss_abstains),
        "feature": [
            _heap(
                seen.feature_mixture,
                c,
                seen.similarity[order[ends[c] : ends[c + 1]]],
                np.full(ends[c + 1] - ends[c], c),
                bool(seen.feature_abstains[c]),
            )
            for c in range(shown)
        ],
    }


def _heap(
    mixtures: Mixtures, group: int, score: np.ndarray, groups: np.ndarray, abstains: bool
) -> dict[str, object]:
    """A histogram of scores scaled to 0..1, and the mixture fitted to them."""
    x = scaled(np.asarray(score, np.float64), groups, mixtures.low, mixtures.high)
    counts, _ = np.histogram(np.clip(x, 0, 1), BINS, (0, 1))

    def numbers(values: np.ndarray) -> list[float]:
        return [float(f"{v:.5g}") for v in values[group]]

    return {
        "counts": counts.tolist(),
        "low": float(f"{mixtures.low[group]:.4g}"),
        "high": float(f"{mixtures.high[group]:.4g}"),
        "mean": numbers(mixtures.mean),
        "variance": numbers(mixtures.variance),
        "share": numbers(mixtures.share),
        "abstains": abstains,
    }


def _mean(values: np.ndarray) -> float | None:
    return float(np.mean(values)) if len(values) else None

"""What a run found out as a whole, as plain data: numbers that a page draws, and nothing else."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from tssd_keras.judge.findings import Findings
from tssd_keras.judge.mixture import Mixtures, scaled
from tssd_keras.judge.roles import DECIDED, SEMI_HARD
from tssd_keras.judge.streams import Streams
from tssd_keras.judge.told import at_bound
from tssd_keras.run.read_tables import EPOCH_FIGURES, ROUND_FIGURES

BINS = 48  # of a histogram
MOST_CLASSES = 200  # drawn of a matrix, and of histograms by class
MOST_PAIRS = 40


def overview(findings: Findings) -> dict[str, Any]:
    """Gather everything that the page's first part shows.

    Args:
        findings: N samples.

    Returns:
        totals: samples, judged, kept, dropped, mined, suspects, and of the run
        golden, accuracy, ...; None where unknown.
        classes: columns with an entry a given class: samples, kept, mined, suspects,
        wrong (the estimated share of wrong labels).
        matrix: kind and rows, see `_matrix`; None of more than `MOST_CLASSES`.
        pairs: [given, suggested, suspects], the most frequent first.
        epochs, rounds: figures by epoch, counted from 1.
        streams: histograms and mixtures, one a network.
    """
    return {
        "totals": _totals(findings),
        "classes": _classes(findings),
        "matrix": _matrix(findings),
        "pairs": _pairs(findings),
        "epochs": _figures(findings.epochs, EPOCH_FIGURES, counted_from=1),
        "rounds": _figures(findings.rounds, ROUND_FIGURES, counted_from=0),
        "streams": [_histograms(streams) for streams in findings.streams],
    }


def _totals(findings: Findings) -> dict[str, object]:
    facts, judged = findings.summary, findings.judged
    by = "q" if not np.isnan(findings.q[judged]).all() else "streams"
    last = findings.last_round
    wrong = findings.wrong_share
    return {
        "samples": len(findings),
        "judged": int(judged.sum()),
        "kept": int((judged & (findings.weight > 0)).sum()),
        "dropped": int((judged & (findings.weight <= 0)).sum()),
        "mined": int((findings.role == SEMI_HARD).sum()),
        "suspects": int(findings.suspect.sum()),
        "wrong": wrong.share,
        "wrong_error": wrong.error,
        "at_bound": wrong.share is not None and at_bound(wrong.share, int(judged.sum())),
        "nothing_to_tell": wrong.why,
        "golden_pairs": _number(last.get("golden_pairs")),
        "by": by,
        "decided": int((~judged & (findings.role == DECIDED)).sum()),
        "golden": (facts.get("samples") or {}).get("golden"),
        "accuracy": facts.get("accuracy"),
        "known_noise": facts.get("effective_noise_rate"),
        "auroc": facts.get("label_error_auroc"),
        "objective": facts.get("objective"),
        "interrupted": bool(facts.get("interrupted")),
        "error": facts.get("error"),
    }


def _classes(findings: Findings) -> dict[str, list]:
    """Columns with one entry a given class."""
    k, given, judged = len(findings.class_names), findings.given, findings.judged

    def count(which: np.ndarray) -> list[int]:
        return np.bincount(given[which], minlength=k).tolist()

    told = findings.told & (findings.wrong_share.share is not None)
    wrong, n_told = np.bincount(given[told], findings.p_wrong[told], minlength=k), count(told)
    return {
        "samples": np.bincount(given, minlength=k).tolist(),
        "kept": count(judged & (findings.weight > 0)),
        "mined": count(findings.role == SEMI_HARD),
        "suspects": count(findings.suspect),
        "wrong": [
            round(float(w / n), 4) if n else None for w, n in zip(wrong, n_told, strict=True)
        ],
    }


def _matrix(findings: Findings) -> dict[str, object] | None:
    """Rows of shares, in thousandths.

    Kind "transition": P(given = column | true = row) as the purification
    estimated it, the mean over networks. Without purification kind "counts":
    how the samples of each suggested class are labelled.
    """
    k = len(findings.class_names)
    if k > MOST_CLASSES:
        return None
    estimated = [s.transition for s in findings.streams if s.transition is not None]
    if estimated:
        matrix, kind = np.mean(estimated, axis=0), "transition"
    else:
        rows = np.flatnonzero(findings.suggested >= 0)
        counts = np.zeros((k, k))
        np.add.at(counts, (findings.suggested[rows], findings.given[rows]), 1)
        matrix, kind = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1), "counts"
    return {"kind": kind, "rows": np.rint(matrix * 1000).astype(int).tolist()}


def _pairs(findings: Findings) -> list[list[int]]:
    """Given class, suggested class and number of suspects, the most frequent first."""
    rows = np.flatnonzero(findings.suspect & (findings.suggested != findings.given))
    k = len(findings.class_names)
    code, count = np.unique(findings.given[rows] * k + findings.suggested[rows], return_counts=True)
    order = np.argsort(-count, kind="stable")[:MOST_PAIRS]
    return [[int(code[i]) // k, int(code[i]) % k, int(count[i])] for i in order]


def _figures(
    rows: list[dict[str, str]], names: tuple[str, ...], *, counted_from: int
) -> dict[str, list]:
    """Columns of numbers, None where there is none.

    Args:
        rows: of a table by epoch, as text.
        names: of the columns.
        counted_from: 0 or 1, where the table begins to count epochs; the figures do at 1.
    """
    rows = [row for row in rows if row.get("epoch")]
    return {
        "epoch": [int(row["epoch"]) + 1 - counted_from for row in rows],
        **{name: [_number(row.get(name)) for row in rows] for name in names},
    }


def _number(text: str | None) -> float | None:
    try:
        value = float(text or "nan")
    except ValueError:  # of two networks that differ: "all / uncertain"
        return None
    return value if math.isfinite(value) else None


def _histograms(streams: Streams) -> dict[str, object]:
    """Histograms of one network's two streams: of all losses, and of each class's similarities."""
    n_shown = min(len(streams.feature_abstains), MOST_CLASSES)
    order = np.argsort(streams.given, kind="stable")
    ends = np.searchsorted(streams.given[order], np.arange(n_shown + 1))
    classes = [order[ends[c] : ends[c + 1]] for c in range(n_shown)]
    return {
        "loss": _histogram(streams.loss_mixture, 0, streams.loss, streams.loss_abstains),
        "feature": [
            _histogram(
                streams.feature_mixture,
                c,
                streams.similarity[rows],
                bool(streams.feature_abstains[c]),
            )
            for c, rows in enumerate(classes)
        ],
    }


def _histogram(
    mixtures: Mixtures | None, group: int, score: np.ndarray, abstains: bool
) -> dict[str, object]:
    """A histogram of one group's scores, scaled to 0..1, and the mixture fitted to them, if any."""
    score = np.asarray(score, np.float64)
    if mixtures is None:
        low, high = (float(score.min()), float(score.max())) if len(score) else (0.0, 0.0)
        x = (score - low) / (high - low or 1.0)
        counts, _ = np.histogram(np.clip(x, 0, 1), BINS, (0, 1))
        ends = {"low": float(f"{low:.4g}"), "high": float(f"{high:.4g}")}
        none: list[float] = []
        rest = {"mean": none, "variance": none, "share": none, "abstains": abstains}
        return {"counts": counts.tolist(), **ends, **rest}
    groups = np.full(len(score), group)
    x = scaled(score, groups, mixtures.low, mixtures.high)
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

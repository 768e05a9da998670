"""Rows of numbers as a person can judge them: each value beside what is usual in a class."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from tssd_keras.data.inputs import Inputs
from tssd_keras.judge.findings import Findings

MOST_NUMBERS = 48  # of a row
SAMPLED = 256  # kept samples of a class that say what is usual, at most
FEWEST = 3  # kept samples, below which nothing is usual
FARTHEST = 99.0  # standard deviations that are told apart
BLOCK_NUMBERS = 1 << 22  # held at once


@dataclass(frozen=True, eq=False)
class Usual:
    """Mean and standard deviation of each of d numbers among the kept samples of each class.

    Attributes:
        mean, spread: float64[K, d]; NaN of a class of which too few are kept.
    """

    mean: np.ndarray
    spread: np.ndarray

    def distance(self, values: np.ndarray, labels: np.ndarray) -> np.ndarray:
        """How far values float64[n, d] are from the classes int64[n], in standard deviations.

        Returns:
            float64[n, d]; NaN where nothing is usual, or the label is -1. A value that differs
            where all others are the same is `FARTHEST` away.
        """
        known = np.where(labels >= 0, labels, 0)
        apart, spread = values - self.mean[known], self.spread[known]
        with np.errstate(divide="ignore", invalid="ignore"):
            far = np.where(apart == 0, 0.0, apart / spread)
        far[labels < 0] = np.nan
        return np.clip(far, -FARTHEST, FARTHEST)


def usual(inputs: Inputs, findings: Findings, *, seed: int = 0) -> Usual:
    """What is usual in each class, by samples whose label is kept.

    Args:
        inputs: of the source.
        findings: N samples of it.
        seed: draws them.
    """
    k, d = len(findings.class_names), math.prod(inputs.shape[1:])
    mean, spread = np.full((k, d), np.nan), np.full((k, d), np.nan)
    kept = np.flatnonzero(
        findings.judged & (findings.weight > 0) & (findings.suggested == findings.given)
    )
    kept = np.random.default_rng(seed).permutation(kept)
    most = min(SAMPLED, max(FEWEST, BLOCK_NUMBERS // max(d, 1)))
    for label in range(k):
        some = np.sort(kept[findings.given[kept] == label][:most])
        if len(some) < FEWEST:
            continue
        values = np.asarray(inputs.read(findings.index[some]), np.float64).reshape(len(some), d)
        mean[label], spread[label] = values.mean(axis=0), values.std(axis=0, ddof=1)
    return Usual(mean, spread)


def described(values: np.ndarray, given: np.ndarray, suggested: np.ndarray) -> dict[str, Any]:
    """One row as the page has it.

    Args:
        values: float64[d].
        given, suggested: float64[d], of `Usual.distance` to both classes.

    Returns:
        at: the columns that are shown, at most `MOST_NUMBERS`, the ones farthest from the given
        class; value: their numbers; given, suggested: distances with a decimal, None where unknown.
    """
    at = np.arange(len(values))
    if len(at) > MOST_NUMBERS:
        far = np.nan_to_num(np.abs(given), nan=-1.0)
        at = np.sort(np.argsort(-far, kind="stable")[:MOST_NUMBERS])
    return {
        "at": at.tolist(),
        "value": [_number(f"{v:.4g}") for v in values[at].tolist()],
        "given": [_number(f"{v:.1f}") for v in given[at].tolist()],
        "suggested": [_number(f"{v:.1f}") for v in suggested[at].tolist()],
    }


def as_text(row: dict[str, Any], names: tuple[str, ...], width: int) -> str:
    """A row for programs that show text: `name value` behind each other."""
    shown = ", ".join(
        f"{names[i]} {v:.4g}" if names else f"{v:.4g}"
        for i, v in zip(row["at"], row["value"], strict=True)
        if v is not None
    )
    return f"{shown}, … ({width:,} numbers)" if width > len(row["at"]) else shown


def _number(text: str) -> float | None:
    value = float(text)
    return value + 0.0 if math.isfinite(value) else None

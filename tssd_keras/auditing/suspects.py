"""Suspects: samples whose label is probably wrong, in order, and the strata they are shown from.

Suspects are no fair sample of the data, and those that somebody has decided are
none of the suspects either: people begin at the top. Within a narrow band of
ranks samples are alike, so each decided sample can stand for its band. The
bands are the strata; their ends grow as 1, 2, 5, 10, so that there are few of
them however many suspects there are.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from tssd_keras.judge.findings import Findings

KEPT, DECIDED, UNJUDGED = "kept", "decided", "unjudged"
FIRST = 100  # suspects of the first stratum


@dataclass(frozen=True)
class Stratum:
    """Samples that are shown together, or not.

    Attributes:
        name: "suspects-FIRST-LAST" by rank, "kept" (judged and no suspect), "decided"
            (by a person, before the run) or "unjudged" (no round has judged them).
        samples: how many are in it.
        shown: how many of these the page shows.
    """

    name: str
    samples: int
    shown: int


def rank_suspects(judged: Findings) -> np.ndarray:
    """Rank of each suspect: the surer that its label is wrong, the lower.

    Args:
        judged: N samples.

    Returns:
        int64[N]: from 1; 0 for what is no suspect. Ties go to the surer
        suggestion of another class, then to the lower index.
    """
    suspect = np.flatnonzero(judged.suspect)
    surer = np.where(judged.suggested != judged.given, judged.confidence, 0.0)[suspect]
    order = np.lexsort((judged.index[suspect], -surer, -judged.p_wrong[suspect]))
    rank = np.zeros(len(judged), np.int64)
    rank[suspect[order]] = np.arange(1, len(suspect) + 1)
    return rank


def stratum_names(judged: Findings, rank: np.ndarray) -> np.ndarray:
    """The stratum of each sample.

    Args:
        judged: N samples.
        rank: int64[N], of `rank_suspects`.

    Returns:
        object[N] of str.
    """
    names = np.full(len(judged), KEPT, object)
    for row in np.flatnonzero(~judged.judged).tolist():
        names[row] = DECIDED if judged.role_name(row) == DECIDED else UNJUDGED
    for first, last in bands(int(rank.max(initial=0))):
        names[(rank >= first) & (rank <= last)] = f"suspects-{first}-{last}"
    return names


def bands(n: int) -> Iterator[tuple[int, int]]:
    """First and last rank of each stratum of n suspects: 1-100, 101-200, 201-500, 501-1000 ..."""
    first, last, step = 1, FIRST, 0
    while first <= n:
        yield first, min(last, n)
        first, last, step = last + 1, last * 5 // 2 if step % 3 == 1 else last * 2, step + 1


def count_strata(names: np.ndarray, shown: np.ndarray) -> list[Stratum]:
    """Every stratum, suspects by rank first, with its numbers.

    Args:
        names: object[N], of `stratum_names`.
        shown: int64[n], rows that the page shows.
    """
    samples: dict[str, int] = {}
    for name in names.tolist():
        samples[name] = samples.get(name, 0) + 1
    visible: dict[str, int] = {}
    for name in names[shown].tolist():
        visible[name] = visible.get(name, 0) + 1
    order = sorted(samples, key=_place)
    return [Stratum(name, samples[name], visible.get(name, 0)) for name in order]


def _place(name: str) -> tuple[int, int]:
    others = (KEPT, DECIDED, UNJUDGED)
    if name in others:
        return 1 + others.index(name), 0
    return 0, int(name.split("-")[1])

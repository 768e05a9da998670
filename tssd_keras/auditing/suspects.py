"""Suspects: samples whose label is probably wrong, in order, and the strata they are shown from.

Suspects are no fair sample of the data. Decided suspects are no fair sample of the
suspects either, as people begin at the top. Within a narrow band of ranks samples are
alike, so a decided sample can stand for its band. The bands are the strata. Their ends
grow as 1, 2, 5, 10, so there are few of them, however many suspects there are.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from tssd_keras.judge.findings import Findings
from tssd_keras.judge.roles import DECIDED

KEPT_STRATUM, DECIDED_STRATUM, UNJUDGED_STRATUM = "kept", "decided", "unjudged"
OTHER_STRATA = (KEPT_STRATUM, DECIDED_STRATUM, UNJUDGED_STRATUM)  # as listed, behind the suspects
FIRST_BAND = 100  # suspects of the first stratum


@dataclass(frozen=True)
class Stratum:
    """Samples that are alike, and that a decided one among them can stand for.

    Attributes:
        name: "suspects-FIRST-LAST" by rank, "kept" (judged and no suspect), "decided"
            (by a person, before the run) or "unjudged" (no round has judged it).
        samples: its samples.
        shown: its samples on the page.
    """

    name: str
    samples: int
    shown: int


def rank_suspects(findings: Findings) -> np.ndarray:
    """Rank the suspects, the surest first.

    Args:
        findings: N samples.

    Returns:
        int64[N]: from 1, by `p_wrong`; 0 for what is no suspect. Ties go to the surer
        suggestion of another class, then to the lower index.
    """
    suspect = np.flatnonzero(findings.suspect)
    surer = np.where(findings.suggested != findings.given, findings.p_suggested, 0.0)[suspect]
    order = np.lexsort((findings.index[suspect], -surer, -findings.p_wrong[suspect]))
    rank = np.zeros(len(findings), np.int64)
    rank[suspect[order]] = np.arange(1, len(suspect) + 1)
    return rank


def stratum_names(findings: Findings, rank: np.ndarray) -> np.ndarray:
    """Name the stratum of each sample.

    Args:
        findings: N samples.
        rank: int64[N], of `rank_suspects`.

    Returns:
        object[N] of str.
    """
    names = np.full(len(findings), KEPT_STRATUM, object)
    names[~findings.judged] = UNJUDGED_STRATUM
    names[~findings.judged & (findings.role == DECIDED)] = DECIDED_STRATUM
    for first, last in bands(int(rank.max(initial=0))):
        names[(rank >= first) & (rank <= last)] = f"suspects-{first}-{last}"
    return names


def bands(n: int) -> Iterator[tuple[int, int]]:
    """First and last rank of each stratum of n suspects: 1-100, 101-200, 201-500, 501-1000 ..."""
    first, last, step = 1, FIRST_BAND, 0
    while first <= n:
        yield first, min(last, n)
        first, last, step = last + 1, last * 5 // 2 if step % 3 == 1 else last * 2, step + 1


def count_strata(names: np.ndarray, shown: np.ndarray) -> list[Stratum]:
    """Count every stratum, suspects by rank first.

    Args:
        names: object[N], of `stratum_names`.
        shown: int64[n], rows on the page.
    """
    samples, visible = Counter(names.tolist()), Counter(names[shown].tolist())
    return [Stratum(name, samples[name], visible[name]) for name in sorted(samples, key=_place)]


def _place(name: str) -> tuple[int, int]:
    """Where a stratum is listed: suspects by rank, then the others."""
    if name in OTHER_STRATA:
        return 1 + OTHER_STRATA.index(name), 0
    return 0, int(name.split("-")[1])

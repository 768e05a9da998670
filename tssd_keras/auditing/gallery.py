"""Which samples the page shows, in which order, and which of them with a picture."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tssd_keras.auditing.suspects import Stratum, count_strata, rank_suspects, stratum_names
from tssd_keras.judge.findings import Findings


@dataclass(frozen=True, eq=False)
class Gallery:
    """What the page shows of N samples.

    Attributes:
        rank: int64[N], of `suspects.rank_suspects`.
        stratum: object[N], of `suspects.stratum_names`.
        rows: int64[n], the samples on the page: suspects by rank, then some of the others.
        pictured: int64[m], the places in `rows` whose samples get a picture.
        strata: every stratum, with its counts.
    """

    rank: np.ndarray
    stratum: np.ndarray
    rows: np.ndarray
    pictured: np.ndarray
    strata: list[Stratum]


def make_gallery(
    findings: Findings, *, most: int, kept: int = 0, thumbnails: int = 0, seed: int = 0
) -> Gallery:
    """Choose what the page shows.

    Args:
        findings: N samples.
        most: suspects at most, see `choose_shown`.
        kept: samples at most of the stratum "kept".
        thumbnails: pictures at most, see `choose_pictured`.
        seed: of the draw of kept samples.
    """
    rank = rank_suspects(findings)
    stratum = stratum_names(findings, rank)
    rows = choose_shown(findings, rank, most=most, kept=kept, seed=seed)
    n_suspects = int((rank[rows] > 0).sum())
    pictured = choose_pictured(n_suspects, len(rows) - n_suspects, thumbnails)
    return Gallery(rank, stratum, rows, pictured, count_strata(stratum, rows))


def choose_shown(
    findings: Findings, rank: np.ndarray, *, most: int, kept: int, seed: int = 0
) -> np.ndarray:
    """Choose the rows that the page shows.

    Args:
        findings: N samples.
        rank: int64[N], of `suspects.rank_suspects`.
        most: suspects at most, the first ones.
        kept: samples at most of the stratum "kept", drawn at random. Only these can tell
            how many labels are wrong among the unsuspected.
        seed: of that draw.

    Returns:
        int64[n]: suspects by rank, then the drawn.
    """
    n = min(most, int(rank.max(initial=0)))
    suspects = np.argsort(np.where(rank > 0, rank, len(rank) + 1), kind="stable")[:n]
    unsuspected = np.flatnonzero(findings.judged & (rank == 0))
    drawn = np.random.default_rng(seed).permutation(unsuspected)[:kept]
    return np.concatenate([suspects, drawn])


def choose_pictured(n_suspects: int, n_kept: int, n: int) -> np.ndarray:
    """Choose the places in the gallery that get a picture.

    The kept come first, as they were drawn to be looked at. Half of the other pictures go
    to the surest suspects, half to suspects spread over all ranks.

    Args:
        n_suspects: suspects in the gallery, at its places from 0, by rank.
        n_kept: kept samples, at the places behind them.
        n: pictures at most.

    Returns:
        int64[m], in rising order.
    """
    kept = n_suspects + np.arange(min(n, n_kept))
    left = n - len(kept)
    surest = np.arange(min(left - left // 2, n_suspects))
    spread_out = spread(n_suspects)
    spread_out = spread_out[spread_out >= len(surest)][: left - len(surest)]
    return np.sort(np.concatenate([surest, spread_out, kept]))


def spread(n: int) -> np.ndarray:
    """Order 0..n-1 so that each beginning of the order lies evenly over them.

    Args:
        n: how many.

    Returns:
        int64[n], each of 0..n-1 once.

    Source:
        Van der Corput 1935: numbers in the order of their binary digits reversed.
    """
    digits = max(1, int(n - 1).bit_length()) if n else 1
    number = np.arange(2**digits)
    turned = np.zeros_like(number)
    for digit in range(digits):
        turned |= ((number >> digit) & 1) << (digits - 1 - digit)
    return turned[turned < n]

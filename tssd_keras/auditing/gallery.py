"""Which samples the page shows, in which order, and which of them with a picture."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tssd_keras.auditing.suspects import Stratum, count_strata, rank_suspects, stratum_names
from tssd_keras.auditing.teaching import teaching_order
from tssd_keras.judge.findings import Findings

TEACHING = 2000  # samples at most that the page shows for the order that teaches the next run


@dataclass(frozen=True, eq=False)
class Gallery:
    """What the page shows of N samples.

    Attributes:
        rank: int64[N], of `suspects.rank_suspects`.
        stratum: object[N], of `suspects.stratum_names`.
        rows: int64[n], the samples on the page: suspects by rank, kept ones that were drawn, then
            those that are shown for the order that teaches alone.
        n_listed: of `rows`, the first ones that are no such.
        teaching: int64[t], places in `rows`: the beginning of `teaching.teaching_order`.
        pictured: int64[n], the places in `rows` in the order in which they get a picture, as
            far as there is room.
        strata: every stratum, with its counts.
    """

    rank: np.ndarray
    stratum: np.ndarray
    rows: np.ndarray
    n_listed: int
    teaching: np.ndarray
    pictured: np.ndarray
    strata: list[Stratum]


def make_gallery(
    findings: Findings,
    *,
    most: int,
    kept: int = 0,
    teaching: int = TEACHING,
    seed: int = 0,
) -> Gallery:
    """Choose what the page shows.

    Args:
        findings: N samples.
        most: suspects at most, see `choose_shown`.
        kept: samples at most of the stratum "kept", see `choose_shown`.
        teaching: the page has so many samples at most of the order that teaches.
        seed: of the draws.
    """
    rank = rank_suspects(findings)
    stratum = stratum_names(findings, rank)
    taught = teaching_order(findings, seed)[:teaching]
    rows = choose_shown(findings, rank, taught, most=most, kept=kept, seed=seed)
    place = np.empty(len(findings), np.int64)
    place[rows] = np.arange(len(rows))
    n_suspects = min(most, int(rank.max(initial=0)))
    n_drawn = min(kept, int((findings.judged & (rank == 0)).sum()))
    drawn = np.arange(n_suspects, n_suspects + n_drawn)
    pictured = order_pictured(drawn, n_suspects, place[taught])
    strata = count_strata(stratum, rows)
    return Gallery(rank, stratum, rows, n_suspects + n_drawn, place[taught], pictured, strata)


def choose_shown(
    findings: Findings,
    rank: np.ndarray,
    taught: np.ndarray,
    *,
    most: int,
    kept: int,
    seed: int = 0,
) -> np.ndarray:
    """Choose the rows that the page shows.

    Args:
        findings: N samples.
        rank: int64[N], of `suspects.rank_suspects`.
        taught: int64[t], rows that are shown in any case.
        most: suspects at most, the first ones.
        kept: samples at most of the stratum "kept", drawn at random. Only these can tell
            how many labels are wrong among the unsuspected.
        seed: of that draw.

    Returns:
        int64[n], each once: suspects by rank, the drawn, and those of `taught` that are neither.
    """
    n = min(most, int(rank.max(initial=0)))
    suspects = np.argsort(np.where(rank > 0, rank, len(rank) + 1), kind="stable")[:n]
    unsuspected = np.flatnonzero(findings.judged & (rank == 0))
    drawn = np.random.default_rng(seed).permutation(unsuspected)[:kept]
    chosen = np.concatenate([suspects, drawn])
    return np.concatenate([chosen, taught[~np.isin(taught, chosen)]])


def order_pictured(drawn: np.ndarray, n_suspects: int, teaching: np.ndarray) -> np.ndarray:
    """Order the places in the gallery by who gets a picture first.

    The drawn come first, as they were drawn to be looked at. Then the surest suspects and the
    beginning of the order that teaches have a picture in turn; what one of these leaves goes to
    the other.

    Args:
        drawn: int64[m], the places of the drawn.
        n_suspects: suspects in the gallery, at its places from 0, by rank.
        teaching: int64[t], places, as they teach.

    Returns:
        int64[m], each once.
    """
    in_turn = np.full(2 * max(n_suspects, len(teaching)), -1)
    in_turn[: 2 * n_suspects : 2] = np.arange(n_suspects)
    in_turn[1 : 2 * len(teaching) : 2] = teaching
    wanted = np.concatenate([drawn, in_turn[in_turn >= 0]])
    _, first = np.unique(wanted, return_index=True)
    return wanted[np.sort(first)]

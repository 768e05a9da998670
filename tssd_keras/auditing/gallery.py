"""Which samples the page shows, in which order, and which of them with a picture."""

from __future__ import annotations

import numpy as np

from tssd_keras.judge.findings import Findings


def choose_shown(judged: Findings, rank: np.ndarray, *, most: int, kept: int, seed: int = 0):
    """The rows that the page shows.

    Args:
        judged: N samples.
        rank: int64[N], of `rank_suspects`.
        most: suspects, the first ones.
        kept: samples of the stratum "kept", at random: what is wrong among the
            unsuspected can be estimated from these alone.
        seed: of that draw.

    Returns:
        int64[n]: suspects by rank, then the drawn.
    """
    n = min(most, int(rank.max(initial=0)))
    suspects = np.argsort(np.where(rank > 0, rank, len(rank) + 1), kind="stable")[:n]
    others = np.flatnonzero(judged.judged & (rank == 0))
    drawn = np.random.default_rng(seed).permutation(others)[:kept]
    return np.concatenate([suspects, drawn])


def choose_pictured(n_suspects: int, n_kept: int, n: int) -> np.ndarray:
    """Places in the gallery whose samples are shown with a picture.

    Args:
        n_suspects: in the gallery, at its places from 0, by rank.
        n_kept: behind them.
        n: pictures at most.

    Returns:
        int64[m], in rising order: the kept first, as they were drawn to be looked
        at; of what is left one half for the surest suspects, one for suspects
        spread over all ranks.
    """
    kept = n_suspects + np.arange(min(n, n_kept))
    left = n - len(kept)
    surest = np.arange(min(left - left // 2, n_suspects))
    others = spread(n_suspects)
    others = others[others >= len(surest)][: left - len(surest)]
    return np.sort(np.concatenate([surest, others, kept]))


def spread(n: int) -> np.ndarray:
    """An order in which each beginning lies evenly over 0..n-1.

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

"""The kept samples that stand beside a doubtful one: of its given and of its suggested class.

Each class has a pool of them, those that are most often near to its doubtful samples. So a page
holds few pictures of neighbours for many samples. The cost is linear in N.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from tssd_keras.judge.findings import Findings

NEAR = 4  # that stand beside a sample, of each of both classes
POOL = 1200  # of all classes together, about
LEAST, MOST = NEAR, 40  # of a class
CANDIDATES = 1024  # of a class, drawn at random where it has more
ASKED = 1024  # doubtful samples of a class that say who is in the pool
VOTES = 8  # of each of these
BLOCK = 4096


@dataclass(frozen=True, eq=False)
class Beside:
    """Who stands beside n samples.

    Attributes:
        pool: int64[m], rows of the findings, in the order in which they get pictures: the first
            of each class, the second of each, and on.
        given, suggested: int64[n, NEAR], places in the pool, the nearest first; -1: nobody.
        by_features: whether features say who is near; else they are just kept samples.
    """

    pool: np.ndarray
    given: np.ndarray
    suggested: np.ndarray
    by_features: bool


def choose_beside(
    findings: Findings, place: np.ndarray, rows: np.ndarray, *, seed: int = 0
) -> Beside:
    """Choose the pools, and who of them is nearest.

    Args:
        findings: N samples.
        place: float32[N, C], of `Evidence`.
        rows: int64[n], the samples that are doubtful, the most doubtful first.
        seed: draws candidates.
    """
    given, suggested = findings.given[rows], findings.suggested[rows]
    near = {"given": _nobody(len(rows)), "suggested": _nobody(len(rows))}
    if not len(rows):
        return Beside(rows, near["given"], near["suggested"], bool(place.any()))
    classes = np.unique(np.concatenate([given, suggested[suggested >= 0]]))
    size = int(np.clip(POOL // max(len(classes), 1), LEAST, MOST))
    rng = np.random.default_rng(seed)
    right = findings.judged & (findings.weight > 0) & (findings.suggested == findings.given)
    of_class = dict(_by_label(np.flatnonzero(right), findings.given))
    pools: list[np.ndarray] = []
    for label in classes.tolist():
        some = rng.permutation(of_class.get(label, rows[:0]))[:CANDIDATES]
        asked = rows[(given == label) | (suggested == label)]
        pools.append(_pool(place, np.sort(some), asked[:ASKED], size))
    pool, at = _in_turn(pools)
    for label, own, places in zip(classes.tolist(), pools, at, strict=True):
        for name, labels in (("given", given), ("suggested", suggested)):
            which = np.flatnonzero(labels == label)
            near[name][which] = _nearest(place, rows[which], own, places)
    return Beside(pool, near["given"], near["suggested"], bool(place.any()))


def _nobody(n: int) -> np.ndarray:
    return np.full((n, NEAR), -1, np.int64)


def _by_label(rows: np.ndarray, label: np.ndarray) -> Iterator[tuple[int, np.ndarray]]:
    """Each label and its rows."""
    order = rows[np.argsort(label[rows], kind="stable")]
    labels, starts = np.unique(label[order], return_index=True)
    ends = [*starts[1:].tolist(), len(order)]
    for one, start, end in zip(labels.tolist(), starts.tolist(), ends[: len(starts)], strict=True):
        yield one, order[start:end]


def _alike(place: np.ndarray, rows: np.ndarray, others: np.ndarray) -> np.ndarray:
    """float32[n, m]: inner products; nobody is like itself."""
    product = place[rows] @ place[others].T
    return np.where(rows[:, None] == others[None], -np.inf, product)


def _pool(place: np.ndarray, some: np.ndarray, asked: np.ndarray, size: int) -> np.ndarray:
    """Those of some rows that are most often near the asked ones."""
    if len(some) <= size:
        return some
    n_votes = min(VOTES, len(some))
    near = np.argpartition(-_alike(place, asked, some), n_votes - 1, axis=1)[:, :n_votes]
    votes = np.bincount(near.ravel(), minlength=len(some))
    return some[np.argsort(-votes, kind="stable")[:size]]


def _in_turn(pools: list[np.ndarray]) -> tuple[np.ndarray, list[np.ndarray]]:
    """The pools as one, one of each class after the other; and where each class's are."""
    turn = np.concatenate([np.arange(len(own)) for own in pools] or [np.empty(0, np.int64)])
    rows = np.concatenate([*pools, np.empty(0, np.int64)]).astype(np.int64)
    order = np.argsort(turn, kind="stable")
    at = np.empty(len(rows), np.int64)
    at[order] = np.arange(len(rows))
    return rows[order], np.split(at, np.cumsum([len(own) for own in pools])[:-1])


def _nearest(
    place: np.ndarray, rows: np.ndarray, own: np.ndarray, places: np.ndarray
) -> np.ndarray:
    """int64[n, NEAR]: the places of those of a pool that are nearest to each row."""
    out = _nobody(len(rows))
    width = min(NEAR, len(own))
    for start in range(0, len(rows) if width else 0, BLOCK):
        alike = _alike(place, rows[start : start + BLOCK], own)
        order = np.argsort(-alike, axis=1, kind="stable")[:, :width]
        there = np.isfinite(np.take_along_axis(alike, order, 1))
        out[start : start + BLOCK, :width] = np.where(there, places[order], -1)
    return out

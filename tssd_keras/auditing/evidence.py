"""The numbers that a person decides by: probable classes, the loss among its class, neighbours."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tssd_keras.judge.findings import Findings
from tssd_keras.judge.top_classes import TOP


@dataclass(frozen=True, eq=False)
class Evidence:
    """Of all N samples of some findings; what no stream knows is -1 or NaN.

    Attributes:
        top_label: int64[N, T], the most probable classes, of the network that is surest.
        top_p: float64[N, T], their probabilities.
        loss_above: float64[N], the share of the samples with the same given label whose loss is
            lower; NaN where the losses abstain, too.
        odds: float64[N], how much more the neighbours speak for the given label than for the best
            other one; NaN where they abstain or similarities stand in for neighbours.
        place: float32[N, C], neighbours have large inner products, of the first network; zeros
            where unknown.
    """

    top_label: np.ndarray
    top_p: np.ndarray
    loss_above: np.ndarray
    odds: np.ndarray
    place: np.ndarray


def gather(findings: Findings) -> Evidence:
    """Line up what the streams of the last round saw with the samples."""
    n, k = len(findings), len(findings.class_names)
    width = min(TOP, k)
    label, p = np.full((n, width), -1, np.int64), np.full((n, width), np.nan)
    above, odds, heard = np.zeros(n), np.zeros(n), np.zeros((2, n))
    place = np.zeros((n, 1), np.float32)
    for i, streams in enumerate(findings.streams):
        rows = np.searchsorted(findings.index, streams.index)
        if i == 0:
            place = np.zeros((n, streams.place.shape[1]), np.float32)
            place[rows] = streams.place
        surer = streams.top.p[:, 0] > np.nan_to_num(p[rows, 0], nan=-1.0)
        label[rows[surer]], p[rows[surer]] = streams.top.label[surer], streams.top.p[surer]
        if not streams.loss_abstains:
            above[rows] += _shares_below(streams.loss, streams.given)
            heard[0, rows] += 1
        speaks = ~streams.feature_abstains[streams.given]
        if streams.feature_mixture is None:
            odds[rows[speaks]] += streams.similarity[speaks]
            heard[1, rows[speaks]] += 1
    above, odds = (
        np.divide(total, count, out=np.full(n, np.nan), where=count > 0)
        for total, count in zip((above, odds), heard, strict=True)
    )
    return Evidence(label, p, above, np.exp(odds), place)


def _shares_below(values: np.ndarray, group: np.ndarray) -> np.ndarray:
    """float64[n]: of each value the share of its group that is lower."""
    order = np.lexsort((values, group))
    v, g = values[order], group[order]
    begins = np.flatnonzero(np.r_[True, g[1:] != g[:-1]]) if len(g) else np.empty(0, np.int64)
    size = np.diff(np.r_[begins, len(g)])
    start = np.repeat(begins, size)
    new = np.r_[True, (v[1:] != v[:-1]) | (g[1:] != g[:-1])] if len(g) else np.empty(0, bool)
    first_equal = np.maximum.accumulate(np.where(new, np.arange(len(v)), 0))
    out = np.empty(len(v))
    out[order] = (first_equal - start) / np.maximum(np.repeat(size, size) - 1, 1)
    return out

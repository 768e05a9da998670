"""Why a label is suspected, in words."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from tssd_keras.judge.findings import Findings
from tssd_keras.judge.roles import FLOOR, ROLES, SEMI_HARD

CLEARLY = 0.9  # a stream that is surer than this speaks "clearly"


def reasons(findings: Findings, rows: np.ndarray) -> tuple[list[str], np.ndarray]:
    """Say in a few sentences what was found out about each sample's label.

    Args:
        findings: N samples.
        rows: int64[n], which of them; judged ones.

    Returns:
        The different texts, and int64[n], which of them each sample has. The texts hold no
        names, so there are few.
    """
    silent, told = abstains(findings), findings.told
    number: dict[str, int] = {}
    text_of = np.empty(len(rows), np.int64)
    for i, row in enumerate(rows.tolist()):
        text = " ".join(_sentences(findings, row, *silent, told=bool(told[row])))
        text_of[i] = number.setdefault(text, len(number))
    return list(number), text_of


def abstains(findings: Findings) -> tuple[bool, np.ndarray]:
    """Whether the loss stream, and in which classes the feature stream, says nothing."""
    if not findings.streams:
        return False, np.zeros(len(findings.class_names), bool)
    loss = all(streams.loss_abstains for streams in findings.streams)
    return loss, np.all([streams.feature_abstains for streams in findings.streams], axis=0)


def _sentences(
    findings: Findings,
    row: int,
    loss_abstains: bool,
    feature_abstains: np.ndarray,
    *,
    told: bool,
) -> Iterator[str]:
    yield _stream(
        findings.p_loss[row],
        loss_abstains,
        wrong="Its loss is {}one of the high ones.",
        right="Its loss is {}one of the low ones.",
        nothing="The losses are unimodal and say nothing.",
    )
    yield _stream(
        findings.p_feature[row],
        bool(feature_abstains[findings.given[row]]),
        wrong="It lies {}apart from its given class.",
        right="It lies {}among its given class.",
        nothing="Its place in feature space says nothing of its given class.",
    )
    if not told:
        yield "There is nothing to tell of it, so it counts fully."
        return
    q, role = findings.q[row], findings.role[row]
    if not np.isnan(q):
        says = "right" if q > 0.5 else "wrong"
        yield f"In all, q takes the label to be {says}."
    if findings.suggested[row] == findings.given[row]:
        yield "No other class is more probable."
    if findings.weight[row] <= 0:
        yield "It is not kept."
    elif role == FLOOR:
        yield "It carries weight only as one of the best few of its class."
    elif role == SEMI_HARD:
        yield "It was mined, and carries the weight q."
    else:
        yield f"It carries weight ({ROLES[role]})."


def _stream(p: float, abstains: bool, *, wrong: str, right: str, nothing: str) -> str:
    """A stream's sentence; `wrong` and `right` have a place for how clearly it speaks."""
    if abstains or np.isnan(p):
        return nothing
    degree = "clearly " if max(p, 1 - p) > CLEARLY else ""
    return (right if p > 0.5 else wrong).format(degree)

"""Why a label is suspected, in words."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from tssd_keras.judge.findings import Findings
from tssd_keras.judge.roles import FLOOR, ROLES, SEMI_HARD

SURE = 0.9  # a stream that is surer than this is said to be sure


def reasons(judged: Findings, rows: np.ndarray) -> tuple[list[str], np.ndarray]:
    """A few sentences for each sample.

    Args:
        judged: N samples.
        rows: int64[n], which of them; judged ones.

    Returns:
        The different texts, and int64[n], which of them each sample has. They
        hold no names, so that there are few.
    """
    abstains = _abstains(judged)
    texts: dict[str, int] = {}
    which = np.empty(len(rows), np.int64)
    for i, row in enumerate(rows.tolist()):
        text = " ".join(_sentences(judged, row, *abstains))
        which[i] = texts.setdefault(text, len(texts))
    return list(texts), which


def _abstains(judged: Findings) -> tuple[bool, np.ndarray]:
    """Whether the loss stream, and in which classes the feature stream, says nothing."""
    if not judged.streams:
        return False, np.zeros(len(judged.class_names), bool)
    loss = all(seen.loss_abstains for seen in judged.streams)
    return loss, np.all([seen.feature_abstains for seen in judged.streams], axis=0)


def _sentences(
    judged: Findings, row: int, loss_abstains: bool, feature_abstains: np.ndarray
) -> Iterator[str]:
    yield _stream(
        judged.p_loss[row],
        loss_abstains,
        wrong="Its loss is {}one of the high ones.",
        right="Its loss is {}one of the low ones.",
        none="The losses form one heap and say nothing.",
    )
    yield _stream(
        judged.p_feature[row],
        bool(feature_abstains[judged.given[row]]),
        wrong="It lies {}apart from its given class.",
        right="It lies {}among its given class.",
        none="Its given class forms one heap in feature space, which says nothing.",
    )
    q, role = judged.q[row], judged.role[row]
    if not np.isnan(q):
        says = "right" if q > 0.5 else "wrong"
        yield f"The meta classifier takes the label to be {says}."
    if judged.suggested[row] == judged.given[row]:
        yield "No other class is more probable."
    if judged.weight[row] <= 0:
        yield "It carries no weight."
    elif role == FLOOR:
        yield "It carries weight only as one of the best few of its class."
    elif role == SEMI_HARD:
        yield "It was mined, and carries the weight q."
    else:
        yield f"It carries weight ({ROLES[role]})."


def _stream(p: float, abstains: bool, *, wrong: str, right: str, none: str) -> str:
    if abstains or np.isnan(p):
        return none
    degree = "clearly " if max(p, 1 - p) > SURE else ""
    return (right if p > 0.5 else wrong).format(degree)

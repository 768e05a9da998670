"""The worth of a round: roles counted, and figures that need the true labels."""

from __future__ import annotations

import numpy as np

from tssd_keras.judge.divide import Division
from tssd_keras.judge.record import Quality, RoleCounts
from tssd_keras.judge.roles import FLOOR, NEGATIVE, POSITIVE, SEMI_HARD, UNCERTAIN
from tssd_keras.judge.table import SampleTable


def role_counts(table: SampleTable) -> RoleCounts:
    """Samples of each role, and how many carry weight, of those drawn now and not decided."""
    role = table.role[table.drawn]
    return RoleCounts(
        kept=int((table.kept & (table.decided < 0)).sum()),
        positive=int((role == POSITIVE).sum()),
        negative=int((role == NEGATIVE).sum()),
        uncertain=int((role == UNCERTAIN).sum()),
        semi_hard=int((role == SEMI_HARD).sum()),
        floor=int((role == FLOOR).sum()),
    )


def quality(
    table: SampleTable, division: Division, loss: np.ndarray, true_labels: np.ndarray | None
) -> Quality:
    """Figures of a round that need the truth.

    Args:
        table: N samples, after the rewrite. The n of them that are drawn now and not
            decided are looked at: a decision is no merit of the method's.
        division: of the n samples, before purification.
        loss: float[n], as the round read it.
        true_labels: int[N], -1 where unknown, or None. The figures are those of the
            samples whose truth is known.

    Returns:
        Quality; all None where no truth is known.
    """
    if true_labels is None:
        return Quality()
    judged = np.flatnonzero(table.drawn & (table.decided < 0))
    truth_known = true_labels[judged] >= 0
    if not truth_known.any():
        return Quality()
    rows = judged[truth_known]
    clean, kept = table.given[rows] == true_labels[rows], table.kept[rows]
    uncertain = division.role[truth_known] == UNCERTAIN
    semi_hard = table.role[rows] == SEMI_HARD
    precision, recall = _share(clean, kept), _share(kept, clean)
    silent = division.feature_abstains.all()
    without_q = np.isnan(table.q[rows]).any()
    return Quality(
        kept_precision=precision,
        kept_recall=recall,
        kept_f1=_f1(precision, recall),
        auroc_loss=label_error_auroc(clean, -np.asarray(loss)[truth_known]),
        auroc_feature=None if silent else label_error_auroc(clean, table.p_feature[rows]),
        auroc_q=None if without_q else label_error_auroc(clean, table.q[rows]),
        label_error_auroc=label_error_auroc(clean, table.clean_score[rows]),
        uncertain_purity=_share(clean, uncertain),
        semi_hard_purity=_share(clean, semi_hard),
        semi_hard_recall=_share(semi_hard, uncertain & clean),
    )


def label_error_auroc(clean: np.ndarray, score: np.ndarray) -> float | None:
    """How well float[n] scores rank bool[n] right labels first; None where all are alike."""
    from sklearn.metrics import roc_auc_score

    if clean.all() or not clean.any():
        return None
    return float(roc_auc_score(clean, score))


def _share(part: np.ndarray, among: np.ndarray) -> float | None:
    """Share of bool[n] `part` within bool[n] `among`; None where that is empty."""
    return float(part[among].mean()) if among.any() else None


def _f1(precision: float | None, recall: float | None) -> float | None:
    if precision is None or recall is None:
        return None
    return 2 * precision * recall / (precision + recall) if precision + recall else 0.0

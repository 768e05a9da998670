"""What a round was worth: its figures, and those that need the true labels."""

from __future__ import annotations

import numpy as np

from tssd_keras.judge.divide import Division
from tssd_keras.judge.roles import FLOOR, NEGATIVE, POSITIVE, SEMI_HARD, UNCERTAIN
from tssd_keras.judge.table import SampleTable


def role_counts(table: SampleTable) -> dict[str, int]:
    """Samples of each role, and how many carry weight, of those drawn now and not decided."""
    names = {
        "positive": POSITIVE,
        "negative": NEGATIVE,
        "uncertain": UNCERTAIN,
        "semi_hard": SEMI_HARD,
        "floor": FLOOR,
    }
    role_now = table.role[table.drawn]
    counts = {name: int((role_now == role).sum()) for name, role in names.items()}
    return {"kept": int((table.kept & (table.decided < 0)).sum()), **counts}


def quality(
    table: SampleTable, division: Division, loss: np.ndarray, true_labels: np.ndarray | None
) -> dict[str, float | None]:
    """Figures of a round that need the truth; clean is the positive class.

    Args:
        table: N samples, after the rewrite; those drawn now and not decided, n of
            them, are looked at: a decision is no merit of the method's.
        division: of the n samples, before purification.
        loss: float[n], as the round read it.
        true_labels: int[N], -1 where unknown, or None: the figures are those of
            the samples whose truth is known, and None where there are none.

    Returns:
        kept_precision, kept_recall, kept_f1; auroc_loss (of the loss itself, also
        where the stream abstains), auroc_feature, auroc_q and label_error_auroc
        (of the final clean score); of the samples that
        the streams left uncertain: uncertain_purity, semi_hard_purity and
        semi_hard_recall (the share of its clean samples that were mined). None
        also where a figure does not exist, such as an AUROC without errors.
    """
    names = (
        "kept_precision",
        "kept_recall",
        "kept_f1",
        "auroc_loss",
        "auroc_feature",
        "auroc_q",
        "label_error_auroc",
        "uncertain_purity",
        "semi_hard_purity",
        "semi_hard_recall",
    )
    if true_labels is None:
        return dict.fromkeys(names)
    drawn = np.flatnonzero(table.drawn & (table.decided < 0))
    known = true_labels[drawn] >= 0
    if not known.any():
        return dict.fromkeys(names)
    rows = drawn[known]
    clean = table.given[rows] == true_labels[rows]
    kept = table.kept[rows]
    uncertain = division.role[known] == UNCERTAIN
    semi_hard = table.role[rows] == SEMI_HARD
    precision, recall = _share(clean, kept), _share(kept, clean)
    f1 = None
    if precision is not None and recall is not None:
        f1 = 2 * precision * recall / (precision + recall) if precision + recall else 0.0
    judged = not np.isnan(table.q[rows]).any()
    figures = (
        precision,
        recall,
        f1,
        label_error_auroc(clean, -np.asarray(loss)[known]),
        label_error_auroc(clean, table.p_feature[rows])
        if not division.feature_abstains.all()
        else None,
        label_error_auroc(clean, table.q[rows]) if judged else None,
        label_error_auroc(clean, table.clean_score[rows]),
        _share(clean, uncertain),
        _share(clean, semi_hard),
        _share(semi_hard, uncertain & clean),
    )
    return dict(zip(names, figures, strict=True))


def merged(records: list[dict[str, object]]) -> dict[str, object]:
    """The figures of several networks as one: means of numbers, other values as they are.

    Args:
        records: of the same keys. What is no number, and not the same in all,
            is that of each, with " / " between; None where a network has none.
    """
    if len(records) == 1:
        return records[0]
    return {name: _as_one([record[name] for record in records]) for name in records[0]}


def _as_one(values: list) -> object:
    if any(value is None for value in values):
        return None
    if all(isinstance(value, bool) for value in values):
        return all(values)
    if all(isinstance(value, int | float) for value in values):
        return float(np.mean(values))
    if isinstance(values[0], dict):
        return values[0]
    return values[0] if len(set(values)) == 1 else " / ".join(map(str, values))


def _share(what: np.ndarray, among: np.ndarray) -> float | None:
    """Share of `what` among `among`; None of nothing."""
    return float(what[among].mean()) if among.any() else None


def label_error_auroc(clean: np.ndarray, score: np.ndarray) -> float | None:
    """How well float[n] scores rank bool[n] right labels first; None where all are alike."""
    from sklearn.metrics import roc_auc_score

    if clean.all() or not clean.any():
        return None
    return float(roc_auc_score(clean, score))

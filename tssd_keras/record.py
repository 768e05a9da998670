"""What a round was worth: its figures, and those that need the true labels."""

from __future__ import annotations

import numpy as np

from tssd_keras.divide import FLOOR, NEGATIVE, POSITIVE, SEMI_HARD, UNCERTAIN, Division
from tssd_keras.table import SampleTable


def role_counts(table: SampleTable) -> dict[str, int]:
    """Samples of each role, and how many carry weight."""
    names = {
        "positive": POSITIVE,
        "negative": NEGATIVE,
        "uncertain": UNCERTAIN,
        "semi_hard": SEMI_HARD,
        "floor": FLOOR,
    }
    counts = {name: int((table.role == role).sum()) for name, role in names.items()}
    return {"kept": int(table.kept.sum()), **counts}


def quality(
    table: SampleTable, division: Division, loss: np.ndarray, true_labels: np.ndarray | None
) -> dict[str, float | None]:
    """Figures of a round that need the truth; clean is the positive class.

    Args:
        table: after the rewrite.
        division: of the round, before purification.
        loss: float[N], as the round read it; a posterior's ties are broken by it.
        true_labels: int[N], or None where unknown: then every figure is None.

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
    clean = table.given == true_labels
    kept = table.kept
    uncertain = division.role == UNCERTAIN
    semi_hard = table.role == SEMI_HARD
    precision, recall = _share(clean, kept), _share(kept, clean)
    f1 = None
    if precision is not None and recall is not None:
        f1 = 2 * precision * recall / (precision + recall) if precision + recall else 0.0
    judged = not np.isnan(table.q).any()
    figures = (
        precision,
        recall,
        f1,
        _auroc(clean, -np.asarray(loss)),
        _auroc(clean, table.p_feature) if not division.feature_abstains.all() else None,
        _auroc(clean, table.q) if judged else None,
        _auroc(clean, table.clean_score),
        _share(clean, uncertain),
        _share(clean, semi_hard),
        _share(semi_hard, uncertain & clean),
    )
    return dict(zip(names, figures, strict=True))


def _share(what: np.ndarray, among: np.ndarray) -> float | None:
    """Share of `what` among `among`; None of nothing."""
    return float(what[among].mean()) if among.any() else None


def _auroc(clean: np.ndarray, score: np.ndarray) -> float | None:
    from sklearn.metrics import roc_auc_score

    if clean.all() or not clean.any():
        return None
    return float(roc_auc_score(clean, score))

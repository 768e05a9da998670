"""All that is known of the labels that a network is trained on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import KW_ONLY, dataclass

import numpy as np


@dataclass(frozen=True, eq=False)
class Labels:
    """Given labels, and what else is known of them; `TSSD` checks them against its inputs.

    Attributes:
        given: N labels, possibly wrong: whole numbers in 0..K-1, truth values or 0.0 and 1.0, [N]
            or [N, 1]; one-hot rows [N, K]; names, or categories of pandas. A model with several
            outputs: a dict or a tuple of targets, one an output, see `settings.Scoring`.
        true: int[N], the true labels, -1 where unknown. Only the rounds' record reads them.
        decided: int[N], the class that a person decided on, -1 where nobody did. Decided
            samples are trained on under that class, at weight 1 in every epoch that draws
            them; no round judges them, and no figure counts them.
        index: int[N], which of the inputs these labels are of, each at most once; None:
            all of them, in order.
        weight: float[N], what each sample counts for, at least 0; the judged weight is multiplied
            by it. Judgements do not depend on it. None: 1.
        ids: int[N] or str[N], names by which a person finds each sample again, all different;
            the table keeps them.
        n_classes: K; None: as many as there are names, else the largest label plus one, and each
            class must have a label.
        class_names: K names of the classes, where labels do not name them.
    """

    given: np.ndarray
    _: KW_ONLY
    true: np.ndarray | None = None
    decided: np.ndarray | None = None
    index: np.ndarray | None = None
    weight: np.ndarray | None = None
    ids: np.ndarray | None = None
    n_classes: int | None = None
    class_names: Sequence[str] | None = None

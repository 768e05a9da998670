"""A semi-supervised step is told how often each class should be predicted."""

from __future__ import annotations

from collections.abc import Sequence

import keras
import numpy as np

from tssd_keras.judge.table import SampleTable
from tssd_keras.train import devices
from tssd_keras.train.one_table import state_of_first
from tssd_keras.train.round import Verdict
from tssd_keras.train.steps.semi_supervised import SemiSupervised


def tell_class_shares(model: keras.Model, verdicts: Sequence[Verdict], table: SampleTable) -> None:
    """Set a semi-supervised step's `class_shares` by a round; do nothing with other models.

    Args:
        model: that is fitted.
        verdicts: of the round, one a network; of several processes the first one's count.
        table: that was judged; samples that a person decided on are fed, too.
    """
    if not isinstance(model, SemiSupervised):
        return
    found = [verdict.class_share for verdict in verdicts]
    decided = table.decided[table.drawn & (table.decided >= 0)]
    shares = shares_to_predict(found, len(verdicts[0].rows), decided)
    if devices.layout_of(model).n_processes > 1:
        shares = state_of_first({"shares": shares})["shares"]
    devices.assign(model.class_shares, shares.astype(np.float32))


def shares_to_predict(
    found: Sequence[np.ndarray], n_judged: int, decided: np.ndarray
) -> np.ndarray:
    """float64[K] of sum 1, half the way from even shares to those of all samples that are fed.

    A network has a part in the estimate, and would be held to its own mistakes by the whole of it.

    Args:
        found: float64[K] of each network: estimated shares of the classes among the judged.
        n_judged: how many samples these are.
        decided: int64[m], classes of the samples that a person decided on.
    """
    k = len(found[0])
    fed = n_judged * np.mean(found, axis=0) + np.bincount(decided, minlength=k)
    return (fed / fed.sum() + 1 / k) / 2

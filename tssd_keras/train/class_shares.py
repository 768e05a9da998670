"""A semi-supervised step is told how many samples of each true class to expect."""

from __future__ import annotations

from collections.abc import Sequence

import keras
import numpy as np

from tssd_keras.train import devices
from tssd_keras.train.one_table import state_of_first
from tssd_keras.train.round import Verdict

LEAST = 0.1  # of an even share: what is expected of no class is soon predicted for no sample


def tell_class_shares(model: keras.Model, verdicts: Sequence[Verdict]) -> None:
    """Set the step's `class_shares` to what a round found; of other models nothing.

    Args:
        model: that is fitted.
        verdicts: of the round, one a network; of several processes the first one's count.
    """
    if not hasattr(model, "class_shares"):
        return
    shares = expected_shares([verdict.class_share for verdict in verdicts])
    if devices.layout_of(model).n_processes > 1:
        shares = state_of_first({"shares": shares})["shares"]
    devices.assign(model.class_shares, shares.astype(np.float32))


def expected_shares(found: Sequence[np.ndarray]) -> np.ndarray:
    """float64[K] of sum 1: the networks' mean; no class has less than a tenth of an even share.

    Args:
        found: float64[K] of each network, of sum 1.
    """
    shares = np.mean(found, axis=0)
    shares = np.maximum(shares, LEAST / len(shares))
    return shares / shares.sum()

"""The sample table as training begins: every label counts, but for those that are held back."""

from __future__ import annotations

import numpy as np

from tssd_keras.judge.rejected import hold_back
from tssd_keras.judge.table import SampleTable
from tssd_keras.train.checked import CheckedArguments

HOLDING_BACK = 1  # beside the seed of drawing, of which samples are held back


def new_table(arguments: CheckedArguments, n_networks: int, *, judges: bool) -> SampleTable:
    """A table that no round has written.

    Args:
        arguments: of the callback.
        n_networks: M.
        judges: whether there will be rounds. Labels are held back where these look for whether
            rejected ones are fitted, and have a q to count them by.
    """
    divide, held_back = arguments.divide, None
    tells_q = arguments.golden_source != "none" or divide.place == "neighbours"
    if judges and tells_q and divide.rejected == "auto":
        rng = np.random.default_rng((arguments.drawing.seed, HOLDING_BACK))
        held_back = hold_back(arguments.given, rng)
    return SampleTable(
        arguments.given,
        arguments.index,
        n_networks=n_networks,
        decided=arguments.decided,
        held_back=held_back,
    )

"""The sample table as training begins: every label counts, but for those that are held back."""

from __future__ import annotations

import numpy as np

from tssd_keras.judge.rejected import hold_back
from tssd_keras.judge.table import SampleTable
from tssd_keras.recipe.choices import STREAMS
from tssd_keras.train.checked import CheckedArguments

HOLDING_BACK = 1  # beside the seed of drawing, of which samples are held back


def rule_for_rejected(arguments: CheckedArguments, *, judges: bool, unlabelled: bool) -> str:
    """What rejected labels count for, as `judge.rejected.Rejected` takes it.

    Args:
        arguments: of the callback.
        judges: whether there will be rounds.
        unlabelled: whether the model learns from rejected samples without their label. It is not to
            learn from it as well.
    """
    divide = arguments.divide
    without = divide.place == "neighbours" and set(divide.streams) == set(STREAMS)
    tells_q = arguments.golden_source != "none" or without
    return divide.rejected if judges and tells_q and not unlabelled else "nothing"


def new_table(arguments: CheckedArguments, n_networks: int, *, holds_back: bool) -> SampleTable:
    """A table that no round has written.

    Args:
        arguments: of the callback.
        n_networks: M.
        holds_back: whether some labels are held back, to show whether rejected ones are fitted.
    """
    held_back = None
    if holds_back:
        rng = np.random.default_rng((arguments.drawing.seed, HOLDING_BACK))
        held_back = hold_back(arguments.given, rng)
    return SampleTable(
        arguments.given,
        arguments.index,
        n_networks=n_networks,
        decided=arguments.decided,
        held_back=held_back,
        sample_weight=arguments.weight,
        ids=arguments.ids,
        class_names=arguments.class_names,
    )

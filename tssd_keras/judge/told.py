"""Whether a judgement tells anything: bounds of its estimates, and why nobody is judged by it.

An estimate at its bound, or a meta classifier that tells golden labels from wrong ones by chance
alone, says nothing of any sample. No label is judged then, as where every stream abstains: each
counts as in the warm-up, and the share of wrong labels is no number but "nothing to tell".
"""

from __future__ import annotations

import numpy as np
from scipy.special import logit

from tssd_keras.judge.chance import SURELY

NOTHING_TO_TELL = "nothing to tell"
STREAMS_ABSTAIN = "every stream abstains"
LOSSES_ABSTAIN = "the loss stream abstains"  # of the share, where no q tells it
BY_CHANCE = "the predictions agree with the labels no better than chance"  # of the share
NO_RIGHT_PAIR = "no golden pair is right"
NO_BETTER_THAN_CHANCE = "q tells golden labels from wrong ones no better than chance"
CONSTANT = "q is the same for every label"
FEWER_THAN_BY_CHANCE = "by the golden labels fewer labels are right than by chance"
CONTRADICTION = "golden labels and network disagree on how many labels are right"

_REMEDIES = {
    STREAMS_ABSTAIN: "Losses in one heap and neighbours of any label do not show which labels are "
    "wrong: perhaps none is, or hardly any is right. Golden labels would tell",
    **dict.fromkeys(
        (NO_RIGHT_PAIR, FEWER_THAN_BY_CHANCE, CONTRADICTION),
        "Look whether golden and given labels number the classes alike",
    ),
    NO_BETTER_THAN_CHANCE: "Give more golden labels, or a model and features that know the classes",
    CONSTANT: "Look whether the samples differ",
}

FEWEST_PAIRS = 10  # of which none is right; under 80 % wrong labels fewer can happen to be so
LITTLE = 0.1  # an AUROC so far above chance counts, however few samples are golden
LEAST_SPREAD = 0.01  # of the log-odds of q
OF_CHANCE = 0.5  # of the share by chance; digits with random labels come to all of it
MOST_APART = 0.5  # two estimates of one share; on digits with 0 to 80 % wrong they are .01 apart


def remedy(why: str) -> str:
    """What to look at, as a sentence behind a reason; "" for none of the reasons above."""
    return f". {_REMEDIES[why]}" if why in _REMEDIES else ""


def bounded_share(share: float, n: int) -> float:
    """A share of n labels that is neither none nor all: half a label is the least of either."""
    least = 0.5 / max(n, 1)
    return float(np.clip(share, least, 1 - least))


def at_bound(share: float, n: int) -> bool:
    """Whether that share of n labels leaves fewer than one label right, or fewer than one wrong."""
    return min(share, 1 - share) * n < 1


def why_nobody_is_judged(
    q: np.ndarray, auroc: float | None, n_golden: int, pair_is_right: np.ndarray
) -> str:
    """Why q says nothing of the labels that it is of; "" where it does.

    Args:
        q: float[N], probability that each label is right.
        auroc: of q on golden labels and wrong ones, out of fold; None where nothing was golden.
        n_golden: golden samples.
        pair_is_right: bool[m], of golden pairs drawn at random.

    Returns:
        NO_RIGHT_PAIR, NO_BETTER_THAN_CHANCE, CONSTANT or "".
    """
    if len(pair_is_right) >= FEWEST_PAIRS and not pair_is_right.any():
        return NO_RIGHT_PAIR
    if auroc is not None and auroc <= 0.5 + min(SURELY * chance_error(n_golden), LITTLE):
        return NO_BETTER_THAN_CHANCE
    log_odds = logit(np.clip(np.asarray(q, np.float64), 1e-12, 1 - 1e-12))
    if len(q) > 1 and float(np.ptp(log_odds)) < LEAST_SPREAD:
        return CONSTANT
    return ""


def why_shares_say_nothing(share: float, by_golden: float, chance: float) -> str:
    """Why the share of right labels is not to be believed where no golden pair tells it.

    Golden samples without a given label cannot show that they number the classes otherwise.
    Labels that are all wrong can then seem right to q, and right ones wrong.

    Args:
        share: of right labels, by q.
        by_golden: the same by the transition matrix that the golden head estimated.
        chance: the share that would be right if labels were unrelated to the true classes.

    Returns:
        FEWER_THAN_BY_CHANCE, CONTRADICTION or "".
    """
    if by_golden < OF_CHANCE * chance:
        return FEWER_THAN_BY_CHANCE
    return CONTRADICTION if abs(share - by_golden) > MOST_APART else ""


def chance_error(n: int) -> float:
    """Standard error of the AUROC of n right and n wrong labels that nothing tells apart.

    Source: Mann and Whitney 1947.
    """
    return float(np.sqrt((2 * n + 1) / (12 * n * n))) if n else float("inf")

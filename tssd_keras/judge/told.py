"""Whether a judgement tells anything: bounds of its estimates, and why nobody is judged by it.

An estimate at its bound, or a meta classifier that tells golden labels from wrong ones by chance
alone, says nothing of any sample. No label is judged then, as where every stream abstains: each
counts as in the warm-up, and the share of wrong labels is no number but "nothing to tell".

Labels can be judged where their share is not told. A round decides that once: its record has the
share or the reason, and `WrongShare.of_row` is how everything that names a share reads it.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from scipy.special import logit

from tssd_keras.judge.chance import SURELY

JOIN = " / "  # stands between the differing texts of several networks
NOTHING_TO_TELL = "nothing to tell"
STREAMS_ABSTAIN = "every stream abstains"
LOSSES_ABSTAIN = "the loss stream abstains"  # of the share, where no q tells it
TOO_FEW_NEIGHBOURS = "neighbours say nothing of too many labels"  # of the share, without golden
SHARES_DIFFER = "q and the transition matrix differ on how many labels are wrong"  # the same
PREDICTIONS_BY_CHANCE = "the predictions agree with the labels no more than by chance"  # the same
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
    **dict.fromkeys(
        (TOO_FEW_NEIGHBOURS, SHARES_DIFFER, LOSSES_ABSTAIN),
        "Golden labels that are drawn at random would tell",
    ),
    NO_BETTER_THAN_CHANCE: "Give more golden labels, or a model and features that know the classes",
    CONSTANT: "Look whether the samples differ",
}

FEWEST_PAIRS = 10  # of which none is right; under 80 % wrong labels fewer can happen to be so
LITTLE = 0.1  # an AUROC so far above chance counts, however few samples are golden
LEAST_SPREAD = 0.01  # of the log-odds of q
OF_CHANCE = 0.5  # of the share by chance; digits with random labels come to all of it
MOST_APART = 0.5  # two estimates of one share; on digits with 0 to 80 % wrong they are .01 apart
LEAST_SPOKEN_OF = 2 / 3  # of the labels; at half of them .30 wrong were estimated as .02
MOST_APART_ALONE = 0.25  # without golden samples; on CIFAR-10N with 0 to 40 % wrong .18 to .19


def remedy(why: str) -> str:
    """What to look at, as sentences behind a reason, or behind several networks' (`JOIN`).

    "" for none of the reasons above.
    """
    found = (_REMEDIES.get(one) for one in why.split(JOIN))
    return "".join(f". {text}" for text in dict.fromkeys(found) if text)


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


def why_no_share(share: float, q: np.ndarray, spoken_of: float) -> str:
    """Why the share of right labels is not told, without golden samples, where labels are judged.

    The transition matrix that tells it takes what neighbours and network say for the truth, in the
    mean. Where neighbours have nothing to say, or the probabilities are flat, any label is
    explained by a matrix without noise.

    Args:
        share: of right labels, by the transition matrix.
        q: float[N], each label's probability beside that of the best other class.
        spoken_of: the part of the labels whose classes the neighbours say something of.

    Returns:
        TOO_FEW_NEIGHBOURS, SHARES_DIFFER or "".
    """
    if spoken_of < LEAST_SPOKEN_OF:
        return TOO_FEW_NEIGHBOURS
    by_q = float((np.asarray(q) > 0.5).mean()) if len(q) else share
    return SHARES_DIFFER if abs(share - by_q) > MOST_APART_ALONE else ""


def share_by_streams(score: np.ndarray, *, loss_abstains: bool) -> tuple[float | None, str]:
    """The share of right labels where nothing but the streams judged them; None, and why.

    Places in feature space alone do not tell how many labels are wrong: a class of two kinds of
    samples has two heaps, too.

    Args:
        score: float[N], mean of the streams that do not abstain, NaN where all do.
        loss_abstains: whether the loss stream does.
    """
    told = score[~np.isnan(score)]
    if not len(told):
        return None, STREAMS_ABSTAIN
    if loss_abstains:
        return None, LOSSES_ABSTAIN
    if len(told) < LEAST_SPOKEN_OF * len(score):
        return None, TOO_FEW_NEIGHBOURS
    return bounded_share(float(told.mean()), len(told)), ""


@dataclass(frozen=True)
class WrongShare:
    """The share of wrong labels, or why there is none.

    Attributes:
        share: None: there is nothing to tell.
        error: its standard error by golden pairs; None without.
        why: there is no share, in words; "" where there is one, or where nobody looked.
    """

    share: float | None = None
    error: float | None = None
    why: str = ""

    @classmethod
    def of_row(cls, row: Mapping[str, object]) -> WrongShare:
        """Of a round's record as a row, its cells as they were or as text of rounds.csv."""
        right, error = (_number(row.get(name)) for name in ("estimated_clean_share", _ERROR))
        if right is not None:
            return cls(1 - right, error)
        return cls(why=of_all(row.get("no_share")) or of_all(row.get("nothing_to_tell")))


_ERROR = "clean_share_error"


def _number(cell: object) -> float | None:
    """A finite number, or None of an empty cell and of what no run writes."""
    try:
        value = float(cell) if isinstance(cell, float | int | str) else math.nan
    except ValueError:
        return None
    return value if math.isfinite(value) else None


def of_all(joined: object) -> str:
    """Why none of the networks tells something; "" where one does.

    Args:
        joined: the networks' reasons, "" for one that tells something, joined by `JOIN`.
    """
    reasons = str(joined or "").split(JOIN)
    return "" if "" in reasons else JOIN.join(dict.fromkeys(reasons))


def of_some(joined: object) -> str:
    """The reasons of those networks that tell nothing, where another tells something; else ""."""
    reasons = str(joined or "").split(JOIN)
    return JOIN.join(dict.fromkeys(filter(None, reasons))) if "" in reasons else ""


def chance_error(n: int) -> float:
    """Standard error of the AUROC of n right and n wrong labels that nothing tells apart.

    Source: Mann and Whitney 1947.
    """
    return float(np.sqrt((2 * n + 1) / (12 * n * n))) if n else float("inf")

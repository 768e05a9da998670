"""Whether a network knows enough to judge labels: its agreement with them, held against chance.

A network that has learned nothing gives every label the same loss, and one whose batch
normalisation has not settled predicts otherwise than it trains. Neither may judge labels.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterable
from dataclasses import dataclass

import keras
import numpy as np

from tssd_keras.judge import chance
from tssd_keras.judge.chance import SURELY
from tssd_keras.judge.told import remedy
from tssd_keras.train.looking import every_layer
from tssd_keras.train.scoring_model import ScoringModel

LOST = 0.5  # of what a network knows as it trains, so much may be lost as it predicts
LOOKED_AT = 256  # samples that it is seen with as it trains
NOTHING, UNSETTLED = "knows nothing", "predicts otherwise than it trains"


@dataclass(frozen=True)
class Readiness:
    """What a network knows of n given labels.

    Attributes:
        why: NOTHING or UNSETTLED; "" if it may judge.
        agreement: share of the labels that are its likeliest class.
        chance: what independent answers of the same frequencies would agree in.
        in_training: agreement as it trains; None where nobody looked.
    """

    why: str
    agreement: float
    chance: float
    in_training: float | None = None

    def __str__(self) -> str:
        text = (
            f"it agrees with {self.agreement:.1%} of the given labels, by chance {self.chance:.1%}"
        )
        if self.in_training is not None:
            text += f", as it trains {self.in_training:.1%}"
        return text


def agreement(predicted: np.ndarray, given: np.ndarray, n_classes: int) -> Readiness:
    """Of int64[n] predicted classes with int64[n] given labels in 0..K-1."""
    knows, agree, by_chance = chance.agreement(predicted, given, n_classes)
    return Readiness("" if knows else NOTHING, agree, by_chance)


def settled(
    scorer: ScoringModel,
    samples: np.ndarray,
    predicted: np.ndarray,
    given: np.ndarray,
    found: Readiness,
) -> Readiness:
    """The same of a network with normalisations, held against what it says as it trains.

    Args:
        scorer: of the network.
        samples: [m, ...], some of those that were scored.
        predicted: int64[m], what it predicted for them.
        given: int64[m].
        found: of `agreement`.
    """
    in_training = float((scorer.predicted_in_training(samples) == given).mean())
    agree = float((predicted == given).mean())
    error = np.sqrt(2 * in_training * (1 - in_training) / max(len(given), 1))
    gap = in_training - agree
    lost = gap > SURELY * error and gap > LOST * (in_training - found.chance)
    why = UNSETTLED if lost else found.why
    return Readiness(why, found.agreement, found.chance, in_training)


def normalisations(network: keras.Model) -> list[str]:
    """Paths of the layers that train by a batch's statistics and predict by running ones."""
    kinds = keras.layers.BatchNormalization
    return [path for path, layer in every_layer(network).items() if isinstance(layer, kinds)]


_UNTOLD = "no label was judged in this round, and each counts as in the warm-up: {}{}."


class Warner:
    """Warns of networks that may not judge and of rounds without judgement, once a reason."""

    def __init__(self) -> None:
        self._said: set[str] = set()

    def hear(
        self, found: Iterable[Readiness], untold: Iterable[str], scorers: Iterable[ScoringModel]
    ) -> None:
        """Of a round, by network: what it knows, and why no label was judged ("": some were)."""
        for one, why, scorer in zip(found, untold, scorers, strict=True):
            reason = one.why or why
            if reason and reason not in self._said:
                self._said.add(reason)
                text = advice(one, scorer.network) if one.why else _UNTOLD.format(why, remedy(why))
                warnings.warn(text, UserWarning, stacklevel=5)


def advice(found: Readiness, network: keras.Model) -> str:
    """What a user should know of a network that may not judge."""
    if found.why == UNSETTLED:
        names = normalisations(network)
        more = f" and {len(names) - 1} more" if len(names) > 1 else ""
        return (
            f"no label was judged, and the warm-up goes on: the network {UNSETTLED} ({found}). The "
            f"running statistics of {names[0]}{more} have not settled. Train for more warm-up "
            "epochs or with more batches an epoch, or lower BatchNormalization's momentum."
        )
    return (
        f"no label was judged, and the warm-up goes on: the network {NOTHING} ({found}). Train for "
        "more warm-up epochs, or look whether model, loss and labels fit each other."
    )

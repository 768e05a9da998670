"""What labels count for that are judged wrong: nothing, or q while the network does not fit them.

Wrong labels do harm by being fitted. Early in training, and under augmentation for long, a network
fits none of them; samples that are dropped then are lost, and those are the hard ones. So some
labels are held back from the warm-up on. The network can know them from other samples only: where
it gives them, once they are judged wrong, as much probability as it gives the rejected labels that
it was trained on, it fits none.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from tssd_keras.data.stratify import first_of_each
from tssd_keras.judge.table import Rewrite

HELD_BACK_SHARE, HELD_BACK_MOST = 0.1, 500  # of the samples
# So much more probability of rejected labels than of those held back shows that they are fitted: of
# all probability, or of that which held-back ones have, if it is surely more.
FITTED, FITTED_PART, SURELY = 0.02, 1 / 3, 2.0
FEWEST = 20  # of either kind, for a comparison


def hold_back(labels: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Draw the samples whose labels the warm-up does not see.

    Args:
        labels: int64[N] in 0..K-1, given.
        rng: draws them.

    Returns:
        bool[N]: HELD_BACK_SHARE of each class, at most HELD_BACK_MOST in all; none where they are
        too few to be compared.
    """
    share = min(HELD_BACK_SHARE, HELD_BACK_MOST / max(len(labels), 1))
    n_each = np.floor(share * np.bincount(labels)).astype(np.int64)
    out = np.zeros(len(labels), bool)
    if n_each.sum() >= FEWEST:
        out[first_of_each(labels, n_each, rng)] = True
    return out


class Fit(NamedTuple):
    """How far a network fits labels that it was trained on and that are judged wrong.

    Attributes:
        more: mean probability of them, less that of others which it was not trained on.
        error: its standard error.
        of_others: mean probability of the others.
    """

    more: float
    error: float
    of_others: float

    @property
    def shows(self) -> bool:
        """Whether they are fitted."""
        surely = self.more > SURELY * self.error
        return self.more > FITTED or (surely and self.more > FITTED_PART * self.of_others)


def fit_of_rejected(p: np.ndarray, rejected: np.ndarray, trained: np.ndarray) -> Fit | None:
    """How far a network fits rejected labels.

    Args:
        p: float[n], the network's probability of each given label.
        rejected: bool[n], which labels are judged wrong.
        trained: bool[n], on which labels the network was ever trained.

    Returns:
        Fit; None where either are fewer than FEWEST.
    """
    seen, unseen = p[rejected & trained], p[rejected & ~trained]
    if min(len(seen), len(unseen)) < FEWEST:
        return None
    error = np.sqrt(seen.var() / len(seen) + unseen.var() / len(unseen))
    return Fit(float(seen.mean() - unseen.mean()), float(error), float(unseen.mean()))


class Rejected:
    """What one network's rejected labels count for, round by round.

    Args:
        rule: "nothing", "q", or "auto": q until a round finds that the network fits them, or
            cannot tell.

    Attributes:
        fit: of the last round, see `fit_of_rejected`.
        count: whether they count.
    """

    def __init__(self, rule: str) -> None:
        self._rule = rule
        self.fit: Fit | None = None
        self.count = rule != "nothing"

    def weights(
        self, p: np.ndarray, weight: np.ndarray, q: np.ndarray, trained: np.ndarray
    ) -> np.ndarray:
        """The weights of n rejected labels.

        Args:
            p, trained: see `fit_of_rejected`.
            weight: float[n], 0 for the rejected.
            q: float[n], probability that the label is right; NaN where nothing tells it.

        Returns:
            float32[n], 0 for all others. What is held back stays so, for later rounds to compare.
        """
        rejected = weight == 0
        self.fit = fit_of_rejected(p, rejected, trained)
        known = not np.isnan(q).any()
        if self._rule == "auto" and self.count:
            self.count = known and self.fit is not None and not self.fit.shows
        counts = rejected & (trained | (self._rule == "q"))
        return np.where(counts & (self.count and known), q, 0).astype(np.float32)


def rest_of(
    networks: list[Rejected], p: list[np.ndarray], columns: Rewrite, trained: np.ndarray
) -> np.ndarray:
    """What rejected labels count for, by each network's own fit.

    Args:
        networks: M of them.
        p: M of float[n], each network's probability of the given labels.
        columns: of n samples, with their weights.
        trained: bool[n, M], on which labels each was ever trained.

    Returns:
        float32[n, M].
    """
    weights = np.asarray(columns.weight).reshape(len(trained), -1)
    return np.stack(
        [
            one.weights(p[i], weights[:, i], columns.q, trained[:, i])
            for i, one in enumerate(networks)
        ],
        axis=1,
    )

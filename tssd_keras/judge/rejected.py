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

from tssd_keras.judge.state import State
from tssd_keras.judge.table import Rewrite, SampleTable

HELD_BACK_SHARE, HELD_BACK_MOST = 0.1, 500  # of the samples
# So much more probability of rejected labels than of those held back shows that they are fitted, of
# all probability or of that which held-back ones have, if it is more by so many standard errors.
FITTED, FITTED_PART, SURELY = 0.035, 0.6, 3.0
FEWEST = 20  # of either kind, for a comparison
FEWEST_OF_CLASS = 10  # a smaller class is trained on whole


def hold_back(labels: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Draw the samples whose labels the warm-up does not see.

    Args:
        labels: int64[N] in 0..K-1, given.
        rng: draws them.

    Returns:
        bool[N]: HELD_BACK_SHARE of the samples, at most HELD_BACK_MOST; none where they are too few
        to be compared.
    """
    large = np.flatnonzero(np.bincount(labels)[labels] >= FEWEST_OF_CLASS)
    n = min(int(HELD_BACK_SHARE * len(large)), HELD_BACK_MOST)
    out = np.zeros(len(labels), bool)
    if n >= FEWEST:
        out[rng.permutation(large)[:n]] = True
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
        much = min(FITTED, FITTED_PART * self.of_others)
        return self.more > max(much, SURELY * self.error)


def fit_of_rejected(p: np.ndarray, trained: np.ndarray, held_back: np.ndarray) -> Fit | None:
    """How far a network fits rejected labels.

    Args:
        p: float[n], the network's probability of each given label.
        trained, held_back: bool[n], rejected labels that it was trained on, and not; no round has
            kept any of them, so that both are judged alike.

    Returns:
        Fit; None where either are fewer than FEWEST.
    """
    seen, unseen = p[trained], p[held_back]
    if min(len(seen), len(unseen)) < FEWEST:
        return None
    error = np.sqrt(seen.var() / len(seen) + unseen.var() / len(unseen))
    return Fit(float(seen.mean() - unseen.mean()), float(error), float(unseen.mean()))


class Rejected:
    """What one network's rejected labels count for, round by round.

    Args:
        rule: "nothing", "q", or "auto": q until a round finds that the network fits them; nothing
            in a round that cannot tell.

    Attributes:
        fit: of the last round, see `fit_of_rejected`.
        count: whether any counted in the last round.
        fitted: whether a round has found that they are fitted.
    """

    def __init__(self, rule: str) -> None:
        self._rule = rule
        self.fit: Fit | None = None
        self.count = False
        self.fitted = False

    def get_state(self) -> State:
        """What `set_state` takes."""
        fit = np.array(() if self.fit is None else self.fit, np.float64)
        return {"fit": fit, "count": np.array(self.count), "fitted": np.array(self.fitted)}

    def set_state(self, state: State) -> None:
        """Go on from where another of the same rule was."""
        self.fit = Fit(*map(float, state["fit"])) if len(state["fit"]) else None
        self.count, self.fitted = bool(state["count"]), bool(state["fitted"])

    def weights(
        self,
        p: np.ndarray,
        weight: np.ndarray,
        q: np.ndarray,
        *,
        trained: np.ndarray,
        held_back: np.ndarray,
        once_kept: np.ndarray,
    ) -> np.ndarray:
        """The weights of n rejected labels.

        Args:
            p: float[n], the network's probability of each given label.
            weight: float[n], 0 for the rejected.
            q: float[n], probability that the label is right; NaN where nothing tells it.
            trained, held_back, once_kept: bool[n], see `table.SampleTable`.

        Returns:
            float32[n], 0 for all others. What is held back stays so, for later rounds to compare.
        """
        rejected = weight == 0
        untouched = held_back & ~trained
        alike = rejected & ~once_kept
        self.fit = fit_of_rejected(p, alike & trained, alike & untouched)
        self.fitted |= self.fit is not None and self.fit.shows
        counts = rejected if self._rule == "q" else rejected & ~untouched
        told = self._rule == "q" or (self.fit is not None and not self.fitted)
        if self._rule == "nothing" or not told or np.isnan(q).any():
            counts = np.zeros_like(rejected)
        out = np.where(counts, q, 0).astype(np.float32)
        self.count = bool(out.any())
        return out


def rest_of(
    networks: list[Rejected],
    p: list[np.ndarray],
    columns: list[Rewrite],
    table: SampleTable,
    rows: np.ndarray,
) -> np.ndarray:
    """What rejected labels count for, by each network's own fit.

    Args:
        networks: M of them.
        p: M of float[n], each network's probability of the given labels.
        columns: each network's judgement of n samples. A network is trained on that of the one
            before it, see `table.in_agreement`.
        table: of the samples, as it was before this round.
        rows: int64[n], theirs.

    Returns:
        float32[n, M].
    """
    out = []
    for i, one in enumerate(networks):
        found = columns[i - 1]
        out.append(
            one.weights(
                p[i],
                np.asarray(found.weight),
                found.q,
                trained=table.trained[rows, i],
                held_back=table.held_back[rows],
                once_kept=table.once_kept[rows, i],
            )
        )
    return np.stack(out, axis=1)

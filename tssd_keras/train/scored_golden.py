"""The golden samples as a round sees them: scored by its network, with what is known of them."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from tssd_keras.data.inputs import Inputs, as_inputs
from tssd_keras.judge.golden_head import assign_folds
from tssd_keras.judge.meta_rows import Trusted
from tssd_keras.judge.place import log_ratio
from tssd_keras.judge.scores import Scores
from tssd_keras.labels.golden import Golden, effective_weights

Score = Callable[[str, Inputs, np.ndarray, np.ndarray], Scores]


class ScoredGolden:
    """M golden samples, scored anew in every round.

    Args:
        golden: the samples.
        folds: in which each is left out in turn.
        seed: assigns the folds.
    """

    def __init__(self, golden: Golden, *, folds: int, seed: int) -> None:
        self._golden = golden
        self.inputs = as_inputs(golden.inputs)
        self.index = np.arange(len(golden))
        self._fold = assign_folds(golden.labels, folds, seed=seed)
        stands_for = np.ones(len(golden)) if golden.stands_for is None else golden.stands_for
        self._weight = effective_weights(stands_for)
        self._at_random = np.zeros((), bool) if golden.at_random is None else golden.at_random

    def scores(self, score: Score) -> Scores:
        """Of the samples.

        Args:
            score: what is done, for a progress bar; inputs; int64[M], which of them; int64[M],
                their labels -> Scores.
        """
        return score("scoring golden samples", self.inputs, self.index, self._golden.labels)

    def trusted(self, scores: Scores, before: np.ndarray | None) -> Trusted:
        """The samples of a round.

        Args:
            scores: of the samples.
            before: float32[M, K], shares of the classes among their neighbours before training;
                None where nobody looked.
        """
        golden = self._golden
        seen: dict[str, np.ndarray] = {}
        if before is not None:
            score = log_ratio(before, np.maximum(golden.given, 0))
            seen = {"before": before, "score_before": score}
        return Trusted(
            scores,
            golden.labels,
            golden.given,
            self._fold,
            self._weight,
            self._at_random,
            **seen,
        )

"""The place in feature space round by round: neighbours stay for some rounds."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from tssd_keras.judge.meta_rows import Trusted
from tssd_keras.judge.neighbours import Votes
from tssd_keras.judge.place import Neighbourhood, Place, place
from tssd_keras.judge.scores import Scores
from tssd_keras.judge.sharing import Sharing
from tssd_keras.judge.state import State, part, under
from tssd_keras.progress import Progress
from tssd_keras.recipe.method_sections import DivideRecipe
from tssd_keras.train.before_training import Before


class Places:
    """Finds the place of a round's samples, or takes that of an earlier round.

    Who lies near whom changes slowly, and the search is the dearest part of the division.

    Args:
        settings: of the division.
        n_classes: K.
        seed: draws the anchors of neighbours.
        progress: see `Neighbours`.
    """

    def __init__(
        self, settings: DivideRecipe, n_classes: int, *, seed: int, progress: Progress
    ) -> None:
        self._settings, self._n_classes, self._seed = settings, n_classes, seed
        self._progress = progress
        self._place: Place | None = None
        self._rows = np.empty(0, np.int64)
        self._golden_similarity: np.ndarray | None = None
        self._found_in = -1  # round

    def get_state(self) -> State:
        """What `set_state` takes; empty where the next round searches anew."""
        if not isinstance(self._place, Neighbourhood) or self._settings.place_every == 1:
            return {}
        golden = {} if self._golden_similarity is None else {"golden": self._golden_similarity}
        now = under("now", self._place.now.get_state())
        return {"found_in": np.array(self._found_in), "rows": self._rows, **golden, **now}

    def set_state(self, state: State, given: np.ndarray, before: Before | None) -> None:
        """Go on from where others of the same settings were.

        Args:
            state: of `get_state`.
            given: int64[N], of all samples.
            before: what was found before training.
        """
        self._place, self._rows, self._found_in = None, np.empty(0, np.int64), -1
        self._golden_similarity = state.get("golden")
        if state:
            self._found_in, self._rows = int(state["found_in"]), state["rows"]
            labels = given[self._rows]
            now = Votes.of_state(part(state, "now"), labels, self._n_classes)
            of_before = None if before is None else before.neighbours
            self._place = Neighbourhood(labels, now, of_before, self._rows)

    def of(
        self,
        scores: Scores,
        given: np.ndarray,
        rows: np.ndarray,
        before: Before | None,
        golden: Trusted | None,
        round_index: int,
        sharing: Sharing,
    ) -> tuple[Place, Trusted | None]:
        """The place of n samples, and the golden samples with theirs.

        Args:
            scores, given: of the samples.
            rows: int64[n], their table rows.
            before: what was found before training.
            golden: the golden samples.
            round_index: counts the rounds.
            sharing: who finds it, each for a share of the samples.
        """
        found, self._place = self._place, None
        stays = self._settings.place == "neighbours" and np.array_equal(rows, self._rows)
        stays = stays and round_index < self._found_in + self._settings.place_every
        if found is None or not stays:
            found = None  # its memory is free before the search
            self._found_in, self._rows = round_index, rows
            found = place(
                self._settings.place,
                scores.features,
                given,
                self._n_classes,
                seed=self._seed,
                before=None if before is None else before.neighbours,
                rows=rows,
                sharing=sharing,
                progress=self._progress,
            )
            self._golden_similarity = None if golden is None else golden.placed(found).similarity
        self._place = found
        if golden is not None and self._golden_similarity is not None:
            golden = replace(golden, similarity=self._golden_similarity)
        return found, golden

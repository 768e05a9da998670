"""Labels judged without any golden sample: by what neighbours and network say together."""

from __future__ import annotations

import numpy as np
from scipy.special import expit

from tssd_keras.judge.divide import Division
from tssd_keras.judge.history import RecentMean
from tssd_keras.judge.noise_matrix import MAX_SAMPLES, estimate_transition
from tssd_keras.judge.place import Place, margin
from tssd_keras.judge.purify import Purification
from tssd_keras.judge.record import PurificationFigures
from tssd_keras.judge.scores import Scores
from tssd_keras.judge.settle import overrule, settle
from tssd_keras.judge.state import State
from tssd_keras.judge.told import bounded_share, why_no_share
from tssd_keras.judge.top_classes import TopClasses

BLOCK = 8192  # samples judged at once


def pooled_log_odds(
    place: Place, log_p: np.ndarray, given: np.ndarray
) -> tuple[np.ndarray, TopClasses]:
    """What place and network together say of a round's N samples.

    Args:
        place: of the samples.
        log_p: float[N, K], the network's log-probabilities.
        given: int64[N].

    Returns:
        float32[N], log-probability of the given label less that of the best other class;
        the most probable classes.
    """
    n = len(given)
    log_odds, top = np.empty(n, np.float32), TopClasses.empty(*log_p.shape)
    for start in range(0, n, BLOCK):
        block = slice(start, start + BLOCK)
        pooled = place.class_log_p(place.similarity(block), log_p[block])
        top.put(block, np.exp(pooled))
        log_odds[block] = margin(pooled, given[block])
    return log_odds, top


class WithoutGolden:
    """Settles by the pooled probabilities what the streams leave open or see wrongly.

    A label is taken to be right where its pooled probability is the largest: true classes are
    given more often rightly than as any one other class. Nothing here is calibrated.

    Args:
        n_classes: K.
        n_rows: samples of the whole stream.
        history: rounds whose log-odds are averaged.
        seed: chooses samples where there are more than MAX_SAMPLES.
    """

    def __init__(self, n_classes: int, n_rows: int, history: int, *, seed: int) -> None:
        self._n_classes, self._seed = n_classes, seed
        self._past = RecentMean(n_rows, history)

    def purify(
        self,
        scores: Scores,
        given: np.ndarray,
        place: Place,
        division: Division,
        rows: np.ndarray,
    ) -> Purification:
        """Judge the samples of a round; see `purify.Purifier.purify`.

        Returns:
            Purification: q is the label's pooled probability beside that of the best other class.
        """
        log_odds, top = pooled_log_odds(place, scores.log_p, given)
        self._past.update(rows, log_odds)
        q = expit(self._past.mean(rows).astype(np.float64))
        role = settle(overrule(division.role, q), q, 0.5)
        transition, class_share = self._noise(scores, given, place)
        right = class_share * np.diag(transition)
        share, spoken_of = float(right.sum()), float(division.of_features(given).mean())
        why = why_no_share(share, q, spoken_of)
        figures = PurificationFigures(
            reach="all",
            criterion=0.5,
            estimated_clean_share=None if why else bounded_share(share, len(given)),
            no_share=why,
        )
        q, expected = q.astype(np.float32), len(given) * right
        return Purification(q, role, top, transition, class_share, expected, figures)

    def get_state(self) -> State:
        """What `set_state` takes."""
        return self._past.get_state()

    def set_state(self, state: State) -> None:
        """Go on from where another was."""
        self._past.set_state(state)

    def _noise(
        self, scores: Scores, given: np.ndarray, place: Place
    ) -> tuple[np.ndarray, np.ndarray]:
        """The transition matrix, and the share of each true class, float64[K]."""
        some = np.arange(len(given))
        if len(some) > MAX_SAMPLES:
            rng = np.random.default_rng(self._seed)
            some = np.sort(rng.choice(len(some), MAX_SAMPLES, replace=False))
        log_p = place.class_log_p(place.similarity(some), scores.log_p[some])
        return estimate_transition(log_p, given[some], self._n_classes)

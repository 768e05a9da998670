"""One network's part in a round: samples are scored, divided, and the division is purified."""

from __future__ import annotations

import math
import time
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np

from tssd_keras.data.inputs import Inputs
from tssd_keras.judge.divide import Division, apply_floor, classes_short, divide
from tssd_keras.judge.history import RecentMean
from tssd_keras.judge.meta_rows import Trusted
from tssd_keras.judge.place import Place
from tssd_keras.judge.purify import Purification, Purifier
from tssd_keras.judge.record import PurificationFigures, Seconds
from tssd_keras.judge.roles import UNCERTAIN
from tssd_keras.judge.scores import Scores
from tssd_keras.judge.sharing import ALONE, Sharing
from tssd_keras.judge.short_features import short_features
from tssd_keras.judge.state import State, part, under
from tssd_keras.judge.table import Rewrite, weights_of
from tssd_keras.judge.told import STREAMS_ABSTAIN, share_by_streams
from tssd_keras.judge.top_classes import TopClasses
from tssd_keras.judge.without_golden import WithoutGolden
from tssd_keras.progress import Progress
from tssd_keras.recipe.choices import STREAMS
from tssd_keras.train import devices
from tssd_keras.train.before_training import (
    Before,
    find_before,
    part_scale,
    projected_inputs,
)
from tssd_keras.train.checked import CheckedArguments
from tssd_keras.train.not_finite import check_scores
from tssd_keras.train.places import Places
from tssd_keras.train.readiness import LOOKED_AT, Readiness, agreement, normalisations, settled
from tssd_keras.train.score_pass import score_pass
from tssd_keras.train.scored_golden import ScoredGolden
from tssd_keras.train.scoring_model import ScoringModel


@dataclass(frozen=True)
class Verdict:
    """One network's judgement of n samples.

    Attributes:
        rows: int64[n], their table rows, in rising order.
        p_given: float32[n], the network's probability of the given label, in this round.
        loss: float32[n], as judged (averaged over rounds where asked).
        similarity: float32[n], to the given class, as the feature stream reads it.
        division: of the two streams, before purification.
        top: the most probable classes: of the purification, or else of the network.
        place: float16[n, C], of `short_features`.
        transition: float64[K, K], P(given = column | true = row) as the purification
            estimated it; None without.
        class_share: float64[K], of each true class, as the purification estimated it; of each
            given one without.
        columns: of the sample table, after purification.
        figures: of the purification.
        seconds: of each part.
        readiness: whether the network may judge; if not, both streams abstain and every label
            keeps its weight of the warm-up.
    """

    rows: np.ndarray
    p_given: np.ndarray
    loss: np.ndarray
    similarity: np.ndarray
    division: Division
    top: TopClasses
    place: np.ndarray
    transition: np.ndarray | None
    class_share: np.ndarray
    columns: Rewrite
    figures: PurificationFigures
    seconds: Seconds
    readiness: Readiness


class NetworkJudge:
    """Judges samples by one network, and remembers what it found in earlier rounds.

    Args:
        arguments: of the callback.
        progress: shows how far the passes and the purification are.
        cautious: see `Purifier`.
    """

    def __init__(
        self, arguments: CheckedArguments, progress: Progress, *, cautious: bool = True
    ) -> None:
        self._inputs, self._index = arguments.inputs, arguments.index
        self._given, self._n_classes = arguments.given, arguments.n_classes
        self._settings, self._batch_size = arguments.divide, arguments.scoring.batch_size
        self._seed = arguments.drawing.seed
        self._drawn = (arguments.drawing.epoch_samples or math.inf) < len(self._given)
        self._progress = progress
        self._losses = RecentMean(len(self._given), self._settings.history)
        self._purifier = None
        purify, golden, n_rows = arguments.purify, arguments.golden, len(self._given)
        source = arguments.golden_source
        if source != "none":
            self._purifier = Purifier(source, self._n_classes, purify, n_rows, cautious=cautious)
        self._before: Before | None = None
        self._has_judged = False
        self._places = Places(self._settings, self._n_classes, seed=self._seed, progress=progress)
        decided = arguments.decided
        self._labels = (
            self._given if decided is None else np.where(decided >= 0, decided, self._given)
        )
        self._without_golden = WithoutGolden(
            self._n_classes, n_rows, purify.history, seed=purify.seed
        )
        self._golden = None
        if golden:
            self._golden = ScoredGolden(golden, folds=purify.folds, seed=purify.seed)

    def get_state(self) -> State:
        """What `set_state` takes."""
        parts: dict[str, Any] = {
            "losses": self._losses,
            "without_golden": self._without_golden,
            "places": self._places,
            "purifier": self._purifier,
            "before": self._before,
        }
        state = {"has_judged": np.array(self._has_judged)}
        for name, one in parts.items():
            state |= {} if one is None else under(name, one.get_state())
        return state

    def set_state(self, state: State) -> None:
        """Go on from where another judge of the same arguments was."""
        self._has_judged = bool(state["has_judged"])
        self._losses.set_state(part(state, "losses"))
        self._without_golden.set_state(part(state, "without_golden"))
        before = part(state, "before")
        self._before = Before.of_state(before, self._labels, self._n_classes) if before else None
        self._places.set_state(part(state, "places"), self._given, self._before)
        if self._purifier is not None:
            self._purifier.set_state(part(state, "purifier"))

    def look_before_training(self, scorer: ScoringModel) -> None:
        """Find every sample's neighbours by features that have learned no label, once.

        Not where an epoch draws some of the samples: reading all would cost many epochs.

        Args:
            scorer: see `judge`.
        """
        if self._settings.place != "neighbours" or self._before is not None or self._drawn:
            return
        what = "scoring samples before training"
        scores = self._score(scorer, what, self._inputs, self._index, self._labels)
        scale, sharing = part_scale(self._inputs, self._index), devices.sharing_of(scorer)
        samples = _spaces(scores, self._inputs, self._index, scale, sharing)
        of_golden, golden = None, self._golden
        if golden is not None:
            found = golden.scores(partial(self._score, scorer))
            of_golden = _spaces(found, golden.inputs, golden.index, scale, ALONE)
        self._before = find_before(
            samples,
            of_golden,
            self._labels,
            self._n_classes,
            seed=self._seed,
            sharing=sharing,
            progress=self._progress,
        )

    def judge(self, scorer: ScoringModel, rows: np.ndarray, round_index: int) -> Verdict:
        """Score, divide and purify some samples.

        Args:
            scorer: of `scoring_model.scoring_model`, for this judge's network.
            rows: int64[n], their table rows, in rising order.
            round_index: counts the rounds; part of the purification's seed.

        Returns:
            Verdict; nothing is written yet.
        """
        settings, k, clock = self._settings, self._n_classes, _Clock()
        given = self._given[rows]
        scores = self._score(scorer, "scoring samples", self._inputs, self._index[rows], given)
        golden = self._trusted(scorer)
        ready = self._readiness(scorer, scores, rows)
        clock.lap("score")

        self._losses.update(rows, scores.loss)
        loss = self._losses.mean(rows)
        where, golden = self._places.of(
            scores, given, rows, self._before, golden, round_index, devices.sharing_of(scorer)
        )
        similarity = where.scores()
        division = divide(
            loss,
            similarity,
            given,
            k,
            threshold=settings.threshold,
            streams=() if ready.why else settings.streams,
            silent=where.silent,
        )
        clock.lap("divide")

        found = None
        if not ready.why:
            found = self._purified(scores, given, where, division, golden, rows, round_index)
        figures = _figures(given, found, division, self._before, ready)
        if figures.nothing_to_tell:
            found, division = None, division.silenced()
        role = self._with_floor(found, division, loss, similarity, given)
        clock.lap("purify")
        top = TopClasses.of_log_p(scores.log_p) if found is None else found.top
        columns = _columns(given, role, division, found, scores, top)
        return Verdict(
            rows,
            np.exp(-scores.loss),
            loss,
            similarity,
            division,
            top,
            short_features(scores.features),
            None if found is None else found.transition,
            np.bincount(given, minlength=k) / len(given) if found is None else found.class_share,
            columns,
            figures,
            Seconds(**clock.laps),
            ready,
        )

    def _readiness(self, scorer: ScoringModel, scores: Scores, rows: np.ndarray) -> Readiness:
        """Whether the network may judge; once it may, only its agreement is looked at."""
        predicted, given = scores.log_p.argmax(axis=1), self._given[rows]
        found = agreement(predicted, given, self._n_classes)
        if not self._has_judged and normalisations(scorer.network):
            some = np.linspace(0, len(rows) - 1, min(LOOKED_AT, len(rows))).astype(int)
            samples = self._inputs.read(self._index[rows[some]])
            found = settled(scorer, samples, predicted[some], given[some], found)
        self._has_judged |= not found.why
        return found

    def _with_floor(
        self,
        found: Purification | None,
        division: Division,
        loss: np.ndarray,
        similarity: np.ndarray,
        given: np.ndarray,
    ) -> np.ndarray:
        """Roles int8[n], purified or else divided, so that no class dies out."""
        return apply_floor(
            division.role if found is None else found.role,
            division,
            loss,
            similarity,
            given,
            self._n_classes,
            floor_count=self._settings.floor_count,
            floor_share=self._settings.floor_share,
            expected=None if found is None else found.expected,
        )

    def _purified(
        self,
        scores: Scores,
        given: np.ndarray,
        where: Place,
        division: Division,
        golden: Trusted | None,
        rows: np.ndarray,
        round_index: int,
    ) -> Purification | None:
        """By trusted or certain samples; without them by neighbours and network; else None."""
        found = None
        if self._purifier is not None:
            found = self._purifier.purify(
                scores,
                given,
                where,
                division,
                golden=golden,
                rows=rows,
                round_index=round_index,
                on_part=self._progress("purifying labels", Purifier.PARTS),
            )
        both = set(self._settings.streams) == set(STREAMS)  # else one is not to be heard
        if found is None and where.silent is not None and both and division.speaks:
            found = self._without_golden.purify(scores, given, where, division, rows)
        return found

    def _score(
        self, scorer: ScoringModel, what: str, inputs: Inputs, index: np.ndarray, labels: np.ndarray
    ) -> Scores:
        on_batch = self._progress(what, len(index))
        scores = score_pass(
            scorer, inputs, index, labels, batch_size=self._batch_size, on_batch=on_batch
        )
        check_scores(scores, inputs, index)
        return scores

    def _trusted(self, scorer: ScoringModel) -> Trusted | None:
        """The golden samples of a round; None without."""
        if self._golden is None:
            return None
        before = None if self._before is None else self._before.golden
        return self._golden.trusted(self._golden.scores(partial(self._score, scorer)), before)


def _columns(
    given: np.ndarray,
    role: np.ndarray,
    division: Division,
    purification: Purification | None,
    scores: Scores,
    top: TopClasses,
) -> Rewrite:
    """The samples' new entries in the table."""
    suggested, p_suggested = top.label[:, 0].astype(np.int64), top.p[:, 0]
    if purification is None:
        q = np.full(len(given), np.nan, np.float32)
        weight = weights_of(role, None)
        # Nobody judged these: they count as in the warm-up, and no other class is suggested.
        unjudged = division.loss_abstains & division.feature_abstains[given]
        own = np.exp(np.asarray(scores.log_p[np.arange(len(given)), given], np.float32))
        suggested = np.where(unjudged, given, suggested)
        p_suggested = np.where(unjudged, own, p_suggested)
        weight[unjudged & (role == UNCERTAIN)] = 1.0
    else:
        q, weight = purification.q, weights_of(role, purification.q)
    confidence = np.exp(np.asarray(scores.log_p.max(axis=1), np.float32))
    by_stream = division.p_loss, division.p_feature
    return Rewrite(weight, role, *by_stream, q, suggested, p_suggested, confidence)


def _spaces(
    scores: Scores, inputs: Inputs, index: np.ndarray, scale: np.ndarray, sharing: Sharing
) -> dict[str, np.ndarray]:
    """Features, and the inputs where they are numbers, by name."""
    rows = projected_inputs(inputs, index, scale, sharing)
    return {"features": scores.features} | ({} if rows is None else {"inputs": rows})


def _figures(
    given: np.ndarray,
    found: Purification | None,
    division: Division,
    before: Before | None,
    ready: Readiness,
) -> PurificationFigures:
    """The purification's figures, why nothing is told, where neighbours were before training."""
    if found is None:
        score = division.mean_of_streams(given)
        share, why = share_by_streams(score, loss_abstains=division.loss_abstains)
        silent = f"the network {ready.why}" if ready.why else STREAMS_ABSTAIN
        untold = "" if division.speaks else silent
        figures = PurificationFigures(
            estimated_clean_share=share, nothing_to_tell=untold, no_share=untold or why
        )
    else:
        short = classes_short(found.role, given, found.expected)
        told = found.figures.nothing_to_tell
        figures = replace(
            found.figures,
            classes_short=None if told else some_of(short),
            nothing_to_tell=told or "",
            no_share=found.figures.no_share or "",
        )
    return figures if before is None else replace(figures, neighbours_before=before.by)


def some_of(classes: np.ndarray, most: int = 5) -> str:
    """Numbers of classes as text, the first few of them."""
    more = f" and {len(classes) - most} more" if len(classes) > most else ""
    return " ".join(map(str, classes[:most])) + more


class _Clock:
    """Seconds between laps."""

    def __init__(self) -> None:
        self._start = time.perf_counter()
        self.laps: dict[str, float] = {}

    def lap(self, name: str) -> None:
        now = time.perf_counter()
        self.laps[name] = now - self._start
        self._start = now

"""MSP, Meta Sample Purification: is this given label right?

A meta classifier learns from trusted pairs and settles what the two streams
leave open. Source: "Robust Noisy Label Learning via Two-Stream Sample
Distillation", arXiv 2404.10499; the choices that its abstract leaves open are
explained in docs/method.md.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from scipy.special import expit, logit

from tssd_keras.judge.answers import Answers, Asker
from tssd_keras.judge.calibrate import correct_prior, offset_for_share
from tssd_keras.judge.divide import Division
from tssd_keras.judge.evidence import Evidence, gather
from tssd_keras.judge.golden_head import GoldenHead
from tssd_keras.judge.history import RecentMean
from tssd_keras.judge.meta_features import INDEPENDENT, NAMES
from tssd_keras.judge.meta_rows import Trusted
from tssd_keras.judge.place import Place
from tssd_keras.judge.record import PurificationFigures, shift
from tssd_keras.judge.roles import POSITIVE, SEMI_HARD, UNCERTAIN
from tssd_keras.judge.scores import Scores
from tssd_keras.judge.settle import bar_of, mining_criterion, overrule, settle
from tssd_keras.judge.state import State, part, under
from tssd_keras.judge.told import (
    bounded_share,
    why_nobody_is_judged,
    why_shares_say_nothing,
)
from tssd_keras.judge.top_classes import TopClasses
from tssd_keras.recipe.method_sections import PurifyRecipe

CAUTION = 2.0  # standard errors of the share of right labels
SPARED = 0.1  # of that share, and no more than are wrong: the last to be kept are wrong too often


@dataclass(frozen=True)
class Purification:
    """MSP's judgement of N samples.

    Attributes:
        q: float32[N], probability that the given label is right.
        role: int8[N], the division's roles with the uncertain settled; see `settle`.
        top: the most probable true classes of N samples.
        transition: float64[K, K], estimated: P(given = column | true = row).
        class_share: float64[K], estimated, of each true class.
        expected: float64[K], how many right labels of each class it expects.
        figures: of the purification, for the round's record.
    """

    q: np.ndarray
    role: np.ndarray
    top: TopClasses
    transition: np.ndarray
    class_share: np.ndarray
    expected: np.ndarray
    figures: PurificationFigures

    @property
    def suggested(self) -> np.ndarray:
        """int64[N], the most probable true class."""
        return self.top.label[:, 0].astype(np.int64)

    @property
    def p_suggested(self) -> np.ndarray:
        """float32[N], its probability."""
        return self.top.p[:, 0]


class _Probability(NamedTuple):
    """That labels are right.

    A wrong label that is kept costs more than a right one that is dropped and no longer learned
    from, so roles go by the cautious probabilities.

    Attributes:
        q: float64[N].
        cautious: float64[N], what q would be if `least_share` were right.
        share, least_share: of right labels; the least that golden pairs make likely, or the same
            where no caution is asked for.
        error: of the share, by golden pairs; None without.
        between: log-odds of q less cautious ones.
    """

    q: np.ndarray
    cautious: np.ndarray
    share: float
    least_share: float
    error: float | None = None
    between: float = 0.0

    def as_q(self, cautious: float) -> float:
        """The q of a sample that has this cautious probability."""
        return float(expit(logit(cautious) + self.between))


class Purifier:
    """MSP with its warm-started meta classifier.

    Args:
        source: "trusted", or "certain" where the division's own certain samples
            stand in for golden ones.
        n_classes: K.
        settings: see `recipe.method_sections.PurifyRecipe`. Reach "uncertain" settles uncertain
            samples only. "all" first opens what q denies (`settle.overrule`). "auto"
            takes "all" where q ranks out-of-fold golden rows better than the streams do.
        n_rows: samples of the whole stream, where rounds judge parts of it; by
            default as many as the first round judges.
        cautious: whether fewer labels are kept than are likely to be right. Not where what is
            trained learns from the rejected samples, too.
    """

    PARTS = 3  # of `purify`, as `on_part` counts them

    def __init__(
        self,
        source: str,
        n_classes: int,
        settings: PurifyRecipe,
        n_rows: int | None = None,
        *,
        cautious: bool = True,
    ) -> None:
        self.source = source
        self._cautious = cautious
        self.n_classes = n_classes
        self.settings = settings
        self.n_rows = n_rows
        names = NAMES if source == "trusted" else INDEPENDENT
        self._asker = Asker(names, settings.folds, seed=settings.seed)
        self._past: RecentMean | None = None
        self._head: GoldenHead | None = None  # of the last round

    def purify(
        self,
        scores: Scores,
        given: np.ndarray,
        place: Place,
        division: Division,
        *,
        golden: Trusted | None = None,
        rows: np.ndarray | None = None,
        round_index: int = 0,
        on_part: Callable[[int], None] = lambda n: None,
    ) -> Purification | None:
        """Judge the samples of a round: gather what g is told, let it learn, settle by its q.

        Args:
            scores: of N samples.
            given: int64[N], their given labels.
            place: of the samples in feature space.
            division: of the same round.
            golden: the golden samples; None under source "certain".
            rows: int64[N], which of the stream's samples these are; by default
                the first N. Log-odds are averaged over the rounds that judged a sample.
            round_index: counts the rounds; part of the draws' seed.
            on_part: called with 1 after each of `PARTS` parts, for a progress bar.

        Returns:
            Purification, or None where source is "certain" and the division left
            too few certain samples to learn from. Nobody may be judged by one whose figures have
            a reason `nothing_to_tell`.
        """
        rng = np.random.default_rng((self.settings.seed, round_index))
        evidence = gather(
            scores,
            given,
            place,
            division,
            golden,
            n_classes=self.n_classes,
            n_folds=self.settings.folds,
            rng=rng,
            on_part=on_part,
            before=self._head,
        )
        if evidence is None:
            return None
        self._head = evidence.context.head
        answers = self._asker.ask(evidence, evidence.rows(rng))
        on_part(1)
        return self._settle(division.role, evidence, answers, rows)

    def get_state(self) -> State:
        """What `set_state` takes."""
        past = {} if self._past is None else under("past", self._past.get_state())
        head = {} if self._head is None else under("head", self._head.get_state())
        return {**under("asker", self._asker.get_state()), **past, **head}

    def set_state(self, state: State) -> None:
        """Go on from where another of the same source and settings was."""
        self._asker.set_state(part(state, "asker"))
        past, head = part(state, "past"), part(state, "head")
        self._past = None
        if past:
            n_rows = self.n_rows or len(past["count"])
            self._past = RecentMean(n_rows, self.settings.history)
            self._past.set_state(past)
        self._head = GoldenHead.of_state(head) if head else None

    def _settle(
        self, role: np.ndarray, evidence: Evidence, answers: Answers, rows: np.ndarray | None
    ) -> Purification:
        """Make q of g's answers; by it open roles within reach, and mine above the criterion.

        Args:
            role: int8[N], from the division.
            evidence, answers: of the round.
            rows: see `purify`.
        """
        found = self._probability(evidence, answers, rows)
        auroc_q, auroc_streams = answers.rank_quality()
        reach = self._reach(auroc_q, auroc_streams)
        cautious = found.cautious
        bar = bar_of(cautious, found.least_share, found.q)
        if reach == "all":
            role = overrule(role, cautious, bar)
        uncertain = role == UNCERTAIN
        criterion = mining_criterion(cautious[uncertain], self.settings.target_precision, bar)
        role = settle(role, cautious, criterion)
        kept = answers.features[(role == POSITIVE) | (role == SEMI_HARD)]
        voice = evidence.context.head.voice
        trusted = self.source == "trusted"  # else the rows are the streams' own choice
        why = _why(evidence, found, auroc_q if trusted else None)
        figures = PurificationFigures(
            reach=reach,
            criterion=found.as_q(criterion),
            estimated_clean_share=None if why else bounded_share(found.share, len(found.q)),
            nothing_to_tell=why,
            no_share=why,
            golden_pairs=int(evidence.trusted.is_pair.sum()),
            clean_share_error=None if why else found.error,
            network_share=voice.network / (voice.network + voice.head),
            golden_auroc_q=auroc_q if trusted else None,
            golden_auroc_streams=auroc_streams if trusted else None,
            shift=shift(self._asker.names, answers.right_features, kept),
        )
        q, matrix = found.q.astype(np.float32), evidence.context.transition
        class_share = evidence.class_share
        expected = len(q) * class_share * np.diag(matrix)
        return Purification(q, role, answers.top, matrix, class_share, expected, figures)

    def _probability(
        self, evidence: Evidence, answers: Answers, rows: np.ndarray | None
    ) -> _Probability:
        """The probability that each label is right, and the share of right labels.

        Log-odds are averaged over the last rounds that judged a sample. Samples that were
        trained on look likelier right than golden ones do, so that what the log-odds say of the
        share is too much. Golden pairs say what it is, within an error.
        """
        n = len(answers.log_odds)
        rows = np.arange(n) if rows is None else rows
        if self._past is None:
            self._past = RecentMean(self.n_rows or n, self.settings.history)
        self._past.update(rows, answers.log_odds)
        log_odds = self._past.mean(rows).astype(np.float64)
        if evidence.estimated is None:
            q, share = correct_prior(log_odds + answers.rows.odds, answers.rows.share)
            return _Probability(q, q, share, share)
        share, error = evidence.share_by_pairs()
        spared = max(CAUTION * error, min(SPARED * share, 1 - share)) if self._cautious else 0.0
        least = max(share - spared, share / 2)
        offset, lower = (offset_for_share(log_odds, s) for s in (share, least))
        q, cautious = expit(log_odds + offset), expit(log_odds + lower)
        return _Probability(q, cautious, share, least, error, offset - lower)

    def _reach(self, auroc_q: float, auroc_streams: float) -> str:
        if self.settings.reach != "auto":
            return self.settings.reach
        # Under "certain" the streams chose the rows, which so cannot show the streams wrong.
        better = self.source == "trusted" and auroc_q >= auroc_streams
        return "all" if better else "uncertain"


def _why(evidence: Evidence, found: _Probability, auroc: float | None) -> str:
    """Why nobody may be judged by q; "" where labels may be.

    Args:
        evidence, found: of the round.
        auroc: of q on golden rows; None where nothing was golden.
    """
    true, pair_given, _ = evidence.trusted.pairs
    n_golden = len(evidence.trusted.labels)
    why = why_nobody_is_judged(found.q, auroc, n_golden, true == pair_given)
    if why or auroc is None or evidence.estimated is not None:
        return why
    shares, matrix = evidence.class_share, evidence.context.transition
    given = np.bincount(evidence.given, minlength=len(shares)) / max(len(evidence.given), 1)
    by_golden, chance = float(shares @ np.diag(matrix)), float(shares @ given)
    return why_shares_say_nothing(found.share, by_golden, chance)

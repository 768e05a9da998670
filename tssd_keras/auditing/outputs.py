"""`tssd_keras.audit`: labels judged by the outputs of any model, in the streams of training.

Without golden labels nothing here loads Keras.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from tssd_keras.auditing.outputs_check import ModelOutputs, check_outputs
from tssd_keras.data.columns import names_of, write_columns
from tssd_keras.judge.chance import Agreement, agreement, renumbered
from tssd_keras.judge.divide import Division
from tssd_keras.judge.divide import divide as divide_streams
from tssd_keras.judge.golden_head import assign_folds
from tssd_keras.judge.place import Place, place
from tssd_keras.judge.roles import ROLES
from tssd_keras.judge.short_features import short_features
from tssd_keras.judge.streams import Streams
from tssd_keras.judge.told import (
    MOST_APART,
    NOTHING_TO_TELL,
    PREDICTIONS_BY_CHANCE,
    STREAMS_ABSTAIN,
    WrongShare,
    remedy,
    share_by_streams,
)
from tssd_keras.judge.top_classes import TopClasses
from tssd_keras.recipe.argument import as_flag, as_path
from tssd_keras.recipe.checks import as_settings
from tssd_keras.recipe.choices import STREAMS
from tssd_keras.recipe.method_sections import DivideRecipe, PurifyRecipe

if TYPE_CHECKING:
    from tssd_keras.judge.purify import Purification

GOLDEN_ROLE = "golden"
BY_HEART = 0.99  # only a model that has learned the labels agrees with a larger share of them


@dataclass(frozen=True, kw_only=True, eq=False)
class LabelAudit:
    """What is said of N labels.

    Attributes:
        given: int64[N].
        score: float64[N], probability that the label is right: q with golden labels; without
            any, what neighbours and predictions together give the label beside the best other
            class, not calibrated; without features, or by class means, the mean of the streams
            that do not abstain, NaN where both do. NaN of golden samples.
        q: float64[N], the meta classifier's; NaN without golden labels.
        p_loss, p_feature: float64[N], both streams' probability; 0.5 where one
            abstains, NaN of golden samples.
        role: object[N] of str: positive (the label is taken to be right), negative
            (wrong), uncertain, semi-hard (uncertain, but right as q has it), golden.
        suggested: int64[N], the most probable class.
        confidence: float64[N], its probability.
        order: int64[n], the samples that are not golden, the most suspect first.
        loss_abstains: whether the losses are unimodal, so that they tell nothing.
        feature_abstains: bool[K], whether the feature stream says nothing of a class; all
            True without features.
        wrong_share: share of wrong labels that is estimated; NaN where there is nothing to tell.
        wrong_share_error: its standard error by golden labels; NaN without.
        no_share: why there is no estimated share, in words; "" where there is one.
        nothing_to_tell: why no label was judged, in words; "" where labels were. Then scores are
            NaN and no label is suspect.
        streams: losses, places, mixtures and the most probable classes of the judged samples.
        notes: what a person should know, a line each.
        doubts: those of the notes that doubt the predictions themselves; they stand on the page.
    """

    given: np.ndarray
    score: np.ndarray
    q: np.ndarray
    p_loss: np.ndarray
    p_feature: np.ndarray
    role: np.ndarray
    suggested: np.ndarray
    confidence: np.ndarray
    order: np.ndarray
    loss_abstains: bool
    feature_abstains: np.ndarray
    wrong_share: float
    wrong_share_error: float
    no_share: str
    nothing_to_tell: str
    streams: Streams
    notes: tuple[str, ...]
    doubts: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.given)

    @property
    def n_classes(self) -> int:
        """K."""
        return len(self.feature_abstains)

    @property
    def suspect(self) -> np.ndarray:
        """bool[N]: whether the label is no likelier to be right than wrong."""
        return np.nan_to_num(self.score, nan=1.0) <= 0.5

    def write_csv(self, path: str | Path, class_names: Sequence[str] | None = None) -> None:
        """Write one row a sample; `rank` counts from 1, the most suspect.

        Args:
            path: of the file.
            class_names: K names in label order, which are then written in place of numbers.

        Raises:
            TypeError, ValueError: an argument does not fit.
            OSError: the file cannot be written.
        """
        if class_names is not None:
            class_names = as_class_names(class_names, self.n_classes)
        write_columns(as_path("path", path), self.columns(class_names))

    def columns(self, class_names: Sequence[str] | None = None) -> dict[str, Sequence | np.ndarray]:
        """The columns of `write_csv`, N values each."""
        rank = np.zeros(len(self), np.int64)
        rank[self.order] = np.arange(1, len(self.order) + 1)

        def names(labels: np.ndarray) -> Sequence | np.ndarray:
            return labels if class_names is None else names_of(labels, class_names)

        return {
            "index": np.arange(len(self)),
            "given": names(self.given),
            "suggested": names(self.suggested),
            "role": self.role,
            "score": self.score,
            "q": self.q,
            "p_loss": self.p_loss,
            "p_feature": self.p_feature,
            "confidence": self.confidence,
            "rank": [place or None for place in rank.tolist()],
        }

    def write_page(
        self,
        folder: str | Path,
        class_names: Sequence[str] | None = None,
        *,
        samples: Any = None,
        files: Sequence[str | Path] | None = None,
        column_names: Sequence[str] | None = None,
        **shown: Any,
    ) -> list[str]:
        """Write the page that a person decides on, and what belongs to it; see docs/audit.md.

        Args:
            folder: new or empty.
            class_names: K names in label order, by default "0", "1", ...
            samples: what the page shows: N images, N texts, or N rows of numbers; None: files.
            files: paths of N image files, in place of samples.
            column_names: of rows of numbers.
            shown: settings of `write.write_audit`: pictures_mb, most, kept, teaching, seed, ...

        Returns:
            What a person should know, a line each.

        Raises:
            TypeError, ValueError: an argument does not fit.
            OSError: the folder is not empty, or a file cannot be written.
        """
        from tssd_keras.auditing.outputs_page import write_page

        return write_page(
            self,
            Path(as_path("folder", folder)),
            as_class_names(class_names, self.n_classes),
            samples=samples,
            files=files,
            column_names=column_names,
            **shown,
        )


def as_class_names(names: Any, n_classes: int) -> tuple[str, ...]:
    """Names of all classes, by default their numbers; raises unless they are as many texts."""
    if names is None:
        return tuple(map(str, range(n_classes)))
    listed = isinstance(names, list | tuple) or getattr(names, "ndim", 0) == 1
    if not listed or not all(isinstance(name, str) for name in names):
        raise TypeError(
            f"class_names must be a list of {n_classes} names, got {names!r:.100} of type "
            f"{type(names).__name__}."
        )
    if len(names) != n_classes:
        raise ValueError(f"class_names must be {n_classes} names, got {len(names)}.")
    return tuple(names)


def audit(
    predictions: np.ndarray,
    labels: np.ndarray,
    features: np.ndarray | None = None,
    golden: np.ndarray | None = None,
    *,
    from_logits: bool = False,
    divide: DivideRecipe | None = None,
    purify: PurifyRecipe | None = None,
) -> LabelAudit:
    """Say which labels are wrong, from any model's outputs.

    The predictions must be out-of-sample: of a model that was not trained on the
    sample (cross-validation, or a held-out split). A model agrees with labels that it was
    trained on, wrong ones too: the losses are then unimodal, the loss stream abstains, and
    the learned wrong labels are missed. The features may be of a model that saw none of the
    labels at all, for instance a pretrained one.

    Args:
        predictions: float[N, K], probabilities, or logits with `from_logits`.
        labels: int[N] in 0..K-1, given, possibly wrong.
        features: float[N, d] of the same or of another model, or a sparse matrix. None: the
            feature stream abstains.
        golden: int[N], the true label where it is known, -1 elsewhere; at least two
            of each class, chosen at random. None: no purification, and no Keras.
        from_logits: whether the predictions are logits.
        divide: threshold, streams and place; settings of rounds have no effect.
        purify: settings of the purification.

    Returns:
        LabelAudit. Arrays may be memory-mapped; they are read in blocks.

    Raises:
        ValueError, TypeError: an argument does not fit; the message says how.
    """
    settings = as_settings("divide", divide, DivideRecipe)
    purify_settings = as_settings("purify", purify, PurifyRecipe)
    outputs = check_outputs(
        predictions, labels, features, golden, from_logits=as_flag("from_logits", from_logits)
    )
    predicted, k = outputs.log_p.argmax(axis=1), outputs.n_classes
    known, renumbering = agreement(predicted, outputs.given, k), ""
    if golden is None and not known.knows:
        renumbering = _renumbering(predicted, outputs.given, known, k)
        outputs = outputs.without_predictions()
    division, where = _divided(outputs, settings)
    purification, why = None, ""
    if golden is not None:
        purification = _purified(outputs, division, where, purify_settings)
        why = "" if purification is None else purification.figures.nothing_to_tell or ""
    elif where.silent is not None and division.speaks and set(settings.streams) == set(STREAMS):
        purification = _without_golden(outputs, division, where)
    if why:
        purification, division = None, division.silenced()
    elif purification is None and not division.speaks:
        why = STREAMS_ABSTAIN
    streams = _streams(outputs, division, where.scores(), purification)
    return _label_audit(outputs, division, purification, known, why, renumbering, streams)


def _streams(
    outputs: ModelOutputs,
    division: Division,
    similarity: np.ndarray,
    purification: Purification | None,
) -> Streams:
    """What both streams saw of the judged samples, as a round of a run keeps it."""
    rows = outputs.of_unknown_truth
    every = slice(None) if len(rows) == len(outputs.given) else rows
    return Streams.of(
        division,
        outputs.loss[every],
        similarity,
        index=rows,
        given=outputs.given[every],
        transition=purification.transition if purification is not None else None,
        top=purification.top
        if purification is not None
        else TopClasses.of_log_p(outputs.log_p[every]),
        place=short_features(outputs.unit[every]),
    )


def _divided(outputs: ModelOutputs, settings: DivideRecipe) -> tuple[Division, Place]:
    """The division of the samples that are judged, and the place that it was made by."""
    streams = tuple(name for name in settings.streams if name == "loss" or outputs.has_features)
    if not streams:
        raise ValueError('divide.streams is ("feature",), so features must be given, got None.')
    rows, k = outputs.of_unknown_truth, outputs.n_classes
    given = outputs.given[rows]
    unit = outputs.unit[rows] if len(rows) < len(outputs.unit) else outputs.unit
    kind = settings.place if outputs.has_features else "class_means"
    where = place(kind, unit, given, k, seed=0)
    similarity = where.scores()
    division = divide_streams(
        outputs.loss[rows],
        similarity,
        given,
        k,
        threshold=settings.threshold,
        streams=streams,
        silent=where.silent,
    )
    return division, where


def _purified(
    outputs: ModelOutputs, division: Division, where: Place, settings: PurifyRecipe
) -> Purification | None:  # None only without golden samples, see `Purifier.purify`
    """What MSP makes of the division."""
    from tssd_keras.judge.meta_rows import Trusted  # loads Keras
    from tssd_keras.judge.place import margin
    from tssd_keras.judge.purify import Purifier
    from tssd_keras.judge.scores import Scores
    from tssd_keras.judge.without_golden import pooled_log_odds

    log_p, unit, given = outputs.log_p, outputs.unit, outputs.given
    half = log_p.astype(np.float16)
    rows, trusted = outputs.of_unknown_truth, np.flatnonzero(outputs.true >= 0)
    labels = outputs.true[trusted]
    pooled = where.class_log_p(where.similarity_of(unit[trusted], None), log_p[trusted])
    golden = Trusted(
        Scores(-log_p[trusted, labels], unit[trusted], half[trusted]),
        labels,
        given[trusted],
        assign_folds(labels, settings.folds, seed=settings.seed),
        at_random=np.ones((), bool),
        score_before=margin(pooled, given[trusted]),
    )
    # Nothing was trained on here: what is said of golden samples and of others compares.
    where.score_before = pooled_log_odds(where, half[rows], given[rows])[0]
    purifier = Purifier("trusted", outputs.n_classes, settings)
    scores = Scores(outputs.loss[rows], unit[rows], half[rows])
    return purifier.purify(scores, given[rows], where, division, golden=golden)


def _without_golden(outputs: ModelOutputs, division: Division, where: Place) -> Purification:
    """What neighbours and predictions say together."""
    from tssd_keras.judge.scores import Scores
    from tssd_keras.judge.without_golden import WithoutGolden

    half = outputs.log_p.astype(np.float16)
    scores = Scores(outputs.loss, outputs.unit, half)
    judge = WithoutGolden(outputs.n_classes, len(outputs.given), 1, seed=0)
    return judge.purify(scores, outputs.given, where, division, outputs.of_unknown_truth)


def _label_audit(
    outputs: ModelOutputs,
    division: Division,
    purification: Purification | None,
    known: Agreement,
    why: str,
    renumbering: str,
    streams: Streams,
) -> LabelAudit:
    """Put together what is said of the judged samples and of the golden ones.

    Args:
        outputs, division, purification: of the samples that are judged.
        known: of the labels by the predictions.
        why: nothing is told of any label; "" if something is.
        renumbering: of `_renumbering`.
        streams: of the judged ones.
    """
    n, rows, log_p = len(outputs.given), outputs.of_unknown_truth, outputs.log_p
    given, golden = outputs.given[rows], bool((outputs.true >= 0).any())
    role, q = division.role, np.full(len(rows), np.nan)
    suggested, confidence = log_p.argmax(axis=1), np.exp(log_p.max(axis=1).astype(np.float64))
    if purification is not None:
        role, q = purification.role, purification.q.astype(np.float64)
        suggested, confidence = outputs.true.copy(), np.ones(n)
        suggested[rows], confidence[rows] = purification.suggested, purification.confidence
    score = np.where(np.isnan(q), division.mean_of_streams(given), q)
    if not golden:
        q = np.full(len(rows), np.nan)  # by neighbours and predictions, not by a meta classifier
    margin = _margin(log_p[rows], given)
    share = _wrong_share(score, purification, division, known.knows or golden, why)
    doubts = tuple(_doubts(known, renumbering, golden=golden))

    def everywhere(values: np.ndarray) -> np.ndarray:
        out = np.full(n, np.nan)
        out[rows] = values
        return out

    names = np.full(n, GOLDEN_ROLE, object)
    names[rows] = [ROLES[r] for r in role]
    return LabelAudit(
        given=outputs.given,
        score=everywhere(score),
        q=everywhere(q),
        p_loss=everywhere(division.p_loss),
        p_feature=everywhere(division.p_feature),
        role=names,
        suggested=suggested,
        confidence=confidence,
        order=rows[np.lexsort((margin, np.nan_to_num(score, nan=0.5)))],
        loss_abstains=division.loss_abstains,
        feature_abstains=division.feature_abstains,
        wrong_share=np.nan if share.share is None else share.share,
        wrong_share_error=np.nan if share.error is None else share.error,
        no_share=share.why,
        nothing_to_tell=why,
        streams=streams,
        notes=tuple(_notes(division, outputs.has_features, why, share, doubts)),
        doubts=doubts,
    )


def _margin(log_p: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """float32[n]: log-probability of the label less that of the best other class.

    It breaks ties. `log_p` is written over.
    """
    at = np.arange(len(labels))
    of_label = log_p[at, labels]
    log_p[at, labels] = -np.inf
    return of_label - log_p.max(axis=1)


def _wrong_share(
    score: np.ndarray,
    purification: Purification | None,
    division: Division,
    estimated: bool,
    why: str,
) -> WrongShare:
    """The share of wrong labels, and its standard error, or why there is none.

    Args:
        score: float64[n], of the samples that are judged.
        purification, division: of these.
        estimated: whether predictions or golden labels are there to tell it.
        why: nothing is told of any label; "" if something is.
    """
    if why or not estimated:
        return WrongShare(why=why or PREDICTIONS_BY_CHANCE)
    if purification is not None:
        return WrongShare.of_row(vars(purification.figures))
    share, why = share_by_streams(score, loss_abstains=division.loss_abstains)
    return WrongShare.of_row({"estimated_clean_share": share, "no_share": why})


def _renumbering(predicted: np.ndarray, given: np.ndarray, known: Agreement, k: int) -> str:
    """What numbering of the classes predictions and labels would agree in, if in another."""
    share, to = renumbered(predicted, given, k)
    moved = np.flatnonzero((to != np.arange(k)) & (np.bincount(given, minlength=k) > 0))
    if share - known.share <= MOST_APART or not len(moved):
        return ""
    pairs = ", ".join(f"label {a} as class {to[a]}" for a in moved[:3])
    more = f" and {len(moved) - 3} more" if len(moved) > 3 else ""
    return f": they would agree with {share:.1%} of them with {pairs}{more}"


def _doubts(known: Agreement, renumbering: str, *, golden: bool) -> Iterator[str]:
    if not known.knows and not golden:
        yield (
            f"the predictions agree with {known.share:.1%} of the labels, by chance "
            f"{known.chance:.1%}: nobody is judged by them, and neighbours alone do not tell "
            "how many labels are wrong. Look whether rows and columns of "
            f"predictions are in the order of the labels{renumbering}"
        )
    if known.share > BY_HEART:
        yield (
            f"the predictions agree with {known.share:.2%} of the labels: the model seems to have "
            "learned these very labels, and the wrong ones that it learned cannot be found. Use "
            "predictions for samples that the model was not trained on (cross-validation)"
        )


def _notes(
    division: Division, has_features: bool, why: str, share: WrongShare, doubts: tuple[str, ...]
) -> Iterator[str]:
    if why:
        yield f"{NOTHING_TO_TELL}, and no label was judged: {why}{remedy(why)}"
    elif share.why and share.why != PREDICTIONS_BY_CHANCE:
        yield f"how many labels are wrong: {NOTHING_TO_TELL}, as {share.why}{remedy(share.why)}"
    yield from doubts
    if why and why != STREAMS_ABSTAIN:
        return
    if division.loss_abstains:
        yield "the loss stream abstains: the losses are unimodal"
    n, k = int(division.feature_abstains.sum()), len(division.feature_abstains)
    if not has_features:
        yield "the feature stream abstains: no features were given"
    elif n:
        yield f"the feature stream abstains in {n} of {k} classes: it says nothing of them"

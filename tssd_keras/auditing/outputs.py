"""`tssd_keras.audit`: labels judged by the outputs of any model, in the streams of training.

Without golden labels nothing here loads Keras.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np

from tssd_keras.auditing.label_audit import LabelAudit
from tssd_keras.auditing.outputs_check import ModelOutputs, check_outputs
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
from tssd_keras.recipe.argument import as_flag
from tssd_keras.recipe.checks import as_settings
from tssd_keras.recipe.choices import STREAMS
from tssd_keras.recipe.method_sections import DivideRecipe, PurifyRecipe

if TYPE_CHECKING:
    from tssd_keras.judge.purify import Purification

GOLDEN_ROLE = "golden"
BY_HEART = 0.99  # only a model that has learned the labels agrees with a larger share of them


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
    suggested, p_suggested = log_p.argmax(axis=1), np.exp(log_p.max(axis=1).astype(np.float64))
    if purification is not None:
        role, q = purification.role, purification.q.astype(np.float64)
        suggested, p_suggested = outputs.true.copy(), np.ones(n)
        suggested[rows], p_suggested[rows] = purification.suggested, purification.p_suggested
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
        p_suggested=p_suggested,
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

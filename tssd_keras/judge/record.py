"""The record of a round: its figures as one typed object, and as a row of rounds.csv."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, fields
from typing import TypeVar

import numpy as np

from tssd_keras.judge.divide import Division
from tssd_keras.judge.rejected import Rejected
from tssd_keras.judge.told import JOIN

QUARTILES = (0.25, 0.5, 0.75)
OF_WHO_TELLS = {"estimated_clean_share", "clean_share_error"}  # a network without has no part
# Meta-feature -> its quartiles on golden positives, and those on kept samples.
Shift = dict[str, list[list[float]]]


@dataclass(frozen=True, kw_only=True)
class RoleCounts:
    """Samples of each role, and how many carry weight, of those drawn and not decided."""

    kept: int
    positive: int
    negative: int
    uncertain: int
    semi_hard: int
    floor: int


@dataclass(frozen=True, kw_only=True)
class Abstentions:
    """Which streams say nothing.

    Attributes:
        loss_abstains: whether the loss stream does.
        classes_abstaining: number of classes in which the feature stream does; a mean
            over networks where these differ.
        network_unready: why the network may not judge yet, so that no label was judged, see
            `train.readiness`; empty if it may.
    """

    loss_abstains: bool
    classes_abstaining: float
    network_unready: str = ""

    @classmethod
    def of(cls, division: Division, network_unready: str = "") -> Abstentions:
        """Those of one network's division."""
        return cls(
            loss_abstains=division.loss_abstains,
            classes_abstaining=int(division.feature_abstains.sum()),
            network_unready=network_unready,
        )


@dataclass(frozen=True, kw_only=True)
class Quality:
    """Figures that need the truth; clean is the positive class.

    None where the truth is unknown, and where a figure does not exist, such as an
    AUROC without errors.

    Attributes:
        kept_precision, kept_recall, kept_f1: of the kept samples.
        auroc_loss: of the loss itself, also where that stream abstains.
        auroc_feature: of the feature stream; None where it abstains in every class.
        auroc_q: of q; None without purification.
        label_error_auroc: of the final clean score.
        uncertain_purity: share of clean samples among those that the streams left uncertain.
        semi_hard_purity: the same among the mined.
        semi_hard_recall: share of the clean uncertain samples that were mined.
    """

    kept_precision: float | None = None
    kept_recall: float | None = None
    kept_f1: float | None = None
    auroc_loss: float | None = None
    auroc_feature: float | None = None
    auroc_q: float | None = None
    label_error_auroc: float | None = None
    uncertain_purity: float | None = None
    semi_hard_purity: float | None = None
    semi_hard_recall: float | None = None


@dataclass(frozen=True, kw_only=True)
class PurificationFigures:
    """Figures of a purification; None, and an empty shift, where there was none.

    Attributes:
        reach: "uncertain" or "all".
        criterion: the q above which uncertain samples are mined; in 0.5..1.
        estimated_clean_share: of right labels among the judged.
        nothing_to_tell: why no label was judged, see `told`; "" where labels were, None where
            nobody looked. Then there is no estimated share.
        no_share: why there is no estimated share, though labels may have been judged; "" where
            there is one, None where nobody looked.
        golden_pairs: how many random pairs of true and given label that share rests on.
        clean_share_error: its standard error by these pairs; None without them.
        classes_short: numbers of the classes, as text, that would have kept less than half of the
            right labels expected of them; the floor filled them up.
        neighbours_before: in what neighbours were found before training, "inputs" or "features";
            None where nobody looked.
        network_share: of network and neighbours in the golden head's answer.
        golden_auroc_q, golden_auroc_streams: how well q and the lesser of both streams
            rank golden rows, out of fold; None without trusted samples.
        shift: quartiles of meta-features, written to shift.json.
    """

    reach: str | None = None
    criterion: float | None = None
    estimated_clean_share: float | None = None
    nothing_to_tell: str | None = None
    no_share: str | None = None
    golden_pairs: int | None = None
    clean_share_error: float | None = None
    classes_short: str | None = None
    neighbours_before: str | None = None
    network_share: float | None = None
    golden_auroc_q: float | None = None
    golden_auroc_streams: float | None = None
    shift: Shift = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class RejectedFigures:
    """What rejected labels count for.

    Attributes:
        rejected_count: whether they count by q; true where they do for every network.
        rejected_fitted: whether a round has found that the network fits them.
        rejected_fit: how much more probability the network gives them than such labels that it was
            not trained on; see `rejected.Fit`.
    """

    rejected_count: bool
    rejected_fitted: bool
    rejected_fit: float | None

    @classmethod
    def of(cls, rejected: Rejected) -> RejectedFigures:
        """Those of one network."""
        fit = None if rejected.fit is None else rejected.fit.more
        return cls(rejected_count=rejected.count, rejected_fitted=rejected.fitted, rejected_fit=fit)


@dataclass(frozen=True, kw_only=True)
class Seconds:
    """Wall time of a round's parts."""

    score: float
    divide: float
    purify: float

    @property
    def total(self) -> float:
        """Of the whole round."""
        return self.score + self.divide + self.purify


@dataclass(frozen=True, kw_only=True)
class RoundRecord:
    """The figures of a round, over all networks.

    Attributes:
        epoch: the first that is trained with the new weights, counted from 0 over every `fit`; that
            of Keras where one `fit` trains all, or `initial_epoch` is right.
        roles, abstentions, quality, purification, rejected, seconds: the figures by their subject.
    """

    epoch: int
    roles: RoleCounts
    abstentions: Abstentions
    quality: Quality
    purification: PurificationFigures
    rejected: RejectedFigures
    seconds: Seconds

    def row(self) -> dict[str, object]:
        """The columns of rounds.csv, in their order: every figure but the shift."""
        purification = dict(vars(self.purification))
        del purification["shift"]
        return {
            "epoch": self.epoch,
            **vars(self.roles),
            **vars(self.abstentions),
            **vars(self.quality),
            **purification,
            **vars(self.rejected),
            **{f"seconds_{part}": value for part, value in vars(self.seconds).items()},
        }


Figures = TypeVar("Figures", Abstentions, Quality, PurificationFigures, RejectedFigures)


def shift(names: Sequence[str], golden: np.ndarray, kept: np.ndarray) -> Shift:
    """Quartiles of each meta-feature on golden positives, beside those on kept samples.

    Args:
        names: F of them.
        golden: float[m, F].
        kept: float[n, F].

    Returns:
        Name -> two lists of three numbers; empty where nothing was kept.
    """
    if not len(kept):
        return {}
    sides = [np.quantile(side, QUARTILES, axis=0) for side in (golden, kept)]
    return {
        name: [[round(float(v), 4) for v in side[:, i]] for side in sides]
        for i, name in enumerate(names)
    }


def merged(networks: Sequence[Figures]) -> Figures:
    """Several networks' figures as one.

    Numbers become their mean. A figure is true where all say so, and None where a network
    has none, but a share of those that tell one. Differing texts are joined with " / ". The shift
    is the first network's.
    """
    if len(networks) == 1:
        return networks[0]
    names = [figure.name for figure in fields(networks[0])]
    values = {name: [getattr(network, name) for network in networks] for name in names}
    for name in OF_WHO_TELLS & values.keys():
        values[name] = [value for value in values[name] if value is not None] or [None]
    return type(networks[0])(**{name: _as_one(values[name]) for name in names})


def _as_one(values: list):
    if any(value is None for value in values):
        return None
    if all(isinstance(value, bool) for value in values):
        return all(values)
    if all(isinstance(value, int | float) for value in values):
        return float(np.mean(values))
    if isinstance(values[0], dict):
        return values[0]
    return values[0] if len(set(values)) == 1 else JOIN.join(map(str, values))


def summed(networks: Sequence[Seconds]) -> Seconds:
    """The seconds of networks that were judged one after the other."""
    return Seconds(
        score=sum(network.score for network in networks),
        divide=sum(network.divide for network in networks),
        purify=sum(network.purify for network in networks),
    )

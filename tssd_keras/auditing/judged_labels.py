"""What is said of labels by the outputs of any model, and as a table."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from tssd_keras.data.columns import names_of, write_columns
from tssd_keras.judge.streams import Streams
from tssd_keras.recipe.argument import as_path


@dataclass(frozen=True, kw_only=True, eq=False)
class JudgedLabels:
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
        p_suggested: float64[N], its probability.
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
    p_suggested: np.ndarray
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
            "p_suggested": self.p_suggested,
            "rank": [place or None for place in rank.tolist()],
        }


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

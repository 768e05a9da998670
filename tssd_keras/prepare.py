"""From a data set to what a run needs: labels made noisy, samples held out, samples trusted."""

from __future__ import annotations

import dataclasses
import sys
from dataclasses import dataclass
from typing import Any

import click
import numpy as np

from tssd_keras import noise
from tssd_keras.duplicates import Duplicates, digests, find_duplicates
from tssd_keras.given_labels import given_labels
from tssd_keras.golden import Golden, choose_per_class
from tssd_keras.golden_choice import choose_golden, marked_samples, trusted_labels
from tssd_keras.inputs import ArrayInputs, Inputs
from tssd_keras.recipe import Recipe
from tssd_keras.sources.image_check import SHORT_WAIT
from tssd_keras.sources.labelled_data import LabelledData


@dataclass(frozen=True)
class Prepared:
    """One run's data.

    Attributes:
        data: the source.
        given: int64[N], given labels of the whole training split, noise and all.
        truth: int64[N], -1 where unknown, or None where no true label is known.
        stream: int64[N'], sorted indices of the noisy stream.
        golden: trusted samples, outside the stream; None without.
        golden_index: int64[M], their indices.
        judge_inputs, judge_labels, judged_on: what accuracy is measured on:
            the data's test samples, or "validation" (held out of training,
            with true labels).
        duplicates: equal samples; None where nobody looked.
    """

    data: LabelledData
    given: np.ndarray
    truth: np.ndarray | None
    stream: np.ndarray
    golden: Golden | None
    golden_index: np.ndarray
    judge_inputs: Inputs
    judge_labels: np.ndarray
    judged_on: str
    duplicates: Duplicates | None

    @property
    def effective_noise_rate(self) -> float | None:
        """Share of wrong labels among the training samples whose true label is known."""
        if self.truth is None or not (self.truth >= 0).any():
            return None
        known = self.truth >= 0
        return float((self.given != self.truth)[known].mean())

    @property
    def labels_sha256(self) -> str:
        """Hash of the given labels of the whole training split."""
        return noise.labels_sha256(self.given)


def prepare(recipe: Recipe, data: LabelledData) -> Prepared:
    """Draw the noise, then let validation and golden samples leave the stream.

    The noise is drawn for the whole training split first, so that neither the
    labels nor their hash depend on what leaves.

    Raises:
        ValueError: the recipe asks for what the data do not have.
        FileNotFoundError: a file of labels or ids is not there.
    """
    recipe.model.check_samples(tuple(data.inputs.shape[1:]))
    recipe.augment.check_samples(tuple(data.inputs.shape[1:]), str(data.inputs.dtype))
    recipe.train.check_draw(len(data.class_names))
    if recipe.data.find_duplicates:
        data = _with_digests(data)
    given, truth = given_labels(recipe, data)
    marked = marked_samples(recipe.golden, data)
    held_out = _validation(recipe, data, truth, marked)
    rest = np.setdiff1d(np.arange(len(given)), held_out)
    golden_index = choose_golden(recipe.golden, data, truth, marked, rest)
    stream = np.setdiff1d(rest, golden_index)
    if not len(stream) and not recipe.golden.train_on:
        raise ValueError(
            f"the noisy stream must hold samples, none of {len(given):,} are left: "
            f"{len(golden_index):,} are golden, {len(held_out):,} held out. Try "
            "golden.at_most_per_class, a lower golden.per_class, or mark fewer as trusted."
        )
    golden = None
    if recipe.golden.source == "trusted":
        golden = Golden(
            Subset(data.inputs, golden_index),
            trusted_labels(data.labels, truth)[golden_index],
            given[golden_index],
        )
    judge_inputs, judge_labels, judged_on = data.test_inputs, data.test_labels, data.judged_on
    if truth is not None and len(held_out):
        judge_inputs, judge_labels = Subset(data.inputs, held_out), truth[held_out]
        judged_on = "validation"
    return Prepared(
        data,
        given,
        truth,
        stream,
        golden,
        golden_index,
        judge_inputs,
        judge_labels,
        judged_on,
        _duplicates(recipe, data, given),
    )


def _with_digests(data: LabelledData) -> LabelledData:
    """The data with hashes of their samples, where these lie in memory; else as they are."""
    found: dict[str, Any] = {}
    for name, inputs in (("digests", data.inputs), ("test_digests", data.test_inputs)):
        if getattr(data, name) is None and isinstance(inputs, ArrayInputs):
            bar = click.progressbar(
                length=len(inputs),
                label=f"comparing samples of {data.name}",
                file=sys.stderr,
                hidden=len(inputs) < SHORT_WAIT,
            )
            with bar:
                found[name] = digests(inputs, bar.update)
    return dataclasses.replace(data, **found) if found else data


def _duplicates(recipe: Recipe, data: LabelledData, given: np.ndarray) -> Duplicates | None:
    if not recipe.data.find_duplicates or data.digests is None or data.test_digests is None:
        return None
    return find_duplicates(data.digests, data.test_digests, given, data.test_labels)


class Subset:
    """Some samples of other inputs, numbered anew from 0; nothing is copied.

    Args:
        inputs: the others.
        index: int64[n], which of them.
    """

    def __init__(self, inputs: Inputs, index: np.ndarray) -> None:
        self._inputs, self._index = inputs, index
        self.shape = (len(index), *inputs.shape[1:])
        self.dtype = inputs.dtype

    def __len__(self) -> int:
        return len(self._index)

    def read(self, index: np.ndarray) -> np.ndarray:
        """See `Inputs.read`."""
        return self._inputs.read(self._index[index])


def _validation(
    recipe: Recipe, data: LabelledData, truth: np.ndarray | None, marked: np.ndarray | None
) -> np.ndarray:
    """Sorted samples to judge on: as many of each class, of those not marked as trusted."""
    share = recipe.data.validation_share
    if not share:
        return np.empty(0, np.int64)
    if truth is None:
        raise ValueError(
            "data.validation_share needs true labels, which these data do not have: accuracy on "
            "wrong labels would mislead. Set it to 0 and bring a clean test split."
        )
    n_classes = len(data.class_names)
    free = np.flatnonzero((truth >= 0) if marked is None else (truth >= 0) & ~marked)
    smallest = int(np.bincount(truth[free], minlength=n_classes).min())
    per_class = int(share * len(free) / n_classes)
    chosen = choose_per_class(
        truth[free], max(1, min(per_class, smallest - 1)), n_classes, seed=recipe.data.split_seed
    )
    return free[chosen]

"""From a data set to what a run needs: labels made noisy, samples held out, samples trusted."""

from __future__ import annotations

import dataclasses
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import click
import numpy as np

from tssd_keras.data.class_labels import lacking_classes
from tssd_keras.data.duplicates import Duplicates, digests, equal_to_some, find_duplicates
from tssd_keras.data.inputs import ArrayInputs, Inputs, Subset
from tssd_keras.data.labelled_data import LabelledData
from tssd_keras.data.sources.image_check import SHORT_WAIT
from tssd_keras.labels import noise
from tssd_keras.labels.decision_split import GOLDEN, Decided, split_decisions
from tssd_keras.labels.decisions import read_decisions, stands_for
from tssd_keras.labels.given import given_labels
from tssd_keras.labels.golden import Golden, check_golden_labels, choose_per_class
from tssd_keras.labels.golden_choice import (
    choose_golden,
    in_test,
    marked_samples,
    names,
    trusted_labels,
)
from tssd_keras.recipe.recipe import Recipe

MARK_MORE = (
    "Mark more (golden.ids, the column golden of a table, the array trusted of an .npz file), or "
    'set golden.source = "certain".'
)


@dataclass(frozen=True)
class Prepared:
    """One run's data.

    Attributes:
        data: the source.
        given: int64[N], given labels of the whole training split, noise and all;
            -1: the sample has none and can be golden only.
        truth: int64[N], -1 where unknown, or None where no true label is known.
        stream: int64[N'], sorted indices of the noisy stream.
        golden: trusted samples, outside the stream; None without.
        golden_index: int64[M], their indices.
        eval_inputs, eval_labels, evaluated_on: what accuracy is measured on:
            the data's test samples, or "validation" (held out of training,
            with true labels).
        duplicates: equal samples; None where nobody looked.
        notes: for the user, of how the samples were divided up, a line each.
        decided: what people decided of samples; the golden half of them come last
            among the golden, the others are in the stream. None where nobody did.
    """

    data: LabelledData
    given: np.ndarray
    truth: np.ndarray | None
    stream: np.ndarray
    golden: Golden | None
    golden_index: np.ndarray
    eval_inputs: Inputs
    eval_labels: np.ndarray
    evaluated_on: str
    duplicates: Duplicates | None
    notes: tuple[str, ...]
    decided: Decided | None = None

    @property
    def effective_noise_rate(self) -> float | None:
        """Share of wrong labels among the given ones whose true label is known."""
        if self.truth is None:
            return None
        known = (self.truth >= 0) & (self.given >= 0)
        return float((self.given != self.truth)[known].mean()) if known.any() else None

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
    _check_classes(recipe, data, given)
    marked = marked_samples(recipe.golden, data)
    held_out = _validation(recipe, data, truth, marked)
    rest = np.setdiff1d(np.arange(len(given)), held_out)
    judged = np.isin(np.arange(len(given)), held_out)
    apart = np.flatnonzero(~equal_to_some(data.digests, judged))
    if recipe.golden.decisions and marked is None and truth is None:
        golden_index = np.empty(0, np.int64)  # the decided ones are all there are
    else:
        golden_index = choose_golden(recipe.golden, data, truth, marked, apart)
    decided = _decided(recipe, data, given, np.union1d(held_out, golden_index))
    golden = None
    if recipe.golden.source == "trusted":
        # Whose truth is known by chance, or because somebody doubted the label, nobody can say.
        all_known = marked is None and truth is not None and bool((truth >= 0).all())
        at_random = np.full(len(golden_index), all_known)
        golden_index, golden = _golden(
            data, given, truth, golden_index, decided, n_stream=len(rest), at_random=at_random
        )
        if recipe.objective.kind != "plain":
            check_golden_labels(
                golden.labels, len(data.class_names), remedy=MARK_MORE, names=data.class_names
            )
    stream = np.setdiff1d(rest[given[rest] >= 0], golden_index)
    labels = given
    if decided is not None:
        own = decided.labels(len(given))
        labels = np.where(own >= 0, own, given)
    _check_stream(data, labels, stream, len(golden_index), len(held_out))
    eval_inputs, eval_labels, evaluated_on = data.test_inputs, data.test_labels, data.evaluated_on
    if truth is not None and len(held_out):
        eval_inputs, eval_labels = Subset(data.inputs, held_out), truth[held_out]
        evaluated_on = "validation"
    return Prepared(
        data,
        given,
        truth,
        stream,
        golden,
        golden_index,
        eval_inputs,
        eval_labels,
        evaluated_on,
        _duplicates(recipe, data, given if truth is None else np.where(given < 0, truth, given)),
        (*_notes(recipe, data, given, marked, golden_index), *(decided.notes if decided else ())),
        decided,
    )


def _decided(
    recipe: Recipe, data: LabelledData, given: np.ndarray, taken: np.ndarray
) -> Decided | None:
    """What people decided, and what each decision is used for; None where nobody did.

    Args:
        recipe: its golden section.
        data: of the source.
        given: int64[N].
        taken: int64[n], samples that are held out, or golden anyway.
    """
    if not recipe.golden.decisions:
        return None
    decisions = read_decisions(
        recipe.golden.decisions,
        given=given,
        class_names=data.class_names,
        ids=data.ids,
        labels_sha256=noise.labels_sha256(given),
    )
    return split_decisions(
        decisions,
        teaches=recipe.golden.source == "trusted",
        taken=np.isin(np.arange(len(given)), taken),
        in_test=in_test(data),
    )


def _golden(
    data: LabelledData,
    given: np.ndarray,
    truth: np.ndarray | None,
    drawn: np.ndarray,
    decided: Decided | None,
    *,
    n_stream: int,
    at_random: np.ndarray,
) -> tuple[np.ndarray, Golden]:
    """The golden samples, drawn ones first, then decided ones, and their indices.

    Args:
        data: of the source.
        given, truth: int64[N], or no truth.
        drawn: int64[M], from the whole stream.
        decided: some of which are golden, or None.
        n_stream: samples that these stand for.
        at_random: bool[M], whether the drawn ones were, and not marked by somebody.
    """
    index, labels, weight = drawn, trusted_labels(data.labels, truth)[drawn], None
    if decided is not None:
        chosen, found = decided.of(GOLDEN), decided.decisions
        index = np.concatenate([drawn, found.index[chosen]])
        labels = np.concatenate([labels, found.label[chosen]])
        at_random = np.concatenate([at_random, np.zeros(len(chosen), bool)])
        if len(chosen):
            weight = stands_for(
                found.stratum[chosen],
                found.stratum_size[chosen],
                n_uniform=len(drawn),
                n_stream=n_stream,
            )
    return index, Golden(Subset(data.inputs, index), labels, given[index], weight, at_random)


def _check_classes(recipe: Recipe, data: LabelledData, given: np.ndarray) -> None:
    """Raise ValueError if noise has left a class without labels."""
    kind = recipe.noise.kind
    if kind == "none":  # the data's own labels, checked when they were loaded
        return
    where, hint = f'among the labels of noise.kind = "{kind}"', "Choose noise that keeps some."
    if kind == "file":
        where = f"among the labels of {recipe.noise.labels}"
        hint = "Mend the file, or leave the class out of the data and of the file."
    for mistake in lacking_classes(given, data.class_names, data.ids, where=where, hint=hint):
        raise ValueError(f"{data.name}: {mistake}")


def _check_stream(
    data: LabelledData, given: np.ndarray, stream: np.ndarray, n_golden: int, n_held_out: int
) -> None:
    """Raise ValueError if golden and validation samples leave too little of a class to train on."""
    where = f"once {n_golden} golden and {n_held_out} validation samples have left"
    hint = (
        "Add samples of it, or let fewer leave: golden.at_most_per_class, golden.per_class, "
        "data.validation_share."
    )
    labels = np.full(len(given), -1)
    labels[stream] = given[stream]
    for mistake in lacking_classes(labels, data.class_names, data.ids, where=where, hint=hint):
        raise ValueError(f"{data.name}: {mistake}")


def _notes(
    recipe: Recipe,
    data: LabelledData,
    given: np.ndarray,
    marked: np.ndarray | None,
    golden_index: np.ndarray,
) -> Iterator[str]:
    if marked is not None:
        twins = np.flatnonzero(marked & in_test(data))
        if len(twins):  # only where some of the marked are drawn, else they are refused
            yield (
                f"golden: {len(twins):,} trusted samples equal a test sample byte by byte and are "
                f"not drawn, the first {names(data, twins)}"
            )
    without = given < 0
    if without.any():
        yield (
            f"labels: {without.sum():,} trusted samples have no given label and are not trained "
            f"on; {without[golden_index].sum():,} of them are golden"
        )
    if recipe.data.find_duplicates and (data.digests is None or data.test_digests is None):
        yield (
            "equal samples: nobody looked, so golden samples may be test samples too, by their "
            "bytes; images are compared where data.check_images is true or they are decoded ahead"
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


def _duplicates(recipe: Recipe, data: LabelledData, labels: np.ndarray) -> Duplicates | None:
    if not recipe.data.find_duplicates or data.digests is None or data.test_digests is None:
        return None
    return find_duplicates(data.digests, data.test_digests, labels, data.test_labels)


def _validation(
    recipe: Recipe, data: LabelledData, truth: np.ndarray | None, marked: np.ndarray | None
) -> np.ndarray:
    """Sorted samples to judge on: as many of each class, none marked as trusted or equal to one."""
    share = recipe.data.validation_share
    if not share:
        return np.empty(0, np.int64)
    if truth is None:
        raise ValueError(
            "data.validation_share needs true labels, which these data do not have: accuracy on "
            "wrong labels would mislead. Set it to 0 and bring a clean test split."
        )
    n_classes = len(data.class_names)
    known = truth >= 0
    free = np.flatnonzero(known if marked is None else known & ~equal_to_some(data.digests, marked))
    smallest = int(np.bincount(truth[free], minlength=n_classes).min())
    per_class = int(share * len(free) / n_classes)
    chosen = choose_per_class(
        truth[free], max(1, min(per_class, smallest - 1)), n_classes, seed=recipe.data.split_seed
    )
    return free[chosen]

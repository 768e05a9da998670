"""From a data set to a run's data: labels made noisy, samples held out, samples trusted."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from tssd_keras.data.class_labels import check_enough_of_each, lacking_classes
from tssd_keras.data.duplicates import (
    Duplicates,
    equal_to_some,
    find_duplicates,
    in_test,
    with_digests,
)
from tssd_keras.data.inputs import Inputs, Subset
from tssd_keras.data.labelled_data import LabelledData
from tssd_keras.data.stratify import first_of_each
from tssd_keras.labels import noise
from tssd_keras.labels.decisions.uses import Decided
from tssd_keras.labels.given import given_labels
from tssd_keras.labels.golden import Golden
from tssd_keras.labels.golden_choice import marked_samples, names
from tssd_keras.labels.golden_set import GoldenSet, golden_set
from tssd_keras.recipe.recipe import Recipe


@dataclass(frozen=True)
class Prepared:
    """One run's data.

    Attributes:
        data: the source.
        given: int64[N], given labels of the whole training split, with the noise. -1: the
            sample has none and can be golden only.
        truth: int64[N], -1 where unknown, or None where no true label is known.
        stream: int64[N'], sorted indices of the noisy stream.
        golden: trusted samples, outside the stream; None without.
        golden_index: int64[M], their indices.
        eval_inputs, eval_labels, evaluated_on: samples, labels and name of what accuracy is
            measured on: the data's test samples, or "validation" (held out of training, with
            true labels).
        duplicates: equal samples; None where nobody looked.
        notes: for the user, on how the samples were divided up, a line each.
        decided: decisions of people. Their golden half come last among the golden, the others
            are in the stream. None where nobody decided.
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
        both = (self.truth >= 0) & (self.given >= 0)
        return float((self.given != self.truth)[both].mean()) if both.any() else None

    @property
    def labels_sha256(self) -> str:
        """Hash of the given labels of the whole training split."""
        return noise.labels_sha256(self.given)


def prepare(recipe: Recipe, data: LabelledData) -> Prepared:
    """Draw the noise, then let validation and golden samples leave the stream.

    The noise is drawn for the whole training split first, so that neither the
    labels nor their hash depend on the samples that leave.

    Raises:
        ValueError: the data lack what the recipe asks for.
        FileNotFoundError: a file of labels or ids is not there.
    """
    recipe.model.check_samples(tuple(data.inputs.shape[1:]))
    recipe.augment.check_samples(tuple(data.inputs.shape[1:]), str(data.inputs.dtype))
    recipe.train.check_draw(len(data.class_names))
    if recipe.data.find_duplicates:
        data = with_digests(data)
    given, truth = given_labels(recipe, data)
    _check_classes(recipe, data, given)
    marked = marked_samples(recipe.golden, data)
    held_out = _validation(recipe, data, truth, marked)
    trusted = golden_set(recipe, data, given, truth, marked=marked, held_out=held_out)
    left = np.union1d(held_out, trusted.index)
    if trusted.decided is not None:
        left = np.union1d(left, trusted.decided.decisions.unusable)
    stream = np.setdiff1d(np.flatnonzero(given >= 0), left)
    _check_stream(data, _trained_on(given, trusted.decided), stream, trusted.index, held_out)
    eval_inputs, eval_labels, evaluated_on = _evaluation(data, truth, held_out)
    return Prepared(
        data=data,
        given=given,
        truth=truth,
        stream=stream,
        golden=trusted.golden,
        golden_index=trusted.index,
        eval_inputs=eval_inputs,
        eval_labels=eval_labels,
        evaluated_on=evaluated_on,
        duplicates=_duplicates(recipe, data, given, truth),
        notes=tuple(_notes(recipe, data, given, marked, trusted)),
        decided=trusted.decided,
    )


def _trained_on(given: np.ndarray, decided: Decided | None) -> np.ndarray:
    """int64[N]: the decided label of a sample that is trained on under it, else the given one."""
    if decided is None:
        return given
    labels = decided.labels(len(given))
    return np.where(labels >= 0, labels, given)


def _evaluation(
    data: LabelledData, truth: np.ndarray | None, held_out: np.ndarray
) -> tuple[Inputs, np.ndarray, str]:
    """Samples, labels and name of what accuracy is measured on: validation, else the test split."""
    if truth is not None and len(held_out):
        return Subset(data.inputs, held_out), truth[held_out], "validation"
    return data.test_inputs, data.test_labels, data.evaluated_on


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
    data: LabelledData,
    trained_on: np.ndarray,
    stream: np.ndarray,
    golden: np.ndarray,
    held_out: np.ndarray,
) -> None:
    """Raise ValueError if golden and validation samples leave too little of a class to train on."""
    where = f"once {len(golden)} golden and {len(held_out)} validation samples have left"
    hint = (
        "Add samples of it, or let fewer leave: golden.at_most_per_class, golden.per_class, "
        "data.validation_share."
    )
    labels = np.full(len(trained_on), -1)
    labels[stream] = trained_on[stream]
    for mistake in lacking_classes(labels, data.class_names, data.ids, where=where, hint=hint):
        raise ValueError(f"{data.name}: {mistake}")


def _notes(
    recipe: Recipe,
    data: LabelledData,
    given: np.ndarray,
    marked: np.ndarray | None,
    trusted: GoldenSet,
) -> Iterator[str]:
    if marked is not None:
        twins = np.flatnonzero(marked & in_test(data))
        if len(twins):  # where all the marked are taken, `marked_samples` refuses them
            yield (
                f"golden: {len(twins):,} trusted samples equal a test sample byte by byte and are "
                f"not drawn, the first {names(data, twins)}"
            )
    elif data.trusted is not None and data.trusted.any():
        yield (
            f"golden: {data.trusted.sum():,} samples are marked as trusted, and golden.source is "
            f'"{recipe.golden.source}": they are in the stream like all others. Set '
            'golden.source = "trusted" to judge by them'
        )
    without = given < 0
    if without.any():
        yield (
            f"labels: {without.sum():,} trusted samples have no given label and are not trained "
            f"on; {without[trusted.index].sum():,} of them are golden"
        )
    if recipe.data.find_duplicates and (data.digests is None or data.test_digests is None):
        yield (
            "equal samples: nobody looked, so golden samples may be test samples too, by their "
            "bytes; images are compared where data.check_images is true or they are decoded ahead"
        )
    if trusted.decided is not None:
        yield from trusted.decided.notes


def _duplicates(
    recipe: Recipe, data: LabelledData, given: np.ndarray, truth: np.ndarray | None
) -> Duplicates | None:
    """Equal samples, under the given labels (the true one where none is given)."""
    if not recipe.data.find_duplicates or data.digests is None or data.test_digests is None:
        return None
    labels = given if truth is None else np.where(given < 0, truth, given)
    return find_duplicates(data.digests, data.test_digests, labels, data.test_labels)


def _validation(
    recipe: Recipe, data: LabelledData, truth: np.ndarray | None, marked: np.ndarray | None
) -> np.ndarray:
    """Sorted samples of the validation: a share of each class, none equal to a trusted one."""
    share = recipe.data.validation_share
    if not share:
        return np.empty(0, np.int64)
    if truth is None:
        raise ValueError(
            "data.validation_share needs true labels, which these data do not have: accuracy on "
            "wrong labels would mislead. Set it to 0 and bring a clean test split."
        )
    n_classes = len(data.class_names)
    allowed = truth >= 0
    if marked is not None:
        allowed = allowed & ~equal_to_some(data.digests, marked)
    free = np.flatnonzero(allowed)
    check_enough_of_each(
        "each class must have at least 2 samples, one more than data.validation_share holds out",
        truth[free],
        n_classes,
        2,
        remedy="Samples of unknown truth and such as equal a trusted one are not held out. Look "
        "whether the samples differ, or set data.validation_share = 0.",
    )
    wanted = np.maximum(1, share * np.bincount(truth[free], minlength=n_classes)).astype(int)
    return free[first_of_each(truth[free], wanted, np.random.default_rng(recipe.data.split_seed))]

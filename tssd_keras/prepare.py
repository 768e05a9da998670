"""From a data set to what a run needs: labels made noisy, samples held out, samples trusted."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tssd_keras import noise
from tssd_keras.golden import Golden, choose_per_class
from tssd_keras.inputs import Inputs
from tssd_keras.recipe import Recipe
from tssd_keras.sources.labelled_data import LabelledData


@dataclass(frozen=True)
class Prepared:
    """One run's data.

    Attributes:
        data: the source.
        given: int64[N], given labels of the whole training split, noise and all.
        truth: int64[N], or None where the true labels are not known.
        stream: int64[N'], sorted indices of the noisy stream.
        golden: trusted samples, outside the stream; None without.
        golden_index: int64[M], their indices.
        judge_inputs, judge_labels, judged_on: what accuracy is measured on:
            "test", or "validation" (held out of training, with true labels).
        matrix: float64[K, K], the transition matrix the noise was drawn from.
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
    matrix: np.ndarray

    @property
    def effective_noise_rate(self) -> float | None:
        """Share of wrong labels in the whole training split."""
        return None if self.truth is None else float((self.given != self.truth).mean())

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
    """
    recipe.model.check_samples(tuple(data.inputs.shape[1:]))
    truth = data.true_labels
    if truth is None and recipe.noise.kind != "none":
        truth = data.labels  # noise is drawn on labels that are taken to be right
    matrix = noise.transition_matrix(
        recipe.noise.kind,
        data.class_names,
        rate=recipe.noise.rate,
        include_true=recipe.noise.include_true,
        matrix=recipe.noise.matrix,
        dataset=recipe.dataset,
    )
    given = data.labels
    if recipe.noise.kind != "none" and truth is not None:
        given = noise.draw_labels(truth, matrix, seed=recipe.noise.seed)

    n = len(given)
    held_out = _validation(recipe, data, truth)
    rest = np.setdiff1d(np.arange(n), held_out)
    golden_index = _golden_index(recipe, data, truth, rest)
    stream = np.setdiff1d(rest, golden_index)
    golden = None
    if recipe.golden.source == "trusted":
        trusted = given if truth is None else truth
        golden = Golden(
            Subset(data.inputs, golden_index), trusted[golden_index], given[golden_index]
        )
    judge_inputs, judge_labels, judged_on = data.test_inputs, data.test_labels, "test"
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
        matrix,
    )


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


def _validation(recipe: Recipe, data: LabelledData, truth: np.ndarray | None) -> np.ndarray:
    share = recipe.data.validation_share
    if not share:
        return np.empty(0, np.int64)
    if truth is None:
        raise ValueError(
            "data.validation_share needs true labels, which these data do not have: accuracy on "
            "wrong labels would mislead. Set it to 0 and bring a clean test split."
        )
    smallest = int(np.bincount(truth, minlength=len(data.class_names)).min())
    per_class = int(share * len(truth) / len(data.class_names))
    return choose_per_class(
        truth,
        max(1, min(per_class, smallest - 1)),
        len(data.class_names),
        seed=recipe.data.split_seed,
    )


def _golden_index(
    recipe: Recipe, data: LabelledData, truth: np.ndarray | None, rest: np.ndarray
) -> np.ndarray:
    if recipe.golden.source != "trusted":
        return np.empty(0, np.int64)
    if data.trusted is not None:
        index = rest[data.trusted[rest]]
        if not len(index):
            raise ValueError(
                'golden.source = "trusted" needs trusted samples, and the data mark none of '
                f'{len(rest)} as trusted. Mark some, or set golden.source = "certain".'
            )
        return index
    if truth is None:
        raise ValueError(
            'golden.source = "trusted" needs samples whose labels are known to be right, and the '
            'data name none. Mark some as trusted, or set golden.source = "certain".'
        )
    chosen = choose_per_class(
        truth[rest], recipe.golden.per_class, len(data.class_names), seed=recipe.golden.seed
    )
    return rest[chosen]

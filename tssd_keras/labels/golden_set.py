"""The golden samples of a run: drawn or marked ones first, then those that people decided on."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tssd_keras.data.duplicates import equal_to_some, in_test
from tssd_keras.data.inputs import Subset
from tssd_keras.data.labelled_data import LabelledData
from tssd_keras.labels import noise
from tssd_keras.labels.decisions.reading import Decisions, read_decisions
from tssd_keras.labels.decisions.uses import GOLDEN, Decided, split_decisions
from tssd_keras.labels.decisions.weights import stands_for
from tssd_keras.labels.golden import Golden, check_golden_labels
from tssd_keras.labels.golden_choice import MARK_MORE, choose_golden, trusted_labels
from tssd_keras.recipe.recipe import Recipe


@dataclass(frozen=True, eq=False)
class GoldenSet:
    """A run's trusted samples.

    Attributes:
        index: int64[M], in the training split.
        golden: the samples; None where the recipe trusts none.
        decided: what people decided, and the use of each decision; None where nobody did.
    """

    index: np.ndarray
    golden: Golden | None
    decided: Decided | None


def golden_set(
    recipe: Recipe,
    data: LabelledData,
    given: np.ndarray,
    truth: np.ndarray | None,
    *,
    marked: np.ndarray | None,
    held_out: np.ndarray,
) -> GoldenSet:
    """The trusted samples that the recipe asks for.

    Args:
        recipe: its sections golden and objective.
        data: of the source.
        given: int64[N], given labels.
        truth: int64[N], -1 where unknown, or None.
        marked: bool[N], see `golden_choice.marked_samples`, or None.
        held_out: int64[n], sorted samples of the validation.

    Raises:
        ValueError: the data have no such samples, or too few of a class.
        FileNotFoundError: there is no such file of decisions.
    """
    is_held_out = np.isin(np.arange(len(given)), held_out)
    decisions = _decisions(recipe, data, given)
    if recipe.golden.decisions and marked is None and truth is None:
        drawn = np.empty(0, np.int64)  # the decided ones are all there are
    else:
        apart = np.flatnonzero(~equal_to_some(data.digests, is_held_out))
        drawn = choose_golden(recipe.golden, data, truth, marked, apart)
    decided = None
    if decisions is not None:
        drawn = drawn[~np.isin(drawn, decisions.unusable)]
        decided = split_decisions(
            decisions,
            teaches=recipe.golden.source == "trusted",
            taken=np.isin(np.arange(len(given)), np.union1d(held_out, drawn)),
            in_test=in_test(data),
        )
    if recipe.golden.source != "trusted":
        return GoldenSet(drawn, None, decided)
    # Only a fully known truth makes the draw random.
    all_known = marked is None and truth is not None and bool((truth >= 0).all())
    index, golden = _joined(
        data,
        given,
        trusted_labels(data.labels, truth),
        drawn,
        decided,
        n_stream=len(given) - len(held_out),
        at_random=np.full(len(drawn), all_known),
    )
    if recipe.objective.kind != "plain":
        names = data.class_names
        check_golden_labels(golden.labels, len(names), remedy=MARK_MORE, names=names)
    return GoldenSet(index, golden, decided)


def _decisions(recipe: Recipe, data: LabelledData, given: np.ndarray) -> Decisions | None:
    """What people decided on these given labels int64[N]; None where nobody decided."""
    if not recipe.golden.decisions:
        return None
    return read_decisions(
        recipe.golden.decisions,
        given=given,
        class_names=data.class_names,
        ids=data.ids,
        labels_sha256=noise.labels_sha256(given),
    )


def _joined(
    data: LabelledData,
    given: np.ndarray,
    trusted: np.ndarray,
    drawn: np.ndarray,
    decided: Decided | None,
    *,
    n_stream: int,
    at_random: np.ndarray,
) -> tuple[np.ndarray, Golden]:
    """Indices and golden samples, drawn ones first, then decided ones.

    Args:
        data: of the source.
        given: int64[N].
        trusted: int64[N], true labels where known, else the data's own.
        drawn: int64[M].
        decided: some of which are golden, or None.
        n_stream: samples that the golden ones stand for.
        at_random: bool[M], whether the drawn ones were, and not marked by somebody.
    """
    index, labels, weight = drawn, trusted[drawn], None
    if decided is not None:
        chosen, decisions = decided.of(GOLDEN), decided.decisions
        index = np.concatenate([drawn, decisions.index[chosen]])
        labels = np.concatenate([labels, decisions.label[chosen]])
        at_random = np.concatenate([at_random, np.zeros(len(chosen), bool)])
        if len(chosen):
            weight = stands_for(
                decisions.stratum[chosen],
                decisions.stratum_size[chosen],
                n_uniform=len(drawn),
                n_stream=n_stream,
            )
    return index, Golden(Subset(data.inputs, index), labels, given[index], weight, at_random)

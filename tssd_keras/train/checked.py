"""The callback's arguments, checked once, at the door, and trusted from there on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from tssd_keras.data.class_labels import class_labels
from tssd_keras.data.inputs import Inputs, as_inputs
from tssd_keras.data.targets import Form, Targets, as_targets
from tssd_keras.labels.golden import Golden
from tssd_keras.labels.known import Labels
from tssd_keras.recipe.checks import as_settings, of_kind
from tssd_keras.recipe.method_sections import DivideRecipe, PurifyRecipe
from tssd_keras.train.arguments import (
    as_decided,
    as_golden,
    as_index,
    as_samples,
    as_truth,
    check_apart,
    check_epoch_samples,
    check_every_class,
    check_finite,
    check_golden,
    warn_of_lowest,
)
from tssd_keras.train.fed_targets import Output, judged_output
from tssd_keras.train.golden_given import golden_samples
from tssd_keras.train.sample_columns import (
    as_class_names,
    as_ids,
    as_weight,
    samples_and_labels,
)
from tssd_keras.train.settings import Drawing, Scoring, as_whole


@dataclass(frozen=True, kw_only=True, eq=False)
class CheckedArguments:
    """What `callback.TSSD` works with.

    Attributes:
        inputs: the source that `index` points into.
        index: int64[N], the source's index of each table row.
        given: int64[N] in 0..K-1, possibly wrong.
        true: int64[N], -1 where unknown; None: all are.
        decided: int64[N], -1 where nobody decided; None: nowhere.
        weight: float32[N], what each sample counts for beside its judgement; None: 1.
        ids: int64[N] or object[N] of str, names of the samples, or None.
        n_classes: K.
        class_names: K names, where they are known; else None.
        form: in which the labels came.
        output: which output is judged, of a model with several; else None.
        golden_source: "trusted", "certain" or "none".
        golden: the trusted samples; None unless the source is "trusted".
        warmup_epochs: before the first round; None: there is none.
        from_logits: whether the model gives logits; None: it tells.
        divide, purify, scoring, drawing: settings.
    """

    inputs: Inputs
    index: np.ndarray
    given: np.ndarray
    true: np.ndarray | None
    decided: np.ndarray | None
    weight: np.ndarray | None
    ids: np.ndarray | None
    n_classes: int
    class_names: tuple[str, ...] | None
    form: Form
    output: Output | None
    golden_source: str
    golden: Golden | None
    warmup_epochs: int | None
    from_logits: bool | None
    divide: DivideRecipe
    purify: PurifyRecipe
    scoring: Scoring
    drawing: Drawing


def check_arguments(
    inputs: Any,
    labels: Labels | np.ndarray | None,
    *,
    golden: Golden | tuple | str | None,
    warmup_epochs: int | None,
    from_logits: bool | None,
    scoring: Scoring | None,
    drawing: Drawing | None,
    divide: DivideRecipe | None,
    purify: PurifyRecipe | None,
) -> CheckedArguments:
    """The arguments of `callback.TSSD`, with its defaults filled in.

    Raises:
        ValueError, TypeError: an argument does not fit; see the checks in `arguments`.
    """
    given_inputs, labels = samples_and_labels(inputs, labels)
    scoring = of_kind("scoring", scoring, Scoring)
    if not isinstance(from_logits, bool | None):
        raise TypeError(f"from_logits must be True, False or None, got {from_logits!r}.")
    own, output = judged_output(labels.given, scoring.output)
    targets = as_targets("labels", own)
    n = len(own) if labels.index is None and np.ndim(own) else None
    inputs = as_samples("inputs", given_inputs, n)
    index = as_index(labels.index, len(inputs))
    class_names = as_class_names(labels.class_names, targets)
    golden = golden_samples(golden, given_inputs, class_names, output)
    golden_source, golden = as_golden(golden, targets)
    given, n_classes = _given(labels, targets, len(index), golden, class_names)
    if warmup_epochs is not None:
        as_whole("warmup_epochs (a network that has seen nothing cannot judge)", warmup_epochs, 1)
    check_finite("inputs", inputs, index)
    if golden:
        check_golden(golden, n_classes, inputs)
        check_finite("golden samples", as_inputs(golden.inputs), np.arange(len(golden)))
        check_apart(golden, inputs, index)
    drawing = of_kind("drawing", drawing, Drawing)
    check_epoch_samples(drawing.epoch_samples, n_classes)
    return CheckedArguments(
        inputs=inputs,
        index=index,
        given=given,
        true=as_truth(labels.true, targets, len(given), n_classes),
        decided=as_decided(labels.decided, targets, len(given), n_classes),
        weight=as_weight(labels.weight, len(given)),
        ids=as_ids(labels.ids, len(given)),
        n_classes=n_classes,
        class_names=class_names,
        form=targets.form,
        output=output,
        golden_source=golden_source,
        golden=golden,
        warmup_epochs=warmup_epochs,
        from_logits=from_logits,
        divide=as_settings("divide", divide, DivideRecipe),
        purify=as_settings("purify", purify, PurifyRecipe),
        scoring=scoring,
        drawing=drawing,
    )


def _given(
    labels: Labels,
    targets: Targets,
    n: int,
    golden: Golden | None,
    class_names: tuple[str, ...] | None,
) -> tuple[np.ndarray, int]:
    """Given labels int64[n] and the number of classes, which they tell unless it is given."""
    given = class_labels("labels", targets.labels)
    if len(given) != n or not n:
        raise ValueError(
            f"labels must have one entry for each of {n} samples (at least one), got {len(given)}."
        )
    n_classes = labels.n_classes
    told_by_names = len(class_names) if class_names else None
    if n_classes is None:
        parts = [given, golden.labels] if golden else [given]
        told = (
            targets.n_classes
            or told_by_names
            or 1 + max(int(part.max(initial=0)) for part in parts)
        )
        n_classes = as_whole("n_classes (by default what the labels tell)", told, 2)
    else:
        n_classes = as_whole("n_classes", n_classes, 2)
        known = targets.n_classes or told_by_names
        if known not in (None, n_classes):
            raise ValueError(
                f"n_classes must be what the labels tell, {known} by their names or one-hot rows, "
                f"got {n_classes}. Leave it out."
            )
    class_labels("labels", given, n_classes=n_classes)
    if labels.n_classes is None and targets.n_classes is None and not class_names:
        check_every_class(given, n_classes)
    elif targets.n_classes is None:  # else names or rows say which class is which
        warn_of_lowest(given, n_classes)
    return given, n_classes

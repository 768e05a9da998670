"""A part of a training split: the same number of samples of each class."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np

from tssd_keras.data.class_labels import check_enough_of_each
from tssd_keras.data.inputs import ArrayInputs, Inputs, Subset
from tssd_keras.data.labelled_data import LabelledData
from tssd_keras.data.stratify import first_of_each


def some_of_each(data: LabelledData, per_class: int, *, seed: int) -> LabelledData:
    """The data with a training split of `per_class` samples of each class, drawn at random.

    Classes are the true ones where they are known, else the given ones. The
    order of the samples stays, and so do the test samples.

    Args:
        data: of N training samples.
        per_class: n, so many of each of K classes.
        seed: of this draw only.

    Returns:
        LabelledData of n K training samples.

    Raises:
        ValueError: a class has fewer samples than that.
    """
    labels = data.labels
    if data.true_labels is not None:
        labels = np.where(data.true_labels >= 0, data.true_labels, labels)
    n_classes = len(data.class_names)
    check_enough_of_each(
        f"{data.name}: each class must have at least data.per_class = {per_class} training samples",
        labels,
        n_classes,
        per_class,
        remedy=f"Try {np.bincount(labels, minlength=n_classes).min()}.",
        names=data.class_names,
    )
    index = first_of_each(labels, per_class, np.random.default_rng(seed))
    inputs: Inputs = Subset(data.inputs, index)
    if isinstance(data.inputs, ArrayInputs) and data.inputs.in_memory:
        inputs = ArrayInputs(inputs.read(np.arange(len(index))))  # the rest need not stay in memory
    columns: dict[str, Any] = {
        name: None if getattr(data, name) is None else getattr(data, name)[index]
        for name in ("labels", "true_labels", "ids", "trusted", "texts", "digests")
    }
    return dataclasses.replace(data, inputs=inputs, **columns)

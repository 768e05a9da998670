"""The given labels of a run: the data's own, with noise as the recipe asks, or a file's."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from tssd_keras.data.labelled_data import LabelledData
from tssd_keras.labels import noise
from tssd_keras.labels.files.reading import read_label_file
from tssd_keras.labels.instance_noise import draw_instance_labels
from tssd_keras.recipe.recipe import Recipe


def given_labels(recipe: Recipe, data: LabelledData) -> tuple[np.ndarray, np.ndarray | None]:
    """Given and true labels of the whole training split.

    Noise is drawn on the true labels. Without any, the data's own labels count as the truth,
    and are reported as such. A file's labels replace the data's own and leave the truth as it
    is.

    Args:
        recipe: its sections noise and data.
        data: of the source.

    Returns:
        given int64[N] in 0..K-1; true int64[N] (-1 where unknown), or None
        where no true label is known.

    Raises:
        ValueError: noise is asked for and some true labels are unknown, or
            the file does not fit the data.
        FileNotFoundError: there is no such file.
    """
    settings, n_classes = recipe.noise, len(data.class_names)
    if settings.kind == "none":
        return data.labels, data.true_labels
    if settings.kind == "file":
        given = read_label_file(
            Path(settings.labels).expanduser(),
            n=len(data.labels),
            class_names=data.class_names,
            ids=data.ids,
            true_labels=data.true_labels,
            own_labels=data.labels,
            order=settings.order,
        )
        return given, data.true_labels
    truth = data.labels if data.true_labels is None else data.true_labels
    unknown = np.flatnonzero(truth < 0)
    if len(unknown):
        raise ValueError(
            f'noise.kind = "{settings.kind}" is drawn on true labels, {len(unknown):,} of '
            f"{len(truth):,} are unknown, the first is sample {unknown[0]}. Set noise.kind to "
            '"none": the given labels of these data may be wrong as they are.'
        )
    if settings.kind == "instance":
        given = draw_instance_labels(
            data.inputs, truth, n_classes, rate=settings.rate, seed=settings.seed
        )
        return given, truth
    matrix = noise.transition_matrix(
        settings.kind,
        data.class_names,
        rate=settings.rate,
        include_true=settings.include_true,
        matrix=settings.matrix,
        dataset=recipe.dataset,
    )
    return noise.draw_labels(truth, matrix, seed=settings.seed), truth

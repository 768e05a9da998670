"""Real handwritten digits, 8 x 8 pixels, that come with scikit-learn."""

from __future__ import annotations

import numpy as np

from tssd_keras.data.inputs import ArrayInputs
from tssd_keras.data.labelled_data import LabelledData
from tssd_keras.recipe.data_sections import DataRecipe

TEST_SIZE = 360  # of 1,797
BRIGHTER = 15  # the pixels' 17 levels, 0..16, over the range of uint8


def load(recipe: DataRecipe) -> LabelledData:
    """The digits as uint8[., 8, 8, 1] in 0..240, with one fixed stratified split.

    Args:
        recipe: has no say here; every run sees the same split.

    Returns:
        LabelledData: 1,437 training and 360 test samples, true labels known. An
        id is the sample's row in `sklearn.datasets.load_digits`.
    """
    from sklearn.datasets import load_digits
    from sklearn.model_selection import train_test_split

    digits = load_digits()
    images = (digits.images * BRIGHTER).astype(np.uint8)[..., None]
    labels = digits.target.astype(np.int64)
    train, test = train_test_split(
        np.arange(len(labels)), test_size=TEST_SIZE, stratify=labels, random_state=0
    )
    return LabelledData(
        name="digits",
        inputs=ArrayInputs(images[train]),
        labels=labels[train],
        true_labels=labels[train],
        test_inputs=ArrayInputs(images[test]),
        test_labels=labels[test],
        class_names=tuple(str(name) for name in digits.target_names),
        ids=train.astype(np.str_),
    )

"""Clothing-1M: 14 kinds of clothes, a million images with labels made of their sellers' words.

Source: Xiao, Xia, Yang, Huang and Wang, "Learning from Massive Noisy Labeled
Data for Image Classification", CVPR 2015.
"""

from __future__ import annotations

import dataclasses

from tssd_keras.data.labelled_data import LabelledData
from tssd_keras.data.named import tfds_reading
from tssd_keras.data.named.data_dir import default_data_dir
from tssd_keras.data.named.tfds import find_prepared
from tssd_keras.recipe.data_sections import DataRecipe


def load(recipe: DataRecipe) -> LabelledData:
    """Clothing-1M, which must be prepared: `datasets prepare clothing1m --from FOLDER`.

    Args:
        recipe: data_dir, and what `image_files.labelled_images` reads.

    Returns:
        LabelledData. The true label of a training sample is its clean one, where it has one.
        The samples of the clean training list are trusted. Those outside the noisy list have
        no given label: they can be golden, and are not trained on.

    Raises:
        FileNotFoundError: it is not prepared.
    """
    data_dir = default_data_dir(recipe)
    try:
        builder = find_prepared("clothing1m", data_dir)
    except FileNotFoundError as error:
        raise FileNotFoundError(
            f"Clothing-1M must be prepared in {data_dir.absolute()}, it is not there. Its files "
            "are given out on request only, python cli.py datasets says of whom. With them at "
            "hand: python cli.py datasets prepare clothing1m --from FOLDER --data-dir "
            f"{data_dir}. Or set data.data_dir, or TFDS_DATA_DIR, to the folder that has it."
        ) from error
    named = dataclasses.replace(
        recipe, label="label", true_label="clean_label", trusted="golden", test_split="test"
    )
    return tfds_reading.read(builder, named)

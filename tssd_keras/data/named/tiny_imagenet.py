"""Tiny-ImageNet: 200 classes, 100,000 training images and 10,000 to test on, 64 x 64 pixels.

Source: Stanford CS231N's challenge, a subset of ImageNet.
"""

from __future__ import annotations

import contextlib
import dataclasses
import sys
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from tssd_keras.data.labelled_data import LabelledData
from tssd_keras.data.named import tfds_reading
from tssd_keras.data.named.data_dir import default_data_dir
from tssd_keras.data.named.tiny_imagenet_zip import PREPARED, URL, ZIP
from tssd_keras.recipe.data_sections import DataRecipe

if TYPE_CHECKING:
    import tensorflow_datasets as tfds


def load(recipe: DataRecipe) -> LabelledData:
    """Tiny-ImageNet; the first use prepares it from the zip in the TFDS folder.

    Args:
        recipe: data_dir, and what `image_files.labelled_images` reads.

    Returns:
        LabelledData of RGB images. Classes are numbered by their sorted wnids
        and called by their words (see `class_names`), ids are the images' file
        names. The labelled val images are the test split.

    Raises:
        FileNotFoundError: the zip is not in its place.
        ValueError: the zip is damaged or is not Tiny-ImageNet.
    """
    builder = _builder(default_data_dir(recipe))
    data = tfds_reading.read(builder, recipe)
    names = class_names(data.class_names, builder.info.metadata["words"])
    return dataclasses.replace(data, class_names=names)


def class_names(wnids: Sequence[str], words: Sequence[str]) -> tuple[str, ...]:
    """Names of K classes: the first of their words, "goldfish" of "goldfish, carp".

    Args:
        wnids: of the classes, in label order.
        words: of each class; a first word of several classes is followed by the wnid.
    """
    first_words = [text.split(",")[0].strip() for text in words]
    count = Counter(first_words)
    return tuple(
        word if count[word] == 1 else f"{word} ({wnid})"
        for word, wnid in zip(first_words, wnids, strict=True)
    )


def _builder(data_dir: Path) -> tfds.core.DatasetBuilder:
    if not (data_dir / PREPARED / "features.json").is_file():
        prepare(data_dir)
    import tensorflow_datasets as tfds

    with tfds_reading.description_told(data_dir / PREPARED):
        return tfds.builder_from_directory(data_dir / PREPARED)


def prepare(data_dir: Path, *, folder: Path | None = None) -> None:
    """Write the TFDS data set, whole or not at all; see `load` for what is raised.

    Args:
        data_dir: the TFDS folder to write to.
        folder: that holds the zip; None: its place in the TFDS folder.
    """
    path = data_dir / ZIP if folder is None else folder / ZIP.name
    if not path.is_file():
        raise FileNotFoundError(
            f"Tiny-ImageNet must lie in {path.absolute()}, there is no such file. Fetch {URL} "
            "(237 MB) and put it there as it is; or, where it lies elsewhere: python cli.py "
            "datasets prepare tiny_imagenet --from FOLDER. Or set data.data_dir, or TFDS_DATA_DIR, "
            "to the TFDS folder that has it."
        )
    import tensorflow_datasets as tfds

    from tssd_keras.data.named.tiny_imagenet_builder import TinyImagenet

    tfds.disable_progress_bar()
    with contextlib.redirect_stdout(sys.stderr):  # TFDS prints
        TinyImagenet(data_dir=data_dir).download_and_prepare(
            download_config=tfds.download.DownloadConfig(
                manual_dir=path.parent, try_download_gcs=False
            )
        )

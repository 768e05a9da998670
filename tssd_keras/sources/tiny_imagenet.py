"""Tiny-ImageNet: 200 classes, 100,000 training images and 10,000 to test on, 64 x 64 pixels.

Source: Stanford CS231N's challenge, a subset of ImageNet.
"""

from __future__ import annotations

import contextlib
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from tssd_keras.recipe import DataRecipe
from tssd_keras.sources import tfds_reading
from tssd_keras.sources.data_dir import default_data_dir
from tssd_keras.sources.labelled_data import LabelledData
from tssd_keras.sources.tiny_imagenet_zip import PREPARED, URL, ZIP

if TYPE_CHECKING:
    import tensorflow_datasets as tfds


def load(recipe: DataRecipe) -> LabelledData:
    """Tiny-ImageNet; the first use prepares it from the zip in the TFDS folder.

    Args:
        recipe: data_dir, and what `image_files.labelled_images` reads.

    Returns:
        LabelledData of RGB images. Class names are the sorted wnids (see
        `words`), ids the images' file names. The labelled val images are the
        test split.

    Raises:
        FileNotFoundError: the zip is not in its place.
        ValueError: the zip is damaged or is not Tiny-ImageNet.
    """
    return tfds_reading.read(_builder(default_data_dir(recipe)), recipe)


def words(recipe: DataRecipe) -> tuple[str, ...]:
    """What the classes are called, in label order: "goldfish, Carassius auratus"."""
    return tuple(_builder(default_data_dir(recipe)).info.metadata["words"])


def _builder(data_dir: Path) -> tfds.core.DatasetBuilder:
    if not (data_dir / PREPARED / "features.json").is_file():
        prepare(data_dir)
    import tensorflow_datasets as tfds

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

    from tssd_keras.sources.tiny_imagenet_builder import TinyImagenet

    tfds.disable_progress_bar()
    with contextlib.redirect_stdout(sys.stderr):  # TFDS prints
        TinyImagenet(data_dir=data_dir).download_and_prepare(
            download_config=tfds.download.DownloadConfig(
                manual_dir=path.parent, try_download_gcs=False
            )
        )

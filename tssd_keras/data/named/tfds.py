"""Image classification data sets of TensorFlow Datasets, by name."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

from tssd_keras.data.labelled_data import LabelledData
from tssd_keras.data.named import tfds_reading
from tssd_keras.data.named.data_dir import default_data_dir
from tssd_keras.recipe.data_sections import DataRecipe

if TYPE_CHECKING:
    import tensorflow_datasets as tfds


def load(recipe: DataRecipe) -> LabelledData:
    """The data set `data.name`, which must be prepared; nothing is downloaded.

    Args:
        recipe: name ("fashion_mnist", "cifar10/3.0.2"), data_dir, and what
            `tfds_reading.read` reads.

    Returns:
        LabelledData in storage order. Test samples are of the split test, else
        of validation.

    Raises:
        FileNotFoundError: the data set is not prepared there.
        ValueError: it is no image classification; see `tfds_reading.read`.
    """
    return tfds_reading.read(find_prepared(recipe.name, default_data_dir(recipe)), recipe)


def find_prepared(name: str, data_dir: Path) -> tfds.core.DatasetBuilder:
    """The builder of a prepared data set, made from its files: no network is asked.

    Raises:
        FileNotFoundError: no such data set is prepared under `data_dir`.
        ValueError: TFDS knows no such form of a name, or the data set's description is
            damaged.
    """
    import tensorflow_datasets as tfds

    tfds.disable_progress_bar()
    plain, version = _plain_and_version(name)
    full = f"{plain}:{version}" if version else plain
    try:
        tfds.core.naming.parse_builder_name_kwargs(full)
    except ValueError as error:
        raise ValueError(
            'data.name must be a TFDS name such as "fashion_mnist", "cifar10/3.0.2" or '
            f'"name/config:1.0.0", got "{name}".'
        ) from error
    with tfds_reading.description_told(data_dir / plain):
        try:
            return tfds.core.read_only_builder.builder_from_files(full, data_dir=str(data_dir))
        except tfds.core.DatasetNotFoundError:
            pass
    raise FileNotFoundError(_not_prepared(name, data_dir))


def _plain_and_version(name: str) -> tuple[str, str]:
    """cifar10/3.0.2 and cifar10:3.0.2 -> cifar10, 3.0.2; TFDS reads the second form only."""
    version = re.search(r"[:/](\d+\.[\d*]+\.[\d*]+)$", name)
    return (name[: version.start()], version[1]) if version else (name, "")


def _not_prepared(name: str, data_dir: Path) -> str:
    prepared = sorted(
        str(path.parent.relative_to(data_dir))
        for depth in ("*/*", "*/*/*")  # name/version, name/config/version
        for path in data_dir.glob(f"{depth}/features.json")
    )
    build = f"tfds build {_plain_and_version(name)[0]} --data_dir {data_dir}"
    return (
        f"data.name must be a prepared TFDS data set, {name!r} is not in {data_dir.absolute()} "
        f"(there: {', '.join(prepared) or 'none'}). See how to get it: python cli.py datasets. "
        f"With a network at hand: {build}. Or set data.data_dir, or TFDS_DATA_DIR, to the folder "
        "that has it."
    )

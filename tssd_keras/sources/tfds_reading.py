"""A prepared TFDS data set -> LabelledData, in storage order.

TFDS stores examples in an order shuffled by their keys; that order is fixed,
and here sample i is the i-th example stored. Labels from elsewhere are lined
up by `ids`, never by position.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING

import click
import numpy as np

from tssd_keras.recipe import DataRecipe
from tssd_keras.sources import image_files
from tssd_keras.sources.labelled_data import LabelledData

if TYPE_CHECKING:
    import tensorflow_datasets as tfds

BATCH = 1024  # examples read at a time; they stay encoded


@dataclass(frozen=True)
class Keys:
    """Which features of a data set are used; `id` is None where it has none."""

    image: str
    label: str
    id: str | None


@dataclass(frozen=True)
class Split:
    """What is read of one split.

    Attributes:
        files: the encoded images as they are stored.
        labels: int64[N].
        ids: str[N], or None.
    """

    files: list[bytes]
    labels: np.ndarray
    ids: np.ndarray | None


def read(builder: tfds.core.DatasetBuilder, recipe: DataRecipe) -> LabelledData:
    """The data of a builder whose data set is prepared.

    Args:
        builder: an image classification data set.
        recipe: image_size and decode_ahead.

    Returns:
        LabelledData; the given labels count as true.

    Raises:
        ValueError: it is no image classification, or has no training or no test split.
    """
    name, features = builder.info.name, builder.info.features
    keys = choose_keys(builder)
    test_name = choose_test_split(builder)
    train, test = (_read_split(builder, split, keys) for split in ("train", test_name))
    inputs = image_files.as_inputs(
        {"train": train.files, test_name: test.files}, features[keys.image].shape, recipe, name=name
    )
    return LabelledData(
        name=name,
        inputs=inputs["train"],
        labels=train.labels,
        true_labels=train.labels,
        test_inputs=inputs[test_name],
        test_labels=test.labels,
        class_names=tuple(features[keys.label].names),
        ids=train.ids,
    )


def choose_keys(builder: tfds.core.DatasetBuilder) -> Keys:
    """The image and the label: those of the supervised keys, else the only ones there are."""
    import tensorflow_datasets as tfds

    features = builder.info.features
    if not isinstance(features, tfds.features.FeaturesDict):
        raise ValueError(f"features of {builder.info.name} must be a dict, got {features}.")
    image = _choose_key(builder, 0, tfds.features.Image)
    label = _choose_key(builder, 1, tfds.features.ClassLabel)
    dtype = np.dtype(features[image].np_dtype)
    if dtype != np.uint8:
        raise ValueError(f"images of {builder.info.name} must be uint8, got {dtype}.")
    has_id = "id" in features and isinstance(features["id"], tfds.features.Text)
    return Keys(image, label, "id" if has_id else None)


def _choose_key(builder: tfds.core.DatasetBuilder, place: int, kind: type) -> str:
    """The feature of this kind; of several, the one at this place of the supervised keys."""
    features, supervised = builder.info.features, builder.info.supervised_keys
    found = [key for key, feature in features.items() if isinstance(feature, kind)]
    if supervised and len(supervised) == 2 and supervised[place] in found:
        return supervised[place]
    if len(found) != 1:
        raise ValueError(
            f"{builder.info.name} must have one {kind.__name__} feature, or name one in its "
            f"supervised keys; it has {len(found)} among {', '.join(sorted(features))}, "
            f"supervised keys {supervised}. Only image classification can be read."
        )
    return found[0]


def choose_test_split(builder: tfds.core.DatasetBuilder) -> str:
    """The split that accuracy is measured on; a training split must be there too."""
    splits = builder.info.splits
    test = next((split for split in ("test", "validation") if split in splits), None)
    if "train" not in splits or test is None:
        raise ValueError(
            f"{builder.info.name} must have the splits train and test (or validation), it has "
            f'{", ".join(sorted(splits)) or "none"}. Try another data set, or source "npz".'
        )
    return test


def _read_split(builder: tfds.core.DatasetBuilder, split: str, keys: Keys) -> Split:
    """Examples in storage order, images still encoded, other features left alone."""
    import tensorflow_datasets as tfds

    wanted = [key for key in (keys.image, keys.label, keys.id) if key]
    dataset = builder.as_dataset(
        split=split,
        shuffle_files=False,
        decoders=tfds.decode.PartialDecoding(
            dict.fromkeys(wanted, True), decoders={keys.image: tfds.decode.SkipDecoding()}
        ),
        read_config=tfds.ReadConfig(interleave_cycle_length=1, try_autocache=False),
    )
    columns: dict[str, list] = {key: [] for key in wanted}
    n = builder.info.splits[split].num_examples
    bar = click.progressbar(
        length=n,
        label=f"reading {builder.info.name}/{split}",
        file=sys.stderr,
        hidden=n < image_files.SHORT_WAIT,
    )
    with bar:
        for batch in dataset.batch(BATCH).prefetch(2).as_numpy_iterator():
            for key in wanted:
                columns[key] += batch[key].tolist()
            bar.update(len(batch[keys.label]))
    ids = np.array([name.decode() for name in columns[keys.id]]) if keys.id else None
    return Split(columns[keys.image], np.array(columns[keys.label], np.int64), ids)

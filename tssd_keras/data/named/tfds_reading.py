"""A prepared TFDS data set -> LabelledData, in storage order.

TFDS stores examples in a fixed order, shuffled by their keys; sample i is the i-th example
stored. Labels from elsewhere are lined up by `ids`, never by position.
"""

from __future__ import annotations

import contextlib
import json
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import click
import numpy as np

from tssd_keras.data.duplicates import SHORT_WAIT
from tssd_keras.data.labelled_data import LabelledData, as_ids
from tssd_keras.data.named.record_files import AGAIN, RecordFiles
from tssd_keras.data.sources.image_files import ImageSplit, labelled_images
from tssd_keras.recipe.checks import did_you_mean
from tssd_keras.recipe.data_sections import DataRecipe

if TYPE_CHECKING:
    import tensorflow_datasets as tfds

BATCH = 1024  # examples whose labels are read at a time; images stay where they are


@dataclass(frozen=True)
class Keys:
    """Which features of a data set are used.

    Attributes:
        image: the sample.
        label: its given label.
        true_label: its true one, and that of test samples; -1 in it is unknown.
        named: the label feature whose class names are used.
        id: None where the data set has none.
        trusted: a bool feature, None without.
    """

    image: str
    label: str
    true_label: str
    named: str
    id: str | None
    trusted: str | None = None


def read(builder: tfds.core.DatasetBuilder, recipe: DataRecipe) -> LabelledData:
    """The data of a builder whose data set is prepared.

    Args:
        builder: an image classification data set.
        recipe: label, true_label, trusted, train_split, test_split, and what
            `image_files.labelled_images` reads.

    Returns:
        LabelledData. Where the recipe names no other label, the given labels
        count as true, unless it names a feature of trusted samples.

    Raises:
        FileNotFoundError, ValueError: a file of it is not there, damaged or cut short.
        ValueError: it is no image classification, or lacks a feature or a
            split that is asked for.
    """
    name, features = builder.info.name, builder.info.features
    keys = choose_keys(builder, recipe)
    train_name, test_name = choose_splits(builder, recipe)
    train = _read_split(builder, train_name, keys, label=keys.label)
    test = _read_split(builder, test_name, keys, label=keys.true_label)
    return labelled_images(
        name,
        train,
        test,
        tuple(features[keys.named].names),
        recipe,
        shape=features[keys.image].shape,
        test_name=test_name,
    )


@contextlib.contextmanager
def description_told(folder: Path) -> Iterator[None]:
    """Raise ValueError with the file's name where TFDS cannot read a data set's description.

    Args:
        folder: of the data set; its versions may lie deeper.
    """
    try:
        yield
    except Exception as error:
        raise ValueError(
            f"{_broken(folder)} must be TFDS's description of a data set, it cannot be read "
            f"({type(error).__name__}: {error}). {AGAIN}"
        ) from error


def _broken(folder: Path) -> Path:
    """The first description that is no JSON; the folder itself where all are."""
    for path in sorted(folder.rglob("*.json")):
        try:
            json.loads(path.read_text(encoding="utf-8"))
        except (ValueError, OSError):
            return path
    return folder


def choose_keys(builder: tfds.core.DatasetBuilder, recipe: DataRecipe) -> Keys:
    """The features that the recipe names, else the supervised keys, else the only ones.

    A label that the recipe names is the given one. The data set's own label is then the true
    one.
    """
    import tensorflow_datasets as tfds

    features = builder.info.features
    if not isinstance(features, tfds.features.FeaturesDict):
        raise ValueError(f"features of {builder.info.name} must be a dict, got {features}.")
    image = _choose_key(builder, 0, tfds.features.Image, "image")
    default = _choose_key(builder, 1, tfds.features.ClassLabel, "label")
    dtype = np.dtype(features[image].np_dtype)
    if dtype != np.uint8:
        raise ValueError(f"images of {builder.info.name} must be uint8, got {dtype}.")
    labels = [k for k, f in features.items() if isinstance(f, tfds.features.ClassLabel)]
    flags = [k for k, f in features.items() if np.dtype(f.np_dtype) == np.bool_ and not f.shape]
    _check_named(builder, "label", recipe.label, labels)
    _check_named(builder, "true_label", recipe.true_label, labels)
    _check_named(builder, "trusted", recipe.trusted, flags)
    has_id = "id" in features and isinstance(features["id"], tfds.features.Text)
    keys = Keys(
        image,
        recipe.label or default,
        recipe.true_label or default,
        default,
        "id" if has_id else None,
        recipe.trusted or None,
    )
    counts = {features[key].num_classes for key in (keys.label, keys.true_label, default)}
    if len(counts) > 1:
        raise ValueError(
            f"given and true labels of {builder.info.name} must be of the same classes, "
            f"{keys.label}, {keys.true_label} and {default} have {sorted(counts)}."
        )
    return keys


def _check_named(
    builder: tfds.core.DatasetBuilder, setting: str, name: str, names: list[str]
) -> None:
    if name and name not in names:
        raise ValueError(
            f"data.{setting} must be one of {', '.join(sorted(names)) or 'none at all'} in "
            f'{builder.info.name}, got "{name}"{did_you_mean(name, names)}.'
        )


def _choose_key(builder: tfds.core.DatasetBuilder, place: int, kind: type, usual: str) -> str:
    """The feature of this kind; of several, the supervised key, or the one with the usual name."""
    features, supervised = builder.info.features, builder.info.supervised_keys
    keys = [key for key, feature in features.items() if isinstance(feature, kind)]
    if supervised and len(supervised) == 2 and supervised[place] in keys:
        return supervised[place]
    if usual in keys:
        return usual
    if len(keys) != 1:
        raise ValueError(
            f"{builder.info.name} must have one {kind.__name__} feature, one called {usual}, or "
            f"name one in its supervised keys; it has {len(keys)} among "
            f"{', '.join(sorted(features))}, supervised keys {supervised}. Only image "
            "classification can be read."
        )
    return keys[0]


def choose_splits(builder: tfds.core.DatasetBuilder, recipe: DataRecipe) -> tuple[str, str]:
    """The split to train on and the one that accuracy is measured on."""
    splits = sorted(builder.info.splits)
    train = recipe.train_split or "train"
    test = recipe.test_split or next((s for s in ("test", "validation") if s in splits), "test")
    missing = [split for split in (train, test) if split not in splits]
    if missing:
        raise ValueError(
            f"{builder.info.name} must have the splits train and test (or validation), or those "
            f"that data.train_split and data.test_split name; {missing[0]} is missing, it has "
            f'{", ".join(splits) or "none"}. Try another data set, or source "npz".'
        )
    if train == test:
        raise ValueError(f'data.train_split and data.test_split must differ, both are "{train}".')
    return train, test


def _read_split(
    builder: tfds.core.DatasetBuilder, split: str, keys: Keys, *, label: str
) -> ImageSplit:
    """Labels and ids in storage order; images stay in their files."""
    import tensorflow_datasets as tfds

    name = f"{builder.info.name}/{split}"
    form = builder.info.file_format
    if form is not tfds.core.FileFormat.TFRECORD:
        raise ValueError(
            f"{name} must be stored as TFRecord files, it is stored as {form.value}. Prepare it "
            "again with file_format='tfrecord'."
        )
    info = builder.info.splits[split]
    shards = [Path(path) for path in info.filepaths]
    files = RecordFiles(shards, info.shard_lengths, keys.image, name)
    wanted = {k for k in (label, keys.true_label, keys.id, keys.trusted) if k}
    features = {key: builder.info.features[key] for key in wanted}
    columns = _columns(shards, features, len(files), name)
    if keys.id:
        files.ids = as_ids([i.decode() for i in columns[keys.id]])
    # Only the marked labels are known to be right where the given label is the only one.
    unknown = keys.trusted and label == keys.true_label
    return ImageSplit(
        files=files,
        labels=np.array(columns[label], np.int64),
        true_labels=None if unknown else np.array(columns[keys.true_label], np.int64),
        ids=files.ids,
        trusted=np.array(columns[keys.trusted], bool) if keys.trusted else None,
    )


def _columns(
    shards: list[Path], features: dict[str, tfds.features.FeatureConnector], n: int, name: str
) -> dict[str, list]:
    """The N values of each feature, in storage order; others are not decoded."""
    import tensorflow as tf
    import tensorflow_datasets as tfds

    parse = tfds.features.FeaturesDict(features).deserialize_example
    columns: dict[str, list] = {key: [] for key in features}
    bar = click.progressbar(
        length=n,
        label=f"reading labels of {name}",
        file=sys.stderr,
        hidden=n < SHORT_WAIT,
    )
    with bar:
        for shard in shards:
            records = tf.data.TFRecordDataset(str(shard))
            batches = records.map(parse, num_parallel_calls=tf.data.AUTOTUNE).batch(BATCH)
            try:
                for batch in batches.prefetch(2).as_numpy_iterator():
                    for key, column in columns.items():
                        column += batch[key].tolist()
                    bar.update(len(batch[key]))
            except tf.errors.OpError as error:
                raise ValueError(
                    f"{shard} is damaged: a record contradicts its own check "
                    f"({type(error).__name__}). {AGAIN}"
                ) from error
    return columns

"""TFDS builder of Clothing-1M. Importing it imports TensorFlow Datasets."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import click
import numpy as np
import tensorflow_datasets as tfds

from tssd_keras.data.named.clothing1m_lists import (
    CLASS_NAMES,
    PREPARED,
    URL,
    Lists,
    Sample,
    read_lists,
)


class Clothing1m(tfds.core.GeneratorBasedBuilder):
    """Clothing-1M: splits train, validation (where listed) and test, the images' original bytes.

    The features are image (uint8[height, width, 3] when decoded, of many sizes),
    label (the noisy one, -1 where a training image has none), clean_label (-1 where unknown),
    golden (whether the sample is of the clean training list) and id (the image's path in the
    original folder).

    Attributes:
        lists: of the samples; read from manual_dir where they are not set.
    """

    VERSION = tfds.core.Version(PREPARED.name)
    MANUAL_DOWNLOAD_INSTRUCTIONS = f"Ask for the data as {URL} says; manual_dir is their folder."

    lists: Lists | None = None

    def _info(self) -> tfds.core.DatasetInfo:
        return tfds.core.DatasetInfo(
            builder=self,
            description="Clothes of 14 classes, labelled by the text around them on shop pages; "
            "some labels were checked by people.",
            features=tfds.features.FeaturesDict(
                {
                    "image": tfds.features.Image(shape=(None, None, 3), encoding_format="jpeg"),
                    "label": tfds.features.ClassLabel(num_classes=len(CLASS_NAMES)),
                    "clean_label": tfds.features.ClassLabel(num_classes=len(CLASS_NAMES)),
                    "golden": np.bool_,
                    "id": tfds.features.Text(),
                }
            ),
            supervised_keys=("image", "label"),
            homepage=URL,
        )

    def _split_generators(self, dl_manager: tfds.download.DownloadManager) -> dict:
        lists = self.lists or read_lists(Path(dl_manager.manual_dir))
        for feature in ("label", "clean_label"):
            self.info.features[feature].names = lists.class_names
        splits = {"train": lists.train, "validation": lists.validation, "test": lists.test}
        return {
            split: self._generate_examples(lists.folder, samples, split)
            for split, samples in splits.items()
            if samples
        }

    def _generate_examples(
        self, folder: Path, samples: tuple[Sample, ...], split: str
    ) -> Iterator[tuple[str, dict]]:
        label = f"preparing clothing1m/{split}"
        with click.progressbar(samples, label=label, file=sys.stderr) as bar:
            for sample in bar:
                yield (
                    sample.key,
                    {
                        "image": str(folder / sample.key),  # TFDS reads it and keeps its bytes
                        "label": sample.label,
                        "clean_label": sample.clean_label,
                        "golden": sample.golden,
                        "id": sample.key,
                    },
                )

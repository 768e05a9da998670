"""TFDS builder of Tiny-ImageNet. Importing it imports TensorFlow Datasets."""

from __future__ import annotations

import io
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

import click
import tensorflow_datasets as tfds

from tssd_keras.data.named.tiny_imagenet_zip import (
    PREPARED,
    URL,
    ZIP,
    open_zip,
    read_layout,
    read_member,
)


class TinyImagenet(tfds.core.GeneratorBasedBuilder):
    """Tiny-ImageNet: splits train and validation, the images' original bytes.

    The features are image (uint8[64, 64, 3] when decoded), label (the wnids in
    sorted order) and id (the image's file name). `info.metadata["words"]` has
    the classes' words in label order.
    """

    VERSION = tfds.core.Version(PREPARED.name)
    MANUAL_DOWNLOAD_INSTRUCTIONS = f"Fetch {URL} (237 MB) and put it, as it is, in manual_dir."

    def _info(self) -> tfds.core.DatasetInfo:
        return tfds.core.DatasetInfo(
            builder=self,
            description="64 x 64 images of 200 classes of ImageNet, and their labelled val split.",
            features=tfds.features.FeaturesDict(
                {
                    "image": tfds.features.Image(shape=(64, 64, 3), encoding_format="jpeg"),
                    "label": tfds.features.ClassLabel(),  # named by the archive's own list
                    "id": tfds.features.Text(),
                }
            ),
            supervised_keys=("image", "label"),
            homepage=URL,
            metadata=tfds.core.MetadataDict(),
        )

    def _split_generators(self, dl_manager: tfds.download.DownloadManager) -> dict:
        path = Path(dl_manager.manual_dir) / ZIP.name
        with open_zip(path) as archive:
            layout = read_layout(archive)
        self.info.features["label"].names = layout.wnids
        self.info.metadata["words"] = [layout.words[wnid] for wnid in layout.wnids]
        return {
            "train": self._generate_examples(path, layout.train, "train"),
            "validation": self._generate_examples(path, layout.validation, "validation"),
        }

    def _generate_examples(
        self, path: Path, images: tuple[tuple[str, str], ...], split: str
    ) -> Iterator[tuple[str, dict]]:
        label = f"preparing tiny_imagenet/{split}"
        with (
            zipfile.ZipFile(path) as archive,
            click.progressbar(images, label=label, file=sys.stderr) as bar,
        ):
            for member, wnid in bar:
                file_name = PurePosixPath(member).name
                image = io.BytesIO(read_member(archive, member))
                yield file_name, {"image": image, "label": wnid, "id": file_name}

"""The sections of a recipe that say what is trained on: [data], [noise], [golden]."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

from tssd_keras.recipe.checks import a_seed, at_most, check_matrix, one_of
from tssd_keras.recipe.choices import GOLDEN_SOURCES, MAX_PIXELS, NOISES, ORDERS, SOURCES

MAX_IMAGE_SIZE = math.isqrt(MAX_PIXELS)  # no larger images are read, so none are made


@dataclass(frozen=True, kw_only=True)
class DataRecipe:
    """[data]: which samples, and what is held out."""

    source: str = "digits"
    name: str = ""  # tfds: the builder, "fashion_mnist" or "cifar10/3.0.2"
    path: str = ""  # npz, table: the file; folder: the folder
    images: str = ""  # table: folder that its paths start from; empty: the table's own
    data_dir: str = ""  # TFDS folder; empty: TFDS_DATA_DIR, else data/tfds in the working folder
    label: str = ""  # tfds: feature of the given labels; empty: the data set's own label
    true_label: str = ""  # tfds: feature of the true labels; empty: the data set's own label
    trusted: str = ""  # tfds: bool feature that says which labels are known to be right
    train_split: str = ""  # tfds: empty: train
    test_split: str = ""  # tfds: empty: test, else validation
    image_size: int = 0  # scale images to this many pixels square; 0: as they are
    cache_gib: float = 2.0  # images are decoded once into memory if they take no more than this
    check_images: bool = True  # look at every image before training, also where none are cached
    skip_bad_images: bool = False  # leave out images that cannot be used, and list them
    find_duplicates: bool = (
        True  # list equal samples shared by training and test, or within training
    )
    per_class: int = 0  # train on so many of each class, drawn by split_seed; 0: on all
    # Of each class, held out with true labels and judged in place of the test samples.
    validation_share: float = 0.0
    test_share: float = 0.1  # folder, table: of each class, held out where there is no test split
    split_seed: int = 0

    def mistakes(self) -> Iterator[str]:
        yield from one_of("source", self.source, SOURCES)
        for setting, (sources, what) in _OF_SOURCES.items():
            value = getattr(self, setting)
            if value and self.source not in sources:
                takers = " or ".join(f'"{name}"' for name in sources)
                came = f'got "{value}" with source "{self.source}"'
                yield f"{setting} is for source {takers} only, {came}"
            if what and not value and self.source in sources:
                yield f'{setting} must {what[self.source]} for source "{self.source}", got ""'
        if not 0 <= self.image_size <= MAX_IMAGE_SIZE:
            yield (
                f"image_size must be 0 or a number of pixels, {MAX_IMAGE_SIZE:,} at most, got "
                f"{self.image_size}"
            )
        if self.cache_gib < 0:
            yield f"cache_gib must not be negative, got {self.cache_gib}"
        if self.per_class and self.per_class < 2:
            yield f"per_class must be 0 (all) or at least 2, got {self.per_class}"
        yield from at_most(self, per_class=1_000_000_000)
        if not 0 <= self.validation_share <= 0.5:
            yield f"validation_share must lie in 0..0.5, got {self.validation_share}"
        if not 0 < self.test_share <= 0.5:
            yield f"test_share must lie above 0 and up to 0.5, got {self.test_share}"
        if self.skip_bad_images and not self.check_images:
            yield "skip_bad_images needs check_images: bad images would be met in mid-training"
        yield from a_seed("split_seed", self.split_seed)


# Settings of [data] that go with some sources only, and what must be named where one is needed.
_OF_SOURCES: dict[str, tuple[tuple[str, ...], dict[str, str]]] = {
    "name": (("tfds",), {"tfds": 'be a TFDS builder such as "fashion_mnist"'}),
    "path": (
        ("npz", "folder", "table"),
        {
            "npz": "name an .npz file",
            "folder": "name a folder with one folder a class",
            "table": "name a .csv or .parquet file",
        },
    ),
    "images": (("table",), {}),
    "label": (("tfds",), {}),
    "true_label": (("tfds",), {}),
    "trusted": (("tfds",), {}),
    "train_split": (("tfds",), {}),
    "test_split": (("tfds",), {}),
}


@dataclass(frozen=True, kw_only=True)
class NoiseRecipe:
    """[noise]: labels made wrong on purpose, for experiments."""

    kind: str = "none"
    labels: str = ""  # kind "file": .npy, .npz, .csv or .txt of given labels, see label_file.py
    order: str = "source"  # kind "file" without ids: "id" where entry i is of the id ending in i
    rate: float = 0.4  # share of labels that are flipped (or redrawn, with include_true)
    include_true: bool = False  # symmetric: whether a redrawn label can be the true one
    matrix: tuple[tuple[float, ...], ...] = ()  # kind "matrix": P(given = column | true = row)
    seed: int = 100

    def mistakes(self) -> Iterator[str]:
        yield from one_of("kind", self.kind, NOISES)
        if not 0 <= self.rate <= 1:
            yield f"rate must lie in 0..1, got {self.rate}"
        if self.include_true and self.kind != "symmetric":
            yield f'include_true is for kind "symmetric" only, got kind "{self.kind}"'
        if (self.kind == "file") != bool(self.labels):
            yield f'labels goes with kind "file", got kind "{self.kind}" and "{self.labels}"'
        yield from one_of("order", self.order, ORDERS)
        if (self.kind == "matrix") != bool(self.matrix):
            rows = len(self.matrix)
            yield f'matrix goes with kind "matrix", got kind "{self.kind}" and {rows} rows'
        if self.matrix:
            try:
                check_matrix(self.matrix, len(self.matrix))
            except ValueError as error:  # ragged rows too
                yield str(error).rstrip(".")
        yield from a_seed("seed", self.seed)


@dataclass(frozen=True, kw_only=True)
class GoldenRecipe:
    """[golden]: the trusted samples that MSP learns from."""

    source: str = "trusted"
    per_class: int = 5  # drawn of each class, where the data mark none as trusted
    ids: str = ""  # text file, one sample id a line: those samples' labels are trusted
    # What `python cli.py relabel` wrote: half of the decided samples are trained on under the
    # decided label, the other half are golden.
    decisions: str = ""
    at_most_per_class: int = 0  # of trusted samples that are marked, so many are drawn; 0: all
    seed: int = 0
    train_on: bool = False  # objective "plain" only: train on them too, under their trusted labels

    def mistakes(self) -> Iterator[str]:
        yield from one_of("source", self.source, GOLDEN_SOURCES)
        if self.source == "trusted" and self.per_class < 2:
            yield f'per_class must be at least 2 for source "trusted", got {self.per_class}'
        for name in ("train_on", "ids", "at_most_per_class"):
            if self.source != "trusted" and getattr(self, name):
                yield f'{name} needs source "trusted", got "{self.source}"'
        if self.at_most_per_class and self.at_most_per_class < 2:
            yield f"at_most_per_class must be 0 or at least 2, got {self.at_most_per_class}"
        yield from at_most(self, per_class=1_000_000, at_most_per_class=1_000_000)
        yield from a_seed("seed", self.seed)

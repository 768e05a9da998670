"""The sections of a recipe that say what is trained on: [data], [noise], [golden]."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated

from tssd_keras.recipe.checks import a_seed, at_most, check_matrix, not_a_choice
from tssd_keras.recipe.choices import GOLDEN_SOURCES, MAX_PIXELS, NOISES, ORDERS, SOURCES

MAX_IMAGE_SIZE = math.isqrt(MAX_PIXELS)  # larger images are not read either


@dataclass(frozen=True, kw_only=True)
class DataRecipe:
    """[data]: the samples, and what is held out of them."""

    source: Annotated[str, "where the samples come from", SOURCES] = "digits"
    name: Annotated[str, 'tfds: the builder, "fashion_mnist" or "cifar10/3.0.2"'] = ""
    path: Annotated[str, "npz, table: the file; folder: the folder"] = ""
    images: Annotated[str, "table: folder that its paths start from; empty: the table's own"] = ""
    data_dir: Annotated[str, "TFDS folder; empty: TFDS_DATA_DIR, else data/tfds"] = ""
    label: Annotated[str, "tfds: feature of the given labels; empty: the data set's label"] = ""
    true_label: Annotated[str, "tfds: feature of the true labels; empty: the data set's label"] = ""
    trusted: Annotated[str, "tfds: bool feature that marks labels known to be right"] = ""
    train_split: Annotated[str, "tfds: split to train on; empty: train"] = ""
    test_split: Annotated[str, "tfds: split to test on; empty: test, else validation"] = ""
    image_size: Annotated[int, "sides of the square that images are scaled to, pixels; 0: off"] = 0
    cache_gib: Annotated[float, "decode images once into memory up to this size, GiB"] = 2.0
    check_images: Annotated[bool, "look at every image before training"] = True
    skip_bad_images: Annotated[bool, "leave out images that cannot be used, and list them"] = False
    find_duplicates: Annotated[bool, "list samples that are equal byte by byte"] = True
    per_class: Annotated[int, "samples of each class to train on, by split_seed; 0: all"] = 0
    validation_share: Annotated[
        float, "share of each class held out with true labels, judged in place of the test split"
    ] = 0.0
    test_share: Annotated[
        float, "folder, table: share of each class held out where there is no test split"
    ] = 0.1
    split_seed: Annotated[int, "seed of per_class and of what is held out"] = 0

    def mistakes(self) -> Iterator[str]:
        yield from not_a_choice(self)
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
            yield "skip_bad_images needs check_images: training would stop at the first bad image"
        yield from a_seed("split_seed", self.split_seed)


# Setting of [data] -> the sources that take it, and what it must name for those that need it.
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

    kind: Annotated[str, "how labels are made wrong", NOISES] = "none"
    labels: Annotated[str, "file: .npy, .npz, .csv or .txt of the given labels"] = ""
    order: Annotated[str, "file without ids: order of its entries, see below", ORDERS] = "source"
    rate: Annotated[float, "share of labels that are flipped (redrawn, with include_true)"] = 0.4
    include_true: Annotated[bool, "symmetric: a redrawn label can be the true one"] = False
    matrix: Annotated[
        tuple[tuple[float, ...], ...], "matrix: row k holds P(given = column | true = k)"
    ] = ()
    seed: Annotated[int, "seed of the labels that are drawn"] = 100

    def mistakes(self) -> Iterator[str]:
        yield from not_a_choice(self)
        if not 0 <= self.rate <= 1:
            yield f"rate must lie in 0..1, got {self.rate}"
        if self.include_true and self.kind != "symmetric":
            yield f'include_true is for kind "symmetric" only, got kind "{self.kind}"'
        if (self.kind == "file") != bool(self.labels):
            yield f'labels goes with kind "file", got kind "{self.kind}" and "{self.labels}"'
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
    """[golden]: the trusted samples that purification (MSP) learns from."""

    source: Annotated[str, "where golden samples come from", GOLDEN_SOURCES] = "trusted"
    per_class: Annotated[int, "samples drawn of each class where the data mark none"] = 5
    ids: Annotated[str, "text file, a sample id a line: labels that are trusted"] = ""
    decisions: Annotated[str, "file that `relabel` wrote: what people decided"] = ""
    at_most_per_class: Annotated[int, "marked samples drawn of each class; 0: all"] = 0
    seed: Annotated[int, "seed of the draw"] = 0
    train_on: Annotated[bool, "plain: train on them too, under their trusted labels"] = False

    def mistakes(self) -> Iterator[str]:
        yield from not_a_choice(self)
        if self.source == "trusted" and self.per_class < 2:
            yield f'per_class must be at least 2 for source "trusted", got {self.per_class}'
        for name in ("train_on", "ids", "at_most_per_class"):
            if self.source != "trusted" and getattr(self, name):
                yield f'{name} needs source "trusted", got "{self.source}"'
        if self.at_most_per_class and self.at_most_per_class < 2:
            yield f"at_most_per_class must be 0 or at least 2, got {self.at_most_per_class}"
        yield from at_most(self, per_class=1_000_000, at_most_per_class=1_000_000)
        yield from a_seed("seed", self.seed)

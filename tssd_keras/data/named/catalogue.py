"""The data sets that have a name here, and whether each is prepared in a folder.

A look at the files on disk is enough, so that a listing comes at once.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from pathlib import Path

from tssd_keras.data.named import clothing1m_lists, tiny_imagenet_zip
from tssd_keras.data.named.local_files import FILES, LocalFile

MANUAL = Path("downloads", "manual")  # within the TFDS folder


@dataclass(frozen=True, kw_only=True)
class Entry:
    """A data set that can be named.

    Attributes:
        what: the data set in a line.
        settings: of a recipe's [data] section, as --set takes them.
        files: that `datasets prepare` needs in its folder.
        note: further advice on how to get it.
        own_tool: command of another tool that prepares it; "" where `datasets prepare` does.
        built_in: whether an installed package brings it.
    """

    what: str
    settings: tuple[str, ...]
    files: tuple[LocalFile, ...] = ()
    note: str = ""
    own_tool: str = ""
    built_in: bool = False


@dataclass(frozen=True)
class Ready:
    """A data set that is ready: its folder and the number of samples of each split."""

    path: Path
    counts: dict[str, int]


_CIFAR_N_NOTE = (
    "The human labels are published as a NumPy file that only unpickling can read, which can run "
    "any code; it is never opened here. Make the CSV file of it where you trust it: TFDS's page "
    "of this data set has the lines. Licence: CC BY-NC 4.0."
)

CATALOGUE: dict[str, Entry] = {
    "digits": Entry(
        what="1,797 handwritten digits of 8 x 8 pixels, 10 classes",
        settings=("data.source=digits",),
        built_in=True,
    ),
    "fashion_mnist": Entry(
        what="70,000 gray garments of 28 x 28 pixels, 10 classes",
        settings=("data.source=tfds", "data.name=fashion_mnist"),
        files=FILES["fashion_mnist"],
        note="Debian's package dataset-fashion-mnist has them: /usr/share/datasets/fashion-mnist.",
    ),
    "cifar10": Entry(
        what="60,000 photographs of 32 x 32 pixels, 10 classes",
        settings=("data.source=tfds", "data.name=cifar10"),
        files=FILES["cifar10"],
    ),
    "cifar100": Entry(
        what="60,000 photographs of 32 x 32 pixels, 100 classes",
        settings=("data.source=tfds", "data.name=cifar100"),
        files=FILES["cifar100"],
    ),
    "cifar10_n": Entry(
        what="CIFAR-10 with labels by people, 9 to 40 % of them wrong",
        settings=("data.source=tfds", "data.name=cifar10_n", "data.label=worse_label"),
        files=FILES["cifar10_n"],
        note=_CIFAR_N_NOTE,
    ),
    "cifar100_n": Entry(
        what="CIFAR-100 with labels by people, 40 % of them wrong",
        settings=("data.source=tfds", "data.name=cifar100_n", "data.label=noise_label"),
        files=FILES["cifar100_n"],
        note=_CIFAR_N_NOTE,
    ),
    "tiny_imagenet": Entry(
        what="110,000 photographs of 64 x 64 pixels, 200 classes",
        settings=("data.source=tiny_imagenet",),
        files=(LocalFile(tiny_imagenet_zip.ZIP.name, tiny_imagenet_zip.URL, 0),),
        note="The zip has 237 MB and is read as it is.",
    ),
    "clothing1m": Entry(
        what="a million clothes with labels of shop pages, 14 classes",
        settings=("data.source=clothing1m",),
        files=(
            *(LocalFile(name, "a list of the original") for name in clothing1m_lists.NEEDED),
            *(LocalFile(name, "a list, may be absent") for name in clothing1m_lists.OPTIONAL),
            LocalFile("images/", "the images, unpacked, in the folders that the lists name"),
        ),
        note=f"To be asked for by mail: {clothing1m_lists.URL} says of whom.",
    ),
    "controlled_noisy_web_labels": Entry(
        what="Mini-ImageNet with 0 to 80 % of wrong images from the web, 100 classes",
        settings=(
            "data.source=tfds",
            "data.name=controlled_noisy_web_labels/mini_imagenet_red",
            "data.train_split=train_40",
        ),
        files=(
            LocalFile(
                "dataset_no_images/",
                "unpacked from https://storage.googleapis.com/cnlw/dataset_no_images.zip",
            ),
            LocalFile(
                "noisy_images/", "fetched from the URLs in mini-imagenet-annotations.json, ID.jpg"
            ),
            LocalFile("ILSVRC2012_img_train.tar", "https://image-net.org/download-images"),
            LocalFile("ILSVRC2012_img_val.tar", "https://image-net.org/download-images"),
        ),
        note=(
            "TFDS's builder also fetches three lists of Mini-ImageNet, for which no hash is "
            "published, and needs opencv-python; so it takes a network."
        ),
        own_tool=(
            "tfds build controlled_noisy_web_labels/mini_imagenet_red --data_dir {data_dir} "
            "--manual_dir {folder}"
        ),
    ),
}


def find_prepared(name: str, data_dir: Path) -> Ready | None:
    """The latest prepared version of a data set in the TFDS folder, or None.

    A data set of several configs counts as prepared where one of them is.
    """
    prepared = [
        path.parent
        for depth in ("*", "*/*")  # version, config/version
        for path in (data_dir / name).glob(f"{depth}/dataset_info.json")
        if (path.parent / "features.json").is_file() and _version(path.parent)
    ]
    if not prepared:
        return None
    latest = max(prepared, key=_version)
    return Ready(latest, _counts(latest / "dataset_info.json"))


def _version(path: Path) -> tuple[int, ...]:
    """The numbers of a version folder's name; () where it is none, as in 1.0.0.incompleteXYZ."""
    if not re.fullmatch(r"\d+\.\d+\.\d+", path.name):
        return ()
    return tuple(int(number) for number in path.name.split("."))


def _counts(info: Path) -> dict[str, int]:
    try:
        splits = json.loads(info.read_text(encoding="utf-8")).get("splits", [])
        return {
            split["name"]: sum(int(n) for n in split.get("shardLengths", ())) for split in splits
        }
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise ValueError(
            f"{info}: must be TFDS's description of a data set, it cannot be read ({error!r}). "
            "Remove the folder and prepare the data set again."
        ) from error

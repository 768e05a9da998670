"""The place of tiny-imagenet-200.zip, its classes and its labelled images.

The archive is read in place, member by member; nothing is extracted.
"""

from __future__ import annotations

import contextlib
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from tssd_keras.data.named.safe_path import leaves

URL = "http://cs231n.stanford.edu/tiny-imagenet-200.zip"
ZIP = Path("downloads", "manual", "tiny-imagenet-200.zip")  # within the TFDS folder
PREPARED = Path("tiny_imagenet", "1.0.0")

ROOT = PurePosixPath("tiny-imagenet-200")
WNIDS = ROOT / "wnids.txt"
WORDS = ROOT / "words.txt"
VAL = ROOT / "val"
ANNOTATIONS = VAL / "val_annotations.txt"


@dataclass(frozen=True)
class Layout:
    """The labelled part of the archive: its test images, which carry no labels, are left out.

    Attributes:
        wnids: of the K classes, sorted.
        words: wnid -> its words, "goldfish, Carassius auratus"; a wnid without words has itself.
        train: (member, wnid) of each training image, in the archive's order.
        validation: the same for the val images.
    """

    wnids: tuple[str, ...]
    words: dict[str, str]
    train: tuple[tuple[str, str], ...]
    validation: tuple[tuple[str, str], ...]


@contextlib.contextmanager
def open_zip(path: Path) -> Iterator[zipfile.ZipFile]:
    """The archive, open for reading; raises ValueError if it is none or holds unsafe names."""
    try:
        archive = zipfile.ZipFile(path)
    except zipfile.BadZipFile as error:
        raise ValueError(
            f"{path} must be a zip archive, it is something else or cut short ({error}). "
            "Fetch it again."
        ) from error
    with archive:
        for name in archive.namelist():
            _check_name(path, name)
        yield archive


def _check_name(path: Path, name: str) -> None:
    if leaves(name):
        raise ValueError(
            f"{path}: each member must lie inside the archive's own folder, {name!r} does not. "
            "This is not the original archive: fetch it again."
        )


def read_member(archive: zipfile.ZipFile, member: str) -> bytes:
    """One member's bytes; raises ValueError if they are damaged."""
    try:
        return archive.read(member)
    except (zipfile.BadZipFile, zlib.error, EOFError) as error:
        raise ValueError(
            f"{archive.filename}: {member} is damaged ({error}). Fetch the archive again."
        ) from error


def read_layout(archive: zipfile.ZipFile) -> Layout:
    """Classes and labelled images.

    Raises:
        ValueError: a part is missing, or images and lists contradict each other.
    """
    wnids = tuple(sorted(set(_text(archive, WNIDS).split())))
    words = dict.fromkeys(wnids, "")
    if str(WORDS) in archive.NameToInfo:
        for wnid, _, text in (line.partition("\t") for line in _lines(archive, WORDS)):
            if wnid in words:
                words[wnid] = text
    layout = Layout(
        wnids,
        {wnid: text or wnid for wnid, text in words.items()},
        tuple(_train(archive)),
        tuple(_validation(archive)),
    )
    _check(archive, layout)
    return layout


def _lines(archive: zipfile.ZipFile, member: PurePosixPath) -> list[str]:
    return _text(archive, member).splitlines()


def _text(archive: zipfile.ZipFile, member: PurePosixPath) -> str:
    if str(member) not in archive.NameToInfo:
        raise ValueError(
            f"{archive.filename} must hold {member}, it does not ({len(archive.namelist())} "
            f"members, the first is {next(iter(archive.namelist()), None)}). Fetch the original "
            "archive, or zip its folder whole."
        )
    return read_member(archive, str(member)).decode("utf-8", errors="replace")


def _train(archive: zipfile.ZipFile) -> Iterator[tuple[str, str]]:
    """train/<wnid>/images/<wnid>_<number>.JPEG"""
    folder = str(ROOT / "train") + "/"
    for name in archive.namelist():
        parts = PurePosixPath(name).parts
        if name.startswith(folder) and name.endswith(".JPEG") and parts[3:4] == ("images",):
            yield name, parts[2]


def _validation(archive: zipfile.ZipFile) -> Iterator[tuple[str, str]]:
    """val/images/<file>, whose class stands in val/val_annotations.txt: file, wnid, box."""
    for number, line in enumerate(_lines(archive, ANNOTATIONS), start=1):
        file, *rest = line.split("\t")
        member = str(VAL / "images" / file)
        if not rest or member not in archive.NameToInfo:
            raise ValueError(
                f"{archive.filename}: each line of {ANNOTATIONS} must name a file of "
                f"{VAL}/images and its class, line {number} is {line!r}. Fetch the archive again."
            )
        yield member, rest[0]


def _check(archive: zipfile.ZipFile, layout: Layout) -> None:
    for part, images in (("train", layout.train), ("val", layout.validation)):
        classes = {wnid for _, wnid in images}
        unknown = sorted(classes - set(layout.wnids))
        if unknown:
            raise ValueError(
                f"{archive.filename}: {WNIDS} must list every class, {len(unknown)} of {part} are "
                f"not in it, the first is {unknown[0]}. Fetch the archive again."
            )
        without = sorted(set(layout.wnids) - classes) if part == "train" else []
        if without or not images:
            raise ValueError(
                f"{archive.filename}: each class must have images in {ROOT}/{part}, "
                f"{len(without) or len(layout.wnids)} of {len(layout.wnids)} have none, the first "
                f"is {(without or layout.wnids)[0]}. Fetch the archive again."
            )

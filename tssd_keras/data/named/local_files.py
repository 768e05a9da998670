"""Published files that lie in a folder: found, proven by their hash, unpacked safely.

The hashes are those that TensorFlow Datasets has on record for its downloads.
The content of a lone .gz is proof too: Debian's package dataset-fashion-mnist holds the same
files without the time in their headers.
"""

from __future__ import annotations

import gzip
import hashlib
import shutil
import tarfile
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from tssd_keras.data.named.safe_path import leaves

BLOCK = 1 << 20
DAMAGED = (tarfile.TarError, gzip.BadGzipFile, zlib.error, EOFError)


@dataclass(frozen=True)
class LocalFile:
    """A file that a data set is made of.

    Attributes:
        source: URL of a published file, else its origin in words.
        size: in bytes; 0 where unknown.
        sha256: of the file; "" where none is published.
        unpacked_sha256: of the content of a lone .gz.
    """

    name: str
    source: str
    size: int = 0
    sha256: str = ""
    unpacked_sha256: str = ""


_KRIZ = "https://www.cs.toronto.edu/~kriz/"
_FASHION = "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/"
_CIFAR_N = "https://github.com/UCSC-REAL/cifar-10-100n"

_CIFAR10 = LocalFile(
    "cifar-10-binary.tar.gz",
    f"{_KRIZ}cifar-10-binary.tar.gz",
    170_052_171,
    "c4a38c50a1bc5f3a1c5537f2155ab9d68f9f25eb1ed8d9ddda3db29a59bca1dd",
)
_CIFAR100 = LocalFile(
    "cifar-100-binary.tar.gz",
    f"{_KRIZ}cifar-100-binary.tar.gz",
    168_513_733,
    "58a81ae192c23a4be8b1804d68e518ed807d710a4eb253b1f2a199162a40d8ec",
)


def _fashion(name: str, size: int, sha256: str, unpacked: str) -> LocalFile:
    return LocalFile(name, f"{_FASHION}{name}", size, sha256, unpacked)


def _cifar_n(classes: int) -> tuple[LocalFile, ...]:
    """The manual files of TFDS's cifar10_n and cifar100_n; no hash of them is published."""
    return (
        LocalFile(
            f"CIFAR-{classes}_human_annotations.csv",
            f"a CSV file of CIFAR-{classes}_human_ordered.npy, which is at {_CIFAR_N}",
        ),
        LocalFile(f"side_info_cifar{classes}N.csv", _CIFAR_N),
        LocalFile(f"image_order_c{classes}.npy", _CIFAR_N),
    )


FILES: dict[str, tuple[LocalFile, ...]] = {
    "fashion_mnist": (
        _fashion(
            "train-images-idx3-ubyte.gz",
            26_421_880,
            "3aede38d61863908ad78613f6a32ed271626dd12800ba2636569512369268a84",
            "c59f468a2f672dc815687fe0f83887768d799fd8a3f3276145d20f83aa44d888",
        ),
        _fashion(
            "train-labels-idx1-ubyte.gz",
            29_515,
            "a04f17134ac03560a47e3764e11b92fc97de4d1bfaf8ba1a3aa29af54cc90845",
            "bad3541b69d912435c50bb6ba87bec294ff4f6a2e1246121d8633921760443d9",
        ),
        _fashion(
            "t10k-images-idx3-ubyte.gz",
            4_422_102,
            "346e55b948d973a97e58d2351dde16a484bd415d4595297633bb08f03db6a073",
            "5b4141f0afbad91edebe8549f8fcffe087ea10ca49f1dbef5c9a5cd8815ce37b",
        ),
        _fashion(
            "t10k-labels-idx1-ubyte.gz",
            5_148,
            "67da17c76eaffca5446c3361aaab5c3cd6d1c2608764d35dfb1850b086bf8dd5",
            "0402a96d92fd2663957122ceb108a494c5af83dab82d92729df917d7dec38c34",
        ),
    ),
    "cifar10": (_CIFAR10,),
    "cifar100": (_CIFAR100,),
    "cifar10_n": (_CIFAR10, *_cifar_n(10)),
    "cifar100_n": (_CIFAR100, *_cifar_n(100)),
}


def find(
    name: str, folder: Path, *, hashes: Mapping[str, str] | None = None
) -> dict[LocalFile, Path]:
    """The files of a data set, each proven by its hash where one is known.

    Args:
        name: of the data set, one of FILES.
        folder: that holds the files, under the names they were published with.
        hashes: file name -> sha256 in place of the published one, for a copy of one's own.

    Raises:
        FileNotFoundError: a file is not there; lists all that are needed.
        ValueError: a file's hash is not the expected one, or an archive holds a member that
            must not be unpacked. Nothing was written.
    """
    paths = {file: folder / file.name for file in FILES[name]}
    missing = [file for file, path in paths.items() if not path.is_file()]
    if missing:
        raise FileNotFoundError(_missing_text(name, folder, missing))
    for file, path in paths.items():
        _check_hash(file, path, (hashes or {}).get(file.name, ""))
        if file.name.endswith(".tar.gz"):
            check_members(path)
    return paths


def _missing_text(name: str, folder: Path, missing: list[LocalFile]) -> str:
    present = [file.name for file in FILES[name] if file not in missing]
    lines = "".join(f"\n  {describe(file)}" for file in missing)
    return (
        f"{name} needs {len(FILES[name])} files in {folder.absolute()}, "
        f"{len(missing)} not there (there: {', '.join(present) or 'none'}):{lines}\n"
        "Put them there as they are, or name the folder that has them."
    )


def describe(file: LocalFile) -> str:
    """Name, size where it is known, and where to get it: one line."""
    size = f", {file.size:,} bytes" if file.size else ""
    return f"{file.name}{size}: {file.source}"


def _check_hash(file: LocalFile, path: Path, instead: str) -> None:
    """Raise ValueError unless the file has the published hash, or the one given instead."""
    expected = instead or file.sha256
    if not expected:
        return
    with open(path, "rb") as stream:
        actual = sha256(stream)
    if actual == expected:
        return
    unpacked = ""
    if file.unpacked_sha256 and not instead:
        try:
            with gzip.open(path) as stream:
                unpacked = sha256(stream)
        except DAMAGED as error:
            unpacked = f"none, it cannot be unpacked ({error})"
        if unpacked == file.unpacked_sha256:
            return
    content = f" Unpacked: expected {file.unpacked_sha256}, found {unpacked}." if unpacked else ""
    size = f" and {file.size:,} bytes" if file.size and not instead else ""
    raise ValueError(
        f"{path} must be the published {file.name}: expected sha256 {expected}{size}, found "
        f"{actual} and {path.stat().st_size:,} bytes.{content} It is damaged, cut short or "
        f"something else; fetch it again: {file.source}"
    )


def sha256(stream: IO[bytes] | gzip.GzipFile) -> str:
    """Hex digest of the rest of an open file."""
    digest = hashlib.sha256()
    while block := stream.read(BLOCK):
        digest.update(block)
    return digest.hexdigest()


def check_members(path: Path) -> dict[str, int]:
    """Member -> bytes, of the files in a tar archive.

    Raises:
        ValueError: a member would leave the folder it is unpacked to, or is
            neither file nor folder; or the archive is damaged.
    """
    sizes = {}
    try:
        with tarfile.open(path) as archive:
            for member in archive:
                _check_member(path, member)
                if member.isfile():
                    sizes[member.name] = member.size
    except DAMAGED as error:
        raise ValueError(
            f"{path} must be a tar archive, it is something else or damaged ({error}). "
            "Fetch it again."
        ) from error
    return sizes


def _check_member(path: Path, member: tarfile.TarInfo) -> None:
    if leaves(member.name):
        fault = "does not"
    elif not (member.isfile() or member.isdir()):
        fault = f"is a link or a device (type {member.type.decode(errors='replace')})"
    else:
        return
    raise ValueError(
        f"{path}: each member must be a file or folder that stays inside the archive's own "
        f"folder, {member.name!r} {fault}. This is not the original archive: fetch it again."
    )


def unpack(path: Path, folder: Path) -> Path:
    """Unpack a .tar.gz into a new folder, or a lone .gz into a file, within `folder`.

    Returns:
        Path of the folder or file.

    Raises:
        ValueError: as for `check_members`; the archive was changed since.
    """
    to = folder / path.name.removesuffix(".gz").removesuffix(".tar")
    if not path.name.endswith(".tar.gz"):
        with gzip.open(path) as packed, open(to, "wb") as out:
            shutil.copyfileobj(packed, out, BLOCK)
        return to
    with tarfile.open(path) as archive:
        for member in archive:
            _check_member(path, member)
            content = archive.extractfile(member)
            if content is not None:  # not a folder
                target = to / member.name
                target.parent.mkdir(parents=True, exist_ok=True)
                with open(target, "wb") as out:
                    shutil.copyfileobj(content, out, BLOCK)
    return to

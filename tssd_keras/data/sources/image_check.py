"""One look at every image before training: whether it can be decoded, and the hash of its bytes.

Decoding ahead into memory happens in the same pass, so nothing is read twice.
"""

from __future__ import annotations

import hashlib
import os
import sys
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import click
import numpy as np

from tssd_keras.data.decoding import BadImage
from tssd_keras.data.duplicates import DIGEST, SHORT_WAIT
from tssd_keras.data.inputs import EncodedImages
from tssd_keras.recipe.checks import EXAMPLES

BLOCK = 256  # images that a thread looks at in one go


@dataclass(frozen=True)
class Examined:
    """Outcome of the look at one split.

    Attributes:
        digests: uint8[N, 16], BLAKE2b of each image's bytes.
        bad: index -> why the image cannot be used.
        converted: kind of conversion -> number of images.
        first_converted: kind of conversion -> the first such image's name.
    """

    digests: np.ndarray
    bad: dict[int, str]
    converted: Counter[str]
    first_converted: dict[str, str]


def examine(images: EncodedImages, what: str, *, out: np.ndarray | None = None) -> Examined:
    """Read, hash and decode every image once, by a few threads.

    Args:
        images: N of them.
        what: "cifar10/train", for the progress bar.
        out: uint8[N, height, width, channels] takes the pixels; None drops them.

    Returns:
        Examined.

    Raises:
        ValueError: an image has another size than the others, and none was asked for.
    """
    n = len(images)
    digests = np.zeros((n, DIGEST), np.uint8)
    bad: dict[int, str] = {}
    converted: dict[int, str] = {}

    def look(start: int) -> int:
        stop = min(start + BLOCK, n)
        for i in range(start, stop):
            try:
                file = images.files[i]
            except BadImage as error:
                bad[i] = f"{images.files.name(i)} {error}."
                continue
            digests[i] = np.frombuffer(hashlib.blake2b(file, digest_size=DIGEST).digest(), np.uint8)
            try:
                pixels, change = images.decode(i, file)
            except BadImage as error:
                bad[i] = str(error)
                continue
            if change:
                converted[i] = change
            if out is not None:
                out[i] = pixels
        return stop - start

    label = f"{'checking' if out is None else 'decoding'} {what}"
    bar = click.progressbar(length=n, label=label, file=sys.stderr, hidden=n < SHORT_WAIT)
    with ThreadPoolExecutor(min(16, os.cpu_count() or 1)) as pool, bar:
        for done in pool.map(look, range(0, n, BLOCK)):
            bar.update(done)
    names: dict[str, str] = {}
    for i in sorted(converted):
        names.setdefault(converted[i], images.files.name(i))
    return Examined(digests, dict(sorted(bad.items())), Counter(converted.values()), names)


def refuse(bad: dict[str, dict[int, str]], totals: dict[str, int]) -> None:
    """Raise ValueError if there are bad images, naming the first few.

    Args:
        bad: split -> index -> what is wrong, with the image's name.
        totals: split -> number of images.
    """
    counts = [f"{len(b)} of {totals[s]} {s} images" for s, b in bad.items() if b]
    if not counts:
        return
    reasons = [reason for b in bad.values() for reason in b.values()]
    more = "" if len(reasons) <= EXAMPLES else f"\n  ... and {len(reasons) - EXAMPLES} more"
    raise ValueError(
        f"every image must be readable, {' and '.join(counts)} are not. Mend them, or leave them "
        "out with --skip-bad-images (data.skip_bad_images = true).\n  "
        + "\n  ".join(reasons[:EXAMPLES])
        + more
    )

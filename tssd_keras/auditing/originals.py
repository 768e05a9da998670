"""Samples as files beside the page, as large as they are: for those who want to zoom."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np

from tssd_keras.auditing.pictures import Samples, is_image, whole_images
from tssd_keras.data.whole_file import whole_file

FOLDER = "originals"  # beside report.html
SIDE = 4096  # pixels of the longer side, at most
QUALITY = 92  # of JPEG


def check_are_images(samples: Samples | None, files: np.ndarray | None) -> Samples:
    """The samples; raises ValueError unless they can be written as images.

    Args:
        samples: of the source, or None.
        files: of the samples, or None.
    """
    if samples is not None and (files is not None or is_image(samples.inputs)):
        return samples
    what = "there are no samples" if samples is None else "these are texts or rows of numbers"
    raise ValueError(
        f"--originals is for images, {what}. Leave it out: the page has all that can be shown."
    )


def write_originals(
    out: Path,
    samples: Samples,
    index: np.ndarray,
    *,
    files: np.ndarray | None,
    on_some: Callable[[int], object] = lambda n: None,
) -> int:
    """Write originals/INDEX.jpg of some samples: upright, without what a file says of itself.

    Args:
        out: the audit's folder.
        samples: of the source, images.
        index: int64[n], which of them.
        files: object[n] of str, their image files, or None; see `pictures.pictures`.
        on_some: called with the number of samples done since the last call.

    Returns:
        Bytes that were written.

    Raises:
        OSError: a file cannot be written.
        ValueError: an image cannot be read.
    """
    folder, total = out / FOLDER, 0
    folder.mkdir(exist_ok=True)
    images = whole_images(samples.inputs, index, files, SIDE, on_some)
    for i, image in zip(index.tolist(), images, strict=True):
        path = folder / f"{i}.jpg"
        with whole_file(path) as part:
            image.save(part, "JPEG", quality=QUALITY)
        total += path.stat().st_size
    return total

"""Samples as a person can look at them: images, text, or rows of numbers, up to a size in bytes."""

from __future__ import annotations

import base64
import io
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from tssd_keras.auditing.table_rows import Usual, as_text, described
from tssd_keras.data.decoding import BadImage, decode_for_people
from tssd_keras.data.files import FilesOnDisk
from tssd_keras.data.inputs import Inputs

SIDE = 256  # pixels of a picture's longer side, at most
SIDE_BESIDE = 96  # of a neighbour's
LOSSLESS_SIDE = 32  # images of up to so many pixels a side stay as they are
FINE_SIDE = 128  # up to so many, every pixel is seen
QUALITY, FINE_QUALITY = 80, 90  # of JPEG
MOST_TEXT = 20_000  # characters of a text
READ_AT_ONCE = 64  # samples


@dataclass(frozen=True)
class Pictures:
    """n samples, ready to be shown.

    Attributes:
        kind: "image", "text", "row" or "none".
        content: of an image its data URI, the text itself, or of a row what
            `table_rows.described` gives.
        column_names: of rows, or none.
        width: numbers of a row.
    """

    kind: str
    content: list[Any]
    column_names: tuple[str, ...] = ()
    width: int = 0

    @property
    def size(self) -> int:
        """Bytes on the page, about."""
        return sum(map(_size, self.content))

    @property
    def texts(self) -> list[str]:
        """The content for programs that know no rows."""
        if self.kind != "row":
            return self.content
        return [as_text(row, self.column_names, self.width) for row in self.content]


def _size(one: Any) -> int:
    return len(one) if isinstance(one, str) else len(json.dumps(one, separators=(",", ":")))


NO_PICTURES = Pictures("none", [])


@dataclass(frozen=True, kw_only=True, eq=False)
class Samples:
    """The samples themselves, to be looked at.

    Attributes:
        inputs: of the source.
        texts: object[N] or str[N], shown in place of inputs that say little to a person, e.g. the
            sentences behind rows of word numbers; or None.
        column_names: of rows of numbers, or none.
    """

    inputs: Inputs
    texts: np.ndarray | None = None
    column_names: tuple[str, ...] = ()

    @property
    def are_rows(self) -> bool:
        """Whether they are shown as rows of numbers."""
        return self.texts is None and not is_image(self.inputs)


@dataclass(frozen=True, eq=False)
class Labels:
    """The classes that n rows of numbers are held against.

    Attributes:
        usual: what is usual in each class.
        given, suggested: int64[n], -1 where there is none.
    """

    usual: Usual
    given: np.ndarray
    suggested: np.ndarray


def pictures(
    samples: Samples,
    index: np.ndarray,
    *,
    files: np.ndarray | None = None,
    labels: Labels | None = None,
    side: int = SIDE,
    most_bytes: float = float("inf"),
    on_some: Callable[[int], object] = lambda n: None,
) -> Pictures:
    """Make what is shown of some samples, one after the other, until a size is reached.

    Args:
        samples: of the source.
        index: int64[n], which of them, in order.
        files: object[n] of str, their image files, which are shown in place of the inputs; None:
            there are none. One that cannot be decoded any more gives way to its input.
        labels: of the samples, which rows of numbers need.
        side: pixels of the longer side of an image, at most.
        most_bytes: of all of them together.
        on_some: called with the number of samples done since the last call.

    Returns:
        Pictures of the first m of the samples, as many as there is room for.

    Raises:
        ValueError: an image cannot be read.
    """
    made: Iterator[Any]
    if samples.texts is not None:
        kind, made = "text", _texts(samples.texts, index, on_some)
    elif files is not None or is_image(samples.inputs):
        kind, made = "image", _images(samples.inputs, index, files, side, on_some)
    elif labels is not None:
        kind, made = "row", _rows(samples.inputs, index, labels, on_some)
    else:
        return NO_PICTURES
    content: list[Any] = []
    room = most_bytes
    for one in made:
        room -= _size(one)
        if room < 0:
            break
        content.append(one)
    if kind != "row":
        return Pictures(kind, content)
    width = int(np.prod(samples.inputs.shape[1:]))
    return Pictures(kind, content, samples.column_names, width)


def is_image(inputs: Inputs) -> bool:
    """Whether samples are images: (height, width, 1, 3 or 4), or uint8 of (height, width)."""
    shape = inputs.shape[1:]
    if len(shape) == 3:
        return shape[2] in (1, 3, 4) and min(shape[:2]) > 1
    return len(shape) == 2 and np.dtype(inputs.dtype) == np.uint8


def shortened(text: str) -> str:
    """Cut a text to `MOST_TEXT` characters; its length stands behind a cut one."""
    if len(text) <= MOST_TEXT:
        return text
    return f"{text[:MOST_TEXT]}… ({len(text):,} characters)"


def _batches(index: np.ndarray) -> Iterator[slice]:
    for start in range(0, len(index), READ_AT_ONCE):
        yield slice(start, start + READ_AT_ONCE)


def _texts(texts: np.ndarray, index: np.ndarray, on_some: Callable[[int], object]) -> Iterator[str]:
    for some in _batches(index):
        yield from (shortened(str(texts[i])) for i in index[some].tolist())
        on_some(len(index[some]))


def _images(
    inputs: Inputs,
    index: np.ndarray,
    files: np.ndarray | None,
    side: int,
    on_some: Callable[[int], object],
) -> Iterator[str]:
    for image in whole_images(inputs, index, files, side, on_some):
        yield data_uri(image, side)


def whole_images(
    inputs: Inputs,
    index: np.ndarray,
    files: np.ndarray | None,
    side: int,
    on_some: Callable[[int], object],
) -> Iterator[Any]:
    """Images of some samples as Pillow has them, from their files up to a side; see `pictures`."""
    span: tuple[float, float] | None = None
    for some in _batches(index):
        own = [None] * len(index[some]) if files is None else _decoded(files[some], side)
        batch = inputs.read(index[some]) if any(image is None for image in own) else None
        if batch is not None and batch.dtype != np.uint8:
            span = span or _span(batch)  # by the first batch, for all
            low, high = span
            batch = np.clip((batch.astype(np.float64) - low) * (255 / (high - low)), 0, 255).astype(
                np.uint8
            )
        for i, image in enumerate(own):
            if image is None and batch is not None:
                image = as_image(batch[i])
            yield image
        on_some(len(own))


def _decoded(files: np.ndarray, side: int) -> list:
    """Image files as Pillow images; None where one cannot be decoded."""
    on_disk, out = FilesOnDisk(Path(), files.tolist()), []
    for i in range(len(files)):
        try:
            out.append(decode_for_people(on_disk[i], side))
        except BadImage:
            out.append(None)
    return out


def _span(batch: np.ndarray) -> tuple[float, float]:
    """The numbers that stand for black and white: 0 and 1, 0 and 255, or the batch's ends."""
    low, high = float(batch.min()), float(batch.max())
    if low >= 0 and high <= 255:
        return (0.0, 1.0) if high <= 1 else (0.0, 255.0)
    return low, max(high, low + 1e-6 * max(1.0, abs(low)))


def as_image(pixels: np.ndarray):
    """A Pillow image of uint8[height, width] or uint8[height, width, 1, 3 or 4], laid on white."""
    from PIL import Image

    if pixels.ndim == 3 and pixels.shape[2] == 1:
        pixels = pixels[..., 0]
    image = Image.fromarray(np.ascontiguousarray(pixels))
    if image.mode == "RGBA":
        image = Image.alpha_composite(Image.new("RGBA", image.size, "white"), image).convert("RGB")
    return image


def data_uri(image, side: int = SIDE) -> str:
    """Encode a Pillow image as a data URI: PNG if it is small, else JPEG, scaled down to a side."""
    largest = max(image.size)
    if largest > side:
        image = image.copy()
        image.thumbnail((side, side))
    file = io.BytesIO()
    if largest <= LOSSLESS_SIDE:
        image.save(file, "PNG", optimize=True)
    else:
        fine = max(image.size) <= FINE_SIDE
        image.save(file, "JPEG", quality=FINE_QUALITY if fine else QUALITY)
    kind = "png" if largest <= LOSSLESS_SIDE else "jpeg"
    return f"data:image/{kind};base64,{base64.b64encode(file.getvalue()).decode('ascii')}"


def _rows(
    inputs: Inputs, index: np.ndarray, labels: Labels, on_some: Callable[[int], object]
) -> Iterator[dict[str, Any]]:
    for some in _batches(index):
        values = np.asarray(inputs.read(index[some]), np.float64).reshape(len(index[some]), -1)
        by_given, by_suggested = (
            labels.usual.distance(values, of[some]) for of in (labels.given, labels.suggested)
        )
        for row in zip(values, by_given, by_suggested, strict=True):
            yield described(*row)
        on_some(len(values))

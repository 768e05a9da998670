"""Samples as a person can look at them: small images, text, or rows of numbers."""

from __future__ import annotations

import base64
import io
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

from tssd_keras.data.inputs import Inputs

SIDE = 96  # pixels of a thumbnail's longer side, at most
LOSSLESS_SIDE = 32  # images of up to so many pixels a side stay as they are
QUALITY = 85  # of JPEG
MOST_TEXT = 1000  # characters of a text
MOST_NUMBERS = 48  # of a row
READ_AT_ONCE = 256  # samples


@dataclass(frozen=True)
class Pictures:
    """n samples, ready to be shown.

    Attributes:
        kind: "image", "text", "row" or "none".
        content: n texts: of an image a data URI, else the text itself.
    """

    kind: str
    content: list[str]


NO_PICTURES = Pictures("none", [])


def pictures(
    inputs: Inputs,
    index: np.ndarray,
    texts: np.ndarray | None = None,
    on_some: Callable[[int], object] = lambda n: None,
) -> Pictures:
    """Make what is shown of some samples.

    Args:
        inputs: of the source.
        index: int64[n], which of them.
        texts: object[N] or str[N], shown in place of the inputs, e.g. the sentences
            behind rows of word numbers; None: the inputs themselves.
        on_some: called with the number of samples done since the last call.

    Raises:
        ValueError: an image cannot be read.
    """
    if texts is not None:
        return Pictures("text", [shortened(str(texts[i])) for i in index.tolist()])
    if is_image(inputs):
        return Pictures("image", list(_images(inputs, index, on_some)))
    return Pictures("row", list(_rows(inputs, index, on_some)))


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


def _batches(inputs: Inputs, index: np.ndarray) -> Iterator[np.ndarray]:
    for start in range(0, len(index), READ_AT_ONCE):
        yield inputs.read(index[start : start + READ_AT_ONCE])


def _images(inputs: Inputs, index: np.ndarray, on_some: Callable[[int], object]) -> Iterator[str]:
    span: tuple[float, float] | None = None
    for batch in _batches(inputs, index):
        if batch.dtype != np.uint8:
            span = span or _span(batch)  # by the first batch, for all
            low, high = span
            batch = np.clip((batch.astype(np.float64) - low) * (255 / (high - low)), 0, 255).astype(
                np.uint8
            )
        yield from map(data_uri, batch)
        on_some(len(batch))


def _span(batch: np.ndarray) -> tuple[float, float]:
    """The numbers that stand for black and white: 0 and 1, 0 and 255, or the batch's ends."""
    low, high = float(batch.min()), float(batch.max())
    if low >= 0 and high <= 255:
        return (0.0, 1.0) if high <= 1 else (0.0, 255.0)
    return low, max(high, low + 1e-6 * max(1.0, abs(low)))


def data_uri(pixels: np.ndarray) -> str:
    """Encode an image as a data URI: PNG if it is small, else JPEG, scaled down to `SIDE`.

    Args:
        pixels: uint8[height, width] or uint8[height, width, 1, 3 or 4].
    """
    from PIL import Image

    if pixels.ndim == 3 and pixels.shape[2] == 1:
        pixels = pixels[..., 0]
    image = Image.fromarray(np.ascontiguousarray(pixels))
    if image.mode == "RGBA":
        image = Image.alpha_composite(Image.new("RGBA", image.size, "white"), image).convert("RGB")
    small = max(image.size) <= LOSSLESS_SIDE
    image.thumbnail((SIDE, SIDE))
    file = io.BytesIO()
    if small:
        image.save(file, "PNG", optimize=True)
    else:
        image.save(file, "JPEG", quality=QUALITY)
    kind = "png" if small else "jpeg"
    return f"data:image/{kind};base64,{base64.b64encode(file.getvalue()).decode('ascii')}"


def _rows(inputs: Inputs, index: np.ndarray, on_some: Callable[[int], object]) -> Iterator[str]:
    for batch in _batches(inputs, index):
        for sample in batch:
            flat = np.ravel(sample)
            shown = ", ".join(f"{v:.4g}" for v in flat[:MOST_NUMBERS].tolist())
            more = f", … ({flat.size:,} numbers)" if flat.size > MOST_NUMBERS else ""
            yield f"{shown}{more}"
        on_some(len(batch))

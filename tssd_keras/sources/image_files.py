"""Encoded images -> inputs: their common size, and decoding them ahead."""

from __future__ import annotations

import io
import os
import sys
from concurrent.futures import ThreadPoolExecutor

import click
import numpy as np

from tssd_keras.inputs import ArrayInputs, EncodedImages, Inputs
from tssd_keras.recipe import DataRecipe

BLOCK = 512  # images a thread decodes at a time
SHORT_WAIT = 20_000  # images that are read or decoded within two seconds or so: no bar


def as_inputs(
    splits: dict[str, list[bytes]], shape: tuple[int | None, ...], recipe: DataRecipe, *, name: str
) -> dict[str, Inputs]:
    """Inputs of each split, all of one sample shape.

    One decoder serves both ways, so `decode_ahead` changes no pixel.

    Args:
        splits: split name -> encoded images.
        shape: (height, width, channels) that the data set promises; None where it does not.
        recipe: image_size and decode_ahead.
        name: of the data set, for messages.

    Returns:
        Split name -> uint8 inputs: one array each with `decode_ahead`, else
        images that are decoded when they are asked for.

    Raises:
        ValueError: images of several sizes without image_size, images with
            neither 1 nor 3 channels, or (with decode_ahead) one that cannot be decoded.
    """
    channels = _channels(shape, name)
    if recipe.image_size:
        height = width = recipe.image_size
    else:
        height, width = shape[0] or 0, shape[1] or 0
    if not (height and width):
        height, width = _common_size(splits, name)
    inputs: dict[str, Inputs] = {}
    for split, files in splits.items():
        images = EncodedImages(files, (height, width, channels), resize=recipe.image_size > 0)
        inputs[split] = _decode(images, f"{name}/{split}") if recipe.decode_ahead else images
    return inputs


def _channels(shape: tuple[int | None, ...], name: str) -> int:
    channels = shape[-1] or 3
    if len(shape) != 3 or channels not in (1, 3):
        raise ValueError(
            f"images of {name} must have shape (height, width, channels) with 1 or 3 channels, "
            f"got {shape}."
        )
    return channels


def _common_size(splits: dict[str, list[bytes]], name: str) -> tuple[int, int]:
    """(height, width) of all images, from their headers."""
    first: tuple[int, int] | None = None
    for split, files in splits.items():
        for i, file in enumerate(files):
            size = _size(file, f"image {i} of {name}/{split}")
            first = first or size
            if size != first:
                raise ValueError(
                    f"images of {name} must have one size: the first is {first[0]} x {first[1]} "
                    f"pixels (height x width), image {i} of {split} is {size[0]} x {size[1]}. Set "
                    "data.image_size to scale all images to one size."
                )
    return first or (0, 0)  # no images: the splits are refused later, as empty


def _size(file: bytes, what: str) -> tuple[int, int]:
    from PIL import Image

    try:
        with Image.open(io.BytesIO(file)) as image:
            return image.height, image.width
    except OSError as error:
        raise ValueError(f"{what} is no image: {error}. Replace the file.") from error


def _decode(images: EncodedImages, what: str) -> ArrayInputs:
    """All images in one array, decoded by a few threads (Pillow decodes outside the GIL)."""
    out = np.empty(images.shape, np.uint8)

    def decode(start: int) -> int:
        index = np.arange(start, min(start + BLOCK, len(images)))
        try:
            out[index[0] : index[-1] + 1] = images.read(index)
        except ValueError as error:
            raise ValueError(f"{what}: {error}") from error
        return len(index)

    bar = click.progressbar(
        length=len(images),
        label=f"decoding {what}",
        file=sys.stderr,
        hidden=len(images) < SHORT_WAIT,
    )
    with ThreadPoolExecutor(min(8, os.cpu_count() or 1)) as pool, bar:
        for n in pool.map(decode, range(0, len(images), BLOCK)):
            bar.update(n)
    return ArrayInputs(out)

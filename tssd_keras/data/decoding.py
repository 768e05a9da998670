"""One encoded image -> pixels, or the reason why not.

One decoder serves images in memory and on disk, the check before training and the reading during
it: they cannot disagree.
"""

from __future__ import annotations

import contextlib
import io
from collections.abc import Iterator

import numpy as np

from tssd_keras.recipe.choices import MAX_PIXELS

# Others are refused whatever their name: some readers start programs (EPS: Ghostscript).
FORMATS = ("JPEG", "PNG", "GIF", "WEBP", "BMP", "TIFF", "PPM")
_MODES = {1: "L", 3: "RGB"}


class BadImage(ValueError):
    """A file that is no usable image; the text is the reason and the remedy."""


class OtherSize(ValueError):
    """A sound image of another size than its data set's."""


def decode(file: bytes, shape: tuple[int, int, int], *, resize: bool) -> tuple[np.ndarray, str]:
    """Decode one image.

    Args:
        file: encoded, in one of `FORMATS`.
        shape: (height, width, channels) of the result; channels 1 or 3.
        resize: scale an image of another size; else it is an error.

    Returns:
        uint8[height, width, channels], and the kind of conversion: "palette", "CMYK",
        "transparency" (laid on white), or "".

    Raises:
        BadImage: no image, empty, cut short, damaged, animated, enormous, or of
            more than eight bits a channel.
        OtherSize: another size than `shape`, without `resize`.
    """
    from PIL import Image

    height, width, channels = shape
    with _damage_told(), _sound(file) as image:
        if resize:
            # JPEG decodes at a half, a quarter, ... for much less; twice the size keeps it sharp.
            image.draft(image.mode, (2 * width, 2 * height))
        image.load()
        pixels, converted = _as_mode(_upright(image), _MODES[channels])
    if pixels.size != (width, height):
        if not resize:
            raise OtherSize(f"{pixels.height} x {pixels.width}")
        pixels = pixels.resize((width, height), Image.Resampling.BILINEAR)
    return np.asarray(pixels).reshape(shape), converted


def decode_as_keras(file: bytes, channels: int) -> np.ndarray:
    """Decode one image as `keras.utils.image_dataset_from_directory` does.

    It stays as it is stored: not turned by its EXIF data, opacity dropped where no channel is
    for it, of an animation the first frame, of 16 bits the upper eight.

    Args:
        file: encoded, in one of `FORMATS`.
        channels: 1 (grey), 3 (RGB) or 4 (RGB and opacity).

    Returns:
        uint8[height, width, channels]. A JPEG's values are Pillow's, which are a few grey levels
        off TensorFlow's hastier ones.

    Raises:
        BadImage: no image, empty, cut short, damaged or enormous.
    """
    mode = {1: "L", 3: "RGB", 4: "RGBA"}[channels]
    with _damage_told(), _open(file) as image:
        if mode == "L":
            image.draft("L", None)  # a JPEG has its grey values apart
        pixels = image
        if image.mode.startswith("I"):
            pixels = _upper_bits(image)
        elif image.mode == "1":
            pixels = image.convert("L")
        pixels.load()
        if pixels.mode != mode:
            pixels = pixels.convert(mode)
        return np.asarray(pixels).reshape(image.height, image.width, channels)


def _upper_bits(image):
    """An image of 16 bits, as one of eight."""
    from PIL import Image

    return Image.fromarray((np.asarray(image).astype(np.uint32) >> 8).astype(np.uint8))


def decode_for_people(file: bytes, side: int):
    """Decode one image for a person to look at: upright, its aspect kept.

    Args:
        file: encoded, in one of `FORMATS`; of an animation the first frame.
        side: pixels of the longer side, at most; smaller images stay as they are.

    Returns:
        A Pillow image of mode RGB or L, without any data beside its pixels.

    Raises:
        BadImage: no image, empty, cut short, damaged or enormous.
    """
    from PIL import Image

    with _damage_told(), _open(file) as image:
        image.draft(image.mode, (2 * side, 2 * side))
        image.load()
        pixels = _upper_bits(image) if image.mode.startswith("I") else _upright(image)
        pixels, _ = _as_mode(pixels, "L" if pixels.mode in ("1", "L") else "RGB")
        pixels.thumbnail((side, side))
        # A new image has none of the file's own words, such as where a photograph was taken.
        return Image.fromarray(np.asarray(pixels))


def image_size(file: bytes) -> tuple[int, int]:
    """(height, width) of an image as it is shown, from its header; raises BadImage."""
    with _damage_told(), _sound(file) as image:
        turned = _TURNS.get(_orientation(image), "") in _ON_ITS_SIDE
        return (image.width, image.height) if turned else (image.height, image.width)


@contextlib.contextmanager
def _damage_told() -> Iterator[None]:
    """Turn any fault within Pillow into BadImage: it is the file's fault.

    Pillow's readers trust a header, so damage surfaces as struct.error, KeyError, TypeError,
    or any other exception.
    """
    try:
        yield
    except (BadImage, MemoryError):
        raise
    except Exception as error:
        raise BadImage(
            f"is damaged or cut short ({type(error).__name__}: {error}); replace the file"
        ) from error


def _sound(file: bytes):
    """The image, of one frame and eight bits a channel."""
    image = _open(file)
    if getattr(image, "is_animated", False) and image.format != "MPO":  # a camera's two views
        raise BadImage(
            f"is animated, {getattr(image, 'n_frames', 0)} frames; save the one that counts"
        )
    if _bits(image, file) > 8:
        raise BadImage("has more than 8 bits a channel; save it with 8 bits")
    return image


def _open(file: bytes):
    """The image, its header read and found fit to be decoded."""
    from PIL import Image

    if not file:
        raise BadImage("is empty (0 bytes); replace the file")
    try:
        image = Image.open(io.BytesIO(file), formats=FORMATS)
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise BadImage(f"is enormous, more than {MAX_PIXELS:,} pixels; scale it down") from error
    except Image.UnidentifiedImageError as error:
        raise BadImage(f"is no image (or none of {', '.join(FORMATS)})") from error
    if image.width * image.height > MAX_PIXELS:
        raise BadImage(
            f"is enormous, {image.width} x {image.height} pixels, more than {MAX_PIXELS:,}; scale "
            "it down"
        )
    return image


def _bits(image, file: bytes) -> int:
    """Bits a channel in the file; Pillow cuts three channels of 16 bits down silently."""
    if image.mode.startswith(("I", "F")):
        return 16
    if image.format == "PNG":
        return file[24]  # of the header, which always comes first
    if image.format == "TIFF":
        return max(image.tag_v2.get(_BITS_PER_SAMPLE, (1,)))
    if image.format == "PPM":
        args = image.tile[0].args  # a mode, and the highest value where it is not 255
        return int(args[1]).bit_length() if isinstance(args, tuple) else 8
    return 8  # no other format of these has more


_BITS_PER_SAMPLE = 258  # TIFF
_ORIENTATION = 0x0112  # EXIF
_TURNS = {  # orientation -> what makes it upright
    2: "FLIP_LEFT_RIGHT",
    3: "ROTATE_180",
    4: "FLIP_TOP_BOTTOM",
    5: "TRANSPOSE",
    6: "ROTATE_270",
    7: "TRANSVERSE",
    8: "ROTATE_90",
}
_ON_ITS_SIDE = ("TRANSPOSE", "ROTATE_270", "TRANSVERSE", "ROTATE_90")


def _orientation(image) -> int:
    """How a viewer is to turn the image; 1, not at all, where that cannot be read."""
    if image.format == "TIFF":  # Pillow turns these by itself
        return 1
    try:
        return image.getexif().get(_ORIENTATION, 1)
    except MemoryError:
        raise
    except Exception:  # damaged EXIF says nothing of the pixels
        return 1


def _upright(image):
    """The image as a viewer shows it: a camera stores a photograph's turn in its EXIF data."""
    from PIL import Image

    turn = _TURNS.get(_orientation(image))
    return image if turn is None else image.transpose(Image.Transpose[turn])


def _as_mode(image, mode: str) -> tuple:
    """The image in a mode, and the kind of conversion in words."""
    from PIL import Image

    if image.mode == mode:
        return image, ""
    if image.mode in ("RGBA", "LA", "PA", "La", "RGBa") or "transparency" in image.info:
        layers = image.convert("RGBA")
        white = Image.new("RGBA", image.size, "white")
        return Image.alpha_composite(white, layers).convert(mode), "transparency"
    if image.mode == "P":
        return image.convert("RGB").convert(mode), "palette"
    return image.convert(mode), "CMYK" if image.mode == "CMYK" else ""

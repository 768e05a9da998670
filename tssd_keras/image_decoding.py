"""One encoded image -> pixels, or the reason why not.

Kept apart from where the bytes lie, so that the check before training and the
reading during it can never disagree.
"""

from __future__ import annotations

import io

import numpy as np

MAX_PIXELS = 64_000_000  # 192 MB when decoded; a larger image is taken for a mistake
_PNG = b"\x89PNG\r\n\x1a\n"
_MODES = {1: "L", 3: "RGB"}


class BadImage(ValueError):
    """A file that cannot be used as an image; the text is the reason and the remedy."""


class OtherSize(ValueError):
    """A sound image of another size than its data set's."""


def decode(file: bytes, shape: tuple[int, int, int], *, resize: bool) -> tuple[np.ndarray, str]:
    """Decode one image.

    Args:
        file: encoded (JPEG, PNG, ...).
        shape: (height, width, channels) of the result; channels 1 or 3.
        resize: scale an image of another size; else it is an error.

    Returns:
        uint8[height, width, channels], and what had to be converted on the way:
        "palette", "CMYK", "transparency" (laid on white), or "".

    Raises:
        BadImage: no image, empty, cut short, animated, enormous, or of more
            than eight bits a channel.
        OtherSize: another size than `shape`, without `resize`.
    """
    from PIL import Image

    height, width, channels = shape
    with _open(file) as image:
        if resize:
            # JPEG decodes at a half, a quarter, ... for much less; twice the size keeps it sharp.
            image.draft(image.mode, (2 * width, 2 * height))
        try:
            image.load()
        except (OSError, SyntaxError, ValueError, EOFError) as error:
            raise BadImage(f"is damaged or cut short ({error}); replace the file") from error
        upright = _upright(image)
        pixels, converted = _as_mode(upright, _MODES[channels])
    if pixels.size != (width, height):
        if not resize:
            raise OtherSize(f"{pixels.height} x {pixels.width}")
        pixels = pixels.resize((width, height), Image.Resampling.BILINEAR)
    return np.asarray(pixels).reshape(shape), converted


def image_size(file: bytes) -> tuple[int, int]:
    """(height, width) of an image as it is shown, from its header; raises BadImage."""
    with _open(file) as image:
        turned = image.getexif().get(_ORIENTATION, 1) in _ON_ITS_SIDE
        return (image.width, image.height) if turned else (image.height, image.width)


def _open(file: bytes):
    """The image, its header read and found fit to be decoded."""
    from PIL import Image

    if not file:
        raise BadImage("is empty (0 bytes); replace the file")
    enormous = (Image.DecompressionBombError, Image.DecompressionBombWarning)
    try:
        image = Image.open(io.BytesIO(file))
    except enormous as error:
        raise BadImage(f"is enormous, more than {MAX_PIXELS:,} pixels; scale it down") from error
    except (OSError, SyntaxError, ValueError, EOFError) as error:
        raise BadImage("is no image (or of a kind that Pillow cannot read)") from error
    if image.width * image.height > MAX_PIXELS:
        raise BadImage(
            f"is enormous, {image.width} x {image.height} pixels, more than {MAX_PIXELS:,}; scale "
            "it down"
        )
    if getattr(image, "is_animated", False) and image.format != "MPO":  # a camera's two views
        raise BadImage(
            f"is animated, {getattr(image, 'n_frames', 0)} frames; save the one that counts"
        )
    sixteen = image.mode.startswith(("I", "F")) or (file[:8] == _PNG and file[24:25] == b"\x10")
    if sixteen:
        raise BadImage("has more than 8 bits a channel; save it with 8 bits")
    return image


_ORIENTATION = 0x0112  # EXIF
_ON_ITS_SIDE = (5, 6, 7, 8)


def _upright(image):
    """The image as a viewer shows it: cameras store a photograph's turn beside it."""
    from PIL import ImageOps

    if image.getexif().get(_ORIENTATION, 1) == 1:
        return image
    return ImageOps.exif_transpose(image)


def _as_mode(image, mode: str) -> tuple:
    """The image in a mode, and what was converted in words."""
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

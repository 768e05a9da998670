import io
import struct
import zlib

import numpy as np
import pytest
from PIL import Image

from tssd_keras.image_decoding import MAX_PIXELS, BadImage, OtherSize, decode, image_size

pytestmark = pytest.mark.backend_free

SHAPE = (6, 4, 3)
PIXELS = np.random.default_rng(0).integers(0, 256, SHAPE, np.uint8)


def saved(image, form="PNG", **more):
    out = io.BytesIO()
    image.save(out, form, **more)
    return out.getvalue()


def picture(mode="RGB"):
    return Image.fromarray(PIXELS).convert(mode)


def with_header(width=4, height=6, depth=8):
    """A PNG whose header says so; Pillow itself would cut 16-bit RGB down silently."""
    good = saved(picture())
    header = b"IHDR" + struct.pack(">IIBBBBB", width, height, depth, 2, 0, 0, 0)
    return good[:12] + header + struct.pack(">I", zlib.crc32(header)) + good[33:]


ANIMATED = saved(
    picture(), "GIF", save_all=True, append_images=[picture().rotate(180)], duration=100
)


@pytest.mark.parametrize(
    ("file", "reason"),
    [
        (b"", r"is empty \(0 bytes\); replace"),
        (b"<html>404</html>", "is no image"),
        (saved(picture())[:60], "is damaged or cut short .*; replace"),
        (saved(Image.new("RGB", (80, 80)), "JPEG")[:500], "is damaged or cut short|is no image"),
        (ANIMATED, "is animated, 2 frames; save the one"),
        (saved(Image.new("I;16", (4, 6), 40_000)), "more than 8 bits a channel; save"),
        (saved(Image.new("F", (4, 6)), "TIFF"), "more than 8 bits"),
        (with_header(depth=16), "more than 8 bits"),
        (with_header(50_000, 50_000), f"is enormous, .*{MAX_PIXELS:,}.*; scale it down"),
    ],
)
def test_what_cannot_be_an_image_is_refused_with_a_remedy(file, reason):
    with pytest.raises(BadImage, match=reason):
        decode(file, SHAPE, resize=True)


def test_an_image_below_the_warning_of_pillow_can_be_enormous_too():
    file = saved(Image.new("1", (10_000, 6_500)))
    with pytest.raises(BadImage, match="10000 x 6500 pixels, more than 64,000,000"):
        decode(file, SHAPE, resize=True)


def test_a_plain_image_is_given_as_it_is():
    pixels, converted = decode(saved(picture()), SHAPE, resize=False)
    np.testing.assert_array_equal(pixels, PIXELS)
    assert converted == ""


def test_a_palette_is_looked_up_and_told():
    image = picture("P")
    pixels, converted = decode(saved(image), SHAPE, resize=False)
    np.testing.assert_array_equal(pixels, np.asarray(image.convert("RGB")))
    assert converted == "palette"


def test_cmyk_is_converted_and_told():
    image = Image.new("CMYK", (4, 6), (0, 255, 255, 0))  # red in printer's ink
    pixels, converted = decode(saved(image, "JPEG", quality=95), SHAPE, resize=False)
    assert converted == "CMYK"
    np.testing.assert_allclose(pixels[..., 0], 255, atol=3)
    np.testing.assert_allclose(pixels[..., 1:], 0, atol=3)


@pytest.mark.parametrize("mode", ["RGBA", "LA", "P"])
def test_what_is_transparent_is_white_and_told(mode):
    """Hidden colours under a transparent area would be shown otherwise."""
    if mode == "P":
        file = saved(Image.new("P", (4, 6), 0), transparency=0)
    else:
        file = saved(Image.new(mode, (4, 6)))  # all zero: black, fully transparent
    pixels, converted = decode(file, SHAPE, resize=False)
    assert converted == "transparency"
    assert (pixels == 255).all()


def test_gray_becomes_three_channels_and_colour_one():
    pixels, converted = decode(saved(picture("L")), SHAPE, resize=False)
    assert converted == ""
    np.testing.assert_array_equal(pixels[..., 0], np.asarray(picture("L")))
    assert decode(saved(picture()), (6, 4, 1), resize=False)[0].shape == (6, 4, 1)


def test_a_photograph_is_turned_as_a_viewer_shows_it():
    exif = Image.Exif()
    exif[0x0112] = 6  # turn by 90 degrees clockwise
    file = saved(picture(), "PNG", exif=exif)
    assert image_size(file) == (4, 6)
    pixels, _ = decode(file, (4, 6, 3), resize=False)
    np.testing.assert_array_equal(pixels, np.rot90(PIXELS, -1))


def test_another_size_is_scaled_or_refused():
    file = saved(Image.new("RGB", (9, 8), (7, 8, 9)))
    with pytest.raises(OtherSize, match="8 x 9"):
        decode(file, SHAPE, resize=False)
    pixels, _ = decode(file, SHAPE, resize=True)
    assert pixels.shape == SHAPE
    assert (pixels == (7, 8, 9)).all()


def test_a_large_jpeg_decoded_small_shows_what_it_shows_when_decoded_whole():
    ramp = np.linspace(0, 255, 1600).astype(np.uint8)
    image = Image.fromarray(np.stack([np.tile(ramp, (1200, 1))] * 3, axis=-1))
    pixels, _ = decode(saved(image, "JPEG", quality=95), (48, 64, 3), resize=True)
    whole = np.asarray(image.resize((64, 48), Image.Resampling.BILINEAR))
    np.testing.assert_allclose(pixels.astype(int), whole.astype(int), atol=4)

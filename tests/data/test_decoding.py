import io
import random
import struct
import zlib

import numpy as np
import pytest
from PIL import Image, ImageOps

from tssd_keras.data.decoding import MAX_PIXELS, BadImage, OtherSize, decode, image_size

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


def frames(form):
    return saved(picture(), form, save_all=True, append_images=[picture().rotate(180)])


def tiff_of_16_bits():
    """RGB, which Pillow reads but cannot write: one strip, tags in order."""
    pixels = (PIXELS.astype("<u2") * 257).tobytes()
    at = 8 + 2 + 12 * 10 + 4  # behind the directory: three times 16, then the pixels
    short = {256: 4, 257: 6, 258: at, 259: 1, 262: 2, 273: at + 6, 277: 3, 278: 6, 284: 1}
    tags = sorted({**short, 279: len(pixels)}.items())
    entries = [struct.pack("<HHII", tag, 3, 3 if tag == 258 else 1, v) for tag, v in tags]
    directory = struct.pack("<H", len(tags)) + b"".join(entries) + bytes(4)
    return b"II*\0" + struct.pack("<I", 8) + directory + struct.pack("<HHH", 16, 16, 16) + pixels


def ppm(maxval, magic=b"P6"):
    pixels = (PIXELS.astype(int) * maxval // 255).astype(">u2" if maxval > 255 else np.uint8)
    body = b" ".join(b"%d" % v for v in pixels.ravel()) if magic == b"P3" else pixels.tobytes()
    return magic + b"\n# a remark\n4 6\n%d\n" % maxval + body


ANIMATED = frames("GIF")


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
        (tiff_of_16_bits(), "more than 8 bits"),
        (ppm(65535), "more than 8 bits"),
        (ppm(1023), "more than 8 bits"),
        (ppm(65535, b"P3"), "more than 8 bits"),
        (saved(picture(), "EPS"), "is no image .or none of JPEG, PNG, "),  # starts a program
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


@pytest.mark.parametrize("form", ["JPEG", "PNG", "TIFF", "WEBP"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_each_orientation_is_shown_as_pillow_shows_it(form, orientation):
    exif = Image.Exif()
    exif[0x0112] = orientation
    file = saved(picture(), form, exif=exif)
    with Image.open(io.BytesIO(file)) as image:
        expected = np.asarray(ImageOps.exif_transpose(image))
    assert (*image_size(file), 3) == expected.shape
    np.testing.assert_array_equal(decode(file, expected.shape, resize=False)[0], expected)


def test_damaged_exif_costs_the_orientation_only():
    exif = Image.Exif()
    exif[0x0112] = 6
    file = bytearray(saved(picture(), "PNG", exif=exif))
    at = file.index(b"eXIf") + 4
    file[at : at + 4] = b"\xff" * 4  # no byte order of TIFF's
    length = struct.unpack(">I", file[at - 8 : at - 4])[0]
    file[at + length : at + length + 4] = struct.pack(">I", zlib.crc32(file[at - 4 : at + length]))
    assert image_size(bytes(file)) == (6, 4)
    np.testing.assert_array_equal(decode(bytes(file), SHAPE, resize=False)[0], PIXELS)


@pytest.mark.parametrize("maxval", [255, 15])
def test_a_ppm_of_eight_bits_or_fewer_is_read(maxval):
    pixels, _ = decode(ppm(maxval), SHAPE, resize=False)
    np.testing.assert_allclose(pixels.astype(int), PIXELS, atol=17)


def whole_files():
    exif = Image.Exif()
    exif[0x0112], exif[0x010E], exif[0x8769] = 6, "words", {0x9003: "2020:01:01 00:00:00"}
    for form in ("JPEG", "PNG", "WEBP"):
        yield f"{form}, EXIF", saved(picture(), form, exif=exif)
    for form in ("GIF", "BMP", "PPM", "TIFF"):
        yield form, saved(picture(), form, **({"description": "words"} if form == "TIFF" else {}))
    yield "TIFF, LZW", saved(picture(), "TIFF", compression="tiff_lzw")
    for form in ("GIF", "PNG", "WEBP", "TIFF"):
        yield f"{form}, 2 frames", frames(form)


def damaged(file, rng):
    """A few bytes changed, cut out, or the end cut off; more often near the beginning."""
    out = bytearray(file)
    for _ in range(rng.choice([1, 1, 2, 4, 8])):
        if not out:
            break
        i = rng.randrange(min(len(out), rng.choice([300, len(out)])))
        how = rng.random()
        if how < 0.7:
            out[i] = rng.choice([0, 255, rng.randrange(256), out[i] ^ (1 << rng.randrange(8))])
        elif how < 0.85:
            del out[i : i + rng.randrange(1, 20)]
        else:
            del out[i:]
    return bytes(out)


@pytest.mark.filterwarnings("ignore")  # Pillow remarks on damage that it can read over
@pytest.mark.parametrize("file", [pytest.param(file, id=name) for name, file in whole_files()])
def test_a_damaged_file_gives_pixels_or_a_bad_image_and_nothing_else(file):
    rng = random.Random(0)
    bad = 0
    for _ in range(2000):
        mutant = damaged(file, rng)
        try:
            image_size(mutant)
            decode(mutant, SHAPE, resize=True)
        except BadImage:
            bad += 1
    assert bad > 100


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

import base64
import io

import numpy as np
import pytest
from PIL import Image

from tssd_keras.auditing.pictures import MOST_TEXT, SIDE, data_uri, is_image, pictures
from tssd_keras.data.inputs import ArrayInputs

pytestmark = pytest.mark.backend_free


def decoded(uri):
    head, _, body = uri.partition(",")
    assert head in ("data:image/png;base64", "data:image/jpeg;base64")
    return np.asarray(Image.open(io.BytesIO(base64.b64decode(body))))


@pytest.mark.parametrize("shape", [(8, 8, 1), (32, 20, 3), (5, 5)])
def test_a_small_image_keeps_every_pixel(shape):
    pixels = np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8)
    np.testing.assert_array_equal(decoded(data_uri(pixels)), np.squeeze(pixels))


def test_a_large_image_is_scaled_down_and_small_on_file():
    y, x = np.mgrid[:300, :500]
    pixels = np.stack([x % 256, y % 256, (x + y) % 256], axis=-1).astype(np.uint8)
    uri = data_uri(pixels)
    assert decoded(uri).shape == (round(SIDE * 300 / 500), SIDE, 3)
    assert len(uri) < 10_000


def test_transparent_pixels_lie_on_white():
    pixels = np.zeros((4, 4, 4), np.uint8)
    assert (decoded(data_uri(pixels)) == 255).all()


@pytest.mark.parametrize(
    ("low", "high"), [(0.0, 1.0), (0.0, 255.0), (-2.0, 2.0)], ids=["unit", "bytes", "centred"]
)
def test_floats_go_from_black_to_white(low, high):
    ramp = np.linspace(low, high, 16, dtype=np.float32).reshape(1, 4, 4, 1)
    shown = decoded(pictures(ArrayInputs(ramp), np.array([0])).content[0])
    assert shown[0, 0] == 0
    assert shown[-1, -1] == 255
    assert (np.diff(shown.ravel().astype(int)) > 0).all()


def test_flat_floats_are_no_division_by_zero():
    flat = np.full((1, 4, 4, 1), -3.0, np.float32)
    assert decoded(pictures(ArrayInputs(flat), np.array([0])).content[0]).shape == (4, 4)


def test_what_is_no_image_is_a_row_of_numbers():
    rows = ArrayInputs(np.arange(120, dtype=np.float32).reshape(2, 60) / 3)
    assert not is_image(rows)
    shown = pictures(rows, np.array([1, 0]))
    assert shown.kind == "row"
    assert shown.content[1].startswith("0, 0.3333, 0.6667, 1, ")
    assert shown.content[0].endswith(", … (60 numbers)")


def test_texts_stand_in_for_numbers_and_long_ones_are_cut():
    texts = np.array(["<script>", "x" * 10_000])
    shown = pictures(ArrayInputs(np.zeros((2, 5))), np.array([1, 0]), texts)
    assert shown.kind == "text"
    assert shown.content[1] == "<script>"
    assert shown.content[0] == "x" * MOST_TEXT + "… (10,000 characters)"

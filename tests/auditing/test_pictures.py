import base64
import dataclasses
import io

import numpy as np
import pytest
from builders.audit_samples import some_judged
from PIL import Image

from tssd_keras.auditing.pictures import (
    MOST_TEXT,
    SIDE,
    Labels,
    Samples,
    as_image,
    data_uri,
    is_image,
    pictures,
)
from tssd_keras.auditing.table_rows import FARTHEST, Usual, usual
from tssd_keras.data.inputs import ArrayInputs

pytestmark = pytest.mark.backend_free


def decoded(uri):
    head, _, body = uri.partition(",")
    assert head in ("data:image/png;base64", "data:image/jpeg;base64")
    return np.asarray(Image.open(io.BytesIO(base64.b64decode(body))))


@pytest.mark.parametrize("shape", [(8, 8, 1), (32, 20, 3), (5, 5)])
def test_a_small_image_keeps_every_pixel(shape):
    pixels = np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8)
    np.testing.assert_array_equal(decoded(data_uri(as_image(pixels))), np.squeeze(pixels))


def test_a_large_image_is_scaled_down_and_small_on_file():
    y, x = np.mgrid[:300, :500]
    pixels = np.stack([x // 2, y // 2, (x + y) // 4], axis=-1).astype(np.uint8)
    uri = data_uri(as_image(pixels))
    assert decoded(uri).shape == (round(SIDE * 300 / 500), SIDE, 3)
    assert len(uri) < 10_000


def test_transparent_pixels_lie_on_white():
    pixels = np.zeros((4, 4, 4), np.uint8)
    assert (decoded(data_uri(as_image(pixels))) == 255).all()


@pytest.mark.parametrize(
    ("low", "high"), [(0.0, 1.0), (0.0, 255.0), (-2.0, 2.0)], ids=["unit", "bytes", "centred"]
)
def test_floats_go_from_black_to_white(low, high):
    ramp = np.linspace(low, high, 16, dtype=np.float32).reshape(1, 4, 4, 1)
    shown = decoded(pictures(Samples(inputs=ArrayInputs(ramp)), np.array([0])).content[0])
    assert shown[0, 0] == 0
    assert shown[-1, -1] == 255
    assert (np.diff(shown.ravel().astype(int)) > 0).all()


def test_flat_floats_are_no_division_by_zero():
    flat = np.full((1, 4, 4, 1), -3.0, np.float32)
    assert decoded(pictures(Samples(inputs=ArrayInputs(flat)), np.array([0])).content[0]).shape == (
        4,
        4,
    )


def test_what_is_no_image_is_a_row_of_numbers():
    rows = ArrayInputs(np.arange(120, dtype=np.float32).reshape(2, 60) / 3)
    assert not is_image(rows)
    spread = np.full((1, 60), 0.5)
    spread[0, :12] = 50  # so that the others are farther
    labels = Labels(Usual(np.zeros((1, 60)), spread), np.zeros(2, int), np.array([0, -1]))
    shown = pictures(Samples(inputs=rows), np.array([1, 0]), labels=labels)
    assert shown.kind == "row"
    first, second = shown.content
    assert first["at"] == list(range(12, 60))
    assert first["value"][:2] == [24, 24.33]
    assert first["given"][:2] == [48, 48.7] == first["suggested"][:2]
    assert set(second["suggested"]) == {None}
    assert shown.texts[0].startswith("24, 24.33, 24.67, 25, ")
    assert shown.texts[0].endswith(", … (60 numbers)")


def test_what_is_usual_is_told_by_kept_samples_of_the_class_alone():
    judged = some_judged(300)
    values = np.where(judged.suspect, 1000.0, judged.given)[:, None] + np.array([0.0, 0.5])
    inputs = np.zeros((600, 2))
    inputs[judged.index] = values
    found = usual(ArrayInputs(inputs), judged)
    np.testing.assert_allclose(found.mean, np.arange(3)[:, None] + [0, 0.5])
    assert (found.spread == 0).all()
    far = found.distance(np.array([[1.0, 9.0]]), np.array([1]))
    assert far.tolist() == [[0, FARTHEST]]
    assert np.isnan(found.distance(np.zeros((1, 2)), np.array([-1]))).all()
    one = dataclasses.replace(judged, weight=np.where(judged.given == 2, 0.0, judged.weight))
    assert np.isnan(usual(ArrayInputs(inputs), one).mean[2]).all()


def test_texts_stand_in_for_numbers_and_long_ones_are_cut():
    texts = np.array(["<script>", "x" * 30_000])
    shown = pictures(Samples(inputs=ArrayInputs(np.zeros((2, 5))), texts=texts), np.array([1, 0]))
    assert shown.kind == "text"
    assert shown.content[1] == "<script>"
    assert shown.content[0] == "x" * MOST_TEXT + "… (30,000 characters)"


def test_pictures_end_where_the_room_does_and_are_the_first_ones():
    images = np.random.default_rng(0).integers(0, 256, (500, 8, 8), dtype=np.uint8)
    samples = Samples(inputs=ArrayInputs(images))
    index = np.arange(499, -1, -1)
    every = pictures(samples, index)
    assert len(every.content) == 500
    room = sum(map(len, every.content[:70])) + 10
    assert pictures(samples, index, most_bytes=room).content == every.content[:70]
    assert pictures(samples, index, most_bytes=0).content == []


def test_image_files_are_shown_upright_with_their_aspect_and_without_their_words(tmp_path):
    y, x = np.mgrid[:300, :600]
    pixels = np.stack([x * 255 // 600, y * 255 // 300, 0 * x], axis=-1).astype(np.uint8)
    photograph = Image.fromarray(pixels)
    exif = Image.Exif()
    exif[0x0112], exif[0x010E] = 6, "my home address"  # orientation: to be turned by 90 degrees
    photograph.save(tmp_path / "a.jpg", quality=95, exif=exif)
    (tmp_path / "b.jpg").write_bytes(b"no image any more")
    samples = Samples(inputs=ArrayInputs(np.zeros((9, 8, 8, 3), np.uint8)))
    files = np.array([str(tmp_path / "a.jpg"), str(tmp_path / "b.jpg")], object)
    shown = pictures(samples, np.array([3, 4]), files=files).content
    turned = decoded(shown[0])
    assert turned.shape == (SIDE, SIDE // 2, 3)
    assert turned[0, -1, 0] < 40 < 200 < turned[-1, -1, 0]  # red grows downwards now
    assert b"home" not in base64.b64decode(shown[0].partition(",")[2])
    assert decoded(shown[1]).shape == (8, 8, 3)  # what the run itself had

import io

import numpy as np
import pytest
from PIL import Image

from tssd_keras.data.inputs import ArrayInputs, EncodedImages, Inputs, as_inputs

pytestmark = pytest.mark.backend_free


def pictures(n, *shape):
    return np.random.default_rng(0).integers(0, 256, (n, *shape), np.uint8)


def encoded(pixels, form="PNG"):
    out = io.BytesIO()
    Image.fromarray(pixels).save(out, form)
    return out.getvalue()


def every(inputs):
    return inputs.read(np.arange(len(inputs)))


@pytest.mark.parametrize("dtype", [np.uint8, np.float32])
def test_an_array_is_read_in_the_order_asked_for(dtype):
    array = np.arange(24).reshape(6, 2, 2).astype(dtype)
    inputs = as_inputs(array)
    index = np.array([5, 0, 5, 2])
    assert isinstance(inputs, Inputs)
    assert (len(inputs), inputs.shape, inputs.dtype) == (6, (6, 2, 2), dtype)
    np.testing.assert_array_equal(inputs.read(index), array[index])


def test_a_file_on_disk_can_stand_for_an_array(tmp_path):
    array = np.arange(12.0).reshape(6, 2)
    np.save(tmp_path / "x.npy", array)
    inputs = as_inputs(np.load(tmp_path / "x.npy", mmap_mode="r"))
    np.testing.assert_array_equal(inputs.read(np.array([4, 1])), array[[4, 1]])


def test_lists_of_numbers_are_taken_and_inputs_stay_as_they_are():
    np.testing.assert_array_equal(every(as_inputs([[1, 2], [3, 4]])), [[1, 2], [3, 4]])
    inputs = ArrayInputs(np.zeros((2, 2)))
    assert as_inputs(inputs) is inputs


@pytest.mark.parametrize(
    ("samples", "name"),
    [(None, "NoneType"), (3.0, "float"), ([b"x", None], "list of bytes"), ({}, "an empty dict")],
)
def test_what_cannot_be_read_by_index_is_refused_by_its_type(samples, name):
    with pytest.raises(TypeError, match=rf"inputs must be an array .* got {name}"):
        as_inputs(samples)


@pytest.mark.parametrize("channels", [1, 3])
def test_images_are_decoded_to_the_pixels_that_were_encoded(channels):
    pixels = pictures(4, 5, 7, channels)
    files = [encoded(image.squeeze()) for image in pixels]
    inputs = EncodedImages(files, (5, 7, channels))
    assert isinstance(inputs, Inputs)
    assert every(inputs).shape == inputs.shape
    assert every(inputs).dtype == inputs.dtype == np.uint8
    index = np.array([3, 0, 3])
    np.testing.assert_array_equal(inputs.read(index), pixels[index])
    assert inputs.read(index[:0]).shape == (0, *inputs.shape[1:])


def test_gray_images_become_coloured_ones_and_coloured_ones_gray():
    gray = pictures(1, 4, 4)[0]
    threefold = np.stack([gray] * 3, axis=-1)
    coloured = EncodedImages([encoded(gray)], (4, 4, 3))
    np.testing.assert_array_equal(every(coloured)[0], threefold)
    back = EncodedImages([encoded(threefold)], (4, 4, 1))
    np.testing.assert_allclose(every(back)[0, :, :, 0], gray, atol=1)


def test_images_of_another_size_are_scaled_when_asked():
    files = [encoded(np.full(shape, 77, np.uint8)) for shape in ((4, 8, 3), (9, 3, 3))]
    pixels = every(EncodedImages(files, (5, 6, 3), resize=True))
    np.testing.assert_array_equal(pixels, np.full((2, 5, 6, 3), 77))


def test_scaling_leaves_images_of_the_right_size_alone():
    pixels = pictures(1, 4, 6, 3)
    inputs = EncodedImages([encoded(pixels[0])], (4, 6, 3), resize=True)
    np.testing.assert_array_equal(every(inputs), pixels)


def test_images_of_another_size_are_refused_by_both_sizes():
    files = [encoded(image) for image in (pictures(1, 4, 6, 3)[0], pictures(1, 6, 4, 3)[0])]
    inputs = EncodedImages(files, (4, 6, 3))
    with pytest.raises(ValueError, match=r"is 4 x 6 pixels .* image 1 of 2 is 6 x 4.*image_size"):
        every(inputs)


@pytest.mark.parametrize("form", ["PNG", "JPEG"])
def test_a_damaged_file_is_refused_by_its_number(form):
    good = encoded(pictures(1, 16, 16, 3)[0], form)
    cuts = [good[:n] for n in range(0, len(good) * 3 // 4, 7)]
    assert len(cuts) > 20
    inputs = EncodedImages([good, *cuts], (16, 16, 3))
    assert inputs.read(np.array([0])).any()
    for i in range(1, len(inputs)):
        with pytest.raises(
            ValueError, match=f"image {i} of {len(inputs)} is (empty|no image|damaged)"
        ):
            inputs.read(np.array([0, i]))

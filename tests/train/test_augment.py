import dataclasses
import functools
from pathlib import Path

import keras
import numpy as np
import pytest
from keras import layers, ops
from PIL import Image, ImageEnhance, ImageOps

from tssd_keras.recipe.choices import PADDINGS
from tssd_keras.recipe.method_sections import AugmentRecipe
from tssd_keras.train.augment import OPERATIONS, Augment, geometry, strong
from tssd_keras.train.augment.strong import TONE
from tssd_keras.train.steps import weighted_step

GOLDEN = Path(__file__).parents[1] / "reference" / "augment.npz"
ALL = {"crop": 2, "flip": True, "cutout": 4, "strong": 1}


def seeds(seed):
    return keras.random.SeedGenerator(seed)


def images(n=6, height=9, width=12, channels=3, dtype="uint8"):
    drawn = np.random.default_rng(0).integers(0, 256, (n, height, width, channels))
    return drawn.astype(dtype)


@functools.cache
def compiled(function):
    """The function as a training step compiles it; on TensorFlow by XLA."""
    if keras.backend.backend() == "jax":
        import jax

        return jax.jit(function)
    import tensorflow as tf

    return tf.function(function, jit_compile=True)


def each(magnitude, image):
    """One image under every operation, by its name. One shape, so that one compilation does."""
    n = len(OPERATIONS)
    operation = np.arange(n, dtype="int32")[:, None]
    out = compiled(strong)(
        np.repeat(image[None], n, axis=0), operation, np.full((n, 1), magnitude, "float32")
    )
    return dict(zip(OPERATIONS, np.asarray(out), strict=True))


@pytest.mark.parametrize(("padding", "mode"), [("zero", "constant"), ("reflect", "reflect")])
def test_a_crop_is_a_window_of_the_padded_image(padding, mode):
    x, corner = images(), np.random.default_rng(1).integers(0, 7, (6, 2)).astype("int32")
    padded = np.pad(x, ((0, 0), (3, 3), (3, 3), (0, 0)), mode=mode)
    expected = [p[r : r + 9, c : c + 12] for p, (r, c) in zip(padded, corner)]
    np.testing.assert_array_equal(geometry.crop(x, corner, pixels=3, padding=padding), expected)


def test_the_window_in_the_middle_is_the_image_itself():
    middle = np.full((6, 2), 4, "int32")
    np.testing.assert_array_equal(geometry.crop(images(), middle, pixels=4), images())


def test_those_asked_for_are_mirrored_left_to_right_and_no_others():
    flipped = np.array([True, False, True, False, False, True])
    expected = np.where(flipped[:, None, None, None], images()[:, :, ::-1], images())
    np.testing.assert_array_equal(geometry.flip(images(), flipped), expected)


def test_a_crop_is_mirrored_after_it_was_cut():
    corner, flipped = np.array([[0, 1]] * 6, "int32"), np.ones(6, bool)
    both = geometry.crop_and_flip(images(), corner, flipped, pixels=2)
    np.testing.assert_array_equal(
        both, geometry.flip(geometry.crop(images(), corner, pixels=2), flipped)
    )


def test_cutout_covers_its_square_as_far_as_it_lies_within():
    x = np.full((2, 5, 6, 1), 7, "uint8")
    out = np.asarray(geometry.cutout(x, np.array([[2, 3], [0, 5]], "int32"), size=4, fill=0))
    expected = x.copy()
    expected[0, 0:4, 1:5] = 0
    expected[1, 0:2, 3:6] = 0
    np.testing.assert_array_equal(out, expected)


def test_cutout_fills_with_the_mean_colour_of_the_image():
    x = images()
    centre = np.full((6, 2), 4, "int32")
    out = np.asarray(geometry.cutout(x, centre, size=2))
    means = np.floor(x.mean(axis=(1, 2), dtype="float64") + 0.5)
    np.testing.assert_array_equal(out[:, 4, 4], means)


@pytest.mark.parametrize("dtype", ["uint8", "float16", "bfloat16", "float32"])
def test_crop_flip_and_cutout_keep_the_type_and_agree_on_it(dtype):
    augment = Augment(crop=3, flip=True, cutout=4)
    draws = augment.draw((6, 9, 12, 3), seeds(3))
    x = ops.cast(images(), dtype)
    out = augment.apply(x, draws)
    assert keras.backend.standardize_dtype(out.dtype) == dtype
    of_bytes = np.asarray(augment.apply(images(), draws), "float32")
    # Means are rounded to whole numbers for bytes only; eight bits hold those up to 256.
    np.testing.assert_allclose(np.asarray(ops.cast(out, "float32")), of_bytes, atol=0.51)


def test_a_quarter_turn_and_whole_pixels_are_exact():
    x = images(2, 8, 8)
    turn = np.array([[[0.0, 1.0], [-1.0, 0.0]]] * 2, "float32")
    turned = geometry.affine(x, turn, np.zeros((2, 2), "float32"))
    np.testing.assert_array_equal(turned, np.rot90(x, 1, axes=(1, 2)))
    still = np.array([np.eye(2)] * 2, "float32")
    moved = np.asarray(geometry.affine(x, still, np.array([[2.0, -3.0]] * 2, "float32"), fill=9))
    expected = np.full_like(x, 9)
    expected[:, :6, 3:] = x[:, 2:, :5]
    np.testing.assert_array_equal(moved, expected)


@pytest.fixture(scope="module")
def golden():
    with np.load(GOLDEN, allow_pickle=False) as file:
        return dict(file)


def test_every_operation_gives_the_bytes_worked_out_by_hand(golden):
    assert tuple(golden["operations"]) == OPERATIONS
    for magnitude, after in zip(golden["magnitudes"], golden["after"], strict=True):
        out = each(magnitude, golden["image"])
        for name, expected in zip(OPERATIONS, after, strict=True):
            np.testing.assert_array_equal(out[name], expected, err_msg=name)


def test_magnitude_zero_changes_nothing(golden):
    for name, out in each(0.0, golden["image"]).items():
        if name != "auto_contrast":
            np.testing.assert_array_equal(out, golden["image"], err_msg=name)


PILLOW = {
    "auto_contrast": lambda image, m: ImageOps.autocontrast(image),
    "brightness": lambda image, m: ImageEnhance.Brightness(image).enhance(1 + TONE * m),
    "colour": lambda image, m: ImageEnhance.Color(image).enhance(1 + TONE * m),
    "contrast": lambda image, m: ImageEnhance.Contrast(image).enhance(1 + TONE * m),
    "posterize": lambda image, m: ImageOps.posterize(image, 8 - round(4 * abs(m))),
    "sharpness": lambda image, m: ImageEnhance.Sharpness(image).enhance(1 + TONE * m),
    "solarize": lambda image, m: ImageOps.solarize(image, 256 - round(256 * abs(m))),
}


@pytest.mark.parametrize("magnitude", [-0.7, 0.4])
def test_tones_are_those_of_pillow_to_one_step_of_256(golden, magnitude):
    image = golden["image"]
    out = each(magnitude, image)
    for name, theirs in PILLOW.items():
        expected = np.asarray(theirs(Image.fromarray(image), magnitude)).astype(int)
        apart = np.abs(out[name] - expected)[1:-1, 1:-1]  # Pillow does not smooth edge pixels
        assert apart.max() <= 1, name
        assert (out[name] != image).any(), name


def test_an_image_of_one_tone_has_no_contrast_to_be_stretched(golden):
    plain = np.full_like(golden["image"], 77)
    np.testing.assert_array_equal(each(1.0, plain)["auto_contrast"], plain)


def test_two_operations_are_one_after_the_other(golden):
    names = (("solarize", "rotate"), ("shear_x", "contrast"), ("identity", "posterize"))
    operation = np.array([[OPERATIONS.index(n) for n in pair] for pair in names], "int32")
    magnitude = np.full((3, 2), 0.6, "float32")
    both = np.asarray(compiled(strong)(np.stack([golden["image"]] * 3), operation, magnitude))
    for (first, second), out in zip(names, both, strict=True):
        after = each(0.6, each(0.6, golden["image"])[first])[second]
        np.testing.assert_array_equal(out, after, err_msg=f"{first}, {second}")


@pytest.mark.parametrize("channels", [1, 3])
def test_whole_views_are_bytes_also_of_grey_images(channels):
    augment = Augment(**ALL)
    x = images(channels=channels)
    out = np.asarray(compiled(augment.apply)(x, augment.draw(x.shape, seeds(1))))
    assert (out.shape, out.dtype) == (x.shape, np.uint8)
    assert (out != x).any(axis=(1, 2, 3)).all()


def test_draws_lie_in_their_range_and_reach_its_ends():
    draws = Augment(**ALL, magnitude=0.5).draw((4000, 9, 12, 3), seeds(0))
    draws = {name: np.asarray(drawn) for name, drawn in draws.items()}
    assert set(np.unique(draws["corner"])) == set(range(5))
    assert set(np.unique(draws["operation"])) == set(range(len(OPERATIONS)))
    assert set(np.unique(draws["centre"][:, 0])) == set(range(9))
    assert set(np.unique(draws["centre"][:, 1])) == set(range(12))
    assert draws["operation"].shape == draws["magnitude"].shape == (4000, 1)
    assert -0.5 <= draws["magnitude"].min() < -0.49 < 0.49 < draws["magnitude"].max() <= 0.5
    assert abs(draws["flipped"].mean() - 0.5) < 0.04  # five standard deviations


def test_one_seed_gives_one_view_and_the_next_call_another():
    augment = Augment(crop=2, cutout=4)
    generator = seeds(5)
    first, second = (np.asarray(augment(images(), generator)) for _ in range(2))
    np.testing.assert_array_equal(augment(images(), seeds(5)), first)
    assert not np.array_equal(first, second)


def test_the_weak_view_crops_and_flips_only():
    assert Augment(**ALL, padding="reflect").weak == Augment(crop=2, flip=True, padding="reflect")
    assert not Augment(cutout=8, strong=2).weak


def test_the_recipe_has_exactly_these_settings_and_defaults():
    assert dataclasses.asdict(AugmentRecipe()) == dataclasses.asdict(Augment())
    for padding in PADDINGS:
        geometry.crop(images(), np.zeros((6, 2), "int32"), pixels=1, padding=padding)


def step(augment=None, seed=4):
    """Logits that are linear in the pixels, so that no two views have equal losses."""
    network = keras.Sequential(
        [
            keras.Input((9, 12, 3), dtype="uint8"),
            layers.Rescaling(1 / 255),
            layers.Flatten(),
            layers.Dense(3, kernel_initializer=keras.initializers.GlorotUniform(seed=1)),
        ]
    )
    made = weighted_step(network, augment=augment, seed=seed)
    made.compile(keras.optimizers.SGD(0.0))
    return made


def test_an_update_sees_the_view_that_the_steps_seeds_give():
    augment = Augment(crop=2, cutout=4)
    view = augment(images(), seeds(4))
    y, weight = np.array([0, 1, 2, 0, 1, 2]), np.ones(6, "float32")
    augmented = float(step(augment).step_loss((images(), y, weight))[0])
    assert augmented == pytest.approx(float(step().step_loss((view, y, weight))[0]), rel=1e-6)
    assert augmented != pytest.approx(float(step().step_loss((images(), y, weight))[0]), rel=1e-4)


@pytest.mark.parametrize("jit", ["auto", True])
def test_each_step_draws_anew_in_one_trace_also_under_xla(jit):
    made = step(Augment(**ALL))
    made.compile(keras.optimizers.SGD(0.0), jit_compile=jit)
    means = []
    record = keras.callbacks.LambdaCallback(
        on_train_batch_end=lambda batch, logs: means.append(float(logs["loss"]))
    )
    x, y = np.tile(images(), (4, 1, 1, 1)), np.tile([0, 1, 2], 8)
    made.fit(x, y, batch_size=6, shuffle=False, verbose=0, callbacks=[record])
    losses = np.diff(np.array(means) * np.arange(1, 5), prepend=0)  # Keras reports running means
    assert len(set(np.round(losses, 4))) == 4
    assert made.n_traces == 1


def test_evaluation_and_prediction_see_the_images_as_they_are():
    x, y = images(), np.array([0, 1, 2, 0, 1, 2])
    augmented, plain = step(Augment(**ALL)), step()
    np.testing.assert_array_equal(augmented.predict_on_batch(x), plain.predict_on_batch(x))
    assert augmented.evaluate(x, y, verbose=0) == plain.evaluate(x, y, verbose=0)


def test_settings_that_are_off_draw_nothing():
    generator = seeds(0)
    before = np.asarray(generator.state)
    np.testing.assert_array_equal(Augment()(images(), generator), images())
    np.testing.assert_array_equal(generator.state, before)
    assert not Augment()

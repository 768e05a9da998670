import functools

import keras
import numpy as np
import pytest
from builders.networks import IMAGES, answers, building, built

from tssd_keras import models
from tssd_keras.data.inputs import ArrayInputs
from tssd_keras.data.moments import Moments, moments, moments_of_some
from tssd_keras.recipe import choices

pytestmark = pytest.mark.usefixtures("undrawn_by_keras")


@pytest.mark.parametrize("name", models.MODELS)
def test_every_model_gives_logits_and_has_a_layer_of_features(name):
    model = built(name, 1)
    assert answers(model, np.zeros((2, *IMAGES[name]), "uint8")).shape == (2, 5)
    assert model.get_layer("features").output.shape[0] is None
    assert len(model.get_layer("features").output.shape) == 2


@pytest.mark.parametrize("name", models.MODELS)
def test_the_same_seed_gives_the_same_network_and_another_does_not(name):
    def kernel(*seed):
        return np.asarray(built(name, *seed).get_layer("logits").kernel)

    np.testing.assert_array_equal(kernel(1), kernel(1, "float32"))
    assert not np.array_equal(kernel(1), kernel(2))


@pytest.mark.parametrize("name", models.MODELS)
def test_building_a_network_leaves_the_global_seeds_alone(name):
    _, before, after = building(name, 1)
    assert after == before


@pytest.fixture
def undrawn(monkeypatch):
    """Weights are nought where their number alone is asked for."""
    zeros = keras.initializers.Zeros()
    draw = keras.initializers.VarianceScaling
    monkeypatch.setattr(draw, "__call__", lambda self, *args, **kwargs: zeros(*args, **kwargs))


def test_preact_resnet18_has_the_number_of_weights_counted_by_hand(undrawn):
    # 1,728 in the stem; 11,164,288 in the convolutions and norms of the eight blocks; 1,024 in the
    # last norm; 5,130 in the head.
    model = models.build("preact_resnet18", (32, 32, 3), "uint8", 10)
    trainable = sum(int(np.prod(v.shape)) for v in model.trainable_variables)
    assert trainable == 11_172_170
    assert model.get_layer("features").output.shape == (None, 512)


def n_trainable(model):
    return sum(int(np.prod(v.shape)) for v in model.trainable_variables)


def test_preact_resnet34_has_the_weights_of_the_published_resnet34_less_what_differs(undrawn):
    # torchvision documents 21,797,672 for ResNet-34 (a 7 x 7 stem of 9,408, 1,000 classes). Here
    # the stem is 3 x 3 and has no norm, short cuts have none, the first norm of a strided block is
    # of its input's width, and there is a last norm.
    short_cuts, strided, last = 2 * (128 + 256 + 512), 128 + 256 + 512, 2 * 512
    expected = 21_797_672 - 9_408 + 1_728 - 128 - short_cuts - strided + last
    expected += 10 * 513 - 1000 * 513
    model = models.build("preact_resnet34", (32, 32, 3), "uint8", 10)
    assert n_trainable(model) == expected == 21_280_330
    assert model.get_layer("features").output.shape == (None, 512)


@functools.cache
def wide_resnet16(width):
    return models.build("wide_resnet16", (32, 32, 3), "uint8", 10, width=width)


@pytest.mark.parametrize(
    ("k", "published"),
    [
        (8, 11.0),  # arXiv 1605.07146, table 4
        (1, 0.2),  # arXiv 1612.03928, table 1, with the next
        (2, 0.7),
    ],
)
def test_wide_resnet16_has_as_many_million_weights_as_published(undrawn, k, published):
    model = wide_resnet16(0 if k == 1 else 16 * k)
    assert round(n_trainable(model) / 1e6, 1) == published
    assert model.get_layer("features").output.shape == (None, 64 * k)


def test_wide_resnet16_has_the_number_of_weights_counted_by_hand(undrawn):
    # Without strides and short cuts a block of width w has 18 w^2 weights and 4 w of norms; from
    # half the width 14 w^2 and 3 w. Stem 432, last norm 128, head 650.
    blocks = [2 * (18 * 16**2 + 4 * 16)]
    blocks += [14 * w**2 + 3 * w + 18 * w**2 + 4 * w for w in (32, 64)]
    model = wide_resnet16(0)
    assert n_trainable(model) == 432 + sum(blocks) + 128 + 650
    convolutions = [layer for layer in model.layers if isinstance(layer, keras.layers.Conv2D)]
    assert len([layer for layer in convolutions if layer.kernel_size == (3, 3)]) == 13
    assert model.layers[-3].output.shape == (None, 8, 8, 64)


@pytest.mark.parametrize(("pixels", "width"), [(28, 16), (64, 32)])
def test_small_cnn_is_wider_and_strided_for_large_images(undrawn, pixels, width):
    model = models.build("small_cnn", (pixels, pixels, 3), "uint8", 5)
    first = next(layer for layer in model.layers if isinstance(layer, keras.layers.Conv2D))
    assert first.filters == width
    assert first.strides == ((2, 2) if pixels == 64 else (1, 1))


def test_integers_are_scaled_and_floats_are_not():
    for dtype, scale in (("uint8", 1 / 255), ("float32", 1.0)):
        model = models.build("mlp", (3,), dtype, 2)
        assert model.get_layer("rescaled").scale == scale


@pytest.mark.parametrize(("name", "shape"), [("wide_resnet16", (8, 8, 3)), ("mlp", (5,))])
def test_channels_can_be_brought_to_mean_0_and_deviation_1(name, shape, tmp_path):
    rng = np.random.default_rng(0)
    samples = np.clip(rng.normal(90, 30, (700, *shape)), 0, 255).astype("uint8")
    samples[..., 1] //= 3
    samples[..., 2] = 9  # alike in all samples
    index = np.arange(20, 700)
    found = moments(ArrayInputs(samples), index)
    axes = tuple(range(len(shape)))
    used = samples[index].astype("float64")
    np.testing.assert_allclose(found.mean, used.mean(axis=axes))
    expected = used.std(axis=axes)
    np.testing.assert_allclose(found.deviation, np.where(expected > 0, expected, np.inf))
    model = models.build(name, shape, "uint8", 2, moments=found)
    model.save(tmp_path / "model.keras")
    for network in (model, keras.saving.load_model(tmp_path / "model.keras")):
        seen = keras.Model(network.inputs[0], network.get_layer("rescaled").output)
        values = keras.ops.convert_to_numpy(seen(samples[index]))
        np.testing.assert_allclose(values.mean(axis=axes), 0, atol=1e-4)
        np.testing.assert_allclose(values.std(axis=axes), np.minimum(expected, 1), atol=1e-4)


def test_of_many_samples_ten_thousand_at_random_give_the_moments():
    samples = np.arange(50_000, dtype="float32")[:, None]
    found = moments_of_some(ArrayInputs(samples), np.arange(50_000), seed=1)
    assert found == moments_of_some(ArrayInputs(samples), np.arange(50_000), seed=1)
    assert found != moments_of_some(ArrayInputs(samples), np.arange(50_000), seed=2)
    assert abs(found.mean[0] - 25_000) < 3 * 14_434 / 100
    assert abs(found.deviation[0] - 14_434) < 300


def test_imagenets_own_means_are_not_replaced():
    with pytest.raises(ValueError, match=r"model.normalise is not for .*resnet50"):
        found = Moments(np.zeros(3), np.ones(3))
        models.build("resnet50", (64, 64, 3), "uint8", 2, moments=found)


def test_tables_of_numbers_are_refused_by_image_networks():
    with pytest.raises(ValueError, match=r'takes images .* \(64,\).*"mlp"'):
        models.build("small_cnn", (64,), "float32", 2)


def test_an_unknown_name_names_the_known_ones():
    with pytest.raises(ValueError, match=r"mlp, preact_resnet18, .* wide_resnet16, got 'cnn'"):
        models.build("cnn", (8, 8, 1), "uint8", 2)


def test_the_recipe_knows_exactly_these_models():
    assert sorted(choices.MODELS) == sorted(models.MODELS)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"width": 8}, 'model.width must be 0 for name "resnet50"'),
        ({"shape": (64, 64, 1)}, r"three colours and at least 32 x 32 .*\(64, 64, 1\)"),
        ({"shape": (64, 28, 3)}, r"three colours and at least 32 x 32 .*\(64, 28, 3\)"),
        (
            {"name": "small_cnn", "weights": "x.h5"},
            'weights is for name "resnet50" only, got "x.h5"',
        ),
    ],
)
def test_what_does_not_go_with_a_network_is_refused(arguments, words):
    settings = {"name": "resnet50", "shape": (64, 64, 3), **arguments}
    with pytest.raises(ValueError, match=words):
        models.build(dtype="uint8", n_classes=5, **settings)

import keras
import numpy as np
import pytest

from tssd_keras import models, recipe

IMAGES = {"small_cnn": (28, 28, 1), "preact_resnet18": (32, 32, 3), "mlp": (8, 8, 1)}


@pytest.mark.parametrize("name", models.MODELS)
def test_every_model_gives_logits_and_has_a_layer_of_features(name):
    width = 8 if name == "preact_resnet18" else 0
    model = models.build(name, IMAGES[name], "uint8", 7, width=width)
    out = model.predict_on_batch(np.zeros((2, *IMAGES[name]), "uint8"))
    assert out.shape == (2, 7)
    assert model.get_layer("features").output.shape[0] is None
    assert len(model.get_layer("features").output.shape) == 2


@pytest.mark.parametrize("name", models.MODELS)
def test_the_same_seed_gives_the_same_network_and_another_does_not(name):
    width = 8 if name == "preact_resnet18" else 0

    def kernel(seed):
        model = models.build(name, IMAGES[name], "uint8", 3, width=width, seed=seed)
        return np.asarray(model.get_layer("logits").kernel)

    np.testing.assert_array_equal(kernel(1), kernel(1))
    assert not np.array_equal(kernel(1), kernel(2))


def test_building_a_network_leaves_the_global_seed_alone():
    np.random.seed(5)
    expected = np.random.RandomState(5).rand(3)
    models.build("mlp", (4,), "float32", 2, seed=9)
    np.testing.assert_array_equal(np.random.rand(3), expected)


def test_preact_resnet18_has_the_number_of_weights_counted_by_hand():
    # 1,728 in the stem; 11,164,288 in the convolutions and norms of the eight blocks; 1,024 in the
    # last norm; 5,130 in the head.
    model = models.build("preact_resnet18", (32, 32, 3), "uint8", 10)
    trainable = sum(int(np.prod(v.shape)) for v in model.trainable_variables)
    assert trainable == 11_172_170
    assert model.get_layer("features").output.shape == (None, 512)


@pytest.mark.parametrize(("pixels", "width"), [(28, 16), (64, 32)])
def test_small_cnn_is_wider_and_strided_for_large_images(pixels, width):
    model = models.build("small_cnn", (pixels, pixels, 3), "uint8", 5)
    first = next(layer for layer in model.layers if isinstance(layer, keras.layers.Conv2D))
    assert first.filters == width
    assert first.strides == ((2, 2) if pixels == 64 else (1, 1))


def test_integers_are_scaled_and_floats_are_not():
    for dtype, scale in (("uint8", 1 / 255), ("float32", 1.0)):
        model = models.build("mlp", (3,), dtype, 2)
        assert model.get_layer("rescaled").scale == scale


def test_tables_of_numbers_are_refused_by_image_networks():
    with pytest.raises(ValueError, match=r'takes images .* \(64,\).*"mlp"'):
        models.build("small_cnn", (64,), "float32", 2)


def test_an_unknown_name_names_the_known_ones():
    with pytest.raises(ValueError, match="mlp, preact_resnet18, small_cnn, got 'cnn'"):
        models.build("cnn", (8, 8, 1), "uint8", 2)


def test_the_recipe_knows_exactly_these_models():
    assert sorted(recipe.MODELS) == sorted(models.MODELS)

import functools
import random
import shutil
from pathlib import Path

import h5py
import keras
import numpy as np
import pytest
from keras.src.applications.resnet import WEIGHTS_HASHES

from tssd_keras import models
from tssd_keras.data.inputs import ArrayInputs
from tssd_keras.data.moments import Moments, moments, moments_of_some
from tssd_keras.models.resnet50 import WEIGHTS_URL
from tssd_keras.recipe import choices
from tssd_keras.train.steps import accuracy, weighted_step

IMAGES = {
    "mlp": (8, 8, 1),
    "preact_resnet18": (32, 32, 3),
    "preact_resnet34": (32, 32, 3),
    "resnet50": (32, 32, 3),
    "small_cnn": (28, 28, 1),
    "wide_resnet16": (32, 32, 3),
}


@pytest.fixture(scope="module", autouse=True)
def undrawn_by_keras():
    """Uniform kernels, which keras.applications draws and ours replace, are nought: it takes long.

    Our own convolutions are normal.
    """
    draw, zeros = keras.initializers.VarianceScaling.__call__, keras.initializers.Zeros()

    def drawn(self, shape, dtype=None):
        if self.distribution == "uniform" and len(shape) == 4:
            return zeros(shape, dtype)
        return draw(self, shape, dtype)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(keras.initializers.VarianceScaling, "__call__", drawn)
        yield


def states():
    """Of the generators that all of a program shares."""
    kind, keys, *rest = np.random.get_state()
    return random.getstate(), kind, keys.tolist(), rest


@functools.cache
def building(name, seed, dtype="uint8"):
    """A network for tests that change nothing of it, and the shared generators around its making.

    To build one takes longer than all that is asked of it.
    """
    width = 8 if name.startswith("preact") else 0
    before = states()
    network = models.build(name, IMAGES[name], dtype, 5, width=width, seed=seed)
    return network, before, states()


def built(name, seed, dtype="uint8"):
    return building(name, seed, dtype)[0]


def answers(network, samples):
    """TensorFlow is quicker to answer once without compiling the network, JAX compiles anyhow."""
    if keras.backend.backend() == "jax":
        return network.predict_on_batch(samples)
    return keras.ops.convert_to_numpy(network(samples, training=False))


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


@pytest.fixture(scope="module")
def resnet():
    return built("resnet50", 1)


def pixels():
    return np.random.default_rng(0).integers(0, 256, (2, *IMAGES["resnet50"])).astype("uint8")


def features(model, x):
    return answers(keras.Model(model.input, model.get_layer("features").output), x)


def test_resnet50_has_the_weights_of_keras_applications_and_a_head(resnet):
    # 23,587,712 with moving statistics and without a head, as Keras documents ResNet50.
    assert resnet.count_params() == 23_587_712 + 2048 * 5 + 5
    assert resnet.get_layer("features").output.shape == (None, 2048)
    assert resnet.dtype == "float32"


def test_every_weight_of_resnet50_comes_from_the_seed(resnet):
    again = built("resnet50", 1, "float32")
    for one, other in zip(resnet.get_weights(), again.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)
    other = built("resnet50", 2)
    kernels = [layer.name for layer in other.layers if hasattr(layer, "kernel")]
    assert len(kernels) == 54
    for name in kernels:
        ours, theirs = (np.asarray(m.get_layer(name).kernel) for m in (resnet, other))
        assert not np.array_equal(ours, theirs)
    # He et al.: variance 2 over the inputs of a unit; 7 x 7 pixels of 3 colours.
    variance = np.asarray(resnet.get_layer("conv1_conv").kernel).var()
    np.testing.assert_allclose(variance, 2 / (7 * 7 * 3), rtol=0.05)


def test_a_saved_resnet50_is_plain_keras(resnet, tmp_path):
    resnet.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras", custom_objects={})
    np.testing.assert_array_equal(answers(loaded, pixels()), answers(resnet, pixels()))


def test_resnet50_is_fitted_by_the_training_step():
    network = models.build("resnet50", IMAGES["resnet50"], "uint8", 5, seed=3)
    before = [np.array(v) for v in network.trainable_variables]
    step = weighted_step(network)
    step.compile(keras.optimizers.SGD(0.01), weighted_metrics=[accuracy()])
    x, y, weight = np.tile(pixels(), (2, 1, 1, 1)), np.array([0, 1] * 2), np.ones(4, np.float32)
    step.fit(x, y, sample_weight=weight, batch_size=2, shuffle=False, verbose=0)
    assert len(before) == 214  # kernels and biases of 54 layers, and 53 norms
    after = zip(before, network.trainable_variables, strict=True)
    assert [v.path for old, v in after if np.array_equal(old, v)] == []
    assert all(np.isfinite(np.asarray(v)).all() for v in network.variables)


def write_notop(path, network):
    """A file as the official one is laid out: groups by layer, in the order of the network."""
    with h5py.File(path, "w") as file:
        file.attrs["layer_names"] = [layer.name for layer in network.layers]
        for layer in network.layers:
            group = file.create_group(layer.name)
            group.attrs["weight_names"] = [f"{layer.name}/{w.name}:0" for w in layer.weights]
            for key, value in zip(group.attrs["weight_names"], layer.get_weights(), strict=True):
                group[key] = value


def resnet50(weights, seed=0):
    return models.build("resnet50", IMAGES["resnet50"], "uint8", 5, seed=seed, weights=weights)


@pytest.fixture(scope="module")
def imagenet(tmp_path_factory):
    """keras.applications' own network, every weight drawn, and its two files."""
    folder = tmp_path_factory.mktemp("weights")
    network = keras.applications.ResNet50(
        include_top=False, weights=None, input_shape=IMAGES["resnet50"], pooling="avg"
    )
    rng = np.random.default_rng(0)

    def drawn(shape):
        if len(shape) == 1:  # biases, scales, means, variances
            return rng.uniform(0.5, 1, shape)
        return rng.standard_normal(shape, np.float32) / np.sqrt(np.prod(shape[:-1]))

    network.set_weights([drawn(weight.shape) for weight in network.weights])
    write_notop(folder / "notop.h5", network)
    network.save_weights(folder / "notop.weights.h5")
    yield network, folder
    shutil.rmtree(folder)  # 190 MB


@pytest.fixture(scope="module")
def by_name(imagenet):
    """A network with weights "imagenet", and what Keras was asked for to get them."""
    asked = {}

    def get_file(**arguments):
        asked.update(arguments)
        return str(imagenet[1] / "notop.h5")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(keras.utils, "get_file", get_file)
        return resnet50("imagenet"), asked


@pytest.fixture(scope="module")
def with_weights(imagenet):
    """Networks by the file of their weights."""
    seeds = {"notop.h5": 2, "notop.weights.h5": 0}
    return {file: resnet50(str(imagenet[1] / file), seed) for file, seed in seeds.items()}


@pytest.fixture(scope="module")
def of_keras_applications(imagenet):
    prepared = keras.applications.resnet50.preprocess_input(pixels().astype("float32"))
    return answers(imagenet[0], prepared)


@pytest.mark.parametrize("file", ["notop.h5", "notop.weights.h5"])
def test_weights_of_imagenet_give_the_features_of_keras_applications(
    imagenet, with_weights, of_keras_applications, file
):
    model, expected = with_weights[file], of_keras_applications
    scale = expected.std()
    assert scale > 0
    np.testing.assert_allclose(features(model, pixels()) / scale, expected / scale, atol=1e-3)
    for layer in filter(lambda layer: layer.weights, imagenet[0].layers):
        for one, other in zip(layer.weights, model.get_layer(layer.name).weights):
            np.testing.assert_array_equal(np.asarray(one), np.asarray(other))


def test_with_weights_of_imagenet_the_head_comes_from_the_seed(by_name, with_weights):
    def head(model):
        return np.asarray(model.get_layer("logits").kernel)

    once, again, other = by_name[0], with_weights["notop.weights.h5"], with_weights["notop.h5"]
    np.testing.assert_array_equal(head(once), head(again))
    assert not np.array_equal(head(once), head(other))


def test_floats_go_into_resnet50_as_they_are(resnet):
    model = built("resnet50", 1, "float32")
    prepared = keras.applications.resnet50.preprocess_input(pixels().astype("float32"))
    expected = features(resnet, pixels())
    scale = expected.std()
    np.testing.assert_allclose(features(model, prepared) / scale, expected / scale, atol=1e-3)


def test_a_missing_file_of_weights_says_where_it_is_to_be_had(tmp_path):
    with pytest.raises(FileNotFoundError) as caught:
        resnet50(str(tmp_path / "notop.h5"))
    assert str(tmp_path / "notop.h5") in str(caught.value)
    assert WEIGHTS_URL in str(caught.value)


def test_weights_of_imagenet_by_name_are_those_that_keras_keeps(imagenet, by_name):
    model, asked = by_name
    first = imagenet[0].get_layer("conv1_conv").kernel
    np.testing.assert_array_equal(model.get_layer("conv1_conv").kernel, first)
    assert asked["origin"] == WEIGHTS_URL
    assert asked["cache_subdir"] == "models"
    assert asked["file_hash"] == WEIGHTS_HASHES["resnet50"][1]


def test_without_a_network_it_is_said_how_to_bring_the_weights(monkeypatch):
    def get_file(**arguments):
        raise Exception("URL fetch failure: Name or service not known")

    monkeypatch.setattr(keras.utils, "get_file", get_file)
    with pytest.raises(ConnectionError, match=r"notop.h5 .*not known.*Bring that file"):
        resnet50("imagenet")


def another_network(path):
    network = keras.Sequential([keras.Input((3,)), keras.layers.Dense(2)])
    if path.name.endswith(".weights.h5"):
        network.save_weights(path)
    else:
        write_notop(path, network)


WRONG_FILES = {
    "another.h5": another_network,
    "another.weights.h5": another_network,
    "text.h5": lambda path: path.write_text("no weights"),
    "text.txt": lambda path: path.write_text("no weights"),
}


@pytest.fixture(scope="module")
def body():
    """keras.applications' network for files that are not loaded; who loads one spoils it."""
    return keras.applications.ResNet50(
        include_top=False, weights=None, input_shape=IMAGES["resnet50"]
    )


@pytest.mark.parametrize("name", WRONG_FILES)
def test_a_file_of_something_else_is_refused(name, body, tmp_path, monkeypatch):
    path = Path(tmp_path / name)
    WRONG_FILES[name](path)
    monkeypatch.setattr(keras.applications, "ResNet50", lambda **_: body)
    with pytest.raises(ValueError, match=f"without its last layer.*{name} is not: .*notop.h5"):
        resnet50(str(path))


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

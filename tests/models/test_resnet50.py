import shutil
from pathlib import Path

import h5py
import keras
import numpy as np
import pytest
from builders.networks import IMAGES, answers, built
from keras.src.applications.resnet import WEIGHTS_HASHES

from tssd_keras import models
from tssd_keras.models.resnet50 import WEIGHTS_URL
from tssd_keras.train.steps import accuracy, weighted_step

pytestmark = pytest.mark.usefixtures("undrawn_by_keras")


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


@pytest.mark.long
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


def bomb(path):
    with h5py.File(path, "w") as file:
        file.create_dataset("kernel", (2**28,), "f8", chunks=(2**16,), compression="gzip")


WRONG_FILES = {
    "another.h5": another_network,
    "another.weights.h5": another_network,
    "bomb.h5": bomb,
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

"""What holds for every recipe that is shipped."""

import tomllib
from pathlib import Path

import keras
import numpy as np
import pytest

from tssd_keras import models
from tssd_keras.data.inputs import ArrayInputs
from tssd_keras.data.labelled_data import LabelledData
from tssd_keras.labels.class_maps import CIFAR100_SUPERCLASSES
from tssd_keras.labels.prepare import prepare
from tssd_keras.recipe.recipe import DEFAULT
from tssd_keras.recipe.toml import load_recipe, parse_recipe, to_toml

FOLDER = Path(__file__).parents[2] / "recipes"
FILES = sorted(FOLDER.glob("*.toml"))
SMALL = [path for path in FILES if load_recipe(path).model.name in ("mlp", "small_cnn")]
CIFAR10 = ["airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck"]
CIFAR100 = sorted(name for group in CIFAR100_SUPERCLASSES for name in group)


def numbered(n):
    return [f"class {k}" for k in range(n)]


# Data set -> shape of its images as its recipe scales them, names of its classes.
DATA = {
    "cifar10": ((32, 32, 3), CIFAR10),
    "cifar100": ((32, 32, 3), CIFAR100),
    "cifar100_n": ((32, 32, 3), CIFAR100),
    "cifar10_n": ((32, 32, 3), CIFAR10),
    "clothing1m": ((224, 224, 3), numbered(14)),
    "controlled_noisy_web_labels": ((84, 84, 3), numbered(100)),
    "digits": ((8, 8, 1), numbered(10)),
    "fashion_mnist": ((28, 28, 1), numbered(10)),
    "npz": ((32, 32, 3), CIFAR10),
    "table": ((64, 64, 3), numbered(3)),
    "tiny_imagenet": ((64, 64, 3), numbered(200)),
}

every_recipe = pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)


def stand_in(recipe, n=120):
    """Data of the shape and the classes that the recipe is for, n samples a class, without pixels.

    Where the data mark some as trusted, every second sample is; where they have
    human labels, or truth for the trusted alone, that is so too.
    """
    shape, names = DATA[recipe.dataset]
    labels = np.tile(np.arange(len(names)), n)
    marks = bool(recipe.data.trusted) or recipe.dataset == "clothing1m"
    trusted = np.arange(len(labels)) // len(names) % 2 == 0
    truth = np.where(trusted, labels, -1) if marks else None
    if recipe.noise.kind == "file":  # labels by people, beside the true ones
        truth = labels
    if recipe.data.label:
        truth, labels = labels, (labels + ~trusted) % len(names)
    digests = np.random.default_rng(0).integers(0, 256, (len(labels) + len(names), 16), np.uint8)
    return LabelledData(
        name=recipe.dataset,
        inputs=ArrayInputs(np.broadcast_to(np.uint8(0), (len(labels), *shape))),
        labels=labels,
        true_labels=truth,
        test_inputs=ArrayInputs(np.broadcast_to(np.uint8(0), (len(names), *shape))),
        test_labels=np.arange(len(names)),
        class_names=tuple(names),
        trusted=trusted if marks else None,
        digests=digests[: len(labels)],
        test_digests=digests[len(labels) :],
    )


@pytest.mark.backend_free
def test_the_sweep_finds_the_recipes():
    assert "digits.toml" in [path.name for path in FILES]
    assert len(FILES) > len(SMALL) > 1


@pytest.mark.backend_free
def test_the_digits_recipe_is_the_embedded_default():
    assert load_recipe(FOLDER / "digits.toml") == parse_recipe(DEFAULT)


@pytest.mark.backend_free
@every_recipe
def test_a_recipe_survives_being_written_out(path):
    recipe = load_recipe(path)
    assert parse_recipe(tomllib.loads(to_toml(recipe))) == recipe


@pytest.mark.backend_free
@every_recipe
def test_a_recipe_opens_with_the_command_that_runs_it(path):
    header = path.read_text(encoding="utf-8").split("[", 1)[0]
    assert f"#   python cli.py train recipes/{path.name}" in header
    assert all(line.startswith("#") for line in header.splitlines() if line)


@pytest.mark.backend_free
@every_recipe
def test_a_recipe_fits_data_of_the_shape_and_classes_that_it_is_for(path, tmp_path):
    recipe = load_recipe(path)
    shape = DATA[recipe.dataset][0]
    assert recipe.data.image_size in (0, *shape[:2])
    data = stand_in(recipe)
    if recipe.noise.kind == "file":
        np.save(tmp_path / "labels.npy", np.roll(data.labels, 1))
        recipe = load_recipe(path, [f"noise.labels={tmp_path / 'labels.npy'}"])
    found = prepare(recipe, data)
    assert len(found.stream) > len(found.golden_index)
    assert (found.golden is not None) == (recipe.golden.source == "trusted")
    if recipe.noise.kind != "none":
        assert (found.given != found.truth).any()


@pytest.mark.parametrize("path", SMALL, ids=lambda path: path.stem)
def test_the_network_of_a_recipe_takes_these_data(path, monkeypatch):
    """Small ones only; that the large ones take images of this shape, `prepare` has checked.

    Shapes alone are looked at, so no weights are drawn.
    """
    zeros = keras.initializers.Zeros()
    draw = keras.initializers.VarianceScaling
    monkeypatch.setattr(draw, "__call__", lambda self, *args, **kwargs: zeros(*args, **kwargs))
    recipe = load_recipe(path)
    shape, names = DATA[recipe.dataset]
    model = recipe.model
    built = models.build(model.name, shape, "uint8", len(names), width=model.width)
    assert built.input_shape == (None, *shape)
    assert built.output_shape == (None, len(names))

import dataclasses
import tomllib
import typing

import pytest

from tssd_keras.recipe.recipe import Recipe
from tssd_keras.recipe.toml import load_recipe, parse_recipe
from tssd_keras.run.saved_recipe import PATHS, saved_recipe, with_absolute_paths

pytestmark = pytest.mark.backend_free

NO_PATHS = {
    *("source", "name", "label", "true_label", "trusted", "train_split", "test_split"),
    *(
        "kind",
        "order",
        "reach",
        "optimizer",
        "schedule",
        "padding",
        "precision",
        "place",
        "rejected",
    ),
}  # texts of a recipe that name no file


def changed(recipe, **sections):
    return dataclasses.replace(
        recipe,
        **{name: dataclasses.replace(getattr(recipe, name), **v) for name, v in sections.items()},
    )


def test_every_text_of_a_recipe_is_known_to_be_a_path_or_none():
    texts = {
        (section, key)
        for section, kind in typing.get_type_hints(Recipe).items()
        for key, hint in typing.get_type_hints(kind).items()
        if hint is str and key not in NO_PATHS
    }
    assert texts == {(section, key) for section, keys in PATHS.items() for key in keys}


def test_a_saved_recipe_means_the_same_files_from_any_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", "/home/someone")
    recipe = changed(
        Recipe(),
        data={"source": "table", "path": "own/labels.csv", "images": "~/images"},
        noise={"kind": "file", "labels": "../labels.npy"},
        golden={"ids": "ids.txt"},
        model={"name": "resnet50", "weights": "/weights.h5"},
    )
    (tmp_path / "recipe.toml").write_text(saved_recipe(recipe, "jax"), encoding="utf-8")
    saved = load_recipe(tmp_path / "recipe.toml")
    assert saved == changed(
        recipe,
        data={"path": f"{tmp_path}/own/labels.csv", "images": "/home/someone/images"},
        noise={"labels": f"{tmp_path}/../labels.npy"},
        golden={"ids": f"{tmp_path}/ids.txt"},
    )
    assert with_absolute_paths(saved) == saved


@pytest.mark.parametrize("source", ["tiny_imagenet", "clothing1m"])
def test_a_saved_recipe_names_the_tfds_folder_where_the_data_lie_in_it(
    tmp_path, monkeypatch, source
):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("TFDS_DATA_DIR", raising=False)
    recipe = parse_recipe({"data": {"source": source}})
    assert with_absolute_paths(recipe).data.data_dir == f"{tmp_path}/data/tfds"
    monkeypatch.setenv("TFDS_DATA_DIR", "/tfds")
    assert with_absolute_paths(recipe).data.data_dir == "/tfds"
    assert with_absolute_paths(Recipe()).data.data_dir == ""


def test_a_saved_recipe_says_how_to_run_it_again_on_its_backend():
    text = saved_recipe(Recipe(), "jax")
    assert "#   python cli.py train RUN/recipe.toml --backend jax\n" in text
    assert parse_recipe(tomllib.loads(text)) == Recipe()


def test_weights_by_name_are_no_file():
    recipe = changed(Recipe(), model={"name": "resnet50", "weights": "imagenet"})
    assert with_absolute_paths(recipe).model.weights == "imagenet"

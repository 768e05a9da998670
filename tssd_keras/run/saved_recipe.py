"""The recipe as a run folder keeps it: with absolute paths, and the command that runs it."""

from __future__ import annotations

import dataclasses
from pathlib import Path

from tssd_keras.data.named.data_dir import default_data_dir
from tssd_keras.recipe.recipe import Recipe
from tssd_keras.recipe.toml import to_toml

PATHS = {
    "data": ("path", "images", "data_dir"),
    "noise": ("labels",),
    "golden": ("ids", "decisions"),
    "model": ("weights",),
}  # settings that name a file or a folder
BY_NAME = ("imagenet",)  # weights that are no file
IN_DATA_DIR = ("clothing1m", "tfds", "tiny_imagenet")  # sources in the TFDS folder


def saved_recipe(recipe: Recipe, backend: str) -> str:
    """The recipe as TOML; its head has the command that runs it.

    Args:
        recipe: as it is run.
        backend: of Keras, which is no part of a recipe.

    Returns:
        Text of recipe.toml, with absolute paths in place of relative ones. The run
        folder's own path is not in it, so the folder can be moved.
    """
    return (
        f"# As it was run. Again, with RUN the folder of this file:\n#\n"
        f"#   python cli.py train RUN/recipe.toml --backend {backend}\n\n"
        f"{to_toml(with_absolute_paths(recipe))}"
    )


def with_absolute_paths(recipe: Recipe) -> Recipe:
    """The recipe with every path made absolute, and the TFDS folder where it holds the data."""
    if recipe.data.source in IN_DATA_DIR:
        data_dir = str(default_data_dir(recipe.data))
        recipe = dataclasses.replace(
            recipe, data=dataclasses.replace(recipe.data, data_dir=data_dir)
        )
    for name, settings in PATHS.items():
        section = getattr(recipe, name)
        paths = {key: getattr(section, key) for key in settings}
        paths = {key: path for key, path in paths.items() if path and path not in BY_NAME}
        absolute = {key: str(Path(path).expanduser().absolute()) for key, path in paths.items()}
        recipe = dataclasses.replace(recipe, **{name: dataclasses.replace(section, **absolute)})
    return recipe

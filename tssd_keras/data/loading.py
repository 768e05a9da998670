"""Sources: a name and its options -> LabelledData."""

from __future__ import annotations

from collections.abc import Callable

from tssd_keras.data.id_list import read_ids
from tssd_keras.data.labelled_data import LabelledData
from tssd_keras.data.named import clothing1m, tfds, tiny_imagenet
from tssd_keras.data.named.data_dir import default_data_dir
from tssd_keras.data.sources import arrays, digits, folder, table
from tssd_keras.data.sources.some_of_each import some_of_each
from tssd_keras.recipe.data_sections import DataRecipe, GoldenRecipe

LOADERS: dict[str, Callable[..., LabelledData]] = {
    "clothing1m": clothing1m.load,
    "digits": digits.load,
    "folder": folder.load,
    "npz": arrays.load,
    "table": table.load,
    "tfds": tfds.load,
    "tiny_imagenet": tiny_imagenet.load,
}
ENCODED = (
    "clothing1m",
    "folder",
    "table",
    "tfds",
    "tiny_imagenet",
)  # images in files, which can be scaled when they are read
HELD_OUT = ("folder", "table")  # sources that hold samples out where there is no test split

__all__ = ["LOADERS", "LabelledData", "default_data_dir", "load"]


def load(recipe: DataRecipe, golden: GoldenRecipe | None = None) -> LabelledData:
    """The data that a recipe's [data] section asks for.

    Args:
        recipe: source, and its settings.
        golden: samples that its ids name are not held out.

    Raises:
        FileNotFoundError: the files are not there; says where to put them.
        ValueError: unknown source, or files that a source cannot use.
    """
    if recipe.source not in LOADERS:
        raise ValueError(f"data.source must be one of {', '.join(LOADERS)}, got {recipe.source!r}.")
    if recipe.image_size and recipe.source not in ENCODED:
        raise ValueError(
            f"data.image_size is for the sources {', '.join(ENCODED)}, got {recipe.image_size} "
            f"with source {recipe.source!r}. Set it to 0, and scale the arrays beforehand."
        )
    named = {}
    if golden is not None and golden.ids and recipe.source in HELD_OUT:
        named["golden_ids"] = frozenset(read_ids(golden.ids))
    data = LOADERS[recipe.source](recipe, **named)
    if recipe.per_class:
        return some_of_each(data, recipe.per_class, seed=recipe.split_seed)
    return data

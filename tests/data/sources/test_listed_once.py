"""A folder of images is listed once: over a network, millions of names take minutes to list."""

import os
import sys
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tssd_keras.data.sources import folder
from tssd_keras.data.sources.directory import from_directory
from tssd_keras.recipe.data_sections import DataRecipe

pytestmark = pytest.mark.backend_free

watched: dict[str, Counter] = {}  # a root -> how often each folder in it was listed


def note(event, arguments):
    # Of an open folder Python tells a number: shutil does that, as it takes folders away.
    if event in ("os.scandir", "os.listdir") and watched and not isinstance(arguments[0], int):
        path = os.path.abspath(os.fsdecode(arguments[0] or "."))
        for root, listed in watched.items():
            if Path(path).is_relative_to(root):
                listed[os.path.relpath(path, root)] += 1


sys.addaudithook(note)  # Python tells it of every listing, by whatever function


@pytest.fixture
def images(tmp_path):
    """train/ with two classes, one of them with a folder in it, test/ with the same."""
    pixels = Image.fromarray(np.random.default_rng(0).integers(0, 256, (8, 8, 3), np.uint8))
    for part in ("train/a", "train/a/deep", "train/b", "train/.hidden", "test/a", "test/b"):
        (tmp_path / part).mkdir(parents=True)
        for i in range(6):
            pixels.rotate(90 * (i % 4)).save(tmp_path / part / f"{i}.png")
    watched[str(tmp_path)] = Counter()
    yield tmp_path
    del watched[str(tmp_path)]


def test_the_hook_sees_a_folder_that_is_listed_twice(images):
    os.listdir(images / "train")
    list(os.walk(images / "train/b"))
    list(os.scandir(images / "train/b"))
    assert watched[str(images)] == {"train": 1, "train/b": 2}


@pytest.mark.parametrize("part", ["", "train"])
def test_a_folder_of_classes_is_listed_once(images, part):
    recipe = DataRecipe(source="folder", path=str(images / part), find_duplicates=False)
    data = folder.load(recipe)
    assert len(data.labels) + len(data.test_labels) == (30 if part == "" else 18)
    wanted = {"train", "train/a", "train/a/deep", "train/b"}
    if part == "":
        wanted |= {".", "test", "test/a", "test/b"}
    assert watched[str(images)] == dict.fromkeys(wanted, 1)


def test_from_directory_lists_each_folder_once(images):
    found = from_directory(images / "train", image_size=8)
    assert len(found) == 18
    found.inputs.read(np.arange(18))
    assert watched[str(images)] == dict.fromkeys(["train", "train/a", "train/a/deep", "train/b"], 1)

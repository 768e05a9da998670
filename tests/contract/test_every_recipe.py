"""What holds for every recipe that is shipped."""

import tomllib
from pathlib import Path

import pytest

from tssd_keras.recipe import DEFAULT
from tssd_keras.recipe_file import load_recipe, parse_recipe, to_toml

pytestmark = pytest.mark.backend_free

FOLDER = Path(__file__).parents[2] / "recipes"
FILES = sorted(FOLDER.glob("*.toml"))

every_recipe = pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)


def test_the_sweep_finds_the_recipes():
    assert "digits.toml" in [path.name for path in FILES]
    assert len(FILES) > 1


def test_the_digits_recipe_is_the_embedded_default():
    assert load_recipe(FOLDER / "digits.toml") == parse_recipe(DEFAULT)


@every_recipe
def test_a_recipe_survives_being_written_out(path):
    recipe = load_recipe(path)
    assert parse_recipe(tomllib.loads(to_toml(recipe))) == recipe


@every_recipe
def test_a_recipe_opens_with_the_command_that_runs_it(path):
    header = path.read_text(encoding="utf-8").split("[", 1)[0]
    assert f"#   python cli.py train recipes/{path.name}" in header
    assert all(line.startswith("#") for line in header.splitlines() if line)

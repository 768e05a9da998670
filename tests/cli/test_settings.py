"""`python cli.py settings`, and docs/settings.md, which it makes."""

import re
import subprocess
import sys
import typing
from pathlib import Path

import pytest
from click.testing import CliRunner

from tssd_keras.cli.main import main
from tssd_keras.cli.settings import TEMPLATE, markdown
from tssd_keras.recipe.recipe import Recipe
from tssd_keras.recipe.setting import settings_of
from tssd_keras.recipe.toml import parse_recipe, to_toml

pytestmark = pytest.mark.backend_free

ROOT = Path(__file__).parents[2]
SECTIONS = typing.get_type_hints(Recipe)


def tssd(*arguments):
    return CliRunner().invoke(main, [str(a) for a in arguments])


def test_the_help_of_train_names_settings_that_can_be_set():
    text = tssd("train", "--help").output
    below = text.partition("Set most often")[2].partition("Options:")[0]
    lines = [re.findall(r"\b[a-z]+\.\w+=\S+", line) for line in below.splitlines()]
    assert sum(map(bool, lines)) > 6
    for words in lines:
        parse_recipe({}, words)


def rows(text):
    """(section, key) -> the cells of its row."""
    cells = {}
    for section, body in re.findall(r"^## \[(\w+)\]$(.*?)(?=^## |\Z)", text, re.M | re.S):
        for row in re.findall(r"^\| `(.+) \|$", body, re.M):
            key, *rest = re.split(r"(?<!\\) \| ", row)
            cells[section, key.strip("`")] = rest
    return cells


def test_docs_settings_is_what_the_command_makes_of_the_sections():
    held = (ROOT / "docs" / "settings.md").read_text()
    assert held == markdown(), "make it again: python cli.py settings --out docs/settings.md"


def test_every_setting_has_a_row_with_its_default():
    table = rows(markdown())
    defaults = dict(
        (key, value)
        for section in re.split(r"^(?=\[)", to_toml(Recipe()), flags=re.M)[1:]
        for key, value in [
            ((section[1:].partition("]")[0], line.partition(" = ")[0]), line.partition(" = ")[2])
            for line in section.splitlines()[1:]
            if line
        ]
    )
    assert {key: cells[1].strip("`") for key, cells in table.items()} == defaults


@pytest.mark.parametrize("section", SECTIONS)
def test_every_setting_says_in_one_line_what_it_does(section):
    for setting in settings_of(SECTIONS[section]):
        assert 5 < len(setting.what) < 100
        assert "\n" not in setting.what


@pytest.mark.parametrize("section", SECTIONS)
def test_the_choices_that_are_shown_are_those_that_are_taken(section):
    for setting in settings_of(SECTIONS[section]):
        default = (setting.default,) if isinstance(setting.default, str) else setting.default
        assert not setting.choices or set(default) <= set(setting.choices)


def test_a_recipe_file_can_be_written_by_the_types_in_words():
    words = {cells[0] for cells in rows(markdown()).values()}
    assert words == {
        "text",
        "whole number",
        "number",
        "true or false",
        "number or text",
        "list of texts",
        "list of whole numbers",
        "list of lists of numbers",
    }


def test_every_section_is_in_the_template_once():
    lines = TEMPLATE.read_text().splitlines()
    assert [line[1:-1] for line in lines if re.fullmatch(r"\{\w+\}", line)] == list(SECTIONS)


def test_the_default_recipe_that_is_shown_is_the_one_that_runs():
    line = next(paragraph for paragraph in markdown().split("\n\n") if "Without a rec" in paragraph)
    settings = [s for s in re.findall(r"`([^`]+)`", line) if " = " in s]
    assert len(settings) >= 5
    digits = tssd("check").output.partition("\ndata:")[0]
    assert digits.strip() == to_toml(parse_recipe({}, settings)).strip()


def test_the_command_prints_or_writes(tmp_path):
    assert tssd("settings").output == markdown()
    out = tmp_path / "settings.md"
    out.write_text("old")
    assert tssd("settings", "--out", out).exit_code == 0
    assert out.read_text() == markdown()
    result = tssd("settings", "--out", tmp_path / "none" / "settings.md")
    assert result.exit_code == 1
    assert "--out must be a file that can be written" in result.output


def test_the_command_loads_no_keras():
    code = (
        "import sys; from click.testing import CliRunner; from tssd_keras.cli.main import main;"
        "assert 'floor_share' in CliRunner().invoke(main, ['settings']).output;"
        "print([n for n in ('keras', 'tensorflow', 'jax', 'sklearn') if n in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]"

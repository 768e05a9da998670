"""Recipes that a stranger may bring: what cannot be read is told off soon, and in few words."""

import os

import pytest

from tssd_keras.recipe.checks import cut, did_you_mean, shown
from tssd_keras.recipe.toml import LARGEST, RecipeError, load_recipe

pytestmark = pytest.mark.backend_free


def refused(tmp_path, text, overrides=()):
    """What is said of a recipe."""
    path = tmp_path / "a.toml"
    path.write_text(text)
    with pytest.raises(RecipeError) as caught:
        load_recipe(path, overrides)
    said = str(caught.value)
    assert len(said) < 10_000
    return said


NOT_TOML = {
    "thousands of digits": ("[train]\nepochs = " + "1" * 5000, "thousands of digits"),
    "lists in lists": ("[train]\nepochs = " + "[" * 50_000, "nest too deeply"),
    "tables in tables": ("[train]\na = " + "{a = " * 3000, "nest too deeply"),
    "a key of parts": ("[train]\n" + "a." * 50_000 + "b = 1", "twenty dots"),
    "a section of parts": ("[" + "a." * 50_000 + "b]", "twenty dots"),
    "a key of quoted parts": ('\'a\' . "b\\"".' * 50_000, "twenty dots"),
    "a surrogate": ('a = "\\ud800"', "not TOML"),
}


@pytest.mark.parametrize(("text", "words"), NOT_TOML.values(), ids=NOT_TOML)
def test_what_is_no_toml_or_takes_a_reader_down_is_refused(tmp_path, text, words):
    assert words in refused(tmp_path, text)


VALUES = {
    "hexadecimal": ("epochs = 0x" + "f" * 5000, "at most 18 digits, got a number of thousands"),
    "beyond 64 bits": (f"epochs = {2**63}", f"at most 18 digits, got {2**63}"),
    "infinite": ("learning_rate = 1e999", "a finite number, got inf"),
    "a day": ("epochs = 1979-05-27", "a whole number, got datetime.date(1979, 5, 27)"),
    "a long text": ("epochs = '" + "x" * 100_000 + "'", "got '" + "x" * 199 + "..."),
    "a long text for text": ("optimizer = '" + "x" * 5000 + "'", "at most 4,096 characters"),
    "a long choice": ("optimizer = '" + "x" * 3000 + "'", 'got "' + "x" * 200 + "..."),
    "a long key": ("x" * 5000 + " = 1", "x" * 200 + "... is not a setting"),
}


@pytest.mark.parametrize(("line", "words"), VALUES.values(), ids=VALUES)
def test_a_value_of_any_kind_is_one_mistake_and_its_echo_is_cut(tmp_path, line, words):
    said = refused(tmp_path, f"[train]\n{line}\n")
    assert "1 mistake," in said
    assert words in said


@pytest.mark.parametrize("line", ["lr{} = 1\n", "[a{}]\n"])
def test_twenty_mistakes_are_listed_and_the_rest_counted(tmp_path, line):
    said = refused(tmp_path, "[train]\n" + "".join(line.format(i) for i in range(30_000)))
    assert "30,000 mistakes" in said
    assert said.endswith("and 29,980 more")
    assert len(said.splitlines()) == 22


def test_a_recipe_of_more_than_a_megabyte_is_refused(tmp_path):
    assert "at most 1,000,000 bytes" in refused(tmp_path, "#" * (LARGEST + 1))
    (tmp_path / "b.toml").write_text("#" * LARGEST)
    load_recipe(tmp_path / "b.toml")


def test_pipes_devices_folders_and_names_with_nul_are_refused_and_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    for path, words in (
        (tmp_path / "pipe", "a pipe or a device"),
        ("/dev/zero", "a pipe or a device"),
        (tmp_path, "this is a folder"),
        ("a\0b", "must not hold NUL"),
    ):
        with pytest.raises(RecipeError, match=words):
            load_recipe(path)
    with pytest.raises(FileNotFoundError):
        load_recipe(tmp_path / "none.toml")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("train.epochs=" + "9" * 5000, "epochs must be a whole number, got '9999"),
        ("train.epochs=" + "[" * 5000, "epochs must be a whole number, got '[[[["),
        ("train.epochs=3\nseed=4", r"epochs must be a whole number, got '3\nseed=4'"),
        ("x" * 5000, "takes section.key=value, got 'xxx"),
    ],
)
def test_settings_of_the_command_line_are_mistakes_too(tmp_path, text, words):
    assert words in refused(tmp_path, "", [text])


def test_what_came_is_shown_cut():
    nested = []
    for _ in range(100_000):
        nested = [nested]
    assert shown(nested) == "a list that nests too deeply"
    assert shown(10**5000) == "a number of thousands of digits"
    assert shown("a" * 10**6) == "'" + "a" * 199 + "..."
    assert cut("a" * 200) == "a" * 200
    assert cut("a" * 201) == "a" * 200 + "..."
    assert did_you_mean("a" * 10**6, ["aa"]) == ""

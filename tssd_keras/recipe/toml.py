"""Recipe files: TOML -> a frozen `Recipe`, or every mistake in it at once; and back."""

from __future__ import annotations

import dataclasses
import re
import tomllib
import types
import typing
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from tssd_keras.recipe.checks import LONGEST, cut, did_you_mean, shown
from tssd_keras.recipe.recipe import Recipe

LARGEST = 1_000_000  # bytes of a recipe file
MOST = 20  # mistakes that are told in words
LONGEST_TEXT = 4096  # characters of a setting: no path has more
_PART = r"""(?:[\w-]++|"(?:[^"\\\n]|\\.)*+"|'[^'\n]*+')[ \t]*+"""  # of a key
_DEEP_KEY = re.compile(rf"(?<![\w-])(?:{_PART}\.[ \t]*+){{20}}")


class RecipeError(ValueError):
    """A recipe that cannot be run; the message lists the mistakes found, `MOST` at most."""


def load_recipe(path: str | Path, overrides: Iterable[str] = ()) -> Recipe:
    """Read a recipe file.

    Args:
        path: of a TOML file of at most `LARGEST` bytes.
        overrides: `section.key=value` texts, applied in order; a value that is
            no TOML is taken as text, and so is any that a setting of text is given.

    Returns:
        Recipe, checked.

    Raises:
        RecipeError: with the mistakes found, the first `MOST` in words; or it is no file, or too
            large.
        OSError: the file cannot be read.
    """
    try:
        tables = parse_toml(_content(Path(path)).decode("utf-8-sig", "surrogateescape"))
    except ValueError as error:
        if isinstance(error, RecipeError):
            raise
        raise RecipeError(f"{path}: not TOML, nothing was run\n  {error}") from error
    return parse_recipe(tables, overrides, where=str(path))


def _content(path: Path) -> bytes:
    """What a recipe file holds; a pipe, a device or a flood is not waited for."""
    if "\0" in str(path):
        raise RecipeError(f"a recipe's path must not hold NUL, got {shown(str(path))}")
    if path.exists() and not path.is_file():
        kind = "a folder" if path.is_dir() else "a pipe or a device"
        raise RecipeError(
            f"{path}: a recipe must be a file, this is {kind}, nothing was run. Give the .toml file"
        )
    with open(path, "rb") as file:
        content = file.read(LARGEST + 1)
    if len(content) > LARGEST:
        raise RecipeError(
            f"{path}: a recipe must have at most {LARGEST:,} bytes, this file has more, nothing "
            "was run. Is it the recipe?"
        )
    return content


def parse_toml(text: str) -> dict[str, Any]:
    """The tables of a text of TOML.

    Raises:
        ValueError: it is none; also where it nests too deeply, or has a number of thousands of
            digits.
    """
    if _DEEP_KEY.search(text):  # tomllib takes a minute for a key of 50,000 parts
        raise ValueError("a key has twenty dots or more")
    try:
        return tomllib.loads(text)
    except RecursionError as error:
        raise ValueError("its lists or tables nest too deeply") from error
    except ValueError as error:
        message = cut(str(error))
        if "digits" in message and not isinstance(error, tomllib.TOMLDecodeError):
            message = "a whole number has thousands of digits"
        raise ValueError(message) from error


def parse_recipe(
    tables: dict[str, object], overrides: Iterable[str] = (), *, where: str = "recipe"
) -> Recipe:
    """The recipe in parsed TOML tables; see `load_recipe`."""
    tables = {name: dict(t) if isinstance(t, dict) else t for name, t in tables.items()}
    mistakes = list(_apply_overrides(tables, overrides))
    sections = {f.name: f for f in dataclasses.fields(Recipe)}
    read = {}
    refused: list[tuple[str, str]] = []
    for name, table in tables.items():
        if name not in sections:
            near = did_you_mean(name, sections) if len(mistakes) < MOST else ""
            mistakes.append(f"[{cut(name)}] is not a section{near}")
        elif not isinstance(table, dict):
            mistakes.append(f"[{name}] must be a section, got {shown(table)}")
        else:
            section = typing.get_type_hints(Recipe)[name]
            values, wrong = _read_section(section, name, table)
            mistakes += wrong.values()
            known = {f.name for f in dataclasses.fields(section)}
            refused += [(name, key) for key in wrong if key in known]
            read[name] = section(**values)
    recipe = Recipe(**read)
    found = [m for m in recipe.mistakes() if not _follows(m, refused)]
    mistakes += [_with_short_texts(mistake, recipe) for mistake in found]
    if mistakes:
        n = len(mistakes)
        lines = mistakes[:MOST] + [f"and {n - MOST:,} more"] * (n > MOST)
        raise RecipeError(
            "\n  ".join([f"{where}: {n:,} mistake{'s' * (n > 1)}, nothing was run", *lines])
        )
    return recipe


def _with_short_texts(mistake: str, recipe: Recipe) -> str:
    """A section's mistake; the texts of the recipe that it shows are cut."""
    for section in dataclasses.fields(recipe):
        for value in vars(getattr(recipe, section.name)).values():
            if isinstance(value, str) and len(value) > LONGEST:
                mistake = mistake.replace(value, cut(value))
    return mistake


def _follows(mistake: str, refused: Iterable[tuple[str, str]]) -> bool:
    """Whether a mistake names a refused setting, in whose place the default was checked."""
    return any(
        f"{section}.{key}" in mistake
        or (mistake.startswith(f"[{section}]") and re.search(rf"\b{key}\b", mistake))
        for section, key in refused
    )


def _apply_overrides(tables: dict, overrides: Iterable[str]) -> Iterator[str]:
    for text in overrides:
        key, equals, value = text.partition("=")
        section, dot, name = key.strip().partition(".")
        if not (equals and dot and section and name):
            yield f"--set takes section.key=value, got {shown(text)}; try --set train.epochs=3"
            continue
        table = tables.setdefault(section, {})
        if isinstance(table, dict):
            table[name] = _override(section, name, value)


def _override(section: str, key: str, text: str) -> object:
    """The value of an override: TOML, but as it stands where it is text without quotes.

    A folder may be named 2024-01-05, 007, 1e3 or true. Where a setting takes numbers too, these
    stay numbers.
    """
    try:
        found = parse_toml(f"value = {text}")
    except ValueError:
        return text.strip()
    if list(found) != ["value"]:  # a text of several lines is a text
        return text.strip()
    parsed = found["value"]
    sections = typing.get_type_hints(Recipe)
    hint = typing.get_type_hints(sections[section]).get(key) if section in sections else None
    is_number = isinstance(parsed, int | float) and not isinstance(parsed, bool)
    takes_text = hint is str or (isinstance(hint, types.UnionType) and not is_number)
    return text.strip() if takes_text and not isinstance(parsed, str) else parsed


def _read_section(section: type, name: str, table: dict) -> tuple[dict, dict[str, str]]:
    """Values of the right type, and a mistake for each other key."""
    hints = typing.get_type_hints(section)
    values: dict = {}
    mistakes: dict[str, str] = {}
    for key, value in table.items():
        if key not in hints:
            near = did_you_mean(key, hints) if len(mistakes) < MOST else ""
            mistakes[key] = f"[{name}] {cut(key)} is not a setting{near}"
            continue
        try:
            values[key] = _as_type(value, hints[key])
        except TypeError as error:
            mistakes[key] = f"[{name}] {key} must be {error}, got {shown(value)}"
            if _is_unquoted(value, hints[key]):
                text = shown(value) if isinstance(value, int) else cut(str(value))
                mistakes[key] += f'. Write it in quotes: {key} = "{text}"'
    return values, mistakes


def _is_unquoted(value: object, hint: object) -> bool:
    """Whether a value could be text that lacks its quotes: a date, a number, a truth value."""
    return hint is str and not isinstance(value, list | dict)


def _as_type(value: Any, hint: Any) -> object:
    """The value as a field of this type; raises TypeError naming the type in words."""
    if isinstance(hint, types.GenericAlias):
        item = typing.get_args(hint)[0]
        if not isinstance(value, list | tuple):
            raise TypeError("a list")
        return tuple(_as_type(v, item) for v in value)
    if isinstance(hint, types.UnionType):  # float | str: a number, or the name of a rule for it
        if isinstance(value, bool) or not isinstance(value, int | float | str):
            raise TypeError("a number or text")
        hint = str if isinstance(value, str) else float
    words = {bool: "true or false", int: "a whole number", float: "a number", str: "text"}
    if hint is float and isinstance(value, int) and not isinstance(value, bool):
        try:
            return float(value)
        except OverflowError:
            raise TypeError("a finite number") from None
    if type(value) is not hint:
        raise TypeError(words[hint])
    if isinstance(value, str) and len(value) > LONGEST_TEXT:
        raise TypeError(f"text of at most {LONGEST_TEXT:,} characters")
    if type(value) is int and abs(value) >= 2**63:
        raise TypeError("a whole number of at most 18 digits")
    if (hint is float and value != value) or value in (float("inf"), float("-inf")):
        raise TypeError("a finite number")
    return value


def to_toml(recipe: Recipe) -> str:
    """The recipe as TOML with every setting written out; `load_recipe` gives it back."""
    lines = []
    for section in dataclasses.fields(recipe):
        lines.append(f"[{section.name}]")
        for key, value in dataclasses.asdict(getattr(recipe, section.name)).items():
            lines.append(f"{key} = {toml_value(value)}")
        lines.append("")
    return "\n".join(lines)


def toml_value(value: object) -> str:
    """A setting's value as TOML."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        escaped = value.replace("\\", "\\\\").replace('"', '\\"')
        # Bytes of a file's name that is no text (surrogates) have no escape in TOML: as they are.
        escaped = "".join(
            c if c.isprintable() or "\ud800" <= c <= "\udfff" else f"\\U{ord(c):08x}"
            for c in escaped
        )
        return f'"{escaped}"'
    if isinstance(value, tuple):
        return "[" + ", ".join(toml_value(v) for v in value) + "]"
    return repr(value)

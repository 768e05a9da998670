"""Recipe files: TOML -> a frozen `Recipe`, or every mistake in it at once; and back."""

from __future__ import annotations

import dataclasses
import re
import tomllib
import types
import typing
from collections.abc import Iterable, Iterator
from pathlib import Path

from tssd_keras.recipe.checks import did_you_mean
from tssd_keras.recipe.recipe import Recipe


class RecipeError(ValueError):
    """A recipe that cannot be run; the message lists every mistake found."""


def load_recipe(path: str | Path, overrides: Iterable[str] = ()) -> Recipe:
    """Read a recipe file.

    Args:
        path: of a TOML file.
        overrides: `section.key=value` texts, applied in order; a value that is
            no TOML is taken as text, and so is any that a setting of text is given.

    Returns:
        Recipe, checked.

    Raises:
        RecipeError: with every mistake found.
        OSError: the file cannot be read.
    """
    try:
        tables = tomllib.loads(Path(path).read_bytes().decode("utf-8-sig", "surrogateescape"))
    except tomllib.TOMLDecodeError as error:
        raise RecipeError(f"{path}: not TOML, nothing was run\n  {error}") from error
    return parse_recipe(tables, overrides, where=str(path))


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
            mistakes.append(f"[{name}] is not a section{did_you_mean(name, sections)}")
        elif not isinstance(table, dict):
            mistakes.append(f"[{name}] must be a section, got {table!r}")
        else:
            section = typing.get_type_hints(Recipe)[name]
            values, wrong = _read_section(section, name, table)
            mistakes += wrong.values()
            refused += [(name, key) for key in wrong]
            read[name] = section(**values)
    recipe = Recipe(**read)
    mistakes += [m for m in recipe.mistakes() if not _follows(m, refused)]
    if mistakes:
        n = len(mistakes)
        raise RecipeError(
            "\n  ".join([f"{where}: {n} mistake{'s' * (n > 1)}, nothing was run", *mistakes])
        )
    return recipe


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
            yield f"--set takes section.key=value, got {text!r}; try --set train.epochs=3"
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
        parsed = tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        return text.strip()
    sections = typing.get_type_hints(Recipe)
    hint = typing.get_type_hints(sections[section]).get(key) if section in sections else None
    is_number = isinstance(parsed, int | float) and not isinstance(parsed, bool)
    takes_text = hint is str or (isinstance(hint, types.UnionType) and not is_number)
    return text.strip() if takes_text and not isinstance(parsed, str) else parsed


def _read_section(section: type, name: str, table: dict) -> tuple[dict, dict[str, str]]:
    """Values of the right type, and a mistake for each other key."""
    hints = typing.get_type_hints(section)
    values, mistakes = {}, {}
    for key, value in table.items():
        if key not in hints:
            mistakes[key] = f"[{name}] {key} is not a setting{did_you_mean(key, hints)}"
            continue
        try:
            values[key] = _as_type(value, hints[key])
        except TypeError as error:
            mistakes[key] = f"[{name}] {key} must be {error}, got {value!r}" + (
                f'. Write it in quotes: {key} = "{value}"'
                if _is_unquoted(value, hints[key])
                else ""
            )
    return values, mistakes


def _is_unquoted(value: object, hint: object) -> bool:
    """Whether a value could be text that lacks its quotes: a date, a number, a truth value."""
    return hint is str and not isinstance(value, list | dict)


def _as_type(value: typing.Any, hint: typing.Any) -> object:
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

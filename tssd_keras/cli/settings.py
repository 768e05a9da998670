"""`python cli.py settings`: every setting of a recipe, as markdown.

The text between the tables is written by hand, in settings_template.md; a line `{section}` there
stands for the section's heading, docstring and table.
"""

from __future__ import annotations

import re
import types
import typing
from pathlib import Path

import click

from tssd_keras.data.whole_file import write_text
from tssd_keras.recipe.recipe import DEFAULT, Recipe
from tssd_keras.recipe.setting import Setting, settings_of
from tssd_keras.recipe.toml import toml_value

TEMPLATE = Path(__file__).with_name("settings_template.md")
HEAD = "| key | type | default | choices | what it does |\n| --- | --- | --- | --- | --- |"
WORDS = {bool: "true or false", int: "whole number", float: "number", str: "text"}


@click.command()
@click.option(
    "--out",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Write to this file, over what it holds. Default: print.",
)
def settings(out: Path | None) -> None:
    """List every setting of a recipe: type, default, choices, what it does.

    docs/settings.md is made so:

    \b
      python cli.py settings --out docs/settings.md
    """
    text = markdown()
    if out is None:
        click.echo(text, nl=False)
        return
    try:
        write_text(out, text)
    except OSError as error:
        raise click.ClickException(f"--out must be a file that can be written: {error}.") from error
    click.echo(f"every setting is in {out}")


def markdown() -> str:
    """The template with the table of each section in its place."""
    sections = typing.get_type_hints(Recipe)

    def of_section(match: re.Match) -> str:
        return _section(match[1], sections[match[1]])

    template = TEMPLATE.read_text(encoding="utf-8").replace("{default recipe}", _default())
    return re.sub(r"^\{(\w+)\}$", of_section, template, flags=re.MULTILINE)


def _section(name: str, section: type) -> str:
    what = (section.__doc__ or "").partition(": ")[2]
    rows = "\n".join(map(_row, settings_of(section)))
    return f"## [{name}]\n\n{what[:1].upper()}{what[1:]}\n\n{HEAD}\n{rows}"


def _row(setting: Setting) -> str:
    cells = (
        f"`{setting.key}`",
        _type(setting.hint),
        f"`{toml_value(setting.default)}`",
        ", ".join(f"`{name}`" for name in setting.choices),
        setting.what.replace("|", "\\|"),
    )
    return f"| {' | '.join(cells)} |"


def _type(hint: typing.Any) -> str:
    """A setting's type in words."""
    if isinstance(hint, types.GenericAlias):
        item = _type(typing.get_args(hint)[0])
        return f"list of {item.replace('list', 'lists') if 'list' in item else item + 's'}"
    if isinstance(hint, types.UnionType):
        return " or ".join(map(_type, typing.get_args(hint)))
    return WORDS[hint]


def _default() -> str:
    """What the digits run sets, as words for `--set`."""
    return ", ".join(
        f"`{section}.{key} = {toml_value(value)}`"
        for section, table in DEFAULT.items()
        for key, value in typing.cast(dict, table).items()
    )

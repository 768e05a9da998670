"""A setting as data: its type, its default, its choices, and what it does.

A field of a section is written `key: Annotated[type, "what it does", CHOICES] = default`, where
CHOICES, the names that it takes, can be left out.
"""

from __future__ import annotations

import dataclasses
import typing
from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Setting:
    """One setting of a section.

    Attributes:
        key: its name in the section's table.
        hint: its type.
        default: its value where a recipe leaves it out.
        what: what it does, one line, with its unit.
        choices: the names that it takes; empty: any value of its type.
    """

    key: str
    hint: typing.Any
    default: object
    what: str
    choices: tuple[str, ...] = ()


def settings_of(section: type) -> tuple[Setting, ...]:
    """The settings of a section's class, in the order of its fields."""
    hints = typing.get_type_hints(section, include_extras=True)
    settings = []
    for field in dataclasses.fields(section):
        hint, what, *choices = typing.get_args(hints[field.name])
        settings.append(
            Setting(
                key=field.name,
                hint=hint,
                default=field.default,
                what=what,
                choices=choices[0] if choices else (),
            )
        )
    return tuple(settings)

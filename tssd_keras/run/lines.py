"""A line a run: what a file of runs holds, and what a run is known by. Loads no Keras."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from tssd_keras.recipe.method_sections import ObjectiveRecipe
from tssd_keras.recipe.recipe import Recipe
from tssd_keras.run.variants import Planned


@dataclass(frozen=True)
class Line:
    """One run of an ablation or of peers, as its line in the file says it.

    Attributes:
        case: the noise, in words.
        variant: which parts were on, or which method it was.
        seed: of everything that is drawn.
        backend: of Keras.
        settings: a hash of what the run was set to, as `settings_hash`.
        date: of its end, in UTC.
        summary: contents of summary.json; empty where the run failed.
        error: why the run failed, or empty.
    """

    case: str
    variant: str
    seed: int
    backend: str
    settings: str
    date: str
    summary: dict
    error: str = ""


FIELDS = dataclasses.fields(Line)


def settings_hash(recipe: Recipe) -> str:
    """SHA-256 of the settings that differ from their defaults; a new setting makes no new run.

    Settings of other objectives than the recipe's are left out.
    """
    if recipe.objective.kind != "mixmatch":
        recipe = dataclasses.replace(recipe, objective=ObjectiveRecipe(kind=recipe.objective.kind))
    changed = {}
    for section in dataclasses.fields(recipe):
        values = getattr(recipe, section.name)
        for setting in dataclasses.fields(values):
            value = getattr(values, setting.name)
            if value != setting.default:
                changed[f"{section.name}.{setting.name}"] = value
    return hashlib.sha256(json.dumps(changed, sort_keys=True).encode()).hexdigest()


def read_lines(path: Path) -> list[Line]:
    """The lines of a file of runs, without blank ones; none if there is no file.

    Raises:
        ValueError: the file is no text, or a line, named by its number, is no run.
    """
    if not path.exists():
        return []
    try:
        texts = path.read_text(encoding="utf-8").splitlines()
    except UnicodeDecodeError as error:
        raise ValueError(
            f"{path} must be lines of runs in UTF-8: {error}. Give another --out."
        ) from error
    lines = []
    for number, text in enumerate(texts, 1):
        if not text.strip():
            continue
        try:
            lines.append(_line(json.loads(text)))
        except (ValueError, TypeError) as error:
            raise ValueError(
                f"{path}, line {number} must be one run: {error}. Mend or remove "
                "the line, or give another --out."
            ) from error
    return lines


def _line(values: object) -> Line:
    """A line's run; raises TypeError if it is none."""
    if not isinstance(values, dict):
        raise TypeError(f"it is no object but {values!r}")
    line = Line(**values)
    kinds = {field.name: str for field in FIELDS} | {"seed": int, "summary": dict}
    for name, kind in kinds.items():
        if not isinstance(getattr(line, name), kind):
            raise TypeError(f"{name} must be {kind.__name__}, got {getattr(line, name)!r}")
    if not line.error and not isinstance(line.summary.get("accuracy"), dict):
        raise TypeError("it has neither an accuracy nor an error")
    return line


def of_plan(planned: Iterable[Planned], lines: Iterable[Line]) -> list[Line]:
    """The newest line of each planned run, on each backend, under the plan's names.

    Two plans can name a run differently, and two variants of a recipe can be the same run.
    """
    newest = {(line.backend, line.settings): line for line in lines}
    backends = dict.fromkeys(backend for backend, _ in newest)
    return [
        dataclasses.replace(newest[key], case=plan.case, variant=plan.variant, seed=plan.seed)
        for backend in backends
        for plan in planned
        if (key := (backend, settings_hash(plan.recipe))) in newest
    ]


def append(path: Path, line: Line) -> None:
    """Add a run's line to a file; a last line without an end gets one first."""
    with open(path, "a+b") as file:
        not_empty = file.seek(0, os.SEEK_END) > 0
        if not_empty:
            file.seek(-1, os.SEEK_END)
        unended = not_empty and file.read(1) != b"\n"
        file.write(b"\n" * unended + json.dumps(dataclasses.asdict(line)).encode() + b"\n")

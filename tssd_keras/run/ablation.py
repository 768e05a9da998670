"""What each part of the method is worth: one recipe, run with parts left out or added.

Each run appends a line to a file as it ends, and what the file has is not run
again: an ablation can stop and go on, and several can write to one file.
"""

from __future__ import annotations

import dataclasses
import gc
import hashlib
import json
import logging
import os
import tempfile
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import keras

from tssd_keras.recipe.recipe import ObjectiveRecipe, Recipe
from tssd_keras.run import experiment
from tssd_keras.run.interrupts import ctrl_c_held, ctrl_c_noted
from tssd_keras.run.variants import Planned


@dataclass(frozen=True)
class Line:
    """One run of an ablation, as its line in the file says it.

    Attributes:
        case: the noise, in words.
        variant: which parts were on.
        seed: of everything that is drawn.
        backend: that it ran on.
        settings: of `settings_hash`.
        date: it ended on, in UTC.
        summary: of the run; empty where it failed.
        error: why it failed, or empty.
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
    """SHA-256 of the settings that are not at their default; a new setting makes no new run.

    Settings of an objective that the recipe does not have are left out.
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
    """The lines of an ablation's file, blank ones left out; none if it is not there.

    Raises:
        ValueError: the file is no text, or a line no run of an ablation; names its number.
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
                f"{path}, line {number} must be one run of an ablation: {error}. Mend or remove "
                "the line, or give another --out."
            ) from error
    return lines


def _line(values: object) -> Line:
    """A line's run; raises TypeError if it is none."""
    if not isinstance(values, dict):
        raise TypeError(f"it is no object but {values!r}")
    line = Line(**values)
    kinds = {field.name: dict if field.name == "summary" else str for field in FIELDS}
    for name, kind in {**kinds, "seed": int}.items():
        if not isinstance(getattr(line, name), kind):
            raise TypeError(f"{name} must be {kind.__name__}, got {getattr(line, name)!r}")
    if not line.error and not isinstance(line.summary.get("accuracy"), dict):
        raise TypeError("it has neither an accuracy nor an error")
    return line


def of_plan(planned: Iterable[Planned], lines: Iterable[Line]) -> list[Line]:
    """The newest line of each planned run, on each backend, under the names that the plan gives it.

    Two plans can call a run differently, and two variants of a recipe can be the same run.
    """
    newest = {(line.backend, line.settings): line for line in lines}
    backends = dict.fromkeys(backend for backend, _ in newest)
    return [
        dataclasses.replace(newest[key], case=one.case, variant=one.variant, seed=one.seed)
        for backend in backends
        for one in planned
        if (key := (backend, settings_hash(one.recipe))) in newest
    ]


def run(
    planned: list[Planned], path: Path, *, say: Callable[[str], None] = print
) -> Iterator[Line]:
    """Run what the file does not have yet, in the order of the plan.

    Args:
        planned: the runs.
        path: of the file that lines are appended to.
        say: takes a line a run.

    Yields:
        Each run's line once it is in the file. A run whose data or settings do
        not fit is a line with its error. Ends early after Ctrl-C; the run that
        was stopped has no line.
    """
    backend = keras.backend.backend()
    # TensorFlow takes each run's own functions for one that is traced again and again.
    logging.getLogger("tensorflow").addFilter(lambda record: "retracing" not in record.getMessage())
    with ctrl_c_noted() as stopped:
        for count, one in enumerate(planned, 1):
            key = (settings_hash(one.recipe), backend)
            if key in {(line.settings, line.backend) for line in read_lines(path)}:
                continue
            say(f"{count}/{len(planned)}: {one.title}")
            line = _run_one(one, backend)
            if line is None:
                return
            _append(path, json.dumps(dataclasses.asdict(line)))
            yield line
            if stopped():  # and a finaliser dropped it
                return


def _append(path: Path, text: str) -> None:
    """Add a line, also where the file's last one has no end."""
    with open(path, "a+b") as file:
        begun = file.seek(0, os.SEEK_END) > 0
        if begun:
            file.seek(-1, os.SEEK_END)
        unended = begun and file.read(1) != b"\n"
        file.write(b"\n" * unended + text.encode() + b"\n")


def _run_one(one: Planned, backend: str) -> Line | None:
    """One run in a folder that goes with it; None after Ctrl-C."""
    summary, error = {}, ""
    try:
        with ctrl_c_held(lambda text: None):  # a finaliser would drop it
            keras.utils.clear_session()
            gc.collect()
        with tempfile.TemporaryDirectory() as folder:
            done = experiment.run(one.recipe, out=Path(folder) / "run", say=lambda text: None)
        if done.interrupted:
            return None
        summary = done.summary
    except KeyboardInterrupt:
        return None
    except (ValueError, RuntimeError) as failed:
        error = str(failed)
    except Exception as failed:  # e.g. TensorFlow's own, out of memory: the others go on
        error = f"{type(failed).__name__}: {failed}"
    return Line(
        case=one.case,
        variant=one.variant,
        seed=one.seed,
        backend=backend,
        settings=settings_hash(one.recipe),
        date=datetime.now(UTC).strftime("%Y-%m-%d"),
        summary=summary,
        error=error,
    )

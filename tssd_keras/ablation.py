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
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import keras

from tssd_keras import experiment
from tssd_keras.interrupts import ctrl_c_held
from tssd_keras.recipe import ObjectiveRecipe, Recipe
from tssd_keras.recipe_file import to_toml
from tssd_keras.recipe_variants import Planned


@dataclass(frozen=True)
class Line:
    """One run of an ablation, as its line in the file says it.

    Attributes:
        case: the noise, in words.
        variant: which parts were on.
        seed: of everything that is drawn.
        backend: that it ran on.
        settings: SHA-256 of every setting.
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


def settings_hash(recipe: Recipe) -> str:
    """SHA-256 of every setting of a recipe, but for those of an objective that it has not."""
    if recipe.objective.kind != "mixmatch":
        recipe = dataclasses.replace(recipe, objective=ObjectiveRecipe(kind=recipe.objective.kind))
    return hashlib.sha256(to_toml(recipe).encode()).hexdigest()


def read_lines(path: Path) -> list[Line]:
    """The lines of an ablation's file; none if it is not there.

    Raises:
        ValueError: a line is no run of an ablation; names its number.
    """
    if not path.exists():
        return []
    lines = []
    for number, text in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        try:
            lines.append(Line(**json.loads(text)))
        except (ValueError, TypeError) as error:
            raise ValueError(
                f"{path}, line {number} must be one run of an ablation: {error}. Mend or remove "
                "the line, or give another --out."
            ) from error
    return lines


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
    for count, one in enumerate(planned, 1):
        key = (settings_hash(one.recipe), backend)
        if key in {(line.settings, line.backend) for line in read_lines(path)}:
            continue
        say(f"{count}/{len(planned)}: {one.case}, {one.variant}, seed {one.seed}")
        line = _run_one(one, backend)
        if line is None:
            return
        with open(path, "a", encoding="utf-8") as file:
            file.write(json.dumps(dataclasses.asdict(line)) + "\n")
        yield line


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

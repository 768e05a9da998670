"""Runs of methods: what is planned, a process and a line each, and which lines belong to a plan."""

from __future__ import annotations

import dataclasses
import hashlib
import importlib.util
import json
import math
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from peers import METHODS
from tssd_keras.recipe.checks import did_you_mean
from tssd_keras.recipe.toml import RecipeError
from tssd_keras.run.lines import Line, append, read_lines, settings_hash
from tssd_keras.run.variants import Planned, plan

ROOT = Path(__file__).resolve().parents[2]
SAID = 2000  # characters of what a broken process said last that its line keeps


@dataclass(frozen=True)
class Asked:
    """A run that is asked for.

    Attributes:
        planned: case, method, seed and recipe.
        words: "section.key=value" of all that differs from the recipe's file.
        own: settings of the method.
    """

    planned: Planned
    words: tuple[str, ...]
    own: dict[str, float]

    @property
    def settings(self) -> str:
        """A hash of the method and of all that it is set to."""
        of_all = [self.planned.variant, settings_hash(self.planned.recipe), self.own]
        return hashlib.sha256(json.dumps(of_all, sort_keys=True).encode()).hexdigest()


def asked_for(
    path: Path,
    overrides: Iterable[str],
    *,
    noises: Iterable[str],
    methods: Iterable[str],
    seeds: Iterable[int],
    own: Iterable[str] = (),
) -> list[Asked]:
    """Every run: seed by seed, then noise by noise.

    Args:
        path: of the recipe.
        overrides: "section.key=value", for all runs.
        noises: "KIND:RATE" or "file:PATH"; none: the recipe's own noise.
        methods: of `METHODS`.
        seeds: of all that is drawn.
        own: "METHOD.KEY=NUMBER".

    Raises:
        RecipeError: a name, setting or noise does not fit; or a package is not installed.
    """
    overrides, methods = tuple(overrides), tuple(dict.fromkeys(methods))
    names = {name: method.settings for name, method in METHODS.items()}
    known = {"among": names, "word": "method", "option": "--methods"}
    planned = plan(path, overrides, noises=noises, variants=methods, seeds=seeds, **known)
    if "cleanlab" in methods and importlib.util.find_spec("cleanlab") is None:
        raise RecipeError(
            "the method cleanlab needs the package cleanlab, which is not installed. Try pip "
            "install 'tssd_keras[peers]', or leave it out of --methods."
        )
    numbers = own_settings(own, methods)
    return [Asked(one, (*overrides, *one.settings), numbers[one.variant]) for one in planned]


def own_settings(texts: Iterable[str], methods: Iterable[str]) -> dict[str, dict[str, float]]:
    """The methods' own settings, changed by "METHOD.KEY=NUMBER"; raises RecipeError."""
    found = {name: dict(METHODS[name].own) for name in methods}
    for text in texts:
        name, _, value = text.partition("=")
        method, _, key = name.strip().partition(".")
        known = [f"{name}.{key}" for name, own in found.items() for key in own]
        if key not in found.get(method, {}):
            raise RecipeError(
                f"--peer takes METHOD.KEY=NUMBER with METHOD.KEY of {', '.join(known) or 'none'} "
                f"among the methods that are asked for, got {text!r}{did_you_mean(name, known)}"
            )
        kind = type(found[method][key])
        try:
            found[method][key] = kind(value)
            if not math.isfinite(found[method][key]):
                raise ValueError
        except ValueError:
            whole = "a whole number" if kind is int else "a finite number"
            raise RecipeError(f"--peer {name} must be {whole}, got {value!r}") from None
    return found


def lines_of(asked: Iterable[Asked], lines: Iterable[Line]) -> list[Line]:
    """The newest line of each run that is asked for, on each backend, under the plan's names."""
    newest = {(line.backend, line.settings): line for line in lines}
    return [
        dataclasses.replace(
            newest[backend, one.settings], case=one.planned.case, seed=one.planned.seed
        )
        for backend in dict.fromkeys(backend for backend, _ in newest)
        for one in asked
        if (backend, one.settings) in newest
    ]


def run(
    asked: list[Asked],
    recipe: Path,
    path: Path,
    backend: str,
    *,
    say: Callable[[str], None] = print,
) -> Iterator[Line]:
    """Run what has no line in the file yet, in the order of the plan, a process a run.

    Args:
        asked: the runs.
        recipe: path of their recipe.
        path: of the file; lines are appended.
        backend: of Keras.
        say: takes a line a run.

    Yields:
        Each run's line once it is in the file; a failed run's has the error. Ends early after
        Ctrl-C; the stopped run has no line.
    """
    for count, one in enumerate(asked, 1):
        there = {(line.settings, line.backend) for line in read_lines(path)}
        if (one.settings, backend) in there:
            continue
        say(f"{count}/{len(asked)}: {one.planned.title}")
        try:
            summary = _figures(one, recipe, backend)
        except KeyboardInterrupt:
            return
        line = Line(
            case=one.planned.case,
            variant=one.planned.variant,
            seed=one.planned.seed,
            backend=backend,
            settings=one.settings,
            date=datetime.now(UTC).strftime("%Y-%m-%d"),
            summary={} if "error" in summary else summary,
            error=summary.get("error") or "",
        )
        append(path, line)
        yield line


def _figures(one: Asked, recipe: Path, backend: str) -> dict:
    """What the run's process writes; of one that broke, what it said last, as "error"."""
    given = os.environ.get("PYTHONPATH")
    here = os.pathsep.join([str(ROOT), str(ROOT / "benchmarks"), *([given] if given else [])])
    with tempfile.TemporaryDirectory() as folder, tempfile.TemporaryFile("w+") as said:
        out = Path(folder) / "figures.json"
        words = [word for setting in one.words for word in ("--set", setting)]
        command = [sys.executable, "-m", "peers.one", one.planned.variant, str(recipe), str(out)]
        process = subprocess.Popen(
            [*command, "--own", json.dumps(one.own), *words],
            env={**os.environ, "KERAS_BACKEND": backend, "PYTHONPATH": here},
            stdout=said,
            stderr=said,
        )
        try:
            status = process.wait()
        except BaseException:
            process.terminate()
            process.wait()
            raise
        if status or not out.exists():
            said.seek(0)
            return {"error": f"the process ended with {status}: {said.read()[-SAID:].strip()}"}
        figures = json.loads(out.read_text(encoding="utf-8"))
    if figures.get("error"):
        return {"error": figures["error"]}
    return {key: value for key, value in figures.items() if key != "error"} | _origin()


def _origin() -> dict[str, object]:
    """Commit of the clone, with "+" where files other than results differ, and cores."""
    head = ["git", "rev-parse", "--short=12", "HEAD"]
    differ = ["git", "diff", "--quiet", "HEAD", "--", ".", ":!benchmarks/results", ":!docs"]
    commit = subprocess.run(head, cwd=ROOT, capture_output=True, text=True)
    changed = subprocess.run(differ, cwd=ROOT, capture_output=True)
    name = commit.stdout.strip() + "+" * bool(changed.returncode) if not commit.returncode else ""
    return {"commit": name, "cores": len(os.sched_getaffinity(0))}

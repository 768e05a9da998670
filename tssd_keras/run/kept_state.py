"""What a run keeps at the end of an epoch, for `train --resume` to go on from. Loads no Keras."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from tssd_keras.data.npz import array_of, refused_as
from tssd_keras.judge.state import State
from tssd_keras.recipe.checks import shown
from tssd_keras.recipe.recipe import Recipe
from tssd_keras.recipe.toml import load_recipe, parse_recipe, parse_toml, to_toml
from tssd_keras.run.folder import RECIPE, STATE, SUMMARY
from tssd_keras.run.saved_recipe import with_absolute_paths
from tssd_keras.train.state_file import load_state

FORMAT = 1  # of the file; another is refused
TEXTS = (
    "backend",
    "labels_sha256",
    "recipe",
    "epochs",
    "resumed",
    "threads",
)  # of it, besides numbers

LIMITS = ("OMP_NUM_THREADS", "TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS", "XLA_FLAGS")


@dataclass(frozen=True, eq=False)
class Kept:
    """The state of a run at an epoch's end.

    Attributes:
        recipe: that is run.
        backend: of Keras.
        labels_sha256: of the given labels.
        epochs: rows of epochs.csv, one an epoch that has ended.
        resumed: after how many epochs the run went on, each time.
        threads: what `threads_now` said.
        seconds: that it took so far.
        state: of networks, optimizer, TSSD and streams; see `go_on.state_of`.
    """

    recipe: Recipe
    backend: str
    labels_sha256: str
    epochs: list[dict]
    resumed: list[int]
    threads: str
    seconds: float
    state: State

    def arrays(self) -> State:
        """All of it, as `read_kept` takes it."""
        return {
            "format": np.array(FORMAT),
            "backend": np.array(self.backend),
            "labels_sha256": np.array(self.labels_sha256),
            "recipe": np.array(to_toml(self.recipe)),
            "epochs": np.array(json.dumps(self.epochs)),
            "resumed": np.array(json.dumps(self.resumed)),
            "threads": np.array(self.threads),
            "seconds": np.array(float(self.seconds)),
            **self.state,
        }


def threads_now() -> str:
    """How many processors this process may use, and what limits its threads further."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    limits = [f", {name}={os.environ[name]}" for name in LIMITS if name in os.environ]
    return f"{cores} processors{''.join(limits)}"


def read_kept(folder: Path) -> Kept:
    """The state that a run has kept in its folder.

    Raises:
        FileNotFoundError: there is none: it is no run, or nothing was kept.
        ValueError: the run has ended, its recipe was changed since, or the file is not one that
            this version writes.
    """
    path = folder / STATE
    if not path.is_file():
        if (folder / SUMMARY).is_file():
            raise ValueError(
                f"--resume takes a run that was stopped, the one in {folder} has ended, or {STATE} "
                f"was taken away. To train for longer, run its recipe anew: train "
                f"{folder / RECIPE} --set train.epochs=..."
            )
        raise FileNotFoundError(
            f"--resume takes the folder of a run that was stopped or killed, with {STATE} in it, "
            f"{folder} has none: it is no such folder, or the run ended before anything was kept. "
            "Run the recipe anew."
        )
    kept = kept_of(load_state(path), path)
    _check_same(kept.recipe, folder / RECIPE)
    return kept


def kept_of(state: State, path: Path) -> Kept:
    """What `Kept.arrays` gave; raises ValueError, with the file's path, if it is none."""
    found = state.pop("format", np.array(-1))
    if found.shape or found != FORMAT or not all(_is_text(state, name) for name in TEXTS):
        raise ValueError(
            f"{path} must have format {FORMAT}, got {found}: another version of tssd_keras wrote "
            "it. Go on with that version, or run the recipe anew."
        )
    with refused_as(path, "the state of a run"):
        texts = {name: str(state.pop(name)) for name in TEXTS}
        recipe = parse_recipe(parse_toml(texts["recipe"]))
        epochs, resumed = (_listed(texts[name], name) for name in ("epochs", "resumed"))
        if not all(isinstance(row, dict) for row in epochs):
            raise ValueError("epochs must be a list of rows")
        if not all(type(after) is int for after in resumed):
            raise ValueError("resumed must be a list of whole numbers")
        seconds = array_of(state, "seconds", np.float64, (), lowest=0, finite=True)
        del state["seconds"]
    return Kept(
        recipe,
        texts["backend"],
        texts["labels_sha256"],
        epochs,
        resumed,
        texts["threads"],
        float(seconds),
        state,
    )


def _listed(text: str, name: str) -> list:
    """The list that a text of JSON holds; raises ValueError if it holds none."""
    try:
        found = json.loads(text)
    except RecursionError as error:
        raise ValueError(f"{name} nests too deeply") from error
    if not isinstance(found, list):
        raise ValueError(f"{name} must be a list, got {shown(found)}")
    return found


def _is_text(state: State, name: str) -> bool:
    return name in state and state[name].dtype.kind == "U" and not state[name].shape


def _check_same(kept: Recipe, path: Path) -> None:
    """Raise ValueError if the recipe in the folder is another than the one that was run."""
    if not path.is_file():
        return  # the state has it
    ours, theirs = (
        to_toml(one).splitlines() for one in (kept, with_absolute_paths(load_recipe(path)))
    )
    changed = [(a, b) for a, b in zip(ours, theirs, strict=True) if a != b]
    if changed:
        was, is_now = changed[0]
        raise ValueError(
            f"a run goes on by the recipe that it began with, {path} was changed: {len(changed)} "
            f"settings, the first was {was} and is {is_now}. Put it back, or run the changed "
            "recipe anew."
        )

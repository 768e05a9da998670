"""A run folder, read back: what its last round said of every sample."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from pathlib import Path

import numpy as np

from tssd_keras.divide import ROLES
from tssd_keras.judged import Judged
from tssd_keras.recipe import DataRecipe, Recipe
from tssd_keras.recipe_file import load_recipe
from tssd_keras.run_folder import RunFolder
from tssd_keras.sources.labelled_data import as_ids
from tssd_keras.streams import load_streams

STREAMS = "streams.npz"
NEEDED = ("recipe.toml", "labels.sha256", "samples.csv", "summary.json")
COLUMNS = ("index", "given", "role", "weight", "p_loss", "p_feature", "q", "suggested", "changed")


def read_run(folder: str | Path) -> tuple[Judged, Recipe]:
    """What a finished or stopped run found out, and the recipe that it ran.

    Args:
        folder: a run folder. Nothing is written there.

    Returns:
        Judged, of the samples of the noisy stream in rising index; and the recipe.

    Raises:
        FileNotFoundError: that is no run folder, or the run has not ended.
        ValueError: the run has judged no label, or a file is not what a run writes.
    """
    folder = Path(folder)
    missing = [name for name in NEEDED if not (folder / name).is_file()]
    if missing:
        raise FileNotFoundError(
            f"RUN must be the folder of a run that has ended or was stopped, {folder} lacks "
            f"{', '.join(missing)}. Give the folder that train wrote."
        )
    recipe = load_recipe(folder / "recipe.toml")
    facts = json.loads((folder / "summary.json").read_text(encoding="utf-8"))
    _check_judged(folder, recipe, facts)
    streams, names = load_streams(folder / STREAMS)
    files = RunFolder(folder)
    rows = _samples(folder / "samples.csv")
    number = {name: i for i, name in enumerate(names)}

    def column(name: str, read: Callable[[str], object], dtype: type) -> np.ndarray:
        try:
            return np.array([read(row[name]) for row in rows], dtype)
        except (ValueError, KeyError) as error:
            raise ValueError(
                f"{folder / 'samples.csv'}: the column {name} is not as a run writes it: {error}. "
                "Was the file edited? Run the recipe again."
            ) from error

    def real(text: str) -> float:
        return float(text) if text else np.nan

    # An empty class name is a name, too: where nobody judged, the role says so.
    judged = column("role", bool, np.bool_)
    role_number = {"": -1, **{name: i for i, name in enumerate(ROLES)}}
    suggested = column("suggested", lambda text: number.get(text, -1), np.int64)
    truth = column("true", lambda text: number.get(text, -1), np.int64)
    ids = [row["id"] for row in rows]
    named = as_ids(ids) if any(ids) else None
    found = Judged(
        name=recipe.dataset,
        class_names=names,
        labels_sha256=(folder / "labels.sha256").read_text(encoding="utf-8").strip(),
        index=column("index", int, np.int64),
        given=column("given", number.__getitem__, np.int64),
        suggested=np.where(judged, suggested, -1),
        confidence=column("confidence", real, np.float64),
        weight=column("weight", real, np.float64),
        role=column("role", role_number.__getitem__, np.int8),
        p_loss=column("p_loss", real, np.float64),
        p_feature=column("p_feature", real, np.float64),
        q=column("q", real, np.float64),
        changed=column("changed", lambda text: int(text or -1), np.int64),
        ids=named,
        paths=None if named is None else paths(recipe.data, ids),
        truth=truth if (truth >= 0).any() else None,
        streams=tuple(streams),
        epochs=files.rows("epochs.csv"),
        rounds=files.rows("rounds.csv"),
        facts=facts,
    )
    return found, recipe


def _check_judged(folder: Path, recipe: Recipe, facts: dict) -> None:
    """Raise ValueError unless a round has judged the labels, and left what it saw."""
    if recipe.objective.kind == "plain":
        raise ValueError(
            f'{folder} is a run with objective.kind = "plain", which judges no labels: there is '
            'nothing to audit. Train with "weighted" or "mixmatch".'
        )
    if not facts.get("rounds"):
        raise ValueError(
            f"{folder} was stopped before its first round, after {facts.get('epochs')} of "
            f"{recipe.train.warmup_epochs} epochs of warm-up: no label was judged. Let it run "
            "longer."
        )
    if not (folder / STREAMS).is_file():
        raise ValueError(
            f"{folder} must hold {STREAMS}, which runs write since there is an audit; this one is "
            "older, or the file was taken away. Run the recipe again."
        )


def _samples(path: Path) -> list[dict[str, str]]:
    csv.field_size_limit(2**31 - 1)  # names and ids can be of any length
    with open(path, newline="", encoding="utf-8", errors="surrogateescape") as file:
        reader = csv.DictReader(file)
        missing = [name for name in COLUMNS if name not in (reader.fieldnames or ())]
        if missing:
            raise ValueError(
                f"{path} must have the columns of a run's sample table, it lacks "
                f"{', '.join(missing)}. Run the recipe again."
            )
        return list(reader)


def paths(recipe: DataRecipe, ids: list[str]) -> np.ndarray | None:
    """object[N] of str: the samples' files, where their ids are paths; else None.

    Args:
        recipe: with an absolute path, as a run folder has it.
        ids: of N samples.
    """
    if recipe.source == "folder":
        root = Path(recipe.path)
    elif recipe.source == "table":
        root = Path(recipe.images) if recipe.images else Path(recipe.path).parent
    else:
        return None
    return as_ids([str(root / name) for name in ids])

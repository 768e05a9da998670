"""A run folder, read back: what its last round said of every sample."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from pathlib import Path

import numpy as np

from tssd_keras.data.labelled_data import as_ids
from tssd_keras.judge.divide import ROLES
from tssd_keras.judge.findings import Findings
from tssd_keras.judge.streams import load_streams
from tssd_keras.labels.decisions.table import fields_of_any_length
from tssd_keras.recipe.recipe import DataRecipe, Recipe
from tssd_keras.recipe.toml import load_recipe
from tssd_keras.run.folder import RunFolder

STREAMS_FILE = "streams.npz"
NEEDED = ("recipe.toml", "labels.sha256", "samples.csv", "summary.json")
REAL = ("weight", "p_loss", "p_feature", "q", "confidence")
TYPES = {
    **dict.fromkeys(("index", "given", "suggested", "changed"), np.int64),
    **dict.fromkeys(REAL, np.float64),
    "role": np.int8,
}


def read_run(folder: str | Path) -> tuple[Findings, Recipe]:
    """What a finished or stopped run found out, and the recipe that it ran.

    Args:
        folder: a run folder. Nothing is written there.

    Returns:
        Findings, of the samples of the noisy stream in rising index; and the recipe.

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
    facts = _facts(folder / "summary.json")
    _check_judged(folder, recipe, facts)
    streams, names = load_streams(folder / STREAMS_FILE)
    rows = _samples(folder / "samples.csv", names)
    truth = np.array(rows.pop("true"), np.int64)
    ids = rows.pop("id") if any(rows["id"]) else None
    rows.pop("id", None)
    columns = {name: np.array(values, TYPES[name]) for name, values in rows.items()}
    # An empty name can be a class, too: where nobody judged, the role says so.
    columns["suggested"][columns["role"] < 0] = -1
    files = RunFolder(folder)
    found = Findings(
        name=recipe.dataset,
        class_names=names,
        labels_sha256=(folder / "labels.sha256").read_text(encoding="utf-8").strip(),
        **columns,
        ids=None if ids is None else as_ids(ids),
        paths=None if ids is None else paths(recipe.data, ids),
        truth=truth if (truth >= 0).any() else None,
        streams=tuple(streams),
        epochs=files.rows("epochs.csv"),
        rounds=files.rows("rounds.csv"),
        facts=facts,
    )
    return found, recipe


def _facts(path: Path) -> dict:
    try:
        return dict(json.loads(path.read_text(encoding="utf-8")))
    except (ValueError, TypeError) as error:
        raise ValueError(
            f"{path} must be the summary that a run writes, it is not: {error}. Run the recipe "
            "again."
        ) from error


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
    if not (folder / STREAMS_FILE).is_file():
        raise ValueError(
            f"{folder} must hold {STREAMS_FILE}, which each run writes after a round: it was taken "
            "away, or the run is of an older version. Run the recipe again."
        )


def _samples(path: Path, class_names: tuple[str, ...]) -> dict[str, list]:
    """The columns of a run's samples.csv, as numbers; classes by number, -1 for none."""
    number = {name: i for i, name in enumerate(class_names)}
    roles = {"": -1, **{name: i for i, name in enumerate(ROLES)}}
    read: dict[str, Callable[[str], object]] = {
        "index": int,
        "id": str,
        "given": number.__getitem__,
        "true": lambda text: number.get(text, -1),
        "suggested": lambda text: number.get(text, -1),
        "role": roles.__getitem__,
        "changed": lambda text: int(text or -1),
        **dict.fromkeys(REAL, lambda text: float(text or "nan")),
    }
    found: dict[str, list] = {name: [] for name in read}
    with (
        open(path, newline="", encoding="utf-8", errors="surrogateescape") as file,
        fields_of_any_length(),
    ):
        rows = csv.reader(file)
        header = next(rows, [])
        missing = [name for name in read if name not in header]
        if missing:
            raise ValueError(
                f"{path} must have the columns of a run's sample table, it lacks "
                f"{', '.join(missing)}. Run the recipe again."
            )
        at = [(name, header.index(name), convert) for name, convert in read.items()]
        for row in rows:
            for name, place, convert in at:
                try:
                    found[name].append(convert(row[place]))
                except (ValueError, KeyError, IndexError) as error:
                    raise ValueError(
                        f"{path}, line {rows.line_num}: the column {name} is not as a run writes "
                        f"it: {error}. Was the file edited? Run the recipe again."
                    ) from error
    return found


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

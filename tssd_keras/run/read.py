"""The one reader of a run folder. Loads no Keras."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from tssd_keras.data.array_files import read_npy
from tssd_keras.data.labelled_data import as_ids
from tssd_keras.data.npz import array_of, refused_as
from tssd_keras.judge.findings import Findings
from tssd_keras.judge.streams import Streams, load_streams
from tssd_keras.labels.noise import labels_sha256
from tssd_keras.recipe.checks import cut
from tssd_keras.recipe.data_sections import DataRecipe
from tssd_keras.recipe.recipe import Recipe
from tssd_keras.recipe.toml import load_recipe
from tssd_keras.run.folder import (
    EPOCHS,
    LABELS,
    LABELS_SHA256,
    RECIPE,
    ROUNDS,
    SAMPLES,
    STATE,
    STREAMS_FILE,
    SUMMARY,
)
from tssd_keras.run.read_tables import read_summary, read_table, read_text
from tssd_keras.run.samples import PROBABILITIES, EarlierDecisions, StoredSamples, load_samples


@dataclass(frozen=True, eq=False)
class RunLabels:
    """A run's labels, and which samples can be decided on.

    Attributes:
        given: int64[N], of the whole training split; -1: none.
        labels_sha256: their hash.
        class_names: K names in label order.
        ids: index -> the source's own name, of the samples of the stream that nobody had decided
            before; empty texts where it has none.
        decided: what people had decided before, or None.
    """

    given: np.ndarray
    labels_sha256: str
    class_names: tuple[str, ...]
    ids: dict[int, str]
    decided: EarlierDecisions | None


def read_run(folder: str | Path) -> tuple[Findings, Recipe]:
    """What a finished or stopped run found out, and the recipe that it ran.

    Args:
        folder: a run folder. Nothing is written there.

    Returns:
        Findings, of the samples of the noisy stream in rising index; and the recipe.

    Raises:
        FileNotFoundError: that is no run folder, or the run has not ended.
        ValueError: the run has judged no label, or its files are not what a run writes, or not of
            one run.
    """
    folder = Path(folder)
    _check_files(folder, (RECIPE, LABELS, LABELS_SHA256, SAMPLES, SUMMARY))
    recipe, summary = load_recipe(folder / RECIPE), read_summary(folder / SUMMARY)
    _check_judged(folder, recipe, summary)
    samples = _samples(folder)
    _given(folder, samples)
    n_samples = (summary.get("samples") or {}).get("stream", len(samples.columns["index"]))
    if n_samples != len(samples.columns["index"]):
        raise _not_one_run(
            folder,
            f"{SUMMARY} says that {n_samples:,} samples were in the stream, {SAMPLES} has "
            f"{len(samples.columns['index']):,}",
        )
    ended_by_error = summary.get("error") is not None
    columns = dict(samples.columns)
    truth, ids = columns.pop("true"), samples.ids
    columns |= {name: columns[name].astype(np.float64) for name in PROBABILITIES}
    findings = Findings(
        name=recipe.dataset,
        run=folder.resolve().name,
        class_names=samples.class_names,
        labels_sha256=samples.labels_sha256,
        **columns,
        ids=ids,
        paths=None if ids is None else _paths(recipe.data, ids),
        truth=truth if (truth >= 0).any() else None,
        streams=_streams(folder, samples),
        epochs=read_table(folder / EPOCHS, n=summary.get("epochs"), or_fewer=ended_by_error),
        rounds=read_table(folder / ROUNDS, n=summary["rounds"], or_fewer=ended_by_error),
        summary=summary,
    )
    return findings, recipe


def of_which_epoch(folder: str | Path, findings: Findings, recipe: Recipe) -> str:
    """After which epoch what was found is, where the run was stopped.

    A run that has gone on since has no summary until it ends, and `read_run` refuses it.

    Args:
        folder: a run folder.
        findings, recipe: of `read_run`.

    Returns:
        A sentence; "" where the run has ended by itself.
    """
    if not (Path(folder) / STATE).is_file():
        return ""
    epochs = findings.summary.get("epochs")
    return f"This is the run after epoch {epochs} of {recipe.train.epochs}, where it was stopped."


def read_labels(folder: str | Path) -> RunLabels:
    """What decisions on a run can be about; the run need not have judged a label.

    Args:
        folder: a run folder. Nothing is written there.

    Raises:
        FileNotFoundError: that is no run folder, or the run has not ended.
        ValueError: its files are not what a run writes, or not of one run.
    """
    folder = Path(folder)
    _check_files(folder, (LABELS, LABELS_SHA256, SAMPLES))
    samples = _samples(folder)
    given = _given(folder, samples)
    index, decided = samples.columns["index"], samples.decided
    names = [""] * len(index) if samples.ids is None else samples.ids.tolist()
    before = set() if decided is None else set(decided.index.tolist())
    ids = {i: name for i, name in zip(index.tolist(), names, strict=True) if i not in before}
    return RunLabels(given, samples.labels_sha256, samples.class_names, ids, decided)


def _check_files(folder: Path, names: tuple[str, ...]) -> None:
    """Raise FileNotFoundError unless the folder has these files."""
    missing = [name for name in names if not (folder / name).is_file()]
    if not missing:
        return
    hint = "Give the folder that train wrote."
    if (folder / STATE).is_file():
        hint = (
            "It is of a run that has not ended, or was killed: a killed one goes on by train "
            f"--resume {folder}."
        )
    if missing == [SAMPLES] and (folder / "samples.csv").is_file():
        hint = "It was taken away, or the run is of an older version. Run the recipe again."
    raise FileNotFoundError(
        f"RUN must be the folder of a run that has ended or was stopped, {folder} lacks "
        f"{', '.join(missing)}. {hint}"
    )


def _check_judged(folder: Path, recipe: Recipe, summary: dict) -> None:
    """Raise ValueError unless a round has judged the labels, and left what it saw."""
    if recipe.objective.kind == "plain":
        raise ValueError(
            f'{folder} is a run with objective.kind = "plain", which judges no labels: there is '
            'nothing to audit. Train with "weighted" or "mixmatch".'
        )
    if not summary.get("rounds"):
        error = summary.get("error")
        how = "was stopped" if error is None else "ended by an error"
        remedy = f"Let it run longer: train --resume {folder}."
        raise ValueError(
            f"{folder} {how} before its first round, after {summary.get('epochs')} of "
            f"{recipe.train.warmup_epochs} epochs of warm-up: no label was judged. "
            + (remedy if error is None else f"The error was: {cut(error)}")
        )
    if not (folder / STREAMS_FILE).is_file():
        raise ValueError(
            f"{folder} must hold {STREAMS_FILE}, which each run writes after a round: it was taken "
            "away, or the run is of an older version. Run the recipe again."
        )


def _not_one_run(folder: Path, fault: str) -> ValueError:
    return ValueError(
        f"{folder} must hold the files of one run as it wrote them: {fault}. Was it edited?"
    )


def _samples(folder: Path) -> StoredSamples:
    """The samples, of the labels whose hash the folder has."""
    samples = load_samples(folder / SAMPLES)
    with refused_as(folder / LABELS_SHA256, "the hash of labels"):
        sha256 = read_text(folder / LABELS_SHA256, largest=1000).strip()
    if samples.labels_sha256 != sha256:
        raise _not_one_run(
            folder,
            f"{SAMPLES} is of labels {samples.labels_sha256[:16]!r}..., it has not the hash that "
            f"{LABELS_SHA256} says, {sha256[:16]!r}...",
        )
    return samples


def _given(folder: Path, samples: StoredSamples) -> np.ndarray:
    """int64[N]: the given labels of the whole training split, of which the samples are a part."""
    highest = len(samples.class_names) - 1
    with refused_as(folder / LABELS, "the given labels"), open(folder / LABELS, "rb") as file:
        arrays = {LABELS: read_npy(file)}
        given = array_of(arrays, LABELS, np.int64, (None,), lowest=-1, highest=highest)
    if labels_sha256(given) != samples.labels_sha256:
        raise _not_one_run(folder, f"{LABELS} has not the hash that {LABELS_SHA256} says")
    index, decided = samples.columns["index"], samples.decided
    for where in (index, np.empty(0, np.int64) if decided is None else decided.index):
        if len(where) and where[-1] >= len(given):
            raise _not_one_run(
                folder, f"{SAMPLES} names sample {where[-1]}, {LABELS} has {len(given)}"
            )
    differ = index[given[index] != samples.columns["given"]]
    if len(differ):
        raise _not_one_run(
            folder,
            f"sample {differ[0]} has another label in {SAMPLES} than in {LABELS} (as it has under "
            "golden.train_on)",
        )
    return given


def _streams(folder: Path, samples: StoredSamples) -> tuple[Streams, ...]:
    """The streams, of samples and classes that the run has."""
    streams, names = load_streams(folder / STREAMS_FILE)
    if names != samples.class_names:
        raise _not_one_run(folder, f"{STREAMS_FILE} and {SAMPLES} name other classes")
    index, given = samples.columns["index"], samples.columns["given"]
    for of_network in streams:
        rows = np.searchsorted(index, of_network.index).clip(max=max(len(index) - 1, 0))
        if not len(index) or (index[rows] != of_network.index).any():
            raise _not_one_run(folder, f"{STREAMS_FILE} has samples that {SAMPLES} has not")
        if (given[rows] != of_network.given).any():
            raise _not_one_run(folder, f"{STREAMS_FILE} and {SAMPLES} have other given labels")
    return tuple(streams)


def _paths(recipe: DataRecipe, ids: np.ndarray) -> np.ndarray | None:
    """object[n] of str: the samples' files, where their ids are paths; else None.

    Args:
        recipe: with an absolute path, as a run folder has it.
        ids: object[n] of str.
    """
    if recipe.source == "folder":
        root = Path(recipe.path)
    elif recipe.source == "table":
        root = Path(recipe.images) if recipe.images else Path(recipe.path).parent
    else:
        return None
    return as_ids([str(root / name) for name in ids])

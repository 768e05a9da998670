"""The run folder: the one writer of every file that a run leaves behind."""

from __future__ import annotations

import csv
import json
import os
import tempfile
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from tssd_keras.data import duplicates
from tssd_keras.data.columns import cell, write_columns
from tssd_keras.judge.streams import Streams, save_streams
from tssd_keras.judge.table import SampleTable
from tssd_keras.labels.decisions.uses import Decided
from tssd_keras.run import plots
from tssd_keras.run.samples import StoredSamples, save_samples

if TYPE_CHECKING:
    import keras

    from tssd_keras.labels.prepare import Prepared

# What `run.read` reads back.
RECIPE, SUMMARY = "recipe.toml", "summary.json"
LABELS, LABELS_SHA256 = "labels.npy", "labels.sha256"
SAMPLES, STREAMS_FILE = "samples.npz", "streams.npz"
EPOCHS, ROUNDS = "epochs.csv", "rounds.csv"


class RunFolder:
    """One run's files, in the order in which they are written.

    Before training: recipe.toml, labels.npy, labels.sha256 and, where there is something to list,
    decided.csv, left_out.csv and duplicates.csv. During training epochs.csv and rounds.csv grow by
    a row at a time. At the end, also after Ctrl-C or an error: samples.csv, samples.npz,
    model.keras, classes.txt, shift.json, summary.json, streams.npz and the plots.

    Args:
        path: the folder; `make` makes it.
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    @classmethod
    def plan(cls, path: Path | None, name: str) -> RunFolder:
        """Choose the folder and make sure that it can be made; nothing is left behind.

        Args:
            path: where; None: runs/NAME-TIME in the working folder.
            name: for the default path.

        Raises:
            FileExistsError: the folder is there and not empty.
            OSError: nothing can be written there.
        """
        if path is None:
            stamp = datetime.now(UTC).strftime("%Y%m%d-%H%M%S")
            path = Path("runs") / f"{name}-{stamp}-{os.getpid()}"
        check_free(path)
        return cls(path)

    def make(self) -> None:
        """Make the folder; see `plan` for what is raised."""
        check_free(self.path)
        self.path.mkdir(parents=True, exist_ok=True)

    def write_recipe(self, text: str) -> None:
        """recipe.toml, of `saved_recipe.saved_recipe`."""
        self._write_text(RECIPE, text)

    def write_labels(self, given: np.ndarray, sha256: str) -> None:
        """labels.npy, int64[N] of the whole training split, and its hash."""
        np.save(self.path / LABELS, np.asarray(given, "<i8"), allow_pickle=False)
        self._write_text(LABELS_SHA256, f"{sha256}\n")

    def write_findings(self, prepared: Prepared) -> None:
        """decided.csv, left_out.csv and duplicates.csv, each only where it has rows."""
        data, decided, equal = prepared.data, prepared.decided, prepared.duplicates
        names = data.class_names
        if decided is not None:
            decided.write_csv(self.path / "decided.csv", prepared.given, names, data.ids)
        if data.left_out:
            splits = [image.split for image in data.left_out]
            reasons = [image.reason for image in data.left_out]
            write_columns(self.path / "left_out.csv", {"split": splits, "reason": reasons})
        if equal is not None and len(equal):
            path = self.path / "duplicates.csv"
            duplicates.write_csv(path, equal, names, ids=data.ids, test_ids=data.test_ids)

    def append_epoch(self, row: dict[str, object]) -> None:
        """Append a row to epochs.csv."""
        self._append_row(EPOCHS, row)

    def append_round(self, row: dict[str, object]) -> None:
        """Append a row to rounds.csv."""
        self._append_row(ROUNDS, row)

    def write_samples(
        self,
        table: SampleTable,
        class_names: Sequence[str],
        labels_sha256: str,
        *,
        truth: np.ndarray | None = None,
        ids: np.ndarray | None = None,
        decided: Decided | None = None,
    ) -> None:
        """The sample table: samples.csv for people, samples.npz for `run.read`.

        Args:
            table: of the noisy stream.
            class_names: K names in label order.
            labels_sha256: hash of the given labels.
            truth: int64[N] of the whole training split, -1 where unknown, or None.
            ids: str[N] of the whole training split, or None.
            decided: earlier decisions, or None.
        """
        table.write_csv(
            self.path / "samples.csv",
            tuple(class_names),
            true_labels=None if truth is None else truth[table.index],
            ids=None if ids is None else ids[table.index],
        )
        stored = StoredSamples.of(
            table, class_names, labels_sha256, truth=truth, ids=ids, decided=decided
        )
        save_samples(self.path / SAMPLES, stored)

    def write_network(self, network: keras.Model, class_names: Sequence[str]) -> None:
        """model.keras, the network alone, and classes.txt, a name a line in label order."""
        network.save(self.path / "model.keras")
        self._write_text("classes.txt", "".join(f"{name}\n" for name in class_names))

    def write_shift(self, shift: dict) -> None:
        """shift.json: quartiles of each meta-feature on golden and on kept samples."""
        self._write_text("shift.json", json.dumps(shift, indent=2) + "\n")

    def write_summary(self, summary: dict[str, object]) -> None:
        """summary.json; null where a figure does not exist, never NaN."""
        text = json.dumps(summary, indent=2, allow_nan=False, ensure_ascii=False)
        self._write_text(SUMMARY, text + "\n")

    def write_accuracy(self, epochs: list[dict], rounds: list[dict], evaluated_on: str) -> None:
        """accuracy.png; see `plots.accuracy`."""
        plots.accuracy(self.path / "accuracy.png", epochs, rounds, evaluated_on)

    def write_streams(
        self, streams: Sequence[Streams], class_names: tuple[str, ...], truth: np.ndarray | None
    ) -> None:
        """streams.npz, and both streams of the first network as plots.

        Args:
            streams: of the last round, one a network.
            class_names: K names in label order.
            truth: int64[N] of the whole training split, -1 where unknown, or None. The plots
                show it if it is known of each of the streams' samples.
        """
        save_streams(self.path / STREAMS_FILE, streams, class_names)
        shown = streams[0]
        clean = None
        if truth is not None and (truth[shown.index] >= 0).all():
            clean = shown.given == truth[shown.index]
        plots.loss_mixture(self.path / "loss_stream.png", shown, clean)
        plots.feature_mixtures(self.path / "feature_stream.png", shown, clean, class_names)

    def _write_text(self, name: str, text: str) -> None:
        """Write a text file at once: a reader sees the old one or the new one, never half."""
        part = self.path / f".{name}.part"
        part.write_text(text, encoding="utf-8", errors="surrogateescape")
        os.replace(part, self.path / name)

    def _append_row(self, name: str, row: dict[str, object]) -> None:
        """Append a row to a CSV file; the first row's keys are its header."""
        path = self.path / name
        is_new = not path.exists()
        with open(path, "a", newline="", encoding="utf-8", errors="surrogateescape") as file:
            writer = csv.writer(file)
            if is_new:
                writer.writerow(row)
            writer.writerow(map(cell, row.values()))


def check_free(path: Path, *, what: str = "the run folder") -> None:
    """Raise unless the folder is new or empty and its place can be written to.

    Args:
        path: of the folder.
        what: names it in the message.

    Raises:
        FileExistsError: it is there and not empty.
        OSError: nothing can be written there.
    """
    try:
        if path.exists() and (not path.is_dir() or any(path.iterdir())):
            raise FileExistsError(
                f"{what} must be new or empty, {path} is not. Nothing was overwritten. "
                "Give another --out, or remove it."
            )
        ancestors = (path, *path.absolute().parents)
        nearest = next(folder for folder in ancestors if folder.exists())
        with tempfile.TemporaryDirectory(dir=nearest, prefix=".tssd-"):
            pass
    except FileExistsError:
        raise
    except OSError as error:
        raise type(error)(
            f"{what} must lie where a folder can be made, {path} does not: "
            f"{error.strerror}. Nothing was run. Give another --out."
        ) from error

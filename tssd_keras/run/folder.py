"""The run folder: the one writer of every file that a run leaves behind."""

from __future__ import annotations

import contextlib
import itertools
import json
import os
import tempfile
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from tssd_keras.data import duplicates
from tssd_keras.data.columns import write_columns, write_rows
from tssd_keras.data.parquet import can_write
from tssd_keras.data.whole_file import whole_file, write_text
from tssd_keras.judge.streams import Streams, save_streams
from tssd_keras.judge.table import SampleTable
from tssd_keras.labels.decisions.uses import Decided
from tssd_keras.run import plots
from tssd_keras.run.samples import StoredSamples, save_samples

if TYPE_CHECKING:
    import keras

    from tssd_keras.labels.prepare import Prepared

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None  # type: ignore[assignment]

RUNNING = "running"  # a file that is there, and locked, while a run is
STATE = "state.npz"  # of the end of the last epoch, until the run has ended
PROBE = ".tssd-"  # begins the name of a folder by which a place is tried
# What `run.read` reads back.
RECIPE, SUMMARY = "recipe.toml", "summary.json"
LABELS, LABELS_SHA256 = "labels.npy", "labels.sha256"
SAMPLES, STREAMS_FILE = "samples.npz", "streams.npz"
EPOCHS, ROUNDS = "epochs.csv", "rounds.csv"

# Written when a run ends or is stopped; the summary says that the others are there.
TABLE, NETWORK, CLASSES, SHIFT = "samples.csv", "model.keras", "classes.txt", "shift.json"
PARQUET = "samples.parquet"  # where pyarrow is installed
PLOTS = ("accuracy.png", "loss_stream.png", "feature_stream.png")
OF_THE_END = (SUMMARY, TABLE, PARQUET, SAMPLES, NETWORK, CLASSES, SHIFT, STREAMS_FILE, *PLOTS)


class RunFolder:
    """One run's files, in the order in which they are written, each whole or not at all.

    Before training: recipe.toml, labels.npy, labels.sha256 and, where there is something to list,
    decided.csv, left_out.csv and duplicates.csv. During training epochs.csv and rounds.csv grow by
    a row at a time, and state.npz keeps what `train --resume` goes on from. At the end, also after
    Ctrl-C or an error: samples.csv, samples.parquet, samples.npz, model.keras, classes.txt,
    shift.json, summary.json, streams.npz and the plots. A folder that is taken away while the run
    lasts is made again beside its place.

    Args:
        path: the folder; `make` makes it.
        say: takes a line when the folder was taken away.
    """

    def __init__(self, path: Path, say: Callable[[str], None] = print) -> None:
        self.path = path
        self._say = say
        self._begun: tuple[str, Prepared] | None = None
        self._rows: dict[str, list[dict]] = {EPOCHS: [], ROUNDS: []}
        self._lock: int | None = None
        self._was_marked = False

    @classmethod
    def plan(cls, path: Path | None, name: str, say: Callable[[str], None] = print) -> RunFolder:
        """Choose the folder and make sure that it can be made; nothing is left behind.

        Args:
            path: where; None: runs/NAME-TIME in the working folder.
            name: for the default path.
            say: see the class.

        Raises:
            FileExistsError: the folder is there and not empty.
            OSError: nothing can be written there.
        """
        path = path or _new_path(name)
        check_free(path)
        return cls(path, say)

    def make(self) -> None:
        """Make the folder and take it; see `plan` for what is raised."""
        check_free(self.path)
        self.path.mkdir(parents=True, exist_ok=True)
        self.take(new=True)

    def take(self, *, new: bool) -> None:
        """Keep other runs out of the folder until `release`, or until this process ends.

        Args:
            new: whether nobody must have had it.

        Raises:
            FileExistsError: another run has it.
            OSError: nothing can be written there.
        """
        path = self.path / RUNNING
        self._was_marked = path.exists()
        try:
            handle = os.open(path, os.O_CREAT | os.O_RDWR | (os.O_EXCL if new else 0), 0o644)
        except FileExistsError as error:
            raise FileExistsError(_TAKEN.format(self.path)) from error
        except OSError as error:
            raise type(error)(_CLOSED.format(self.path, path.name, error.strerror)) from error
        if not _locked(handle, path):
            os.close(handle)
            raise FileExistsError(_TAKEN.format(self.path))
        self._lock = handle

    def release(self) -> None:
        """The run has ended."""
        if self._lock is not None:
            with contextlib.suppress(OSError):  # a folder that takes nothing: it stays, unlocked
                (self.path / RUNNING).unlink(missing_ok=True)
            os.close(self._lock)
            self._lock = None

    def leave(self) -> None:
        """Nothing was done here: the folder is as `take` found it, a killed run's marker stays."""
        if self._lock is not None and self._was_marked:
            os.close(self._lock)
            self._lock = None
        self.release()

    def begin(self, recipe: str, prepared: Prepared) -> None:
        """Write what is known before training: recipe, labels, findings.

        Args:
            recipe: text of `saved_recipe.saved_recipe`.
            prepared: the data.
        """
        self._begun = recipe, prepared
        self.write_recipe(recipe)
        self.write_labels(prepared.given, prepared.labels_sha256)
        self.write_findings(prepared)

    def place(self, name: str) -> Path:
        """Where a file is written; the folder is made anew beside its place if it is gone."""
        if self._begun and not self.path.is_dir():
            gone, beside = self.path, _beside(self.path)
            beside.mkdir(parents=True)
            self.path = beside
            self.release()
            self.take(new=True)
            self._say(f"{gone} is gone: the run goes on in {beside}")
            self.begin(*self._begun)
            for of in self._rows:
                self._write_rows(of)
        return self.path / name

    def write_recipe(self, text: str) -> None:
        """recipe.toml, of `saved_recipe.saved_recipe`."""
        self._write_text(RECIPE, text)

    def write_labels(self, given: np.ndarray, sha256: str) -> None:
        """labels.npy, int64[N] of the whole training split, and its hash."""
        with whole_file(self.place(LABELS)) as part:
            np.save(part, np.asarray(given, "<i8"), allow_pickle=False)
        self._write_text(LABELS_SHA256, f"{sha256}\n")

    def write_findings(self, prepared: Prepared) -> None:
        """decided.csv, left_out.csv and duplicates.csv, each only where it has rows."""
        data, decided, equal = prepared.data, prepared.decided, prepared.duplicates
        names = data.class_names
        if decided is not None:
            decided.write_csv(self.place("decided.csv"), prepared.given, names, data.ids)
        if data.left_out:
            splits = [image.split for image in data.left_out]
            reasons = [image.reason for image in data.left_out]
            write_columns(self.place("left_out.csv"), {"split": splits, "reason": reasons})
        if equal is not None and len(equal):
            path = self.place("duplicates.csv")
            duplicates.write_csv(path, equal, names, ids=data.ids, test_ids=data.test_ids)

    def append_epoch(self, row: dict[str, object]) -> None:
        """Append a row to epochs.csv."""
        self._append_row(EPOCHS, row)

    def go_on(self, epochs: list[dict], rounds: list[dict]) -> None:
        """Put the rows of epochs.csv and rounds.csv back to those that were kept.

        What the part that was stopped wrote at its end goes: an older table must not lie beside a
        newer summary. All of it is in the state.
        """
        for name in OF_THE_END:
            (self.path / name).unlink(missing_ok=True)
        for name, rows in ((EPOCHS, epochs), (ROUNDS, rounds)):
            self._rows[name] = list(rows)
            self._write_rows(name)

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
        """The sample table: samples.csv for people, samples.npz for `run.read`, and for other
        programs samples.parquet where pyarrow is installed, whatever the number of samples.

        Args:
            table: of the noisy stream.
            class_names: K names in label order.
            labels_sha256: hash of the given labels.
            truth: int64[N] of the whole training split, -1 where unknown, or None.
            ids: str[N] of the whole training split, or None.
            decided: earlier decisions, or None.
        """
        true, names = (None if v is None else v[table.index] for v in (truth, ids))
        table.write_csv(self.place(TABLE), class_names, true_labels=true, ids=names)
        stored = StoredSamples.of(
            table, class_names, labels_sha256, truth=truth, ids=ids, decided=decided
        )
        save_samples(self.place(SAMPLES), stored)
        if can_write():  # last: nothing of this library needs it
            table.write_parquet(self.place(PARQUET), class_names, true_labels=true, ids=names)

    def write_network(self, network: keras.Model, class_names: Sequence[str]) -> None:
        """model.keras, the network alone, and classes.txt, a name a line in label order."""
        self._write_text(CLASSES, "".join(f"{name}\n" for name in class_names))
        with whole_file(self.place(NETWORK)) as part:
            network.save(part)

    def write_shift(self, shift: dict) -> None:
        """shift.json: quartiles of each meta-feature on golden and on kept samples."""
        self._write_text(SHIFT, json.dumps(shift, indent=2) + "\n")

    def write_summary(self, summary: dict[str, object]) -> None:
        """summary.json; null where a figure does not exist, never NaN."""
        text = json.dumps(summary, indent=2, allow_nan=False, ensure_ascii=False)
        self._write_text(SUMMARY, text + "\n")

    def write_accuracy(self, epochs: list[dict], rounds: list[dict], evaluated_on: str) -> None:
        """accuracy.png; see `plots.accuracy`."""
        plots.accuracy(self.place(PLOTS[0]), epochs, rounds, evaluated_on)

    def write_streams(self, streams: Sequence[Streams], class_names: tuple[str, ...]) -> None:
        """streams.npz, both streams of every network.

        Args:
            streams: of the last round, one a network.
            class_names: K names in label order.
        """
        save_streams(self.place(STREAMS_FILE), streams, class_names)

    def plot_streams(
        self, streams: Sequence[Streams], class_names: tuple[str, ...], truth: np.ndarray | None
    ) -> None:
        """Both streams of the first network.

        Args:
            streams, class_names: of `write_streams`.
            truth: int64[N] of the whole training split, -1 where unknown, or None. The plots
                show it if it is known of each of the streams' samples.
        """
        shown = streams[0]
        clean = None
        if truth is not None and (truth[shown.index] >= 0).all():
            clean = shown.given == truth[shown.index]
        plots.loss_mixture(self.place(PLOTS[1]), shown, clean)
        plots.feature_mixtures(self.place(PLOTS[2]), shown, clean, class_names)

    def _write_text(self, name: str, text: str) -> None:
        write_text(self.place(name), text)

    def _append_row(self, name: str, row: dict[str, object]) -> None:
        self._rows[name].append(row)
        self._write_rows(name)

    def _write_rows(self, name: str) -> None:
        """A CSV file anew; the first row's keys are its header. Without rows there is none."""
        rows, path = self._rows[name], self.place(name)
        if not rows:
            path.unlink(missing_ok=True)
            return
        with (
            whole_file(path) as part,
            open(part, "w", newline="", encoding="utf-8", errors="surrogateescape") as file,
        ):
            write_rows(file, rows[0], (row.values() for row in rows))


def _locked(handle: int, path: Path) -> bool:
    """Lock an open file; whether it is locked, and the one that is there.

    A run that ends takes its file away: who had opened that one before would share the folder with
    whoever makes the next.
    """
    if fcntl is None:
        return True
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        return os.path.samestat(os.fstat(handle), os.stat(path))
    except (BlockingIOError, FileNotFoundError):
        return False


def _new_path(name: str) -> Path:
    """runs/NAME-TIME-PROCESS; another one where this process has had it in the same second."""
    stamp = datetime.now(UTC).strftime("%Y%m%d-%H%M%S")
    path = Path("runs") / f"{name}-{stamp}-{os.getpid()}"
    return _beside(path) if path.exists() else path


def _beside(path: Path) -> Path:
    """The first name beside a folder's that is free."""
    numbers = itertools.count(2)
    return next(p for n in numbers if not (p := path.with_name(f"{path.name}-{n}")).exists())


_TAKEN = (
    "one run has a folder, another has taken {}. Nothing was overwritten. Give another --out, or "
    "wait until it has ended."
)
_CLOSED = (
    "a run's folder must be one that can be written to, in {} the file {} cannot be: {}. Nothing "
    "was run. Let the folder be written to, or go on with a copy of it elsewhere."
)


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
        if path.exists() and (
            not path.is_dir() or any(not p.name.startswith(PROBE) for p in path.iterdir())
        ):
            raise FileExistsError(
                f"{what} must be new or empty, {path} is not. Nothing was overwritten. "
                "Give another --out, or remove it."
            )
        ancestors = (path, *path.absolute().parents)
        nearest = next(folder for folder in ancestors if folder.exists())
        with tempfile.TemporaryDirectory(dir=nearest, prefix=PROBE):
            pass
    except FileExistsError:
        raise
    except OSError as error:
        raise type(error)(
            f"{what} must lie where a folder can be made, {path} does not: "
            f"{error.strerror}. Nothing was run. Give another --out."
        ) from error

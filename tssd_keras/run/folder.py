"""The run folder: every file that a run leaves behind, written as it goes."""

from __future__ import annotations

import csv
import json
import os
import tempfile
from datetime import UTC, datetime
from pathlib import Path

import numpy as np


class RunFolder:
    """One run's files.

    recipe.toml, labels.npy, labels.sha256 and, where there is something to list,
    left_out.csv, duplicates.csv and decided.csv are written before training;
    epochs.csv and rounds.csv grow by a row at a time; samples.csv, streams.npz, model.keras,
    summary.json and the plots are written at the end, also after Ctrl-C or an error.

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

    def write_text(self, name: str, text: str) -> None:
        """Write a text file at once: a reader sees the old one or the new one, never half."""
        part = self.path / f".{name}.part"
        part.write_text(text, encoding="utf-8", errors="surrogateescape")
        os.replace(part, self.path / name)

    def write_labels(self, given: np.ndarray, sha256: str) -> None:
        """labels.npy, int64[N] of the whole training split, and its hash."""
        np.save(self.path / "labels.npy", np.asarray(given, "<i8"), allow_pickle=False)
        self.write_text("labels.sha256", f"{sha256}\n")

    def append_row(self, name: str, row: dict[str, object]) -> None:
        """Append a row to a CSV file; the first row's keys are its header."""
        file = self.path / name
        new = not file.exists()
        with open(file, "a", newline="", encoding="utf-8", errors="surrogateescape") as handle:
            writer = csv.DictWriter(handle, list(row))
            if new:
                writer.writeheader()
            writer.writerow({k: _cell(v) for k, v in row.items()})

    def rows(self, name: str) -> list[dict[str, str]]:
        """The rows of a CSV file, none if it is not there."""
        file = self.path / name
        if not file.exists():
            return []
        with open(file, newline="", encoding="utf-8") as handle:
            return list(csv.DictReader(handle))

    def write_summary(self, summary: dict[str, object]) -> None:
        """summary.json; NaN never, null where a figure does not exist."""
        text = json.dumps(summary, indent=2, allow_nan=False, ensure_ascii=False)
        self.write_text("summary.json", text + "\n")


def check_free(path: Path, *, what: str = "the run folder") -> None:
    """Raise unless the folder is new or empty and its place can be written to.

    Args:
        path: of the folder.
        what: it is called in the message.

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
        there = next(parent for parent in (path, *path.absolute().parents) if parent.exists())
        with tempfile.TemporaryDirectory(dir=there, prefix=".tssd-"):
            pass
    except FileExistsError:
        raise
    except OSError as error:
        raise type(error)(
            f"{what} must lie where a folder can be made, {path} does not: "
            f"{error.strerror}. Nothing was run. Give another --out."
        ) from error


def _cell(value: object) -> object:
    if value is None:
        return ""
    if isinstance(value, float):
        return f"{value:.6g}"
    return value

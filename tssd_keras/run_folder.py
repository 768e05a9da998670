"""The run folder: every file that a run leaves behind, written as it goes."""

from __future__ import annotations

import csv
import json
import os
from datetime import UTC, datetime
from pathlib import Path

import numpy as np


class RunFolder:
    """One run's files.

    recipe.toml, labels.npy, labels.sha256 and, where there is something to list,
    left_out.csv and duplicates.csv are written before training;
    epochs.csv and rounds.csv grow by a row at a time; samples.csv, model.keras,
    summary.json and the plots are written at the end, also after Ctrl-C.

    Args:
        path: the folder.
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    @classmethod
    def create(cls, path: Path | None, name: str) -> RunFolder:
        """Make the folder.

        Args:
            path: where; None: runs/NAME-TIME in the working folder.
            name: for the default path.

        Raises:
            FileExistsError: the folder is there and not empty.
        """
        if path is None:
            stamp = datetime.now(UTC).strftime("%Y%m%d-%H%M%S")
            path = Path("runs") / f"{name}-{stamp}-{os.getpid()}"
        if path.exists() and (not path.is_dir() or any(path.iterdir())):
            raise FileExistsError(
                f"the run folder must be new or empty, {path} is not. Nothing was overwritten. "
                "Give another --out, or remove it."
            )
        path.mkdir(parents=True, exist_ok=True)
        return cls(path)

    def write_text(self, name: str, text: str) -> None:
        """Write a text file at once: a reader sees the old one or the new one, never half."""
        part = self.path / f".{name}.part"
        part.write_text(text, encoding="utf-8")
        os.replace(part, self.path / name)

    def write_labels(self, given: np.ndarray, sha256: str) -> None:
        """labels.npy, int64[N] of the whole training split, and its hash."""
        np.save(self.path / "labels.npy", np.asarray(given, "<i8"), allow_pickle=False)
        self.write_text("labels.sha256", f"{sha256}\n")

    def append_row(self, name: str, row: dict[str, object]) -> None:
        """Append a row to a CSV file; the first row's keys are its header."""
        file = self.path / name
        new = not file.exists()
        with open(file, "a", newline="", encoding="utf-8") as handle:
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


def _cell(value: object) -> object:
    if value is None:
        return ""
    if isinstance(value, float):
        return f"{value:.6g}"
    return value

"""One line an epoch, for a person: accuracy, the round before it, seconds, time left."""

from __future__ import annotations

import time

import numpy as np

from tssd_keras.judge.record import RoundRecord
from tssd_keras.judge.round_line import round_figures, round_notes
from tssd_keras.labels.prepare import Prepared

LATELY = 5  # epochs whose mean time is taken for that of those to come


class EpochLine:
    """The line of each epoch, and what is out of the common in its round.

    Args:
        prepared: the run's data.
        n_epochs: of the run.
    """

    def __init__(self, prepared: Prepared, n_epochs: int) -> None:
        self._evaluated_on, self._n_epochs = prepared.evaluated_on, n_epochs
        self._of = f" of {len(prepared.stream):,}"
        if prepared.truth is not None:
            n_known = int((prepared.truth[prepared.stream] >= 0).sum())
            if n_known < len(prepared.stream):
                self._of += f" (true labels known: {n_known:,})"
        self._record: RoundRecord | None = None
        self._notes: list[str] = []
        self._seconds: list[float] = []
        self._before = time.perf_counter()

    def begin(self) -> None:
        """Start the clock, before the first epoch and its round."""
        self._before = time.perf_counter()

    def judged(self, record: RoundRecord) -> None:
        """Take the round before the epoch that comes."""
        self._record = record

    def lines(self, row: dict) -> list[str]:
        """Of an epoch that has ended.

        Args:
            row: of epochs.csv.

        Returns:
            Its line, and one for each note of its round that the round before had not.
        """
        now = time.perf_counter()
        self._seconds, self._before = [*self._seconds, now - self._before][-LATELY:], now
        parts = [
            f"epoch {row['epoch']}/{self._n_epochs}: {self._evaluated_on} accuracy "
            f"{row['accuracy']:.4f}, loss {row['loss']:.4f}"
        ]
        notes = []
        if self._record is not None:
            parts.append(round_figures(self._record, self._of))
            found = round_notes(self._record)
            notes = [f"  {note}" for note in found if note not in self._notes]
            self._notes, self._record = found, None
        parts.append(f"{self._seconds[-1]:.1f} s")
        left = self._n_epochs - row["epoch"]
        if left:
            parts[-1] += f", {in_words(left * float(np.mean(self._seconds)))} left"
        return ["; ".join(parts), *notes]


def in_words(seconds: float) -> str:
    """Seconds, minutes or hours, of which there are at most ninety."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"

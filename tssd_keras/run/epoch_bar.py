"""Progress for a person: bars on a terminal, a line a round everywhere."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import TYPE_CHECKING

import keras

from tssd_keras.judge.record import RoundRecord
from tssd_keras.progress import terminal_bar

if TYPE_CHECKING:
    from tqdm import tqdm


class EpochBar(keras.callbacks.Callback):
    """A bar for each epoch on a terminal; elsewhere nothing (epochs have their own lines).

    Args:
        steps: gives the number of batches of the epoch that begins.
    """

    def __init__(self, steps: Callable[[], int]) -> None:
        super().__init__()
        self._steps = steps
        self._bar: tqdm | None = None
        self._label = ""

    def on_epoch_begin(self, epoch, logs=None):
        """Begin a bar; this callback stands behind TSSD, so the epoch's samples are chosen."""
        self._close()
        self._label = f"epoch {epoch + 1}/{self.params['epochs']}"
        if sys.stderr.isatty():
            self._bar = terminal_bar(f"{self._label} (preparing)", self._steps())

    def on_train_batch_end(self, batch, logs=None):
        """One batch further; "(preparing)" goes, as the update is compiled by now."""
        if self._bar is not None:
            self._bar.update(batch + 1 - self._bar.n)
            if self._label:
                self._bar.set_description(self._label)
                self._label = ""

    def on_epoch_end(self, epoch, logs=None):
        """End the bar."""
        self._close()

    def on_train_end(self, logs=None):
        """End the bar of an interrupted epoch."""
        self._close()

    def _close(self) -> None:
        if self._bar is not None:
            self._bar.close()
            self._bar = None


def round_line(record: RoundRecord) -> str:
    """One line of a round: kept, how pure where known, mined, who abstained, seconds."""
    quality, abstentions = record.quality, record.abstentions
    parts = [f"round before epoch {record.epoch + 1}: kept {record.roles.kept:,}"]
    if quality.kept_precision is not None:
        parts.append(f"{quality.kept_precision:.1%} of them right")
    if quality.kept_recall is not None:
        parts.append(f"holding {quality.kept_recall:.1%} of the right ones")
    mined = f"mined {record.roles.semi_hard:,}"
    if quality.semi_hard_purity is not None:
        mined += f" ({quality.semi_hard_purity:.1%} right)"
    parts.append(mined)
    if quality.label_error_auroc is not None:
        parts.append(f"AUROC {quality.label_error_auroc:.4f}")
    if unready := abstentions.network_unready.strip(" /"):
        parts.append(f"nothing was judged: the network {unready}")
    silent = []
    if abstentions.loss_abstains:
        silent.append("loss stream")
    if abstentions.classes_abstaining:
        silent.append(f"feature stream in {abstentions.classes_abstaining:g} classes")
    if silent:
        parts.append(f"abstained: {' and '.join(silent)}")
    if short := (record.purification.classes_short or "").strip(" /"):
        parts.append(f"of class {short} less than half of what is expected, so its best were added")
    if record.rejected.rejected_count:
        parts.append("rejected labels count by q")
    parts.append(f"{record.seconds.total:.1f} s")
    return ", ".join(parts)

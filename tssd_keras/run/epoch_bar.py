"""Progress for a person: a bar for each epoch on a terminal."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import TYPE_CHECKING

import keras

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
        """Up to this batch; "(preparing)" goes, as the update is compiled by now.

        The last call of several updates counts in full where fewer batches were left.
        """
        if self._bar is not None:
            self._bar.update(min(batch + 1, self._bar.total) - self._bar.n)
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

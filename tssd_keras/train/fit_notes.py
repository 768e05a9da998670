"""What a user should know as a `fit` begins, said once."""

from __future__ import annotations

import warnings

import keras
import numpy as np

from tssd_keras.train.counted_rows import count_trained_rows
from tssd_keras.train.feed import Feed
from tssd_keras.train.own_step import has_own_step, own_step_note
from tssd_keras.train.step_schedules import batches_trained, schedule_note
from tssd_keras.train.weight_effect import ROWS, weight_notes

_TRAINED_BEFORE = (
    "the model was trained before ({steps} steps), and this TSSD is new: a warm-up of {warmup} "
    "epochs on every label begins, and nothing is judged until it ends. To judge before the first "
    "epoch give fit initial_epoch={warmup}, and epochs above that; to go on where a training "
    "stopped, load its state: tssd.load(path), or TSSD(backup_path=...)."
)

_ALL_WARMUP = (
    "every epoch was warm-up, and no label was judged: warmup_epochs is {}. Train for more epochs "
    "than that."
)
_NO_EPOCH = (
    "fit trained no epoch: it ends at epochs={}, and begins at initial_epoch, or where "
    "BackupAndRestore gave the model back ({}), which Keras keeps for every later fit of this "
    "model. Call fit(epochs=N) with N above that."
)


class FitNotes:
    """Warns of a `fit` that does something else than it seems, once for each reason."""

    def __init__(self) -> None:
        self._said: set[str] = set()
        self._tried = False  # the model's own step

    def trained_before(self, model: keras.Model, warmup_epochs: int) -> None:
        """Of a model that has been trained, where a warm-up begins."""
        n_steps = batches_trained(model.optimizer)
        if n_steps:
            text = _TRAINED_BEFORE.format(steps=n_steps, warmup=warmup_epochs)
            self._say("trained before", text)

    def all_warmup(self, warmup_epochs: int) -> None:
        """Of a training that ended without a round; each time."""
        warnings.warn(_ALL_WARMUP.format(warmup_epochs), UserWarning, stacklevel=3)

    def no_epoch(self, model: keras.Model, params: dict | None) -> None:
        """Of a `fit`, by Keras' `params` of it, that ended before its first epoch; each time."""
        begins = getattr(model, "_initial_epoch", 0)
        text = _NO_EPOCH.format((params or {}).get("epochs"), begins)
        warnings.warn(text, UserWarning, stacklevel=3)

    def schedule(self, model: keras.Model, feed: Feed, n_epochs: int, n_full: int) -> None:
        """Of a learning rate by steps that will not finish.

        Args:
            model: compiled.
            feed: of this `fit`.
            n_epochs: of this `fit`.
            n_full: of them are as long as they can be; later ones leave out rejected samples.
        """
        n_full = n_epochs if feed.fixed_steps else max(0, min(n_full, n_epochs))
        note = schedule_note(model, n_epochs=n_epochs, n_full=n_full, most=feed.max_steps)
        if note:
            self._say("schedule", note)

    def weights(self, model: keras.Model, feed: Feed) -> None:
        """Of a loss or a step that weights do not reach, and of rows that only fill up a batch.

        The model's metrics leave such rows out from here on, see `counted_rows`.
        """
        rows = np.resize(feed.some_rows(), ROWS)
        x, y = feed.read(rows), feed.targets.read(rows)
        uncounted = count_trained_rows(model, x, y)
        for note in weight_notes(model, x, y, filled=feed.filled_share, uncounted=uncounted):
            self._say(note[:20], note)
        if has_own_step(model) and not self._tried:
            self._tried = True  # it takes the time of a few steps, and of compiling one
            rows = np.resize(feed.some_rows(), max(feed.batch_size, 2))
            own = own_step_note(model, feed.read(rows), feed.targets.read(rows))
            if own:
                self._say("own step", own)

    def _say(self, reason: str, text: str) -> None:
        if reason not in self._said:
            self._said.add(reason)
            warnings.warn(text, UserWarning, stacklevel=6)

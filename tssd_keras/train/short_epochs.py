"""The end of an epoch that is shorter than Keras was told, which is no fault here.

Keras asks for an epoch's length once, when `fit` begins; the kept samples are fewer from some round
on. What it does at the end of the data is wrong in two ways.
"""

from __future__ import annotations

import warnings
from typing import Any

import keras

from tssd_keras.train.feed import Feed

_MESSAGE = "Your input ran out of data"


class _EpochEnds:
    """True, but no other callback's True."""

    def __bool__(self) -> bool:
        return True


class ShortEpochs:
    """Ends each epoch at its last batch, without a step too many and without a warning.

    TensorFlow's trainer finds the end of the data within a step that has begun: the optimizer's
    count, weight decay and running means move once more, and the mean of the losses counts a batch
    that never was. So `stop_training` ends the epoch before, and is taken back where it still is
    the one set here. A PyDataset must be read to its end, as Keras holds it open else: it says
    by itself where that is (`feed_pydataset.Announced`).

    Where `steps_per_execution` does not divide the epoch, the step has begun all the same. Keras
    then warns between the last batch's hook and the epoch's, so that a filter stands there alone.
    `fit` calls no hook after an error: after one that comes right there, the filter stays until
    the next epoch begins, of this callback's next `fit`.
    """

    def __init__(self) -> None:
        self._filters: warnings.catch_warnings | None = None
        self._n_batches, self._n_trained, self._at_once, self._may_end = 0, 0, 1, False
        self._end = _EpochEnds()
        self._model: Any = None

    def begin(self, model: keras.Model, feed: Feed, announced: int | None) -> None:
        """An epoch of a feed begins.

        Args:
            model: that is trained.
            feed: says how many batches come.
            announced: as `fit` knows it. Another number than the feed's, or none, is of a dataset
                that was made of the feed: it may have more batches, and is read to its end.
        """
        self.end()
        self._may_end = (
            feed.kind == "tf.data"
            and keras.backend.backend() == "tensorflow"
            and announced == feed.max_steps
        )
        self._model, self._n_batches = model, feed.steps
        self._at_once = model.steps_per_execution
        self.trained(0)

    def check_whole(self) -> None:
        """Raise RuntimeError if the epoch ended before its last batch and nobody asked for that."""
        stopped = getattr(self._model, "stop_training", False)
        if self._n_trained < self._n_batches and not stopped:
            raise RuntimeError(
                f"an epoch must be every batch of the feed, {self._n_batches}, got "
                f"{self._n_trained}: what was not trained would count as trained. Give fit the "
                "feed as it is, without steps_per_epoch: tssd.feed(batch_size=..., steps=n) gives "
                "n batches an epoch."
            )

    def trained(self, n: int) -> None:
        """So many batches are done; if they are all, the epoch ends."""
        self._n_trained = n
        if n + self._at_once > self._n_batches and self._filters is None:
            self._filters = warnings.catch_warnings()
            self._filters.__enter__()
            warnings.filterwarnings("ignore", message=_MESSAGE)
        if n == self._n_batches and self._may_end and not self._model.stop_training:
            self._model.stop_training = self._end

    def end(self) -> None:
        """The epoch has ended: bring back the filters, and the model's `stop_training`."""
        if self._filters is not None:
            self._filters.__exit__(None, None, None)
            self._filters = None
        if getattr(self._model, "stop_training", None) is self._end:
            self._model.stop_training = False

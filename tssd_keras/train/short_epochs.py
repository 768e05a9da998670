"""Keras' warning that an epoch ended before its announced length, which is no fault here."""

from __future__ import annotations

import warnings

_MESSAGE = "Your input ran out of data"


class ShortEpochs:
    """Hides that one warning where an epoch ends, and puts the filters back as they were.

    Keras asks for an epoch's length once, when `fit` begins; the kept samples are fewer from
    some round on. It warns between the last batch's hook and the epoch's, so that the filter
    stands there alone. `fit` calls no hook after an error: after one that comes right there, the
    filter stays until the next epoch begins, of this callback's next `fit`.
    """

    def __init__(self) -> None:
        self._filters: warnings.catch_warnings | None = None
        self._n_batches, self._at_once = 0, 1

    def begin(self, n_batches: int, at_once: int) -> None:
        """An epoch of so many batches begins; `steps_per_execution` of them are read at once."""
        self.end()
        self._n_batches, self._at_once = n_batches, at_once
        self.trained(0)

    def trained(self, n: int) -> None:
        """So many batches are done; hide the warning if Keras reads beyond the last one next."""
        if n + self._at_once > self._n_batches and self._filters is None:
            self._filters = warnings.catch_warnings()
            self._filters.__enter__()
            warnings.filterwarnings("ignore", message=_MESSAGE)

    def end(self) -> None:
        """Bring back the filters as they were."""
        if self._filters is not None:
            self._filters.__exit__(None, None, None)
            self._filters = None

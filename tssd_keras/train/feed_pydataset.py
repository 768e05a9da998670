"""The feed as a keras.utils.PyDataset: no TensorFlow is needed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np


class Announced(int):
    """The most batches that an epoch can have; Keras' `steps >= announced` goes by this epoch's.

    Keras asks for the number when `fit` begins, and compares before each batch.

    Attributes:
        ends: whether so many steps are the epoch.
    """

    ends: Callable[[int], bool]

    def __le__(self, steps: int) -> bool:
        return self.ends(steps)


def pydataset(feed: Any):
    """keras.utils.PyDataset of a `feed.Feed`, in this thread (workers would keep batches)."""
    import keras

    one_map = feed.map_tried_on(lambda x: x)

    class FeedBatches(keras.utils.PyDataset):
        is_feed = True

        def __init__(self) -> None:
            super().__init__(workers=1)
            self._epoch_begins = self._ended = False
            self._last = -1  # step of the batch before
            self._plan: tuple[np.ndarray, ...] = ()

        @property
        def num_batches(self) -> int:
            # Between an epoch's begin and its first batch Keras asks for the epoch's length, at
            # any other time for a limit on all epochs.
            if self._epoch_begins:
                return feed.steps
            announced = Announced(feed.max_steps)
            announced.ends = self._ends
            return announced

        def _ends(self, steps: int) -> bool:
            # Once an epoch: the second answer decides whether Keras reads ahead for nothing.
            ends = bool(not self._ended and self._plan and steps >= len(self._plan[0]))
            self._ended |= ends
            return ends

        def on_epoch_begin(self) -> None:
            self._epoch_begins, self._ended = True, False

        def __getitem__(self, step: int):
            if step not in (0, self._last + 1):
                raise RuntimeError(
                    f"the feed's batches must be read in order, got batch {step} after "
                    f"{self._last}: the feed shuffles by itself. Call fit(..., shuffle=False)."
                )
            self._epoch_begins, self._last = False, step
            if step == 0:
                self._plan = feed.plan()
            # TensorFlow looks at the first batches before the epoch, to learn their types.
            rows, used = (part[step % len(part)] for part in self._plan)
            x = feed.read(rows) if one_map is None else one_map.on_arrays(feed.read(rows))
            return x, feed.targets.read(rows), feed.weights(rows, used)

    return FeedBatches()

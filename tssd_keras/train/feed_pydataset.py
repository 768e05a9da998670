"""The feed as a keras.utils.PyDataset: no TensorFlow is needed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from tssd_keras.train.beside_feed import FedToFit
from tssd_keras.train.map_draws import batch_keys, random_states


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
    states = random_states(feed.map)

    def mapped(x: Any, key: tuple[int, ...], step: int) -> Any:
        if one_map is None:
            return x
        for state, value in zip(states, batch_keys(key, [step], len(states))[0], strict=True):
            state.assign(value.astype(state.dtype))
        return one_map.on_arrays(x)

    class FeedBatches(FedToFit, keras.utils.PyDataset):
        def __init__(self) -> None:
            super().__init__(workers=1)
            self.feed = feed
            self._epoch_begins = self._ended = False
            self._last = -1  # step of the batch before
            self._plan: tuple[np.ndarray, ...] = ()
            self._key: tuple[int, ...] = ()

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
                self._plan, self._key = feed.plan_and_key()
            # TensorFlow looks at the first batches before the epoch, to learn their types.
            rows, used = (part[step % len(part)] for part in self._plan)
            x = mapped(feed.read(rows), self._key, step)
            return x, feed.targets.read(rows), feed.weights(rows, used)

    return FeedBatches()

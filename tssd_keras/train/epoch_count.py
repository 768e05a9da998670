"""How many epochs a table was trained for, over every `fit`."""

from __future__ import annotations


class EpochCount:
    """Counts epochs on from one `fit` to the next, whatever number Keras begins with.

    Attributes:
        done: epochs that have ended. At 0 the first epoch's number is taken for those that were
            trained before this count began.
    """

    def __init__(self) -> None:
        self.done = 0

    def begin(self, epoch: int) -> int:
        """The number of the epoch that begins, counted from 0; it may be asked again.

        Args:
            epoch: its number within `fit`, `initial_epoch` included.
        """
        if not self.done:
            self.done = epoch
        return self.done

    def end(self) -> None:
        """An epoch has ended."""
        self.done += 1

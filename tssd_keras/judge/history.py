"""The mean of each row's last few values, where not every row gets one each time."""

from __future__ import annotations

import numpy as np

from tssd_keras.judge.state import State


class RecentMean:
    """Last values of N rows.

    A row that gets no value in a round keeps its earlier ones: the mean is over the last
    rounds that the row itself took part in.

    Args:
        n_rows: N.
        history: H, how many values of a row are averaged; at least 1. Memory is 4 N bytes, and
            as many for each value, up to H, that some row has had.
    """

    def __init__(self, n_rows: int, history: int) -> None:
        if history < 1:
            raise ValueError(f"history must be at least 1, got {history}.")
        self.n_rows, self.history = n_rows, history
        self._count = np.zeros(0, np.int32)  # values that each row has had
        self._values = np.zeros((0, 0), np.float32)  # a row's i-th value lies at i modulo H

    def update(self, rows: np.ndarray, values: np.ndarray) -> None:
        """Give some rows a value each.

        Args:
            rows: int64[n] in 0..N-1, each once.
            values: float32[n].
        """
        if not len(self._count):
            self._make()
        self._values[self._count[rows] % self.history, rows] = values
        self._count[rows] += 1

    def _make(self) -> None:
        # The system takes memory for zeros when they are written to.
        self._count = np.zeros(self.n_rows, np.int32)
        self._values = np.zeros((self.history, self.n_rows), np.float32)

    def get_state(self) -> State:
        """What `set_state` takes; of values so many as a row has had at most."""
        return {"count": self._count.copy(), "values": self._values[: self._used()].copy()}

    def _used(self) -> int:
        return min(int(self._count.max(initial=0)), self.history)

    def set_state(self, state: State) -> None:
        """Go on from where another of the same size was.

        Raises:
            ValueError: it was of another size.
        """
        count, values = state["count"], state["values"]
        none = count.shape == (0,) and values.shape == (0, 0)
        most = int(count.max(initial=0)) if count.dtype.kind == "i" else 1 << 31
        counts = most < 1 << 31 and count.min(initial=0) >= 0
        used = min(most, self.history) if counts else -1
        if not none and (count.shape, values.shape) != ((self.n_rows,), (used, self.n_rows)):
            raise ValueError(
                f"past values must be at most {self.history} of {self.n_rows} rows, as many as a "
                f"row has had, got {values.shape} and a count {count.dtype}{list(count.shape)}"
            )
        self._count, self._values = np.zeros(0, np.int32), np.zeros((0, 0), np.float32)
        if not none:
            self._make()
            self._count[:], self._values[:used] = count, values

    def mean(self, rows: np.ndarray) -> np.ndarray:
        """Mean of the last H values of each row, or of as many as it has had.

        Args:
            rows: int64[n] in 0..N-1.

        Returns:
            float32[n], summed from the oldest to the newest; NaN for a row that
            has had none.
        """
        if not len(self._count):
            return np.full(len(rows), np.nan, np.float32)
        count = self._count[rows]
        held = np.minimum(count, self.history)
        oldest = count - held
        total = self._values[oldest % self.history, rows]
        for age in range(1, int(held.max(initial=0))):
            more = np.flatnonzero(held > age)
            total[more] += self._values[(oldest[more] + age) % self.history, rows[more]]
        total[held == 0] = np.nan
        return (total / np.maximum(held, 1)).astype(np.float32)

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
        history: H, how many values of a row are averaged; at least 1. Memory is
            4 H N bytes, taken with the first values.
    """

    def __init__(self, n_rows: int, history: int) -> None:
        if history < 1:
            raise ValueError(f"history must be at least 1, got {history}.")
        self.n_rows, self.history = n_rows, history
        self._count = np.zeros(0, np.int64)  # values that each row has had
        self._values = np.zeros((0, 0), np.float32)  # a row's i-th value lies at i modulo H

    def update(self, rows: np.ndarray, values: np.ndarray) -> None:
        """Give some rows a value each.

        Args:
            rows: int64[n] in 0..N-1, each once.
            values: float32[n].
        """
        if not len(self._count):
            self._count = np.zeros(self.n_rows, np.int64)
            self._values = np.zeros((self.history, self.n_rows), np.float32)
        self._values[self._count[rows] % self.history, rows] = values
        self._count[rows] += 1

    def get_state(self) -> State:
        """What `set_state` takes."""
        return {"count": self._count.copy(), "values": self._values.copy()}

    def set_state(self, state: State) -> None:
        """Go on from where another of the same size was.

        Raises:
            ValueError: it was of another size.
        """
        count, values = state["count"], state["values"]
        sizes = [((0,), (0, 0)), ((self.n_rows,), (self.history, self.n_rows))]
        if (count.shape, values.shape) not in sizes or count.dtype.kind != "i":
            raise ValueError(
                f"past values must be {self.history} of {self.n_rows} rows, got {values.shape} and "
                f"a count {count.dtype}{list(count.shape)}"
            )
        self._count, self._values = count.copy(), values.copy()

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

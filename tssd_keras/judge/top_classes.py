"""The few most probable classes of each sample, for people to choose from."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

TOP = 5  # as many as have a key on the audit's page


@dataclass(frozen=True, eq=False)
class TopClasses:
    """The T most probable of K classes of N samples; T is `TOP`, or K where that is less.

    Attributes:
        label: int32[N, T], the most probable first.
        p: float32[N, T] in [0, 1], their probabilities.
    """

    label: np.ndarray
    p: np.ndarray

    @classmethod
    def empty(cls, n: int, n_classes: int) -> TopClasses:
        """A place for N samples, which `put` fills block by block."""
        shape = (n, min(TOP, n_classes))
        return cls(np.zeros(shape, np.int32), np.zeros(shape, np.float32))

    @classmethod
    def of_log_p(cls, log_p: np.ndarray, block: int = 8192) -> TopClasses:
        """Those of log-probabilities float[N, K]."""
        out = cls.empty(*log_p.shape)
        for start in range(0, len(log_p), block):
            rows = slice(start, start + block)
            out.put(rows, np.exp(np.asarray(log_p[rows], np.float32)))
        return out

    def put(self, rows: slice, p: np.ndarray) -> None:
        """Write the rows of probabilities float[n, K]; of equal ones the lower class is first."""
        width = self.label.shape[1]
        # argmax takes the first of equal ones, which argpartition need not: so it comes first here.
        best = p.argmax(axis=1)
        some = np.argpartition(-p, width - 1, axis=1)[:, :width]
        some[:, -1] = np.where((some == best[:, None]).any(axis=1), some[:, -1], best)
        some.sort(axis=1)
        order = np.argsort(-np.take_along_axis(p, some, 1), axis=1, kind="stable")
        self.label[rows] = np.take_along_axis(some, order, 1)
        self.p[rows] = np.take_along_axis(p, self.label[rows], 1)

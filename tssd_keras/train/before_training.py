"""Neighbours before training: by features that have learned no label."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tssd_keras.data.inputs import Inputs
from tssd_keras.judge.neighbours import Neighbours, Votes, projection
from tssd_keras.judge.state import State, part, under
from tssd_keras.progress import Progress, no_progress

BLOCK = 2048  # samples read at once


@dataclass(frozen=True)
class Before:
    """What was found before training.

    Attributes:
        by: "inputs" or "features", the space in which neighbours agree better with the labels.
        neighbours: of all samples.
        golden: float32[M, K], shares of the classes among the neighbours of golden samples; None
            without any.
        agreement: share of the samples whose given label their neighbours vote for, by space.
    """

    by: str
    neighbours: Votes
    golden: np.ndarray | None
    agreement: dict[str, float]

    def get_state(self) -> State:
        """What `of_state` takes, beside the labels."""
        golden = {} if self.golden is None else {"golden": self.golden}
        agreement = {name: np.array(share) for name, share in self.agreement.items()}
        return {
            "by": np.array(self.by),
            **golden,
            **under("agreement", agreement),
            **under("neighbours", self.neighbours.get_state()),
        }

    @classmethod
    def of_state(cls, state: State, labels: np.ndarray, n_classes: int) -> Before:
        """The same again; what says so is of int64[N] labels."""
        neighbours = Votes.of_state(part(state, "neighbours"), labels, n_classes)
        agreement = {name: float(share) for name, share in part(state, "agreement").items()}
        return cls(str(state["by"]), neighbours, state.get("golden"), agreement)


def find_before(
    samples: dict[str, np.ndarray],
    golden: dict[str, np.ndarray] | None,
    labels: np.ndarray,
    n_classes: int,
    *,
    seed: int,
    progress: Progress = no_progress,
) -> Before:
    """Find neighbours in each space, and keep those that agree with more of the labels.

    No label has been learned yet, so the spaces can be compared by the very labels. An untrained
    network's features are worse than its inputs, those of a pretrained one are far better.

    Args:
        samples: name of the space -> float[N, d].
        golden: the same of M golden samples.
        labels: int64[N] in 0..K-1, given.
        n_classes: K.
        seed: draws the anchors.
        progress: see `Neighbours`.
    """
    found, agreement = {}, {}
    for by, rows in samples.items():
        found[by] = Neighbours(rows, labels, n_classes, seed=seed, progress=progress)
        agreement[by] = found[by].agreement()
    best = max(agreement, key=agreement.__getitem__)
    shares = None if golden is None else found[best].similarity_of(golden[best])
    return Before(best, found[best], shares, agreement)


def projected_inputs(inputs: Inputs, index: np.ndarray) -> np.ndarray:
    """Samples as rows of length 1, projected where they are wide; see `neighbours.projection`.

    Args:
        inputs: the source.
        index: int64[n], which samples.

    Returns:
        float16[n, d].
    """
    width = int(np.prod(inputs.shape[1:]))
    matrix = projection(width)
    out = np.empty((len(index), width if matrix is None else matrix.shape[1]), np.float16)
    for start in range(0, len(index), BLOCK):
        rows = inputs.read(index[start : start + BLOCK])
        rows = np.asarray(rows, np.float32).reshape(len(rows), width)
        if matrix is not None:
            rows = rows @ matrix
        length = np.linalg.norm(rows, axis=1, keepdims=True)
        out[start : start + BLOCK] = rows / np.maximum(length, 1e-12)
    return out

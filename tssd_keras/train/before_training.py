"""Neighbours before training: by features that have learned no label."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tssd_keras.data.inputs import Inputs
from tssd_keras.data.nested import parts_of
from tssd_keras.judge.common_size import of_common_size
from tssd_keras.judge.neighbours import Neighbours, Votes, projection
from tssd_keras.judge.sharing import ALONE, Sharing, fill
from tssd_keras.judge.state import State, part, under
from tssd_keras.progress import Progress, no_progress
from tssd_keras.train.score_pass import half_precision

BLOCK, BLOCK_BYTES = 2048, 1 << 29  # samples read at once, and what they may take


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
    sharing: Sharing = ALONE,
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
        sharing, progress: see `Neighbours`.
    """
    found, agreement = {}, {}
    for by, rows in samples.items():
        found[by] = Neighbours(
            rows, labels, n_classes, seed=seed, sharing=sharing, progress=progress
        )
        agreement[by] = found[by].agreement()
    best = max(agreement, key=agreement.__getitem__)
    shares = None if golden is None else found[best].similarity_of(golden[best])
    return Before(best, found[best], shares, agreement)


def part_scale(inputs: Inputs, index: np.ndarray) -> np.ndarray:
    """Root mean square of each part's numbers in the first samples, float[parts]; 1 of one part."""
    parts = _numeric(inputs)
    if len(parts) < 2:
        return np.ones(len(parts), np.float32)
    first = [_flat(part, index[:BLOCK]) for part in parts]
    return np.asarray([max(np.sqrt(np.mean(np.square(rows))), 1e-12) for rows in first])


def _numeric(inputs: Inputs) -> list[Inputs]:
    return [part for part in parts_of(inputs).values() if part.dtype.kind in "biuf"]


def projected_inputs(
    inputs: Inputs,
    index: np.ndarray,
    scale: np.ndarray | None = None,
    sharing: Sharing = ALONE,
) -> np.ndarray | None:
    """Samples as rows of length 1, projected where they are wide; see `neighbours.projection`.

    Args:
        inputs: the source.
        index: int64[n], which samples.
        scale: of `part_scale`, by which each part is divided, so that each weighs as much; None:
            that of these samples.
        sharing: who reads a share of the samples each; all have all rows.

    Returns:
        float16[n, d], above 1 GiB in a temporary file; None where no part is numbers.
    """
    parts = _numeric(inputs)
    scale = part_scale(inputs, index) if scale is None else scale
    if not parts:
        return None
    widths = [int(np.prod(part.shape[1:])) for part in parts]
    width = sum(widths)
    matrix = projection(width)
    bytes_of_one = sum(n * part.dtype.itemsize for n, part in zip(widths, parts, strict=True))
    size = max(1, min(BLOCK, BLOCK_BYTES // max(1, bytes_of_one)))
    out = half_precision(len(index), width if matrix is None else matrix.shape[1])

    def of_block(block: slice) -> tuple[np.ndarray]:
        some = index[block]
        rows = np.concatenate(
            [_flat(part, some) / by for part, by in zip(parts, scale, strict=True)], axis=1
        )
        if matrix is not None:
            rows = rows @ matrix
        rows = of_common_size(rows)
        length = np.linalg.norm(rows, axis=1, keepdims=True)
        return (rows / np.maximum(length, 1e-12),)

    fill((out,), of_block, size, sharing)
    return out


def _flat(part: Inputs, index: np.ndarray) -> np.ndarray:
    """Samples as rows, float32[n, width]."""
    return np.asarray(part.read(index), np.float32).reshape(len(index), -1)

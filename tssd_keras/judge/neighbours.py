"""Who lies near a sample: its given label among those of its neighbours in feature space.

Neighbours are found through anchors, a fixed number of the samples themselves. Each sample
votes with its given label at its nearest anchors, and is judged by what all other samples
voted there. The cost is linear in N, and every sample votes.

Source: the vote of nearest neighbours as in SimiFeat, arXiv 2110.06283; anchors as in "Large
Graph Construction for Scalable Semi-Supervised Learning", ICML 2010.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from scipy import sparse

from tssd_keras.judge.nearest import nearest
from tssd_keras.judge.sharing import ALONE, Sharing, fill, total
from tssd_keras.judge.state import State
from tssd_keras.progress import Progress, no_progress

ANCHORS = 10_000  # at most; fewer where N d is large, but at least LEAST_ANCHORS
LEAST_ANCHORS = 1_000
SEARCH = 1.5e12  # multiplications of a search for the nearest anchors, N d times anchors, at most
WIDEST = 512  # rows that are wider are projected to PROJECTED columns
PROJECTED = 256
NEAREST = 50  # anchors at which a sample votes
BANDWIDTH = 0.2  # of squared distances between unit rows, beyond that of the nearest anchor
ROUNDING = 1e-6  # of the votes that were taken out: what is less than that is no vote
BLOCK = 8192  # rows held at once as float32


class Votes:
    """What the neighbours of N samples say, once these are found; 6 R bytes a sample.

    Args:
        near: uint16[N, R] or int32[N, R], the anchors at which each sample votes.
        weight: float32[N, R], how much it belongs to each; rows sum to 1.
        n_anchors: of all samples.
        group: int64[N] in 0..G-1, samples with equal features are in one.
        labels: int64[N] in 0..K-1, given.
        n_classes: K.
        smoothing: added to the size of each class.
    """

    def __init__(
        self,
        near: np.ndarray,
        weight: np.ndarray,
        n_anchors: int,
        group: np.ndarray,
        labels: np.ndarray,
        n_classes: int,
        *,
        smoothing: float,
    ) -> None:
        self._near, self._weight, self._n_anchors = near, weight, n_anchors
        self._votes = np.zeros((n_anchors, n_classes))
        for start in range(0, len(labels), BLOCK):
            rows = slice(start, start + BLOCK)
            at = near[rows].astype(np.int64) * n_classes + labels[rows][:, None]
            np.add.at(self._votes.reshape(-1), at.ravel(), weight[rows].ravel().astype(np.float64))
        self._count = np.bincount(labels, minlength=n_classes).astype(np.float64)
        self._labels, self._smoothing = labels, smoothing
        self._group = group.astype(np.int32)
        shape = (int(group.max(initial=-1)) + 1, n_classes)
        ones = np.ones(len(labels), np.float32)
        self._in_group = sparse.coo_array((ones, (self._group, labels)), shape).tocsr()

    def get_state(self) -> State:
        """What `of_state` takes, beside the labels."""
        return {
            "near": self._near.copy(),
            "weight": self._weight.copy(),
            "n_anchors": np.array(self._n_anchors),
            "group": self._group.copy(),
            "smoothing": np.array(self._smoothing),
        }

    @classmethod
    def of_state(cls, state: State, labels: np.ndarray, n_classes: int) -> Votes:
        """The same again, without the search that found them.

        Raises:
            KeyError, TypeError, ValueError: it is no such state, or of other samples.
        """
        n, n_anchors = len(labels), int(state["n_anchors"])
        near, weight, group = (np.asarray(state[name]) for name in ("near", "weight", "group"))
        if near.ndim != 2 or near.shape != weight.shape or (len(near), *group.shape) != (n, n):
            raise ValueError(
                f"neighbours must be of {n} samples, got near {near.shape}, weight {weight.shape} "
                f"and group {group.shape}"
            )
        # SciPy writes beyond its arrays where an index is too large.
        for name, index, most in (("near", near, n_anchors), ("group", group, n)):
            if index.dtype.kind not in "iu" or (index < 0).any() or (index >= most).any():
                raise ValueError(f"{name} must be whole numbers in 0..{most - 1}")
        near, smoothing = near.astype(_index_type(n_anchors)), float(state["smoothing"])
        return Votes(near, weight, n_anchors, group, labels, n_classes, smoothing=smoothing)

    def similarity(self, rows: slice | np.ndarray) -> np.ndarray:
        """Shares of the classes among the neighbours of some of the samples.

        Args:
            rows: of n samples; a sample's own vote, and that of samples with equal features,
                is left out.

        Returns:
            float32[n, K], rows sum to 1. The votes of a class count in inverse proportion to
            its size. Without any neighbour: 1/K each.
        """
        at = _sparse(self._near[rows], self._weight[rows], self._n_anchors)
        votes = at @ self._votes
        equals = self._in_group[self._group[rows]].tocoo()
        where, n_equal = (equals.row, equals.col), equals.data
        own = at.multiply(at).sum(axis=1)
        taken_out = own[equals.row] * n_equal
        votes[where] -= taken_out
        least = ROUNDING * np.bincount(equals.row, taken_out, minlength=len(votes))
        votes[votes < least[:, None]] = 0
        return self._shares(votes, where, n_equal)

    def agreement(self) -> float:
        """Share of the samples whose given label has the largest share."""
        n_agree = 0
        for start in range(0, len(self._labels), BLOCK):
            rows = slice(start, start + BLOCK)
            vote = self.similarity(rows).argmax(axis=1)
            n_agree += int((vote == self._labels[rows]).sum())
        return n_agree / len(self._labels)

    def _shares(
        self, votes: np.ndarray, where: tuple = (), n_equal: np.ndarray | float = 0.0
    ) -> np.ndarray:
        """Of votes float64[n, K], which it changes: at `where` a class has so many samples less."""
        # A class of fewer samples than are asked speaks less loudly: one vote is little evidence.
        np.maximum(votes, 0, out=votes)
        if where:
            alone = votes[where]
        votes /= self._count + self._smoothing
        if where:
            left = np.maximum(self._count[where[1]] - n_equal, 0)
            votes[where] = alone / (left + self._smoothing)
        total = votes.sum(axis=1, keepdims=True)
        even = np.full_like(votes, 1 / votes.shape[1])
        return np.divide(votes, total, out=even, where=total > 1e-12).astype(np.float32)


class Neighbours(Votes):
    """The neighbourhoods of a round's samples, and the search that finds them.

    Args:
        features: float[N, d], rows of length 1; may be memory-mapped. They are centred first.
        labels: int64[N] in 0..K-1, given.
        n_classes: K.
        seed: draws the anchors, where there are more samples than anchors.
        n_anchors: so many samples are anchors; by default ANCHORS, or what SEARCH allows.
        n_nearest: each sample votes at so many anchors, its nearest.
        bandwidth: of squared distances, by which a vote counts less.
        sharing: who searches for a share of the samples each; all find the same.
        progress: shows how far the search is.
    """

    def __init__(
        self,
        features: np.ndarray,
        labels: np.ndarray,
        n_classes: int,
        *,
        seed: int,
        n_anchors: int | None = None,
        n_nearest: int = NEAREST,
        bandwidth: float = BANDWIDTH,
        sharing: Sharing = ALONE,
        progress: Progress = no_progress,
    ) -> None:
        n = len(labels)
        self._matrix = projection(features.shape[1])
        self._centre = _mean_row(features, sharing)
        if n_anchors is None:
            width = features.shape[1] if self._matrix is None else PROJECTED
            n_anchors = min(ANCHORS, max(LEAST_ANCHORS, int(SEARCH / (n * width))))
        self._bandwidth = bandwidth
        rng = np.random.default_rng(seed)
        chosen = np.sort(rng.permutation(n)[:n_anchors])
        group = _equal_rows(features, sharing)
        self._n_anchors, self._n_nearest = len(chosen), min(n_nearest, len(chosen))
        self._search = nearest(self._centred(features[chosen]), self._n_nearest, sharing)
        at = self._attached(features, sharing, progress("finding neighbours", n))
        n_anchors, smoothing = self._n_anchors, float(n_nearest)
        super().__init__(*at, n_anchors, group, labels, n_classes, smoothing=smoothing)

    def similarity_of(self, features: np.ndarray) -> np.ndarray:
        """As `similarity`, of samples that do not vote, float[m, d] -> float32[m, K]."""
        return self._shares(_sparse(*self._attached(features), self._n_anchors) @ self._votes)

    def _centred(self, features: np.ndarray) -> np.ndarray:
        rows = np.asarray(features, np.float32) - self._centre
        if self._matrix is not None:
            rows = rows @ self._matrix
        length = np.linalg.norm(rows, axis=1, keepdims=True)
        return rows / np.maximum(length, 1e-12)

    def _attached(
        self,
        features: np.ndarray,
        sharing: Sharing = ALONE,
        on_rows: Callable[[int], None] = lambda n: None,
    ) -> tuple[np.ndarray, np.ndarray]:
        """The anchors nearest to m samples, and how much each belongs to them; see `Votes`."""
        k = self._n_nearest
        near: np.ndarray = np.empty((len(features), k), _index_type(self._n_anchors))
        weight = np.empty((len(features), k), np.float32)

        def of_block(rows: slice) -> tuple[np.ndarray, np.ndarray]:
            squared, index = self._search(self._centred(features[rows]))
            part = np.exp((squared[:, :1] - squared) / self._bandwidth)
            return index, part / part.sum(axis=1, keepdims=True)

        fill((near, weight), of_block, BLOCK, sharing, on_rows)
        return near, weight


def _index_type(n_anchors: int) -> type:
    """The smaller type that numbers so many anchors."""
    return np.uint16 if n_anchors <= 1 << 16 else np.int32


def _sparse(near: np.ndarray, weight: np.ndarray, n_anchors: int) -> sparse.csr_array:
    """float32[m, k] weights at int[m, k] anchors as float32[m, R]."""
    ends, at = np.arange(0, near.size + 1, near.shape[1]), near.ravel().astype(np.int32)
    return sparse.csr_array((weight.ravel(), at, ends), (len(near), n_anchors))


def projection(width: int) -> np.ndarray | None:
    """A matrix float32[width, PROJECTED] that nearly keeps distances; None for narrow rows.

    Source: Johnson and Lindenstrauss 1984, with Gaussian entries.
    """
    if width <= WIDEST:
        return None
    return np.random.default_rng(0).standard_normal((width, PROJECTED), np.float32)


def _mean_row(features: np.ndarray, sharing: Sharing) -> np.ndarray:
    def of_block(rows: slice) -> np.ndarray:
        return np.asarray(features[rows], np.float32).sum(axis=0)

    n = len(features)
    return (total(n, of_block, BLOCK, sharing) / max(n, 1)).astype(np.float32)


def _equal_rows(features: np.ndarray, sharing: Sharing) -> np.ndarray:
    """Which group of equal features each sample is in, int64[N] in 0..G-1."""
    # Equal bytes have equal sums; a chance meeting of two sums has a probability of N / 2**64.
    odd = np.random.default_rng(0).integers(0, 2**63, features.shape[1], np.uint64) * 2 + 1
    key = np.empty(len(features), np.uint64)

    def of_block(rows: slice) -> tuple[np.ndarray]:
        block = np.ascontiguousarray(features[rows])
        return (block.view(f"u{block.itemsize}").astype(np.uint64) @ odd,)

    fill((key,), of_block, BLOCK, sharing)
    return np.unique(key, return_inverse=True)[1]

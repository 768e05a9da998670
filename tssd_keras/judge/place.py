"""The place of samples in feature space: how near each class is, by neighbours or class means."""

from __future__ import annotations

from typing import Protocol

import numpy as np
from scipy.special import log_softmax

from tssd_keras.judge.neighbours import Neighbours, Votes
from tssd_keras.judge.sharing import ALONE, Sharing
from tssd_keras.judge.similarity import ClassMeans
from tssd_keras.progress import Progress, no_progress

BLOCK = 1024  # samples looked at at once; they stay in a core's cache
SILENT = 3.0  # standard errors
LEAST_LOG_P = -5.0  # of the network: neighbours can outvote it
EDGE = 0.01  # added to shares before their logarithm


class Place(Protocol):
    """Where N samples lie among K classes.

    Attributes:
        silent: bool[K], the classes of whose labels the neighbours say nothing; None where it
            is told by similarities, not by neighbours.
        score_before: float32[N], how likely the given label was right before training; 0 where
            nobody looked then.
    """

    silent: np.ndarray | None

    score_before: np.ndarray

    def similarity(self, rows: slice | np.ndarray) -> np.ndarray:
        """Of some of the samples to each class, float32[n, K]."""

    def similarity_of(self, features: np.ndarray, before: np.ndarray | None) -> np.ndarray:
        """Of other samples, float[m, d] -> float32[m, K]; their shares before training, if any."""

    def scores(self) -> np.ndarray:
        """What the feature stream reads of every sample, float32[N]; higher is likelier right."""

    def score(self, similarity: np.ndarray, labels: np.ndarray) -> np.ndarray:
        """What it reads of float32[n, K] similarities under int[n] labels."""

    def class_log_p(self, similarity: np.ndarray, log_p: np.ndarray) -> np.ndarray:
        """Log-probabilities float32[n, K] of the true class, by place and network."""


class Neighbourhood:
    """The place by the labels of neighbours, in one feature space or in two.

    Two are the features before training, which have learned no label, and those of now. Their
    shares are pooled by the geometric mean: a space that tells no classes apart gives every class
    the same share, and so has no say.

    Args:
        labels: int64[N] in 0..K-1, given.
        now: of the same N samples.
        before: of the same or more samples; None: one space.
        rows: int64[N], which samples of `before` these are.

    Attributes:
        now: as above; `similarity_of` needs the search, too.
    """

    def __init__(
        self,
        labels: np.ndarray,
        now: Votes,
        before: Votes | None = None,
        rows: np.ndarray | None = None,
    ) -> None:
        self._labels, self.now = labels, now
        self._before = before
        self._rows = np.arange(len(labels)) if rows is None else rows
        self.silent: np.ndarray | None = None
        self._scores: np.ndarray | None = None
        self.score_before = np.zeros(len(labels), np.float32)
        if before is not None:
            for start in range(0, len(labels), BLOCK):
                block = slice(start, start + BLOCK)
                shares = before.similarity(self._rows[block])
                self.score_before[block] = log_ratio(shares, labels[block])

    def similarity(self, rows: slice | np.ndarray) -> np.ndarray:
        """Pooled shares of the classes among the neighbours of some samples, float32[n, K]."""
        now = self.now.similarity(rows)
        if self._before is None:
            return now
        return pooled(now, self._before.similarity(self._rows[rows]))

    def similarity_of(self, features: np.ndarray, before: np.ndarray | None) -> np.ndarray:
        """Of samples that do not vote, float[m, d] -> float32[m, K].

        Args:
            features: of now.
            before: float32[m, K], their shares before training; None: one space.
        """
        if not isinstance(self.now, Neighbours):
            raise TypeError("other samples have no place among neighbours without their search.")
        now = self.now.similarity_of(features)
        return now if before is None else pooled(now, before)

    def scores(self) -> np.ndarray:
        """What the feature stream reads of every sample, float32[N]; finds who is silent, too."""
        if self._scores is not None:
            return self._scores
        out = np.empty(len(self._labels), np.float32)
        vote = np.empty(len(self._labels), np.int64)
        for start in range(0, len(out), BLOCK):
            rows = slice(start, start + BLOCK)
            shares = self.similarity(rows)
            out[rows] = self.score(shares, self._labels[rows])
            vote[rows] = shares.argmax(axis=1)
        self.silent = silent_classes(vote, self._labels, shares.shape[1])
        self._scores = out
        return out

    @staticmethod
    def score(similarity: np.ndarray, labels: np.ndarray) -> np.ndarray:
        """The logarithm of the label's share over the largest other share."""
        return log_ratio(similarity, labels)

    def class_log_p(self, similarity: np.ndarray, log_p: np.ndarray) -> np.ndarray:
        """Log-probabilities of the true class by neighbours and network, float32[n, K]."""
        if self.silent is not None and self.silent.all():
            return log_softmax(np.asarray(log_p, np.float32), axis=1)
        return with_network(similarity, log_p, 1 if self._before is None else 2)


def pooled(now: np.ndarray, before: np.ndarray) -> np.ndarray:
    """Two float32[n, K] shares as one, by their geometric mean; rows sum to 1."""
    both = np.sqrt((now + EDGE) * (before + EDGE))
    return both / both.sum(axis=1, keepdims=True)


def with_network(shares: np.ndarray, log_p: np.ndarray, n_spaces: int) -> np.ndarray:
    """Log-probabilities of the true class, float32[n, K], by neighbours and network.

    Their product: each space of neighbours and the network have one voice.

    Args:
        shares: float32[n, K], pooled over the spaces.
        log_p: float[n, K], the network's log-probabilities.
        n_spaces: of the neighbours.
    """
    network = np.maximum(np.asarray(log_p, np.float32), LEAST_LOG_P)
    return log_softmax(n_spaces * np.log(shares + EDGE) + network, axis=1)


def log_ratio(shares: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """log of the share of int[n] labels over the largest other one, of float32[n, K]."""
    return margin(np.log(shares + EDGE), labels)


def margin(log_p: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """The entry of int[n] labels less the largest other one, of float32[n, K]."""
    index = np.arange(len(labels))
    others = log_p.copy()
    others[index, labels] = -np.inf
    return log_p[index, labels] - others.max(axis=1)


def silent_classes(vote: np.ndarray, labels: np.ndarray, n_classes: int) -> np.ndarray:
    """The classes that are voted for among their own samples no more often than among others.

    Args:
        vote: int64[N], the class of the largest share.
        labels: int64[N], given.
        n_classes: K.

    Returns:
        bool[K]: the shares differ by less than SILENT standard errors, or all samples are of it.
    """
    n, count = len(labels), np.bincount(labels, minlength=n_classes)
    voted = np.bincount(vote, minlength=n_classes)
    agree = np.bincount(labels[vote == labels], minlength=n_classes)
    among_own = agree / np.maximum(count, 1)
    among_others = (voted - agree) / np.maximum(n - count, 1)
    overall = voted / n
    error = np.sqrt(
        overall * (1 - overall) * (1 / np.maximum(count, 1) + 1 / np.maximum(n - count, 1))
    )
    nobody_else = count == n  # so that there is nothing to be told apart from
    return (among_own - among_others <= SILENT * error) | nobody_else


def place(
    kind: str,
    features: np.ndarray,
    labels: np.ndarray,
    n_classes: int,
    *,
    seed: int,
    before: Votes | None = None,
    rows: np.ndarray | None = None,
    sharing: Sharing = ALONE,
    progress: Progress = no_progress,
) -> ClassMeans | Neighbourhood:
    """The place that a recipe names.

    Args:
        kind: "neighbours" or "class_means".
        features: float[N, d], rows of length 1; may be memory-mapped.
        labels: int64[N] in 0..K-1, given.
        n_classes: K.
        seed: draws the anchors of neighbours.
        before, rows: see `Neighbourhood`.
        sharing, progress: see `Neighbours`.
    """
    if kind == "class_means":
        return ClassMeans(features, labels, n_classes, sharing)
    now = Neighbours(features, labels, n_classes, seed=seed, sharing=sharing, progress=progress)
    return Neighbourhood(labels, now, before, rows)

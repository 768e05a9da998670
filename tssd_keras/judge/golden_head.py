"""The golden head: a linear classifier of features, fitted on trusted samples alone.

The network's own head was trained on wrong labels and repeats systematic ones
(asymmetric noise). The features under it are far less spoilt: a linear classifier
of a few trusted samples sees what the network's head cannot. Beside the features it
reads the square roots of the probabilities by network and neighbours ("the network's" below,
see `place.Place.class_log_p`), and its answer is multiplied with them. Golden samples are not
trained on, so they tell how far the network can be trusted. Log-probabilities in place of the
roots did worse: the few large ones rule the fit (docs/method.md).
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from scipy.special import log_softmax

from tssd_keras.data.stratify import shuffled_by_class
from tssd_keras.judge.state import State, in_order, numbered, part, under
from tssd_keras.judge.threads import threads_for

C = 25.0  # inverse strength of the L2 penalty, for feature rows of length 1
P_SCALE = 0.4  # of the square roots of the probabilities, whose rows have length 1 too
MAX_ITER = 300
# A fit whose passes over the golden rows take more multiplications than this (about 200 classes)
# sees the rows by their main directions only, and begins in later rounds where the last ended.
LARGE_FIT = 1e8
MAIN_DIRECTIONS = 128
LATER_ITER = 4
BLOCK = 1024  # samples judged at once; they stay in a core's cache


class Start(NamedTuple):
    """Where a large fit ended, for the next round's to begin.

    Attributes:
        labels, fold: int[M] each, of the golden samples.
        origin: float32[d + K], mean of the golden rows.
        directions: float32[d + K, n], the main ones, as columns.
        heads: for each fold coefficients float64[n, K] and bias float64[K].
    """

    labels: np.ndarray
    fold: np.ndarray
    origin: np.ndarray
    directions: np.ndarray
    heads: list[tuple[np.ndarray, np.ndarray]]

    def fits(self, labels: np.ndarray, fold: np.ndarray) -> bool:
        """Whether these are the same golden samples, in the same folds."""
        return np.array_equal(self.labels, labels) and np.array_equal(self.fold, fold)

    def get_state(self) -> State:
        """What `of_state` takes."""
        coefficients, biases = zip(*self.heads, strict=True)
        return {
            **{name: getattr(self, name) for name in self._fields if name != "heads"},
            **under("coefficients", numbered(list(coefficients))),
            **under("biases", numbered(list(biases))),
        }

    @classmethod
    def of_state(cls, state: State) -> Start:
        """The same again."""
        coefficients, biases = (in_order(part(state, n)) for n in ("coefficients", "biases"))
        heads = list(zip(coefficients, biases, strict=True))
        names = ("labels", "fold", "origin", "directions")
        return cls(**{name: state[name] for name in names}, heads=heads)

    def seen_from(
        self, origin: np.ndarray, directions: np.ndarray, k: int
    ) -> tuple[np.ndarray, np.ndarray]:
        """The head of fold k under another origin and other directions."""
        coefficients, bias = self.heads[k]
        shift = (origin - self.origin) @ self.directions
        return (directions.T @ self.directions) @ coefficients, bias + shift @ coefficients


class Voice(NamedTuple):
    """Powers of the probabilities of network (and neighbours) and of head, when multiplied."""

    network: float
    head: float


NETWORK_VOICES = (0.25, 0.5, 0.75, 1.0, 1.5)
HEAD_VOICES = (0.0, 0.25, 0.5, 1.0, 1.5)
USUAL_VOICE = Voice(1.0, 0.5)
CERTAINTY = 4.0
VOICED = 2_000_000  # log-probabilities of golden samples by which voices are chosen, at most
LEAST_LOG_P = -7.0  # of the head: it can be outvoted


@dataclass(frozen=True)
class GoldenHead:
    """Mean of the heads fitted on all folds but one.

    Attributes:
        weight: float32[n, K], bias: float32[K]; n is d + K, or MAIN_DIRECTIONS.
        voice: how loudly network and head speak in the pooled answer; the most likely on the
            golden samples, out of fold.
        out_of_fold: float32[M, K], log-probabilities of the golden samples by
            the head that was not fitted on them, pooled.
        directions: float32[d + K, n], by which a large fit sees its inputs; else None.
        start: of the next round's fit; None where the fit is not large.
    """

    weight: np.ndarray
    bias: np.ndarray
    voice: Voice
    out_of_fold: np.ndarray
    directions: np.ndarray | None = None
    start: Start | None = None

    def get_state(self) -> State:
        """What `of_state` takes."""
        optional = {} if self.directions is None else {"directions": self.directions}
        if self.start is not None:
            optional |= under("start", self.start.get_state())
        return {
            "weight": self.weight,
            "bias": self.bias,
            "voice": np.array(self.voice),
            "out_of_fold": self.out_of_fold,
            **optional,
        }

    @classmethod
    def of_state(cls, state: State) -> GoldenHead:
        """The same again."""
        start = part(state, "start")
        return cls(
            state["weight"],
            state["bias"],
            Voice(*map(float, state["voice"])),
            state["out_of_fold"],
            state.get("directions"),
            Start.of_state(start) if start else None,
        )

    def log_p(self, features: np.ndarray, network_log_p: np.ndarray) -> np.ndarray:
        """Log-probability of each class being the true one.

        Args:
            features: float[n, d], rows of length 1.
            network_log_p: float[n, K].

        Returns:
            float32[n, K].
        """
        out = np.empty(network_log_p.shape, np.float32)
        for start in range(0, len(out), BLOCK):
            rows = slice(start, start + BLOCK)
            network = np.asarray(network_log_p[rows], np.float32)
            inputs = _rows(features[rows], network)
            inputs = inputs if self.directions is None else inputs @ self.directions
            logits = inputs @ self.weight + self.bias
            out[rows] = _pooled(log_softmax(logits, axis=1), network, self.voice)
        return out


def _pooled(linear: np.ndarray, network: np.ndarray, voice: Voice) -> np.ndarray:
    """Log of the product of both probabilities to the powers of their voices."""
    linear = np.maximum(linear, LEAST_LOG_P)
    return log_softmax(voice.network * network + voice.head * linear, axis=1)


def _best_voice(
    linear: np.ndarray, network: np.ndarray, labels: np.ndarray, weight: np.ndarray
) -> Voice:
    """The voices under which the golden labels are most likely, of those expected beforehand.

    A pair (network, head) is expected near USUAL_VOICE, with CERTAINTY nats a squared step.
    """
    some = np.arange(0, len(labels), -(-linear.size // VOICED))
    linear, network, labels, weight = (v[some] for v in (linear, network, labels, weight))
    index = np.arange(len(labels))

    def log_likelihood(voice: Voice) -> float:
        from_usual = np.log(voice.network / USUAL_VOICE.network) ** 2
        from_usual += (voice.head - USUAL_VOICE.head) ** 2
        fit = _pooled(linear, network, voice)[index, labels]
        return float(weight @ fit) - CERTAINTY * from_usual

    voices = (Voice(n, h) for n in NETWORK_VOICES for h in HEAD_VOICES)
    return max(voices, key=log_likelihood)


def _raised(voice: Voice) -> Voice:
    """Both voices, raised half the way to a full voice of network and neighbours.

    On golden samples they are more over-confident than on the stream's, which were trained on.
    Without this the estimated noise of CIFAR-10N worst was too low (docs/method.md). A network that
    speaks alone has learned the labels that it is to judge: it is not raised.
    """
    by = np.sqrt(voice.network)
    return Voice(voice.network / by, voice.head / by)


def _rows(features: np.ndarray, network_log_p: np.ndarray) -> np.ndarray:
    """The head's inputs: float32[n, d + K]."""
    root_p = np.exp(np.asarray(network_log_p, np.float32) / 2)
    return np.concatenate([np.asarray(features, np.float32), P_SCALE * root_p], axis=1)


def assign_folds(labels: np.ndarray, n_folds: int, *, seed: int) -> np.ndarray:
    """Stratified folds: int64[M] in 0..n_folds-1, each class spread as evenly as it can be.

    Two samples of a class are enough, whatever n_folds is. scikit-learn's StratifiedKFold
    warns where a class has fewer than n_folds samples, and fails where all have.
    """
    fold = np.empty(len(labels), np.int64)
    fold[shuffled_by_class(labels, np.random.default_rng(seed))] = np.arange(len(labels)) % n_folds
    return fold


def fit_golden_head(
    features: np.ndarray,
    network_log_p: np.ndarray,
    labels: np.ndarray,
    fold: np.ndarray,
    n_classes: int,
    weight: np.ndarray | None = None,
    before: GoldenHead | None = None,
    *,
    with_neighbours: bool = False,
) -> GoldenHead:
    """Fit one head for each fold left out, and average them.

    Args:
        features: float[M, d], rows of length 1.
        network_log_p: float[M, K], the network's log-probabilities.
        labels: int[M], trusted.
        fold: int[M], from `assign_folds`.
        n_classes: K; a class without samples gets probability 0 (log -30).
        weight: float[M], how much each sample counts; by default 1.
        before: of the last round. A large fit begins there if labels and folds are the same;
            with other folds a head would have seen what is now left out.
        with_neighbours: whether `network_log_p` holds the neighbours' voices, too.

    Returns:
        GoldenHead.
    """
    rows = _rows(features, network_log_p)
    counts = np.ones(len(labels)) if weight is None else weight
    with threads_for(0):  # a pass over a thousand classes' golden rows is shorter on one, too
        if rows.size * n_classes > LARGE_FIT:
            heads, directions, start = _large_fit(rows, labels, fold, counts, n_classes, before)
            inputs = rows @ directions
        else:
            folds = range(int(fold.max()) + 1)
            heads = [_fit(rows, labels, counts * (fold != k), n_classes) for k in folds]
            inputs, directions, start = rows, None, None
    linear = np.empty((len(labels), n_classes), np.float32)
    for k, (coefficients, bias) in enumerate(heads):
        linear[fold == k] = log_softmax(inputs[fold == k] @ coefficients + bias, axis=1)
    mean_weight, mean_bias = (np.mean(part, axis=0) for part in zip(*heads, strict=True))
    network = np.asarray(network_log_p, np.float32)
    voice = _best_voice(linear, network, labels, counts)
    voice = _raised(voice) if with_neighbours else voice
    return GoldenHead(
        mean_weight.astype(np.float32),
        mean_bias.astype(np.float32),
        voice,
        _pooled(linear, network, voice),
        directions,
        start,
    )


def _large_fit(
    rows: np.ndarray,
    labels: np.ndarray,
    fold: np.ndarray,
    counts: np.ndarray,
    n_classes: int,
    before: GoldenHead | None,
) -> tuple[list[tuple[np.ndarray, np.ndarray]], np.ndarray, Start]:
    """The heads in the rows' main directions, these, and the start of the next fit."""
    from sklearn.decomposition import PCA

    n = min(MAIN_DIRECTIONS, *rows.shape)
    found = PCA(n, svd_solver="randomized", iterated_power=2, random_state=0)
    inputs = found.fit_transform(rows)
    origin, directions = found.mean_, found.components_.T
    start = before.start if before is not None else None
    if start is not None and not start.fits(labels, fold):
        start = None
    heads = []
    for k in range(int(fold.max()) + 1):
        begin = None if start is None else start.seen_from(origin, directions, k)
        heads.append(_fit(inputs, labels, counts * (fold != k), n_classes, begin))
    at_zero = [(c, bias - origin @ directions @ c) for c, bias in heads]
    return at_zero, directions, Start(labels, fold, origin, directions, heads)


def _fit(
    rows: np.ndarray,
    labels: np.ndarray,
    counts: np.ndarray,
    n_classes: int,
    start: tuple[np.ndarray, np.ndarray] | None = None,
) -> tuple[np.ndarray, np.ndarray]:
    """Coefficients float64[n, K] and bias float64[K] of one logistic regression.

    Rows that count 0 are left out. From a start LATER_ITER iterations are taken.
    """
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.linear_model import LogisticRegression

    use = counts > 0
    present = np.unique(labels[use])
    head = LogisticRegression(C=C, max_iter=MAX_ITER)
    if start is not None and len(present) > 2:
        head.set_params(warm_start=True, max_iter=LATER_ITER)
        head.coef_, head.intercept_ = start[0].T[present], start[1][present]
    with warnings.catch_warnings():
        if head.warm_start:  # the next round goes on
            warnings.simplefilter("ignore", ConvergenceWarning)
        # Two samples of a class are enough: they may be many classes for so few samples.
        warnings.filterwarnings("ignore", "The number of unique classes is greater", UserWarning)
        head.fit(rows[use], labels[use], sample_weight=counts[use])
    coefficients, bias = np.zeros((rows.shape[1], n_classes)), np.full(n_classes, -30.0)
    # Of two classes one row stands for the difference.
    parts = np.array([-0.5, 0.5]) if len(present) == 2 else 1.0
    coefficients[:, present] = head.coef_.T * parts
    bias[present] = head.intercept_ * parts
    return coefficients, bias

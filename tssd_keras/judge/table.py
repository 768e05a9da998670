"""The sample table: a row for each sample, written by rounds and read by training."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from tssd_keras.judge.readable_table import ReadableTable
from tssd_keras.judge.roles import DECIDED, FLOOR, POSITIVE, SEMI_HARD, UNCERTAIN
from tssd_keras.judge.state import State

# The columns that a round writes, in the rows that it judges.
JUDGED = (
    *("weights", "rest", "once_kept", "role", "p_loss", "p_feature", "q", "suggested"),
    *("p_suggested", "confidence", "judged", "changed"),
)
# All columns that training changes, and the counter.
CHANGING = (*JUDGED, "held_back", "trained", "drawn", "n_rewrites")
BLOCK = 1 << 18  # rows looked at at once, so that working copies stay small


@dataclass(frozen=True)
class Rewrite:
    """A round's new columns of n samples; see `SampleTable`.

    `weight` is float[n], or float[n, M] where M networks train on weights of their own, 0 for
    rejected labels. So is `rest`, what these count for all the same; None: nothing.
    """

    weight: np.ndarray
    role: np.ndarray
    p_loss: np.ndarray
    p_feature: np.ndarray
    q: np.ndarray
    suggested: np.ndarray
    p_suggested: np.ndarray
    confidence: np.ndarray
    rest: np.ndarray | None = None


class SampleTable(ReadableTable):
    """One row for each sample of the noisy stream; 58 bytes a row for one network.

    What is the same for every row takes no memory: `decided` and `sample_weight` are read-only
    views of one value where they are not given, and `labels` one of `given` without decisions.

    Args:
        given: int64[N], given labels.
        index: int64[N], each row's index in its source, kept for life; by
            default the row's own number.
        n_networks: M, each with weights of its own.
        decided: int64[N], the class that a person decided on, -1 without a decision; by
            default -1 throughout. Decided rows keep weight 1 and role decided, their
            suggested class is the decided one, and no round writes them.
        held_back: bool[N], the samples that do not count until a round has judged them; see
            `rejected`. None: there are none.
        sample_weight: float[N], at least 0, what each sample counts for beside its judgement;
            by default 1.
        ids: N names of the samples, by which a person finds them; None: there are none.
        class_names: K names of the classes in label order; None: there are none.

    Attributes:
        given, index, decided, sample_weight, ids, class_names: as above.
        labels: int64[N], trained on: the decided class, else the given label.
        weights: float32[N, M] in [0, 1], of each network; 1 until the first round, then 0 for
            rejected labels.
        rest: float32[N, M] in [0, 1], what rejected labels count for all the same.
        held_back: as above.
        trained: bool[N, M], on which labels each network was trained so far.
        once_kept: bool[N, M], which labels a round ever kept, for each network.
        role: int8[N], an index into `roles.ROLES`; uncertain until the first round.
        p_loss, p_feature: float32[N], both streams' posteriors, NaN before a round.
        q: float32[N], the meta classifier's probability that the label is
            right, NaN without it.
        suggested: int32[N], the most probable class, -1 before a round.
        p_suggested: float32[N], its probability, NaN before a round.
        confidence: float32[N], the largest probability that the network itself gives a class,
            the mean over networks, NaN before a round.
        drawn: bool[N], the samples of this epoch; all of them until `draw`.
        judged: bool[N], which rows a round has written; the others are as at first.
        changed: int32[N], the epoch, counted from 0, before which a round last changed
            the role or the suggested class; -1 before a round.
        n_rewrites: rounds written so far.
    """

    def __init__(
        self,
        given: np.ndarray,
        index: np.ndarray | None = None,
        *,
        n_networks: int = 1,
        decided: np.ndarray | None = None,
        held_back: np.ndarray | None = None,
        sample_weight: np.ndarray | None = None,
        ids: np.ndarray | None = None,
        class_names: Sequence[str] | None = None,
    ) -> None:
        n = len(given)
        self.given = np.asarray(given, np.int64)
        self.index = np.arange(n) if index is None else np.asarray(index, np.int64)
        if len(self.index) != n:
            raise ValueError(f"index must have one entry a label, got {len(self.index)} for {n}.")
        self.decided = np.broadcast_to(np.int64(-1), n)
        self.labels = self.given.view()
        self.labels.flags.writeable = False  # who wrote to it would change the given labels, too
        if decided is not None:
            self.decided = np.asarray(decided, np.int64)
            if len(self.decided) != n:
                raise ValueError(
                    f"decided must have one entry a label, got {len(self.decided)} for {n}."
                )
            self.labels = np.where(self.decided >= 0, self.decided, self.given)
        self.sample_weight = np.broadcast_to(np.float32(1), n)
        if sample_weight is not None:
            self.sample_weight = np.asarray(sample_weight, np.float32)
        self.ids, self.class_names = ids, class_names
        self.weights = np.ones((n, n_networks), np.float32)
        self.rest = np.zeros((n, n_networks), np.float32)
        self.held_back = np.zeros(n, bool) if held_back is None else held_back & (self.decided < 0)
        self.trained = np.zeros((n, n_networks), bool)
        self.once_kept = np.zeros((n, n_networks), bool)
        self.role = np.where(self.decided >= 0, np.int8(DECIDED), np.int8(UNCERTAIN))
        self.p_loss = np.full(n, np.nan, np.float32)
        self.p_feature = np.full(n, np.nan, np.float32)
        self.q = np.full(n, np.nan, np.float32)
        self.suggested = self.decided.astype(np.int32)
        self.p_suggested = np.full(n, np.nan, np.float32)
        self.confidence = np.full(n, np.nan, np.float32)
        self.drawn = np.ones(n, bool)
        self.judged = np.zeros(n, bool)
        self.changed = np.full(n, -1, np.int32)
        self.n_rewrites = 0

    def __len__(self) -> int:
        return len(self.given)

    @property
    def weight(self) -> np.ndarray:
        """float32[N]: each sample's weight as it was judged, the mean over the networks."""
        return self.weights.mean(axis=1)

    @property
    def weights_now(self) -> np.ndarray:
        """float32[N, M]: what the samples count for that are drawn now, 0 for the others."""
        return np.where(self.drawn[:, None], self.counts(slice(None)), np.float32(0))

    def counts(self, rows: np.ndarray | slice) -> np.ndarray:
        """float32[n, M]: what some samples count for where they are drawn, of their own weight."""
        weights = np.maximum(self.weights[rows], self.rest[rows])
        waiting = self.held_back[rows] & ~self.judged[rows]
        return np.where(waiting, np.float32(0), self.sample_weight[rows])[:, None] * weights

    @property
    def fed(self) -> np.ndarray:
        """bool[N]: which samples are trained on now, by one network at least."""
        out = np.zeros(len(self), bool)
        for rows, count in self._counting():
            out[rows] = count.any(axis=1)
        return out

    def _counting(self) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """Rows that are drawn now, int64[n], and for which networks they count, bool[n, M]."""
        for start in range(0, len(self), BLOCK):
            rows = start + np.flatnonzero(self.drawn[start : start + BLOCK])
            yield rows, self.counts(rows) > 0

    @property
    def kept(self) -> np.ndarray:
        """bool[N]: which samples are drawn now and not rejected, for one network at least."""
        return self.drawn & (self.weights > 0).any(axis=1)

    @property
    def clean_score(self) -> np.ndarray:
        """float32[N], larger is more likely clean: q, or the mean of the streams without it."""
        return np.where(np.isnan(self.q), (self.p_loss + self.p_feature) / 2, self.q)

    def draw(self, rows: np.ndarray) -> None:
        """Choose the samples of the epoch; the columns of the others stay.

        Args:
            rows: int64[n], table rows, each once.
        """
        self.drawn[:] = False
        self.drawn[rows] = True

    def rows_to_judge(self) -> np.ndarray:
        """int64[n]: the rows drawn now on which no person decided, in order."""
        return np.flatnonzero(self.drawn & (self.decided < 0))

    def rewrite(
        self, new: Rewrite, rows: np.ndarray | None = None, *, epoch: int | None = None
    ) -> None:
        """Replace every judged column at once.

        Args:
            new: of n samples.
            rows: int64[n], the table rows that are written, each once and none
                decided; by default all, in order.
            epoch: counted from 0, the first that is trained with the new weights; by
                default the number of rounds before this one.

        Raises:
            ValueError: a row is decided, a column has not one entry a sample, a weight lies
                outside [0, 1], or no sample would carry weight. The table then stays as it was.
        """
        n = len(self) if rows is None else len(rows)
        columns = {name: np.asarray(v) for name, v in vars(new).items() if v is not None}
        columns.setdefault("rest", np.broadcast_to(np.float32(0), columns["weight"].shape))
        for name, column in columns.items():
            by_network = name in ("weight", "rest")
            shapes = [(n,), (n, self.weights.shape[1])] if by_network else [(n,)]
            if column.shape not in shapes:
                raise ValueError(
                    f"{name} must have one entry a sample, shape {' or '.join(map(str, shapes))}, "
                    f"got {column.shape}."
                )
        weights, rest = columns.pop("weight"), columns.pop("rest")
        if not all(w.min(initial=0) >= 0 and w.max(initial=0) <= 1 for w in (weights, rest)):
            raise ValueError("every weight must lie in 0..1, and none be NaN.")
        if not weights.max(initial=0) > 0:
            raise ValueError(
                f"no sample of {n} would carry weight. Try a lower divide.threshold or "
                "more warm-up epochs."
            )
        blocks = [slice(start, start + BLOCK) for start in range(0, n, BLOCK)]
        written = [block if rows is None else rows[block] for block in blocks]
        if any((self.decided[at] >= 0).any() for at in written):
            raise ValueError("decided samples must not be rewritten: leave them out of rows.")
        epoch = self.n_rewrites if epoch is None else epoch
        for at, block in zip(written, blocks, strict=True):
            some = {name: column[block] for name, column in columns.items()}
            self._write(at, weights[block], rest[block], some, epoch)
        self.n_rewrites += 1

    def _write(
        self,
        at: np.ndarray | slice,
        weights: np.ndarray,
        rest: np.ndarray,
        columns: dict[str, np.ndarray],
        epoch: int,
    ) -> None:
        """Write some rows of a `Rewrite` that was checked."""
        same = self.judged[at] & (self.role[at] == columns["role"])
        same &= self.suggested[at] == columns["suggested"]
        self.changed[at] = np.where(same, self.changed[at], epoch)
        self.weights[at] = weights if weights.ndim == 2 else weights[:, None]
        self.rest[at] = rest if rest.ndim == 2 else rest[:, None]
        self.once_kept[at] |= self.weights[at] > 0
        for name, column in columns.items():
            getattr(self, name)[at] = column
        self.judged[at] = True

    def mark_trained(self, rows: np.ndarray | None = None) -> None:
        """An epoch has ended: the networks were trained on what counts now.

        Args:
            rows: int64[n], the epoch held no others; None: it held all that count.
        """
        if rows is None:
            for some, count in self._counting():
                self.trained[some] |= count
        else:
            self.trained[rows] |= self.drawn[rows][:, None] & (self.counts(rows) > 0)

    def get_state(self) -> State:
        """Every column that changes as a copy, and the number of rewrites: see `set_state`."""
        return {name: np.array(getattr(self, name)) for name in CHANGING}

    def set_state(self, state: State) -> None:
        """Take over the columns of a table of the same samples.

        Raises:
            KeyError: a column is missing.
            ValueError: a column has another shape; nothing was changed.
        """
        columns = {name: np.asarray(state[name]) for name in CHANGING}
        for name, column in columns.items():
            if column.shape != np.shape(getattr(self, name)):
                raise ValueError(
                    f"{name} must have shape {np.shape(getattr(self, name))}, got {column.shape}."
                )
        self.n_rewrites = int(columns.pop("n_rewrites"))
        for name, column in columns.items():
            getattr(self, name)[...] = column


def in_agreement(columns: list[Rewrite]) -> Rewrite:
    """Several networks' columns of the same n samples, as one rewrite.

    Each network is trained on the weights of the one before it (co-division), so that
    none confirms its own mistakes; a network alone on its own. A sample keeps a role
    that all give it and is uncertain otherwise. Probabilities are means, and the
    suggested class is the surest suggestion of any network. A network that tells nothing of
    a sample, neither by a stream nor by q, has no part in these where another does.

    Source: DivideMix, arXiv 2002.07394, section 3.1.
    """
    if len(columns) == 1:
        return columns[0]
    roles, q = np.stack([c.role for c in columns]), np.stack([c.q for c in columns])
    p_loss = np.stack([c.p_loss for c in columns])
    p_feature = np.stack([c.p_feature for c in columns])
    p_suggested = np.stack([c.p_suggested for c in columns])
    confidence = np.stack([c.confidence for c in columns])
    has_part = ~(np.isnan(q) & (p_loss == 0.5) & (p_feature == 0.5))
    has_part |= ~has_part.any(axis=0)
    first = roles[has_part.argmax(axis=0), np.arange(roles.shape[1])]
    surest = np.where(has_part, p_suggested, -1.0).argmax(axis=0)[None]

    def mean(values: np.ndarray) -> np.ndarray:
        return np.mean(values, axis=0, where=has_part)

    return Rewrite(
        weight=np.roll(np.stack([c.weight for c in columns], axis=1), 1, axis=1),
        role=np.where(((roles == first) | ~has_part).all(axis=0), first, UNCERTAIN).astype(np.int8),
        p_loss=mean(p_loss),
        p_feature=mean(p_feature),
        q=mean(q),
        suggested=np.take_along_axis(np.stack([c.suggested for c in columns]), surest, 0)[0],
        p_suggested=np.take_along_axis(p_suggested, surest, 0)[0],
        confidence=mean(confidence),
    )


def weights_of(role: np.ndarray, q: np.ndarray | None) -> np.ndarray:
    """Sample weights of roles: 1 for positive and floor, q for semi-hard, 0 else.

    Args:
        role: int8[N].
        q: float[N], or None where no sample is semi-hard.

    Returns:
        float32[N].
    """
    weight = np.isin(role, (POSITIVE, FLOOR)).astype(np.float32)
    if q is not None:
        weight = np.where(role == SEMI_HARD, q, weight).astype(np.float32)
    return weight

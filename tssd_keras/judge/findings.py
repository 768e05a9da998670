"""The plain data that an audit shows: samples, and what was found out about their labels."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from tssd_keras.judge.roles import ROLES
from tssd_keras.judge.streams import Streams
from tssd_keras.judge.told import STREAMS_ABSTAIN, WrongShare, of_all


@dataclass(frozen=True, kw_only=True, eq=False)
class Findings:
    """N samples, judged or not.

    Attributes:
        name: of the data set.
        run: name of the run's folder, for titles; empty where outputs were judged without one.
        class_names: K names in label order.
        labels_sha256: hash of the given labels of the whole training split.
        index: int64[N], each sample's number in the source's training split, in rising order.
        given: int64[N] in 0..K-1.
        suggested: int64[N], the most probable class, -1 where nobody judged.
        p_suggested: float[N], its probability, NaN where nobody judged.
        weight: float[N] in [0, 1].
        role: int8[N], an index into `roles.ROLES`, -1 where nobody judged.
        p_loss, p_feature: float[N], both streams' probability that the label is right; NaN
            where nobody judged.
        q: float[N], the meta classifier's, or by neighbours and network; NaN without either.
        changed: int64[N], the epoch, counted from 1, before which a round last
            changed role or suggestion; -1 where nobody judged.
        ids: object[N] of str, the source's names of the samples, or None.
        paths: object[N] of str, the samples' files, or None.
        truth: int64[N], -1 where unknown, or None.
        streams: of the last round, one a network.
        epochs, rounds: rows of epochs.csv and rounds.csv, as text. Without a run there is one row
            of a round without an epoch.
        summary: of the run as a whole, contents of summary.json.
        accused: bool[N], who is suspected where something else than `suspect` says so, or None.
    """

    name: str
    class_names: tuple[str, ...]
    labels_sha256: str
    index: np.ndarray
    given: np.ndarray
    suggested: np.ndarray
    p_suggested: np.ndarray
    weight: np.ndarray
    role: np.ndarray
    p_loss: np.ndarray
    p_feature: np.ndarray
    q: np.ndarray
    changed: np.ndarray
    run: str = ""
    ids: np.ndarray | None = None
    paths: np.ndarray | None = None
    truth: np.ndarray | None = None
    streams: tuple[Streams, ...] = ()
    epochs: list[dict[str, str]] = field(default_factory=list)
    rounds: list[dict[str, str]] = field(default_factory=list)
    summary: dict = field(default_factory=dict)
    accused: np.ndarray | None = None

    def __len__(self) -> int:
        return len(self.index)

    @property
    def judged(self) -> np.ndarray:
        """bool[N]: which samples a round has judged; decided ones are none of them."""
        return (self.role >= 0) & ~np.isnan(self.p_loss)

    @property
    def told(self) -> np.ndarray:
        """bool[N]: which of them a stream or q says something of."""
        silent = np.isnan(self.q) & (self.p_loss == 0.5) & (self.p_feature == 0.5)
        return self.judged & ~silent

    @property
    def nothing_to_tell(self) -> str:
        """Why the last round judged no label, see `told`; "" where it judged some."""
        if self.told.any():
            return ""
        return of_all(self.last_round.get("nothing_to_tell")) or STREAMS_ABSTAIN

    @property
    def last_round(self) -> dict[str, str]:
        """The row of the last round; empty without one."""
        return self.rounds[-1] if self.rounds else {}

    @property
    def wrong_share(self) -> WrongShare:
        """The share of wrong labels as the last round has it, or why it has none."""
        if self.nothing_to_tell:
            return WrongShare(why=self.nothing_to_tell)
        return WrongShare.of_row(self.last_round)

    @property
    def p_wrong(self) -> np.ndarray:
        """float64[N]: 1 - q, without q 1 - the mean of both streams; NaN where nothing is told."""
        p = np.stack([np.asarray(self.p_loss, np.float64), self.p_feature])
        says = p != 0.5  # a stream that abstains has no part in the mean
        streams = np.where(says, p, 0.0).sum(axis=0) / np.maximum(says.sum(axis=0), 1)
        return np.where(self.told, 1 - np.where(np.isnan(self.q), streams, self.q), np.nan)

    @property
    def suspect(self) -> np.ndarray:
        """bool[N]: told of, and without weight or with another class suggested."""
        if self.accused is not None:
            return self.accused
        return self.told & ((self.weight <= 0) | (self.suggested != self.given))

    def named(self, label: int) -> str:
        """The class's name; nothing for -1."""
        return self.class_names[label] if label >= 0 else ""

    def role_name(self, row: int) -> str:
        """The sample's role in a word; nothing where nobody judged."""
        return ROLES[self.role[row]] if self.role[row] >= 0 else ""

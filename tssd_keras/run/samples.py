"""samples.npz: what a run knows of each sample, as arrays that the library itself reads back."""

from __future__ import annotations

from collections import ChainMap
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import cast

import numpy as np

from tssd_keras.data.labelled_data import as_ids
from tssd_keras.data.npz import (
    Arrays,
    array_of,
    check_known,
    load_arrays,
    refused_as,
    save_arrays,
    text_arrays,
    texts_of,
)
from tssd_keras.judge.roles import DECIDED, ROLES
from tssd_keras.judge.table import SampleTable
from tssd_keras.labels.decisions.table import ACTIONS, UNUSABLE
from tssd_keras.labels.decisions.uses import Decided

FORMAT = 2  # of the file; another number is refused
PROBABILITIES = ("weight", "p_loss", "p_feature", "q", "p_suggested")
_TEXTS = ("class", "labels_sha256", "id", "decided_action", "decided_id")
_KNOWN = frozenset(
    (
        *("index", "given", "true", "role", "suggested", "changed", *PROBABILITIES),
        *("decided_index", "decided_label"),
        *(f"{name}_{part}" for name in _TEXTS for part in ("bytes", "lengths")),
    )
)  # arrays of the file
ROUNDED = 1e-3  # what half precision may add to a probability of 1


@dataclass(frozen=True, eq=False, kw_only=True)
class EarlierDecisions:
    """What people had decided of m samples before the run.

    Attributes:
        index: int64[m], rising, in the training split.
        label: int64[m], the decided classes; -1 of what was unusable.
        action: m of `decisions.table.ACTIONS`.
        ids: the source's own names of the m samples; empty texts where it has none.
    """

    index: np.ndarray
    label: np.ndarray
    action: tuple[str, ...]
    ids: tuple[str, ...]


@dataclass(frozen=True, eq=False, kw_only=True)
class StoredSamples:
    """What a run knows of the N samples of its noisy stream.

    Attributes:
        class_names: K names in label order.
        labels_sha256: hash of the given labels of the whole training split.
        columns: of `SampleTable.columns`: name -> array of N; without `confidence`, which is of the
            network and no finding.
        ids: object[N] of str, the source's own names of the samples, or None.
        decided: earlier decisions, or None; their samples need not be in the stream.
    """

    class_names: tuple[str, ...]
    labels_sha256: str
    columns: Mapping[str, np.ndarray]
    ids: np.ndarray | None
    decided: EarlierDecisions | None

    @classmethod
    def of(
        cls,
        table: SampleTable,
        class_names: Sequence[str],
        labels_sha256: str,
        *,
        truth: np.ndarray | None,
        ids: np.ndarray | None,
        decided: Decided | None,
    ) -> StoredSamples:
        """Those of a run's sample table.

        Args:
            table: N samples.
            class_names: K names.
            labels_sha256: hash of the given labels of the whole training split.
            truth: int64 of the whole training split, -1 where unknown, or None.
            ids: str of the whole training split, or None.
            decided: earlier decisions, or None.
        """
        columns = table.columns(None if truth is None else truth[table.index])
        del columns["confidence"]
        earlier = None
        if decided is not None:
            index = decided.decisions.index
            earlier = EarlierDecisions(
                index=index,
                label=decided.decisions.label,
                action=tuple(decided.decisions.action.tolist()),
                ids=("",) * len(index) if ids is None else tuple(ids[index].tolist()),
            )
        return cls(
            class_names=tuple(class_names),
            labels_sha256=labels_sha256,
            columns=columns,
            ids=None if ids is None else ids[table.index[table.source_order]],
            decided=earlier,
        )


def save_samples(path: str | Path, samples: StoredSamples) -> None:
    """Write samples.npz: arrays only, no Python objects."""
    before = {
        **text_arrays("class", samples.class_names),
        **text_arrays("labels_sha256", [samples.labels_sha256]),
    }
    after: dict[str, np.ndarray] = {}
    if samples.ids is not None:
        after |= text_arrays("id", samples.ids.tolist())
    if samples.decided is not None:
        after["decided_index"] = samples.decided.index
        after["decided_label"] = samples.decided.label
        after |= text_arrays("decided_action", samples.decided.action)
        after |= text_arrays("decided_id", samples.decided.ids)
    # The columns are made one by one as they are written, so that no second table is in memory.
    save_arrays(path, ChainMap(after, cast(dict, samples.columns), before), format=FORMAT)


def load_samples(path: str | Path) -> StoredSamples:
    """What `save_samples` wrote.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: it is cut short, or something else, or of another format; an array has
            another dtype, shape or range.
    """
    with refused_as(path, "the samples of a run"):
        arrays = load_arrays(path, format=FORMAT)
        check_known(arrays, _KNOWN)
        names = tuple(texts_of(arrays, "class"))
        if len(set(names)) < len(names):
            raise ValueError(f"its {len(names)} class names must differ from each other")
        columns = _columns(arrays, len(names))
        n = len(columns["index"])
        return StoredSamples(
            class_names=names,
            labels_sha256=texts_of(arrays, "labels_sha256", 1)[0],
            columns=columns,
            ids=as_ids(texts_of(arrays, "id", n)) if "id_bytes" in arrays else None,
            decided=_decided(arrays, len(names)) if "decided_index" in arrays else None,
        )


def _columns(arrays: Arrays, k: int) -> dict[str, np.ndarray]:
    """The columns of N samples of K classes."""
    index = _rising(arrays, "index")
    n = (len(index),)
    array_of(arrays, "weight", np.float32, n, finite=True)
    role = array_of(arrays, "role", np.int8, n, lowest=-1, highest=len(ROLES) - 1)
    by_round = (role >= 0) & (role != DECIDED)
    p_suggested = array_of(arrays, "p_suggested", np.float32, n)
    if np.isnan(p_suggested[by_round]).any():
        raise ValueError("p_suggested must be a number where a round gave a role, got nan")
    return {
        "index": index,
        "given": array_of(arrays, "given", np.int64, n, lowest=0, highest=k - 1),
        "true": array_of(arrays, "true", np.int64, n, lowest=-1, highest=k - 1),
        "role": role,
        "suggested": array_of(arrays, "suggested", np.int64, n, lowest=-1, highest=k - 1),
        "changed": array_of(arrays, "changed", np.int64, n, lowest=-1),
        **{
            name: array_of(arrays, name, np.float32, n, lowest=0, highest=1 + ROUNDED)
            for name in PROBABILITIES
        },
    }


def _decided(arrays: Arrays, k: int) -> EarlierDecisions:
    index = _rising(arrays, "decided_index")
    action = texts_of(arrays, "decided_action", len(index))
    for name in action:
        if name not in ACTIONS:
            raise ValueError(f"decided_action must be one of {', '.join(ACTIONS)}, got {name!r}")
    label = array_of(arrays, "decided_label", np.int64, (len(index),), lowest=-1, highest=k - 1)
    if ((label < 0) != np.array([name == UNUSABLE for name in action], bool)).any():
        raise ValueError(f"decided_label must be -1 of what is {UNUSABLE}, and of nothing else")
    return EarlierDecisions(
        index=index,
        label=label,
        action=tuple(action),
        ids=tuple(texts_of(arrays, "decided_id", len(index))),
    )


def _rising(arrays: Arrays, name: str) -> np.ndarray:
    """int64[n]: indices of samples, each once, in rising order."""
    index = array_of(arrays, name, np.int64, (None,), lowest=0)
    if (np.diff(index) <= 0).any():
        raise ValueError(f"{name} must rise from sample to sample")
    return index

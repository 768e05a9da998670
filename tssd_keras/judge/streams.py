"""Both streams' scores of a round and the mixtures fitted to them, on file for audits."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np

from tssd_keras.data.npz import (
    array_of,
    check_known,
    load_arrays,
    refused_as,
    save_arrays,
    text_arrays,
    texts_of,
)
from tssd_keras.judge.divide import Division
from tssd_keras.judge.mixture import Mixtures
from tssd_keras.judge.top_classes import TOP, TopClasses

FORMAT = 2  # of the file; another number is refused
ROUNDED = 1e-3  # what rounding may add to a probability of 1
MIXTURE_DTYPES: dict[str, type] = {
    **dict.fromkeys(("low", "high", "mean", "variance", "share", "ashman_d"), np.float64),
    "bimodal": np.bool_,
}  # of the fields of Mixtures, in their order


@dataclass(frozen=True)
class Streams:
    """The scores and mixtures of one network's two streams, of n samples.

    Attributes:
        index: int64[n], the samples' indices in their source, in rising order.
        given: int64[n] in 0..K-1, given labels.
        loss: float32[n] in nats, as the loss stream read it.
        similarity: float32[n], to the given class, or log-odds of it among the neighbours.
        loss_mixture: of the losses, one group.
        feature_mixture: of the similarities, one group a class; None where they are log-odds.
        loss_abstains, feature_abstains: see `divide.Division`.
        transition: float64[K, K], the purification's P(given = column | true = row);
            None without one.
        top: the most probable classes of the n samples.
        place: float16[n, C], of `short_features`; neighbours have large inner products.
    """

    index: np.ndarray
    given: np.ndarray
    loss: np.ndarray
    similarity: np.ndarray
    loss_mixture: Mixtures
    feature_mixture: Mixtures | None
    loss_abstains: bool
    feature_abstains: np.ndarray
    transition: np.ndarray | None
    top: TopClasses
    place: np.ndarray

    @classmethod
    def of(
        cls,
        division: Division,
        loss: np.ndarray,
        similarity: np.ndarray,
        *,
        index: np.ndarray,
        given: np.ndarray,
        transition: np.ndarray | None,
        top: TopClasses,
        place: np.ndarray,
    ) -> Streams:
        """Those of a division; see the attributes."""
        return cls(
            np.asarray(index, np.int64),
            np.asarray(given, np.int64),
            np.asarray(loss, np.float32),
            np.asarray(similarity, np.float32),
            division.loss_mixture,
            division.feature_mixture,
            bool(division.loss_abstains),
            np.asarray(division.feature_abstains, bool),
            transition,
            TopClasses(np.asarray(top.label, np.int32), np.asarray(top.p, np.float32)),
            np.asarray(place, np.float16),
        )


def save_streams(path: str | Path, streams: Sequence[Streams], class_names: Sequence[str]) -> None:
    """Write a round's streams as one compressed .npz file, without Python objects.

    Args:
        path: of the file.
        streams: one a network.
        class_names: K names; they are kept byte by byte, whatever is in them.
    """
    save_arrays(path, arrays_of(streams, class_names), format=FORMAT)


def arrays_of(streams: Sequence[Streams], class_names: Sequence[str]) -> dict[str, np.ndarray]:
    """A round's streams as arrays by name, which `streams_of` takes; see `save_streams`."""
    arrays: dict[str, Any] = {
        "networks": np.array(len(streams)),
        **text_arrays("class", class_names),
    }
    for i, network in enumerate(streams):
        columns = dict(vars(network))
        top = columns.pop("top")
        columns |= {"top_label": top.label, "top_p": top.p}
        for stream in ("loss", "feature"):
            mixtures = columns.pop(f"{stream}_mixture")
            if mixtures is None:
                continue
            for name, dtype in MIXTURE_DTYPES.items():
                arrays[f"{i}/{stream}_mixture/{name}"] = np.asarray(getattr(mixtures, name), dtype)
        if columns["transition"] is None:
            del columns["transition"]
        arrays.update({f"{i}/{name}": np.asarray(v) for name, v in columns.items()})
    return arrays


def load_streams(path: str | Path) -> tuple[list[Streams], tuple[str, ...]]:
    """Read the file of `save_streams`: the streams of each network, and the class names.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: it is cut short, or something else, or of another format; an array has
            another dtype, shape or range.
    """
    with refused_as(path, "a round's streams"):
        return streams_of(load_arrays(path, format=FORMAT))


def streams_of(arrays: dict[str, np.ndarray]) -> tuple[list[Streams], tuple[str, ...]]:
    """The streams of each network, and the class names, from the arrays of `arrays_of`.

    Raises:
        ValueError: an array is missing, or has another dtype, shape or range.
    """
    names = tuple(texts_of(arrays, "class"))
    n_networks = int(array_of(arrays, "networks", np.int64, (), lowest=1, highest=len(arrays)))
    mixtures = [
        f"{stream}_mixture/{name}" for stream in ("loss", "feature") for name in MIXTURE_DTYPES
    ]
    of_network = [*(f.name for f in fields(Streams)), "top_label", "top_p", *mixtures]
    every = {f"{i}/{name}" for i in range(n_networks) for name in of_network}
    check_known(arrays, every | {"networks", "class_bytes", "class_lengths"})
    return [_read(arrays, i, len(names)) for i in range(n_networks)], names


def _read(arrays: dict[str, np.ndarray], i: int, k: int) -> Streams:
    """The streams of network i, told K classes apart."""

    def column(name: str, dtype: type, *shape: int | None, **checks: Any) -> np.ndarray:
        return array_of(arrays, f"{i}/{name}", dtype, shape, **checks)

    index = column("index", np.int64, None, lowest=0)
    n = len(index)
    transition = f"{i}/transition" in arrays
    return Streams(
        index,
        column("given", np.int64, n, lowest=0, highest=k - 1),
        column("loss", np.float32, n, finite=True),
        column("similarity", np.float32, n, finite=True),
        _mixtures(column, "loss", 1),
        _mixtures(column, "feature", k) if f"{i}/feature_mixture/mean" in arrays else None,
        bool(column("loss_abstains", np.bool_)),
        column("feature_abstains", np.bool_, k),
        column("transition", np.float64, k, k, finite=True) if transition else None,
        TopClasses(
            column("top_label", np.int32, n, min(TOP, k), lowest=0, highest=k - 1),
            column("top_p", np.float32, n, min(TOP, k), lowest=0, highest=1 + ROUNDED, finite=True),
        ),
        column("place", np.float16, n, None, finite=True),
    )


def _mixtures(column: Callable[..., np.ndarray], stream: str, groups: int) -> Mixtures:
    """The mixtures of one stream, read by `column`."""
    pairs = ("mean", "variance", "share")
    return Mixtures(
        *(
            column(
                f"{stream}_mixture/{name}",
                dtype,
                groups,
                *((2,) if name in pairs else ()),
                finite=True,
            )
            for name, dtype in MIXTURE_DTYPES.items()
        )
    )

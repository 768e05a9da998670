"""Both streams' scores of a round and the mixtures fitted to them, on file for audits."""

from __future__ import annotations

import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from tssd_keras.judge.divide import Division
from tssd_keras.judge.mixture import Mixtures

FORMAT = 1  # of the file; another number is refused
_MIXTURES = ("low", "high", "mean", "variance", "share", "ashman_d", "bimodal")


@dataclass(frozen=True)
class Streams:
    """The scores and mixtures of one network's two streams, of n samples.

    Attributes:
        index: int64[n], the samples' indices in their source, in rising order.
        given: int64[n] in 0..K-1, given labels.
        loss: float32[n] in nats, as the loss stream read it.
        similarity: float32[n], to the given class.
        loss_mixture: of the losses, one group.
        feature_mixture: of the similarities, one group a class.
        loss_abstains, feature_abstains: see `divide.Division`.
        transition: float64[K, K], the purification's P(given = column | true = row);
            None without one.
    """

    index: np.ndarray
    given: np.ndarray
    loss: np.ndarray
    similarity: np.ndarray
    loss_mixture: Mixtures
    feature_mixture: Mixtures
    loss_abstains: bool
    feature_abstains: np.ndarray
    transition: np.ndarray | None

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
        )


def save_streams(path: str | Path, streams: Sequence[Streams], class_names: Sequence[str]) -> None:
    """Write a round's streams as one compressed .npz file, without Python objects.

    Args:
        path: of the file.
        streams: one a network.
        class_names: K names; they are kept byte by byte, whatever is in them.
    """
    arrays: dict[str, Any] = {
        "format": np.array(FORMAT),
        "networks": np.array(len(streams)),
        **_as_bytes(class_names),
    }
    for i, network in enumerate(streams):
        columns = dict(vars(network))
        for stream in ("loss", "feature"):
            mixtures = columns.pop(f"{stream}_mixture")
            for name in _MIXTURES:
                arrays[f"{i}/{stream}_mixture/{name}"] = getattr(mixtures, name)
        if columns["transition"] is None:
            del columns["transition"]
        arrays.update({f"{i}/{name}": np.asarray(v) for name, v in columns.items()})
    np.savez_compressed(path, **arrays)


def load_streams(path: str | Path) -> tuple[list[Streams], tuple[str, ...]]:
    """Read the file of `save_streams`: the streams of each network, and the class names.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: it is cut short, another kind of file, or of another format.
    """
    try:
        with open(path, "rb") as handle, np.load(handle, allow_pickle=False) as file:
            if int(file["format"]) != FORMAT:
                raise ValueError(f"its format is {file['format']}, known is {FORMAT}")
            names = _as_text(file["class_bytes"], file["class_lengths"])
            return [_read(file, i) for i in range(int(file["networks"]))], names
    except (ValueError, KeyError, EOFError, zipfile.BadZipFile) as error:
        raise ValueError(
            f"{path} must hold a round's streams, as a run writes them, it does not: {error}. "
            "Run the recipe again."
        ) from error


def _read(file: np.lib.npyio.NpzFile, i: int) -> Streams:
    def mixtures(stream: str) -> Mixtures:
        return Mixtures(*(file[f"{i}/{stream}_mixture/{name}"] for name in _MIXTURES))

    return Streams(
        file[f"{i}/index"],
        file[f"{i}/given"],
        file[f"{i}/loss"],
        file[f"{i}/similarity"],
        mixtures("loss"),
        mixtures("feature"),
        bool(file[f"{i}/loss_abstains"]),
        file[f"{i}/feature_abstains"],
        file[f"{i}/transition"] if f"{i}/transition" in file.files else None,
    )


def _as_bytes(names: Sequence[str]) -> dict[str, np.ndarray]:
    """Names as UTF-8: numpy's own text drops NULs at the end and is as wide as the longest."""
    coded = [name.encode("utf-8", "surrogatepass") for name in names]
    return {
        "class_bytes": np.frombuffer(b"".join(coded), np.uint8),
        "class_lengths": np.array([len(c) for c in coded], np.int64),
    }


def _as_text(coded: np.ndarray, lengths: np.ndarray) -> tuple[str, ...]:
    ends = np.cumsum(lengths)
    whole = coded.tobytes()
    return tuple(
        whole[end - length : end].decode("utf-8", "surrogatepass")
        for end, length in zip(ends.tolist(), lengths.tolist(), strict=True)
    )

"""Encoded images of a TFDS data set, read from its TFRecord shards in any order.

A TFRecord is uint64 length, uint32 check of the length, the bytes, uint32 check of the bytes.
Memory holds the place of each record: 12 bytes a sample.
"""

from __future__ import annotations

import mmap
import struct
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from tssd_keras.data.decoding import BadImage

AGAIN = "Remove its folder and prepare the data set again."
_LENGTH = struct.Struct("<Q")
_BEFORE, _AFTER = 12, 4  # bytes around a record's own


class RecordFiles:
    """The images of one split, in storage order.

    Args:
        shards: TFRecord files in storage order, each record a tf.train.Example.
        lengths: records of each shard.
        feature: name of the image in it.
        name: of the split, for messages.

    Attributes:
        ids: text[N], names of the images; None: they are numbered.

    Raises:
        FileNotFoundError: a shard is not there.
        ValueError: a shard is cut short.
    """

    def __init__(
        self, shards: Sequence[Path], lengths: Sequence[int], feature: str, name: str
    ) -> None:
        self._feature, self._name = feature, name
        self.ids: np.ndarray | None = None
        self._shards = [_mapped(path) for path in shards]
        starts = [
            _record_starts(path, data, n)
            for path, data, n in zip(shards, self._shards, lengths, strict=True)
        ]
        self._start = np.concatenate([np.empty(0, np.int64), *starts])
        counts = [len(part) for part in starts]
        self._shard = np.repeat(np.arange(len(counts), dtype=np.int32), counts)

    def __len__(self) -> int:
        return len(self._start)

    def __getitem__(self, i: int) -> bytes:
        from google.protobuf.message import DecodeError
        from tensorflow.core.example.example_pb2 import Example

        shard, start = self._shards[self._shard[i]], int(self._start[i])
        (length,) = _LENGTH.unpack_from(shard, start)
        begin = start + _BEFORE
        try:
            example = Example.FromString(shard[begin : begin + length])
        except DecodeError as error:
            raise BadImage("is no image: its record is damaged; prepare the data again") from error
        values = example.features.feature[self._feature].bytes_list.value
        if len(values) != 1:
            raise BadImage(f"is no image: its record holds {len(values)}; prepare the data again")
        return values[0]

    def name(self, i: int) -> str:
        """See `EncodedFiles.name`."""
        return f"{f'image {i}' if self.ids is None else self.ids[i]} of {self._name}"


def _mapped(path: Path) -> mmap.mmap | bytes:
    if not path.is_file():
        raise FileNotFoundError(f"{path} must be there, it is not. {AGAIN}")
    if not path.stat().st_size:
        return b""  # an empty file cannot be mapped
    with open(path, "rb") as file:
        return mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)


def _record_starts(path: Path, data: mmap.mmap | bytes, n: int) -> np.ndarray:
    """int64[n], where each record of a shard begins."""
    starts, at, end = [], 0, len(data)
    while at < end:
        length = _LENGTH.unpack_from(data, at)[0] if at + _BEFORE <= end else end
        if at + _BEFORE + length + _AFTER > end:
            raise ValueError(
                f"{path} is damaged or cut short: the record at byte {at:,} ends beyond the file. "
                f"{AGAIN}"
            )
        starts.append(at)
        at += _BEFORE + length + _AFTER
    if len(starts) != n:
        raise ValueError(
            f"{path} must hold {n:,} records as dataset_info.json says, it holds {len(starts):,}. "
            f"{AGAIN}"
        )
    return np.array(starts, np.int64)

"""Equal samples: shared by training and test, or held twice by training."""

from __future__ import annotations

import dataclasses
import os
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path
from typing import Any

import click
import numpy as np

from tssd_keras.data.columns import names_of, write_columns
from tssd_keras.data.inputs import ArrayInputs, Inputs
from tssd_keras.data.labelled_data import LabelledData
from tssd_keras.data.nested import leaves, parts_of

BLOCK_BYTES = 16 << 20  # of samples that a thread reads at a time
SHORT_WAIT = 20_000  # samples take some seconds: no progress bar
DIGEST = 16  # bytes; among 10^9 different samples two share one with a chance of 10^-21
IN_TEST, CONFLICT, COPY = 0, 1, 2
KINDS = ("train+test", "different labels", "same label")


@dataclass(frozen=True, eq=False)
class Duplicates:
    """The M members of all groups of equal samples that matter.

    A group is all samples, of training and test, that equal each other. A group matters if it
    holds a training and a test sample, or two training samples. Members are sorted by group,
    training before test, then by index.

    Attributes:
        group: int64[M], from 0; groups are numbered by their first training sample.
        in_test: bool[M], whether the member is a test sample.
        index: int64[M], the member's index within its split.
        given: int64[M], its label.
        kind: int8[M], an index into `KINDS`, of the whole group. A group shared with test is
            "train+test", whatever its labels.
        n_train_in_test: training samples that equal a test sample.
        n_conflicting: training samples of groups whose training samples have
            different labels.
        n_train_copies: training samples of groups with at least two of them.
    """

    group: np.ndarray
    in_test: np.ndarray
    index: np.ndarray
    given: np.ndarray
    kind: np.ndarray
    n_train_in_test: int
    n_conflicting: int
    n_train_copies: int

    def __len__(self) -> int:
        return len(self.group)


def digests(inputs: Inputs, on_batch: Callable[[int], None] | None = None) -> np.ndarray:
    """A digest of each sample; equal digests are taken for equal samples.

    Args:
        inputs: N samples, read in blocks by several threads.
        on_batch: called with the number of samples done, for a progress bar.

    Returns:
        uint8[N, 16], BLAKE2b-128 of the sample's bytes in its dtype. Digests of
        samples of different shape or dtype say nothing of each other.
    """
    n = len(inputs)
    parts = parts_of(inputs).values()
    sample = sum(int(np.prod(part.shape[1:])) * np.dtype(part.dtype).itemsize for part in parts)
    size = max(1, BLOCK_BYTES // max(sample, 1))
    out = np.empty((n, DIGEST), np.uint8)

    def digest(start: int) -> int:
        rows = np.arange(start, min(start + size, n))
        read = [np.ascontiguousarray(part) for _, part in leaves(inputs.read(rows))]
        for row, sample in zip(rows, zip(*read, strict=True), strict=True):
            hashed = blake2b(b"".join(map(_bytes, sample)), digest_size=DIGEST).digest()
            out[row] = np.frombuffer(hashed, np.uint8)
        return len(rows)

    with ThreadPoolExecutor(min(8, os.cpu_count() or 1)) as pool:
        for done in pool.map(digest, range(0, n, size)):
            if on_batch is not None:
                on_batch(done)
    return out


def _bytes(part: np.ndarray | str | bytes) -> bytes:
    """Of one part of a sample; a text's do not depend on how wide the array is."""
    array = np.asarray(part)
    if array.dtype.kind not in "SUO":
        return array.tobytes()
    return "\0".join(map(_text, array.ravel().tolist())).encode("utf-8", "surrogateescape")


def _text(value: str | bytes) -> str:
    return value.decode("utf-8", "surrogateescape") if isinstance(value, bytes) else value


def among(some: np.ndarray, others: np.ndarray) -> np.ndarray:
    """Which samples equal one of others, by the digests of both.

    Args:
        some: uint8[N, 16], of `digests`.
        others: uint8[M, 16].

    Returns:
        bool[N].
    """
    ours, theirs = (
        np.ascontiguousarray(each).view(f"S{DIGEST}").ravel() for each in (some, others)
    )
    return np.isin(ours, theirs)


def equal_to_some(hashes: np.ndarray | None, some: np.ndarray) -> np.ndarray:
    """Which of N samples equal one of some of them, these included.

    Args:
        hashes: uint8[N, 16], of `digests`; None where nobody looked: some, and no others.
        some: bool[N].

    Returns:
        bool[N].
    """
    return some if hashes is None else among(hashes, hashes[some])


def in_test(data: LabelledData) -> np.ndarray:
    """bool[N], which training samples equal a test sample; none where nobody looked."""
    if data.digests is None or data.test_digests is None:
        return np.zeros(len(data.labels), bool)
    return among(data.digests, data.test_digests)


def with_digests(data: LabelledData) -> LabelledData:
    """The data with hashes of their samples, where these lie in memory; else as they are."""
    computed: dict[str, Any] = {}
    for name, inputs in (("digests", data.inputs), ("test_digests", data.test_inputs)):
        if getattr(data, name) is None and isinstance(inputs, ArrayInputs):
            bar = click.progressbar(
                length=len(inputs),
                label=f"comparing samples of {data.name}",
                file=sys.stderr,
                hidden=len(inputs) < SHORT_WAIT,
            )
            with bar:
                computed[name] = digests(inputs, bar.update)
    return dataclasses.replace(data, **computed) if computed else data


def find_duplicates(
    train: np.ndarray, test: np.ndarray, labels: np.ndarray, test_labels: np.ndarray
) -> Duplicates:
    """Find equal samples by their digests.

    Args:
        train: uint8[N, 16], of `digests`.
        test: uint8[T, 16].
        labels: int64[N], given.
        test_labels: int64[T].

    Raises:
        ValueError: digests and labels do not belong together.
    """
    for name, digest, of in (("train", train, labels), ("test", test, test_labels)):
        if digest.shape != (len(of), DIGEST) or digest.dtype != np.uint8:
            raise ValueError(
                f"{name} must be digests of as many samples as there are labels, "
                f"uint8[{len(of)}, {DIGEST}], got {digest.dtype}{digest.shape}."
            )
    n = len(train)
    both = np.ascontiguousarray(np.concatenate([train, test])).view(f"V{DIGEST}").ravel()
    group = np.unique(both, return_inverse=True)[1].reshape(-1)
    n_groups = int(group.max(initial=-1)) + 1
    in_train = np.bincount(group[:n], minlength=n_groups)
    in_test = np.bincount(group[n:], minlength=n_groups)
    lowest, highest = np.full(n_groups, np.iinfo(np.int64).max), np.full(n_groups, -1)
    np.minimum.at(lowest, group[:n], labels)
    np.maximum.at(highest, group[:n], labels)
    conflict = (in_train >= 2) & (lowest < highest)
    shared = (in_train >= 1) & (in_test >= 1)
    kind = np.where(shared, IN_TEST, np.where(conflict, CONFLICT, COPY)).astype(np.int8)

    member = np.flatnonzero((shared | (in_train >= 2))[group])  # training first, then test
    # In this order a group is first met at its first training sample.
    _, first_member, number = np.unique(group[member], return_index=True, return_inverse=True)
    rank = np.empty(len(first_member), np.int64)
    rank[np.argsort(first_member)] = np.arange(len(first_member))
    ranked = rank[number.reshape(-1)]
    order = np.argsort(ranked, kind="stable")
    member = member[order]
    return Duplicates(
        group=ranked[order],
        in_test=member >= n,
        index=np.where(member >= n, member - n, member),
        given=np.concatenate([labels, test_labels]).astype(np.int64)[member],
        kind=kind[group[member]],
        n_train_in_test=int(in_train[shared].sum()),
        n_conflicting=int(in_train[conflict].sum()),
        n_train_copies=int(in_train[in_train >= 2].sum()),
    )


def summary(duplicates: Duplicates, n_named: int = 3) -> str:
    """One line for a person: counts, and the first few groups.

    Args:
        duplicates: of `find_duplicates`.
        n_named: groups that are named.
    """
    if not len(duplicates):
        return "no training sample equals another training sample or a test sample"
    n_groups = int(duplicates.group[-1]) + 1
    named = []
    for group in range(min(n_named, n_groups)):
        rows = np.flatnonzero(duplicates.group == group)[:4]
        named.append(
            " = ".join(
                f"{'test' if duplicates.in_test[row] else 'train'} {duplicates.index[row]}"
                for row in rows
            )
        )
    return (
        f"{duplicates.n_train_in_test:,} training samples equal a test sample, "
        f"{duplicates.n_train_copies:,} equal another training sample, "
        f"{duplicates.n_conflicting:,} one with a different label; {n_groups:,} groups, "
        f"the first: {'; '.join(named)}"
    )


def write_csv(
    path: str | Path,
    duplicates: Duplicates,
    class_names: tuple[str, ...],
    *,
    ids: np.ndarray | None = None,
    test_ids: np.ndarray | None = None,
) -> None:
    """Write the groups for a person: one row a member.

    Args:
        path: of the CSV file.
        duplicates: of `find_duplicates`.
        class_names: K names in label order.
        ids: str[N], the source's own names of the training samples.
        test_ids: str[T], those of the test samples.
    """
    members = list(zip(duplicates.in_test.tolist(), duplicates.index.tolist(), strict=True))
    names = [test_ids if in_test else ids for in_test, _ in members]
    write_columns(
        path,
        {
            "group": duplicates.group,
            "split": ["test" if in_test else "train" for in_test, _ in members],
            "index": duplicates.index,
            "id": [
                None if of_split is None else of_split[index]
                for of_split, (_, index) in zip(names, members, strict=True)
            ],
            "given": names_of(duplicates.given, class_names),
            "kind": names_of(duplicates.kind, KINDS),
        },
    )

"""Step 3: the file of decisions as columns, one entry a decided sample."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from tssd_keras.labels.decisions.checks import Fit, check_hash, decision_of, sample_of
from tssd_keras.labels.decisions.table import LABELS, Mistakes, once_each, read_rows, whole_number


@dataclass(frozen=True, eq=False)
class Decisions:
    """What people decided of n samples.

    Attributes:
        index: int64[n], rising, in the training split.
        label: int64[n], the decided classes; -1 of what is unusable.
        action: object[n] of str.
        stratum: object[n] of str, that each was shown from; "" where unknown.
        stratum_size: int64[n], samples of the stream in that stratum.
        golden: bool[n], the half that teaches MSP.
        sha256: of the file.
    """

    index: np.ndarray
    label: np.ndarray
    action: np.ndarray
    stratum: np.ndarray
    stratum_size: np.ndarray
    golden: np.ndarray
    sha256: str

    def __len__(self) -> int:
        return len(self.index)

    @property
    def unusable(self) -> np.ndarray:
        """int64[m]: the samples that are not to be trained on."""
        return self.index[self.label < 0]


@dataclass(frozen=True)
class _Row:
    """A decision, from its line of the file."""

    line: int
    index: int
    label: int
    action: str
    stratum: str
    stratum_size: int


def in_golden_half(ids: list[str]) -> np.ndarray:
    """bool[n]: the half of each sample, by the hash of its name alone.

    Args:
        ids: the source's own names of the samples, their indices as text where it has none.
    """
    return np.array([_digest(name)[0] % 2 == 1 for name in ids], bool)


def _digest(name: str) -> bytes:
    return hashlib.sha256(name.encode(errors="surrogateescape")).digest()


def read_decisions(
    path: str | Path,
    *,
    given: np.ndarray,
    class_names: tuple[str, ...],
    ids: np.ndarray | None,
    labels_sha256: str,
) -> Decisions:
    """Read the file that `python cli.py relabel` writes.

    Args:
        path: of the file.
        given: int64[N], given labels of the training split, as they were decided on.
        class_names: K names in label order.
        ids: str[N], or None.
        labels_sha256: hash of `given`.

    Raises:
        FileNotFoundError: there is no such file.
        DecisionError: it is of other labels, or no such file; lists every mistake.
    """
    path = Path(path).expanduser()
    if not path.is_file():
        raise FileNotFoundError(
            "golden.decisions must name the file that python cli.py relabel writes, "
            f"{path.absolute()} is {'no file' if path.exists() else 'not there'}."
        )
    fit = Fit(
        given, class_names, (lambda i: "") if ids is None else (lambda i: ids[i]), labels_sha256
    )
    mistakes = Mistakes()
    rows = list(_decided_rows(path, fit, mistakes))
    places = once_each([(row.line, row.index, fit.name(row.label)) for row in rows], mistakes)
    rows = [rows[places[index]] for index in sorted(places)]
    if not rows and not mistakes:
        mistakes.add("somebody must have decided on a sample", "nobody has")
    _check_strata(rows, mistakes)
    mistakes.refuse(
        path,
        "golden.decisions takes what python cli.py relabel RUN decisions.csv --out FILE writes, "
        "for the same data and noise",
    )
    return Decisions(
        index=np.array([row.index for row in rows], np.int64),
        label=np.array([row.label for row in rows], np.int64),
        action=_objects([row.action for row in rows]),
        stratum=_objects([row.stratum for row in rows]),
        stratum_size=np.array([row.stratum_size for row in rows], np.int64),
        golden=in_golden_half([fit.id_of(row.index) or str(row.index) for row in rows]),
        sha256=hashlib.sha256(path.read_bytes()).hexdigest(),
    )


def _decided_rows(path: Path, fit: Fit, mistakes: Mistakes) -> Iterator[_Row]:
    """The rows that carry a decision and have no mistake."""
    for line, cells in read_rows(path, LABELS, mistakes):
        if not cells["action"]:
            if cells["label"] != cells["given"]:
                mistakes.add("a sample without an action must have its given label", f"line {line}")
            continue
        check_hash(line, cells, fit, mistakes)
        index = sample_of(line, cells, fit, mistakes)
        if index is None:
            continue
        label = decision_of(line, cells, cells["label"], fit, mistakes)
        size = whole_number(cells["stratum_size"])
        if not size:
            mistakes.add("stratum_size must be a whole number above 0", f"line {line}")
        elif label is not None:
            yield _Row(line, index, label, cells["action"], cells["stratum"], size)


def _check_strata(rows: list[_Row], mistakes: Mistakes) -> None:
    """Note strata of two sizes, and strata of fewer samples than rows."""
    first_rows: dict[str, _Row] = {}
    for row in rows:
        first = first_rows.setdefault(row.stratum, row)
        if first.stratum_size != row.stratum_size:
            mistakes.add(
                "a stratum must have one stratum_size",
                f"{row.stratum!r} has {first.stratum_size} in line {first.line} and "
                f"{row.stratum_size} in line {row.line}",
            )
    count = Counter(row.stratum for row in rows)
    for stratum, row in first_rows.items():
        if count[stratum] > row.stratum_size:
            mistakes.add(
                "a stratum must hold the samples that were shown from it",
                f"{stratum!r} of size {row.stratum_size} has {count[stratum]}",
            )


def _objects(texts: list[str]) -> np.ndarray:
    column = np.empty(len(texts), object)
    column[:] = texts
    return column

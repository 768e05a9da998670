"""What a run does with decisions: half of them are trained on, the other half teaches MSP.

Decided samples were shown because they were suspect, so they are a biased
sample of the stream. What corrects for it is the stratum that each was shown
from and the number of samples in that stratum.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from tssd_keras.labels.decision_checks import Fit, check_hash, decision_of, sample_of
from tssd_keras.labels.decision_table import LABELS, Mistakes, once_each, read_rows, whole_number

# Weights to this power. Full weights are unbiased and rest on few samples; equal ones rest on all
# samples and are biased. benchmarks/decision_weights.py, AUROC of q by power 0, 1/4, 1/2, 1, mean
# of seeds 7 to 10: .9488 .9565 .9561 .9522 with the page's first 500 suspects decided on, .9702
# .9694 .9680 .9631 with 500 spread over all suspects.
FLATTENED = 0.25


@dataclass(frozen=True, eq=False)
class Decisions:
    """What people decided of n samples.

    Attributes:
        index: int64[n], rising, in the training split.
        label: int64[n], the decided classes.
        action: object[n] of str.
        stratum: object[n] of str, which each was shown from; empty: nobody knows.
        stratum_size: int64[n], samples of the stream in that stratum.
        golden: bool[n], the half that is to teach MSP.
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


def in_golden_half(ids: list[str]) -> np.ndarray:
    """Which half each sample falls into, whoever decides on what else: bool[n].

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
    found: list[tuple[int, int, int, str, str, int]] = []
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
            found.append((line, index, label, cells["action"], cells["stratum"], size))
    places = once_each([(f[0], f[1], class_names[f[2]]) for f in found], mistakes)
    found = [found[places[index]] for index in sorted(places)]
    if not found and not mistakes:
        mistakes.add("somebody must have decided on a sample", "nobody has")
    _check_strata([(f[0], f[4], f[5]) for f in found], mistakes)
    mistakes.refuse(
        path,
        "golden.decisions takes what python cli.py relabel RUN decisions.csv --out FILE writes, "
        "for the same data and noise",
    )
    columns = list(zip(*found, strict=True))
    names = [fit.id_of(i) or str(i) for i in columns[1]]
    return Decisions(
        np.array(columns[1], np.int64),
        np.array(columns[2], np.int64),
        _objects(columns[3]),
        _objects(columns[4]),
        np.array(columns[5], np.int64),
        in_golden_half(names),
        hashlib.sha256(path.read_bytes()).hexdigest(),
    )


def _check_strata(rows: list[tuple[int, str, int]], mistakes: Mistakes) -> None:
    """Rows are line, stratum, its size."""
    first: dict[str, tuple[int, int]] = {}
    count: dict[str, int] = {}
    for line, stratum, size in rows:
        count[stratum] = count.get(stratum, 0) + 1
        at = first.setdefault(stratum, (line, size))
        if at[1] != size:
            mistakes.add(
                "a stratum must have one stratum_size",
                f"{stratum!r} has {at[1]} in line {at[0]} and {size} in line {line}",
            )
    for stratum, (_, size) in first.items():
        if count[stratum] > size:
            mistakes.add(
                "a stratum must hold the samples that were shown from it",
                f"{stratum!r} of size {size} has {count[stratum]}",
            )


def _objects(texts: tuple[str, ...]) -> np.ndarray:
    column = np.empty(len(texts), object)
    column[:] = texts
    return column


def stands_for(
    stratum: np.ndarray, stratum_size: np.ndarray, *, n_uniform: int, n_stream: int
) -> np.ndarray:
    """How many samples of the stream each golden sample stands for.

    A sample that is in a stratum can have come in two ways: drawn with the
    golden samples of the whole stream, or decided on, shown from the stratum.
    Both are counted together, so that a stratum of N_h samples is stood for by its n_h
    decided ones and by the M N_h / N drawn ones that are expected in it, each for
    N_h / (n_h + M N_h / N). Of a drawn one nobody knows the stratum, so it gets the
    mean over where it may lie. The sum is N. The result is flattened, see `FLATTENED`.

    Args:
        stratum: object[m] of str, of the m decided golden samples.
        stratum_size: int64[m], N_h.
        n_uniform: M, golden samples that were drawn from the whole stream.
        n_stream: N.

    Returns:
        float64[M + m], drawn ones first.

    Source:
        Kalton and Anderson, "Sampling rare populations", JRSS A 1986 (one frame out
        of several); Shimodaira, "Improving predictive inference under covariate shift
        by weighting the log-likelihood function", JSPI 2000 (flattening).
    """
    _, first, inverse, n_decided = np.unique(
        stratum.astype(str), return_index=True, return_inverse=True, return_counts=True
    )
    size = stratum_size[first].astype(np.float64)
    n_stream = max(n_stream, int(size.sum()))
    n_drawn = n_uniform * size / n_stream
    decided = size / (n_decided + n_drawn)
    drawn = (n_stream - size.sum() + (n_drawn * decided).sum()) / max(n_uniform, 1)
    every = np.concatenate([np.full(n_uniform, drawn), decided[inverse.reshape(-1)]])
    return every**FLATTENED

"""`relabel`: decisions applied to the given labels of the run that they were made on."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from tssd_keras.data.columns import names_of, write_columns
from tssd_keras.data.whole_file import new_file
from tssd_keras.labels.decisions.checks import Fit, check_hash, check_unsure, decision_of, sample_of
from tssd_keras.labels.decisions.table import (
    DECISIONS,
    LABELS,
    UNSURE,
    DecisionError,
    Mistakes,
    once_each,
    read_rows,
    shown,
    whole_number,
)
from tssd_keras.run.read import RunLabels, read_labels

BEFORE = "decided before"  # the stratum of what people had decided before the run

STRATA = "strata.csv"

Cells = dict[str, str]  # of a row, by column


@dataclass(frozen=True, eq=False)
class Strata:
    """From which strata an audit showed its samples.

    Attributes:
        of_sample: index -> stratum; empty without an audit.
        size: stratum -> its samples; empty without an audit.
    """

    of_sample: dict[int, str]
    size: dict[str, int]


@dataclass(frozen=True)
class Applied:
    """What `relabel` did.

    Attributes:
        actions: action -> decisions.
        changed: labels that differ from the given ones.
        unsure: samples that somebody looked at and did not decide on.
        before: decisions that the run itself was given.
    """

    actions: dict[str, int]
    changed: int
    unsure: int
    before: int


def relabel(run: Path, decisions: Path, out: Path, *, audit: Path | None = None) -> Applied:
    """Apply decisions to a run's given labels.

    Args:
        run: a run folder, or that of an audit of a model's outputs.
        decisions: CSV of `decisions.table.DECISIONS`, made on that run.
        out: new file: a row a sample of the training split, see
            `decisions.table.LABELS`; named .npy, the labels alone as int64[N], -1 of what is
            unusable. What was decided before the run stays decided.
        audit: folder with strata.csv and samples.csv; by default RUN/audit, or RUN where that
            has strata.csv. Only read where decisions name a stratum.

    Raises:
        FileExistsError: the output file exists.
        FileNotFoundError: the run folder or the decisions do not exist.
        ValueError: the output's name ends in neither .csv nor .npy.
        DecisionError: some decisions do not fit, lists every mistake; nothing was
            written.
        ValueError: the run's or the audit's files are not as they were written.
    """
    if out.suffix.lower() not in (".csv", ".npy"):
        raise ValueError(f"--out must end in .csv, or in .npy for labels alone, got {out}.")
    if out.exists():
        raise FileExistsError(f"{out} is there already, and is not written over. Name another.")
    if not out.parent.is_dir():
        raise FileNotFoundError(f"{out} must lie in a folder that is there, {out.parent} is not.")
    labels = read_labels(run)
    strata = read_strata(audit_of(run) if audit is None else audit)
    decided = fitting_decisions(decisions, labels, strata)
    unsure = [index for index, cells in decided.items() if cells["action"] == UNSURE]
    for index in unsure:
        del decided[index]
    if not decided:
        raise DecisionError(
            f"{decisions} must decide on a sample, and somebody was not sure of any of the "
            f"{len(unsure):,} that it names. Nothing was written."
        )
    columns = _columns(labels, strata, decided)
    with new_file(out) as part:
        if labels_alone(out):
            _save_labels(part, columns["label"], labels.class_names)
        else:
            write_columns(part, columns)
    return Applied(
        actions=dict(Counter(cells["action"] for cells in decided.values())),
        changed=sum(a != b for a, b in zip(columns["label"], columns["given"], strict=True)),
        unsure=len(unsure),
        before=len(_earlier(labels)),
    )


def labels_alone(out: Path) -> bool:
    """Whether a file has labels alone, by its name; one with decisions is a CSV file."""
    return out.suffix.lower() == ".npy"


def _save_labels(path: Path, names: list[str], class_names: tuple[str, ...]) -> None:
    """Write int64[N], -1 where there is no name."""
    place = {name: label for label, name in enumerate(class_names)}
    labels = np.array([place.get(name, -1) for name in names], "<i8")
    with open(path, "wb") as file:
        np.save(file, labels, allow_pickle=False)


def audit_of(run: Path) -> Path:
    """The folder of a run's audit; that of outputs is its own."""
    return run if (run / STRATA).is_file() else run / "audit"


def _columns(labels: RunLabels, strata: Strata, decided: dict[int, Cells]) -> dict[str, list]:
    """The columns `LABELS`, of every sample of the training split.

    Decided samples without a stratum stand for themselves alone. So do those decided before:
    all samples of such a stratum are decided.
    """
    n = len(labels.given)
    given = names_of(labels.given, labels.class_names)
    columns: dict[str, list] = {name: [None] * n for name in LABELS}
    columns |= {"index": list(range(n)), "label": list(given), "given": given}
    for index, own_name in labels.ids.items():
        columns["id"][index] = own_name
    earlier = _earlier(labels)
    without_stratum = sum(cells["stratum"] == "" for cells in decided.values())
    sizes = {**strata.size, "": without_stratum, BEFORE: len(earlier)}
    for index, cells in {**decided, **earlier}.items():
        columns["id"][index] = cells["id"]
        columns["label"][index] = cells["decided"]
        columns["action"][index] = cells["action"]
        columns["stratum"][index] = cells["stratum"]
        columns["stratum_size"][index] = sizes[cells["stratum"]]
        columns["labels_sha256"][index] = labels.labels_sha256
    return columns


def _earlier(labels: RunLabels) -> dict[int, Cells]:
    """What was decided before the run: index of the sample -> its cells."""
    if labels.decided is None:
        return {}
    made = labels.decided
    names = names_of(made.label, labels.class_names)
    return {
        index: {"id": own_name, "decided": name, "action": action, "stratum": BEFORE}
        for index, own_name, name, action in zip(
            made.index.tolist(), made.ids, names, made.action, strict=True
        )
    }


def fitting_decisions(path: Path, labels: RunLabels, strata: Strata) -> dict[int, Cells]:
    """Decisions that fit a run, the unsure too: index of the sample -> cells of its row.

    Raises:
        FileNotFoundError: the file does not exist.
        DecisionError: some do not fit.
    """
    mistakes = Mistakes()
    fit = Fit(
        labels.given, labels.class_names, lambda index: labels.ids[index], labels.labels_sha256
    )
    fitting: list[tuple[int, int, Cells]] = []
    for line, cells in read_rows(path, DECISIONS, mistakes):
        check_hash(line, cells, fit, mistakes)
        if _can_be_decided(line, cells, labels, mistakes):
            fitting += _fitting(line, cells, fit, strata, mistakes)
    if not fitting and not mistakes:
        mistakes.add("there must be decisions", "there is none")
    places = once_each(
        [(line, i, cells["decided"] or cells["action"]) for line, i, cells in fitting], mistakes
    )
    mistakes.refuse(
        path,
        "Nothing was written. Export the decisions from the page of this run's own audit",
    )
    return {index: fitting[place][2] for index, place in places.items()}


def _can_be_decided(line: int, cells: Cells, labels: RunLabels, mistakes: Mistakes) -> bool:
    """Whether a row is not about a sample that the run did not judge."""
    index = whole_number(cells["index"])
    if index is None or index >= len(labels.given) or index in labels.ids:
        return True
    before = labels.decided is not None and index in labels.decided.index
    reason = "was decided before" if before else "is golden or held out"
    mistakes.add(
        "a decided sample must be one that the run judged", f"line {line}, sample {index} {reason}"
    )
    return False


def _fitting(
    line: int, cells: Cells, fit: Fit, strata: Strata, mistakes: Mistakes
) -> Iterator[tuple[int, int, Cells]]:
    """Line, index and cells of a row that fits, with the sample's and the class's own name."""
    index = sample_of(line, cells, fit, mistakes)
    if index is None:
        return
    if cells["action"] == UNSURE:
        label: int | None = -1
        check_unsure(line, cells["decided"], mistakes)
    else:
        label = decision_of(line, cells, cells["decided"], fit, mistakes)
    in_stratum = _in_stratum(line, index, cells["stratum"], strata, mistakes)
    if in_stratum and label is not None:
        own_names = {"id": fit.id_of(index), "decided": fit.name(label)}
        yield line, index, {**cells, **own_names}


def _in_stratum(line: int, index: int, stratum: str, strata: Strata, mistakes: Mistakes) -> bool:
    """Whether a sample was shown from that stratum; a row need not name one."""
    if not stratum or strata.of_sample.get(index) == stratum in strata.size:
        return True
    if not strata.size:
        mistakes.add(
            "the strata must be in strata.csv and samples.csv of the audit",
            f"line {line} names {shown(stratum)}; python cli.py audit RUN writes them, and --audit "
            "says where they are",
        )
    else:
        mistakes.add(
            "stratum must be the sample's own",
            f"line {line} has {shown(stratum)}, sample {index} has "
            f"{shown(strata.of_sample.get(index, ''))}",
        )
    return False


def read_strata(audit: Path) -> Strata:
    """The strata of an audit's folder, which need not be there.

    Raises:
        DecisionError: its tables are not as the audit wrote them.
    """
    samples, sizes = audit / "samples.csv", audit / STRATA
    if not samples.is_file() or not sizes.is_file():
        return Strata({}, {})
    try:
        return Strata(
            {int(r["index"]): r["stratum"] for r in _table(samples, ("index", "stratum"))},
            {r["stratum"]: int(r["samples"]) for r in _table(sizes, ("stratum", "samples"))},
        )
    except ValueError as error:
        raise DecisionError(
            f"{audit} must be as an audit wrote it, and is not: {error}. Was it edited?"
        ) from error


def _table(path: Path, columns: tuple[str, ...]) -> Iterator[Cells]:
    """Rows of a table that this library wrote."""
    mistakes = Mistakes()
    yield from (cells for _, cells in read_rows(path, columns, mistakes))
    mistakes.refuse(path, "It is not as it was written")

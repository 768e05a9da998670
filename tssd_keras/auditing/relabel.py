"""`relabel`: decisions applied to the given labels of the run that they were made on."""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from tssd_keras.labels.decisions.checks import Fit, check_hash, decision_of, sample_of
from tssd_keras.labels.decisions.table import (
    DECISIONS,
    LABELS,
    DecisionError,
    Mistakes,
    once_each,
    read_rows,
    shown,
    whole_number,
)
from tssd_keras.labels.decisions.uses import COLUMNS as DECIDED
from tssd_keras.labels.noise import labels_sha256

BEFORE = "decided before"  # the stratum of what the run itself was told


@dataclass(frozen=True, eq=False)
class Audited:
    """What decisions on a run can be about, read from its folder.

    Attributes:
        given: int64[N], of the whole training split.
        labels_sha256: their hash.
        class_names: K names in label order.
        ids: index -> the source's own name, of the samples of the stream; empty texts
            where it has none.
        stratum: index -> stratum, of the samples whose stratum the audit wrote down.
        stratum_size: stratum -> its samples.
        before: index -> a row of decided.csv, of what the run was told itself.
    """

    given: np.ndarray
    labels_sha256: str
    class_names: tuple[str, ...]
    ids: dict[int, str]
    stratum: dict[int, str]
    stratum_size: dict[str, int]
    before: dict[int, dict[str, str]]


@dataclass(frozen=True)
class Applied:
    """What `relabel` did: counts of decisions by action, of changed labels, of earlier ones."""

    actions: dict[str, int]
    changed: int
    before: int


def relabel(run: Path, decisions: Path, out: Path, *, audit: Path | None = None) -> Applied:
    """Apply decisions to a run's given labels.

    Args:
        run: a run folder.
        decisions: CSV of `decisions_format.DECISIONS`, made on that run.
        out: new file: a row a sample of the training split, see
            `decisions_format.LABELS`. What the run was itself told stays decided.
        audit: folder with strata.csv and samples.csv; by default RUN/audit. Only read
            where decisions name a stratum.

    Raises:
        FileExistsError: there is such a file.
        FileNotFoundError: the run folder or the decisions are not there.
        DecisionError: some decisions do not fit, lists every mistake; nothing was
            written.
    """
    if out.exists():
        raise FileExistsError(f"{out} is there already, and is not written over. Name another.")
    if not out.parent.is_dir():
        raise FileNotFoundError(f"{out} must lie in a folder that is there, {out.parent} is not.")
    audited = read_run(run, run / "audit" if audit is None else audit)
    found = fitting_decisions(decisions, audited)
    changed = 0
    part = out.with_name(f".{out.name}.part")
    try:
        with open(part, "w", newline="", encoding="utf-8", errors="surrogateescape") as file:
            writer = csv.DictWriter(file, LABELS)
            writer.writeheader()
            for row in _rows(audited, found):
                changed += row["label"] != row["given"]
                writer.writerow(row)
        part.rename(out)
    finally:
        part.unlink(missing_ok=True)
    return Applied(
        dict(Counter(row["action"] for row in found.values())), changed, len(audited.before)
    )


def _rows(audited: Audited, found: dict[int, dict[str, str]]) -> Iterator[dict[str, object]]:
    """Every sample's row of the file that is written.

    What nobody knows the stratum of stands for itself alone, and so does what was
    decided before: all samples of such a stratum are decided.
    """
    alone = sum(row["stratum"] == "" for row in found.values())
    sizes = {**audited.stratum_size, "": alone, BEFORE: len(audited.before)}
    told = {**found, **{i: {**row, "stratum": BEFORE} for i, row in audited.before.items()}}
    for index, label in enumerate(audited.given.tolist()):
        given = audited.class_names[label] if label >= 0 else ""
        row: dict[str, object] = {
            "index": index,
            "id": audited.ids.get(index, ""),
            "label": given,
            "given": given,
        }
        if index in told:
            own = told[index]
            row |= {"id": own["id"], "label": own["decided"], "action": own["action"]}
            row |= {"stratum": own["stratum"], "stratum_size": sizes[own["stratum"]]}
            row |= {"labels_sha256": audited.labels_sha256}
        yield row


def fitting_decisions(path: Path, audited: Audited) -> dict[int, dict[str, str]]:
    """Decisions that fit a run: index of the sample -> its row.

    Raises:
        FileNotFoundError: there is no such file.
        DecisionError: some do not fit.
    """
    mistakes = Mistakes()
    fit = Fit(
        audited.given,
        audited.class_names,
        lambda index: audited.ids[index],
        audited.labels_sha256,
    )
    found = []
    for line, cells in read_rows(path, DECISIONS, mistakes):
        check_hash(line, cells, fit, mistakes)
        index = whole_number(cells["index"])
        if index is not None and index < len(audited.given) and index not in audited.ids:
            mistakes.add(
                "a decided sample must be one that the run judged",
                f"line {line}, sample {index} "
                + ("was decided before" if index in audited.before else "is golden or held out"),
            )
            continue
        index = sample_of(line, cells, fit, mistakes)
        if index is None:
            continue
        label = decision_of(line, cells, cells["decided"], fit, mistakes)
        if _in_stratum(line, index, cells["stratum"], audited, mistakes) and label is not None:
            own = {"id": audited.ids[index], "decided": fit.class_names[label]}
            found.append((line, index, {**cells, **own}))
    if not found and not mistakes:
        mistakes.add("there must be decisions", "there is none")
    places = once_each([(line, i, cells["decided"]) for line, i, cells in found], mistakes)
    mistakes.refuse(
        path,
        "Nothing was written. Export the decisions from the page of this run's own audit",
    )
    return {index: found[place][2] for index, place in places.items()}


def _in_stratum(line: int, index: int, stratum: str, audited: Audited, mistakes: Mistakes) -> bool:
    """Whether a sample was shown from that stratum; nobody need know."""
    if not stratum or audited.stratum.get(index) == stratum in audited.stratum_size:
        return True
    if not audited.stratum_size:
        mistakes.add(
            "the strata must be in strata.csv and samples.csv of the audit",
            f"line {line} names {shown(stratum)}; python cli.py audit RUN writes them, and --audit "
            "says where they are",
        )
    else:
        mistakes.add(
            "stratum must be the sample's own",
            f"line {line} has {shown(stratum)}, sample {index} has "
            f"{shown(audited.stratum.get(index, ''))}",
        )
    return False


def read_run(run: Path, audit: Path) -> Audited:
    """What decisions on a run can be about.

    Args:
        run: its folder.
        audit: folder of its audit, which need not be there.

    Raises:
        FileNotFoundError: that is no run folder, or the run has not ended.
        DecisionError: its files do not belong together, or are not what a run writes.
    """
    needed = ("labels.npy", "labels.sha256", "samples.csv", "classes.txt")
    missing = [name for name in needed if not (run / name).is_file()]
    if missing:
        raise FileNotFoundError(
            f"RUN must be the folder of a run that has ended or was stopped, {run} lacks "
            f"{', '.join(missing)}."
        )
    try:
        given = np.load(run / "labels.npy", allow_pickle=False)
        sha256 = (run / "labels.sha256").read_text(encoding="utf-8").strip()
        if labels_sha256(given) != sha256:
            raise ValueError("labels.npy has not the hash that labels.sha256 says")
        before, strata, sizes = {}, {}, {}
        if (run / "decided.csv").is_file():
            before = {int(row["index"]): row for row in _table(run / "decided.csv", DECIDED)}
        if (audit / "strata.csv").is_file() and (audit / "samples.csv").is_file():
            for row in _table(audit / "samples.csv", ("index", "stratum")):
                strata[int(row["index"])] = row["stratum"]
            for row in _table(audit / "strata.csv", ("stratum", "samples")):
                sizes[row["stratum"]] = int(row["samples"])
        ids: dict[int, str] = {}
        seen: dict[int, str] = {}
        for row in _table(run / "samples.csv", ("index", "id", "given")):
            index = int(row["index"])
            if seen.setdefault(int(given[index]), row["given"]) != row["given"]:
                raise ValueError(
                    f"sample {index} has another label in samples.csv than in labels.npy (as it "
                    "has under golden.train_on)"
                )
            if index not in before:
                ids[index] = row["id"]
        return Audited(given, sha256, _class_names(run, seen), ids, strata, sizes, before)
    except (ValueError, IndexError) as error:
        raise DecisionError(
            f"{run} must be as a run and its audit write it, and is not: {error}. Was it edited?"
        ) from error


def _class_names(run: Path, seen: dict[int, str]) -> tuple[str, ...]:
    """The classes in label order: classes.txt, where no name has a line break, else those seen."""
    with open(run / "classes.txt", newline="", encoding="utf-8", errors="surrogateescape") as file:
        names = file.read().split("\n")[:-1]
    if any(label >= len(names) or names[label] != name for label, name in seen.items()):
        if sorted(seen) != list(range(len(seen))):
            raise ValueError("classes.txt and samples.csv must name the same classes")
        names = [seen[label] for label in range(len(seen))]
    return tuple(names)


def _table(path: Path, columns: tuple[str, ...]) -> Iterator[dict[str, str]]:
    """Rows of a table that this library wrote."""
    mistakes = Mistakes()
    yield from (cells for _, cells in read_rows(path, columns, mistakes))
    mistakes.refuse(path, "It is not as it was written")

"""A run folder as `train` leaves it, without training: what `relabel` reads of it."""

import csv

import numpy as np

from tssd_keras.data.columns import read_cell
from tssd_keras.judge.table import Rewrite, SampleTable
from tssd_keras.labels.decisions.reading import Decisions
from tssd_keras.labels.decisions.uses import Decided
from tssd_keras.labels.noise import labels_sha256
from tssd_keras.run.folder import RunFolder

HEADER = ("id", "index", "given", "decided", "action", "stratum", "labels_sha256")


def write_run(path, given, class_names, *, stream, ids=None, audit=True, decided=()):
    """Every sample of the stream is judged; the class after the given one is suggested.

    Its audit has the strata suspects-1-4 (the first four of the stream) and kept. `decided` is
    of the run itself: (index, label, action) each.
    """
    path.mkdir()
    given, stream = np.asarray(given), np.asarray(stream)
    folder = RunFolder(path)
    folder.write_labels(given, labels_sha256(given))
    table = SampleTable(given[stream], stream)
    n = len(stream)
    half, role = np.full(n, 0.5, np.float32), np.zeros(n, np.int8)
    suggested = (given[stream] + 1) % len(class_names)
    table.rewrite(Rewrite(np.ones(n), role, half, half, half, suggested, half, half))
    folder.write_samples(
        table,
        class_names,
        labels_sha256(given),
        ids=None if ids is None else np.array(ids, object),
        decided=earlier_decisions(*zip(*decided, strict=True)) if decided else None,
    )
    if audit:
        (path / "audit").mkdir()
        strata = ["suspects-1-4"] * 4 + ["kept"] * (n - 4)
        write_csv(
            path / "audit" / "samples.csv",
            ("index", "stratum"),
            zip(stream, strata, strict=True),
        )
        write_csv(
            path / "audit" / "strata.csv",
            ("stratum", "samples", "shown"),
            [("suspects-1-4", 4, 4), ("kept", n - 4, 0)],
        )
    return path


def earlier_decisions(index, label, action):
    """Decisions that a run was given, all of them trained on."""
    n = len(index)
    nobody_knows = np.full(n, "", object)
    decisions = Decisions(
        np.array(index),
        np.array(label),
        np.array(action, object),
        nobody_knows,
        np.full(n, n),
        np.zeros(n, bool),
        "",
    )
    return Decided(decisions, np.zeros(n, np.int8), ())


def edit_arrays(path, **changes):
    """Replace arrays of an .npz file; None takes one away."""
    with np.load(path) as file:
        arrays = {name: file[name] for name in file.files} | changes
    np.savez(path, **{name: array for name, array in arrays.items() if array is not None})
    return path


def write_csv(path, header, rows):
    with open(path, "w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(header)
        writer.writerows(rows)
    return path


def read_csv(path):
    with open(path, newline="", encoding="utf-8", errors="surrogateescape") as file:
        return [{k: read_cell(v) for k, v in row.items()} for row in csv.DictReader(file)]

"""A run folder as `train` leaves it, without training: what `relabel` reads of it."""

import csv

import numpy as np

from tssd_keras.judge.table import Rewrite, SampleTable
from tssd_keras.labels.noise import labels_sha256
from tssd_keras.run.folder import RunFolder

HEADER = ("id", "index", "given", "decided", "action", "stratum", "labels_sha256")


def write_run(path, given, class_names, *, stream, ids=None, audit=True):
    """Every sample of the stream is judged; the class after the given one is suggested.

    Its audit has the strata suspects-1-4 (the first four of the stream) and kept.
    """
    path.mkdir()
    given, stream = np.asarray(given), np.asarray(stream)
    folder = RunFolder(path)
    folder.write_labels(given, labels_sha256(given))
    folder.write_text("classes.txt", "".join(f"{name}\n" for name in class_names))
    table = SampleTable(given[stream], stream)
    n = len(stream)
    half, role = np.full(n, 0.5, np.float32), np.zeros(n, np.int8)
    suggested = (given[stream] + 1) % len(class_names)
    table.rewrite(Rewrite(np.ones(n), role, half, half, half, suggested, half))
    own = None if ids is None else np.array(ids, object)[stream]
    table.write_csv(path / "samples.csv", tuple(class_names), ids=own)
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


def write_csv(path, header, rows):
    with open(path, "w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(header)
        writer.writerows(rows)
    return path


def read_csv(path):
    with open(path, newline="", encoding="utf-8", errors="surrogateescape") as file:
        return list(csv.DictReader(file))

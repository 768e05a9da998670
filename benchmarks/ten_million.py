"""What ten million samples cost: seconds and peak memory of the pieces beside the network.

    python benchmarks/ten_million.py run                       # a million and ten million rows
    python benchmarks/ten_million.py run --rows 1000000 --parts table csv
    python benchmarks/ten_million.py table                     # what was measured, as Markdown

Features are made up, in blocks, class by class from a seed: K = 100 classes, 64 columns, 20 % of
the labels wrong. Nothing is trained. Each part runs in a process of its own and appends one line to
benchmarks/results/ten_million.jsonl when it has ended; what is there is not measured again. Memory
is the peak of the resident set (VmHWM of /proc/self/status, begun anew once the part's data lie
ready), mapped files included, less what the process held before it had any data. "cpu" counts the
seconds of all threads: on a machine that others use it is the truer figure.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import result_lines

LINES = result_lines.RESULTS / "ten_million.jsonl"
SIZES = (1_000_000, 10_000_000)
K, WIDTH, WRONG = 100, 64, 0.2
DRAWN = 100_000  # samples of an epoch that takes a part
BLOCK = 1 << 16
LONGEST = 3600  # seconds of a part
GB = 1e9


@dataclass(frozen=True)
class Data:
    """Made-up samples: given and true labels int64[n], and where they are asked for scores."""

    given: np.ndarray
    truth: np.ndarray
    scores: Any = None


def labels(n: int) -> Data:
    """Labels of n samples, one in five wrong, and another class's."""
    rng = np.random.default_rng(0)
    truth = rng.integers(0, K, n, np.int64)
    wrong = rng.random(n, np.float32) < WRONG
    given = truth.copy()
    given[wrong] = (truth[wrong] + rng.integers(1, K, int(wrong.sum()))) % K
    return Data(given, truth)


def scored(n: int) -> Data:
    """The same with what a score pass gives, half precision in files that are mapped, if large."""
    from tssd_keras.judge.scores import Scores
    from tssd_keras.train.score_pass import half_precision

    data, rng = labels(n), np.random.default_rng(1)
    direction = rng.standard_normal((K, WIDTH), np.float32)
    direction /= np.linalg.norm(direction, axis=1, keepdims=True)
    features, log_p = half_precision(n, WIDTH), half_precision(n, K)
    loss = np.empty(n, np.float32)
    for start in range(0, n, BLOCK):
        rows = slice(start, min(start + BLOCK, n))
        size = rows.stop - start
        z = direction[data.truth[rows]]
        z = z + 0.12 * rng.standard_normal((size, WIDTH), np.float32)
        z /= np.linalg.norm(z, axis=1, keepdims=True)
        logits = 12 * z @ direction.T
        logits -= np.log(np.exp(logits).sum(axis=1, keepdims=True))
        features[rows], log_p[rows] = z, logits
        loss[rows] = -logits[np.arange(size), data.given[rows]]
    return replace(data, scores=Scores(loss, features, log_p))


def table_of(data: Data) -> Any:
    """A table of the samples that a round has written."""
    from tssd_keras.judge.table import SampleTable

    table = SampleTable(data.given)
    table.rewrite(judged(data))
    return table


def judged(data: Data) -> Any:
    """A round's columns as a judge gives them, in float64 where it does."""
    from tssd_keras.judge.roles import NEGATIVE, POSITIVE
    from tssd_keras.judge.table import Rewrite

    rng = np.random.default_rng(2)
    right = data.given == data.truth
    q = np.where(right, np.float32(0.97), np.float32(0.02)) * rng.random(len(right), np.float32)
    p = q.astype(np.float64)
    role = np.where(right, np.int8(POSITIVE), np.int8(NEGATIVE))
    weight = right.astype(np.float32)
    return Rewrite(weight, role, p, p, q, data.truth, q, q)


class Clock:
    """Seconds, processor seconds and peak memory from `begin` on."""

    def __init__(self) -> None:
        self.empty = resident("VmRSS")

    def begin(self) -> None:
        """The data lie ready."""
        self.held = resident("VmRSS") - self.empty
        Path("/proc/self/clear_refs").write_text("5")
        self._cpu, self._start = time.process_time(), time.perf_counter()

    def end(self, **more: float) -> dict:
        """The measurements of a line."""
        return {
            "seconds": round(time.perf_counter() - self._start, 2),
            "cpu": round(time.process_time() - self._cpu, 2),
            "held_gb": round(self.held / GB, 3),
            "peak_gb": round((resident("VmHWM") - self.empty) / GB, 3),
            **more,
        }


def resident(what: str) -> int:
    """Bytes of the resident set, now or at its peak."""
    status = Path("/proc/self/status").read_text()
    line = next(line for line in status.splitlines() if line.startswith(what))
    return int(line.split()[1]) * 1024


def table(clock: Clock, n: int) -> dict:
    """A new table."""
    from tssd_keras.judge.table import SampleTable

    data = labels(n)
    clock.begin()
    made = SampleTable(data.given)
    arrays = [v for v in vars(made).values() if isinstance(v, np.ndarray)]
    size = sum(v.nbytes for v in arrays if v.base is None)  # the others are views
    return clock.end(bytes_a_row=size / n)


def rewrite(clock: Clock, n: int) -> dict:
    """A round writes every row; its columns count as held."""
    from tssd_keras.judge.table import SampleTable

    data = labels(n)
    made, new = SampleTable(data.given), judged(data)
    clock.begin()
    made.rewrite(new)
    return clock.end()


def draw(clock: Clock, n: int) -> dict:
    """An epoch of a part: draw it balanced, write it, plan it, mark it as trained."""
    from tssd_keras.judge.table import Rewrite
    from tssd_keras.train.draw import draw_balanced, draw_generator
    from tssd_keras.train.feed import plan_epoch

    data = labels(n)
    made, new = table_of(data), judged(data)
    clock.begin()
    rows = draw_balanced(made.labels, DRAWN, K, draw_generator(0, 1))
    made.draw(rows)
    columns = {name: v[rows] for name, v in vars(new).items() if v is not None}
    made.rewrite(Rewrite(**columns), rows)
    plan_epoch(made.fed, 256, np.random.default_rng(0))
    made.mark_trained()
    return clock.end()


def plan(clock: Clock, n: int) -> dict:
    """An epoch of all that counts: plan it, mark it as trained."""
    from tssd_keras.train.feed import plan_epoch

    made = table_of(labels(n))
    clock.begin()
    plan_epoch(made.fed, 256, np.random.default_rng(0))
    made.mark_trained()
    return clock.end()


def writes(write: Callable[[Any, Data, Path], None]) -> Callable[[Clock, int], dict]:
    """A part that writes a table into a file."""

    def part(clock: Clock, n: int) -> dict:
        data = labels(n)
        made = table_of(data)
        with tempfile.TemporaryDirectory(dir=result_lines.RESULTS) as folder:
            path = Path(folder, "file")
            clock.begin()
            write(made, data, path)
            found = clock.end()
            return {**found, "file_gb": round(path.stat().st_size / GB, 3)}

    return part


NAMES = [f"class {i}" for i in range(K)]


def csv_file(made: Any, data: Data, path: Path) -> None:
    made.write_csv(path, NAMES, true_labels=data.truth)


def parquet_file(made: Any, data: Data, path: Path) -> None:
    made.write_parquet(path, NAMES, true_labels=data.truth)


def npz_file(made: Any, data: Data, path: Path) -> None:
    from tssd_keras.run.samples import StoredSamples, save_samples

    of = StoredSamples.of(made, NAMES, "", truth=data.truth, ids=None, decided=None)
    save_samples(path, of)


def state_file(made: Any, data: Data, path: Path) -> None:
    from tssd_keras.train.state_file import save_state

    save_state(path, made.get_state())


def place_of(data: Data, rows: slice | np.ndarray) -> Any:
    """The neighbours of some samples."""
    from tssd_keras.judge.neighbours import Neighbours
    from tssd_keras.judge.place import Neighbourhood

    given = data.given[rows]
    return Neighbourhood(given, Neighbours(data.scores.features[rows], given, K, seed=0))


def divide(clock: Clock, n: int) -> dict:
    """Mixtures, posteriors, roles and the floor, where class means tell the place."""
    from tssd_keras.judge import divide as of
    from tssd_keras.judge.similarity import ClassMeans

    data = scored(n)
    clock.begin()
    similarity = ClassMeans(data.scores.features, data.given, K).scores()
    found = of.divide(data.scores.loss, similarity, data.given, K)
    of.apply_floor(found.role, found, data.scores.loss, similarity, data.given, K)
    return clock.end()


def neighbours(clock: Clock, n: int) -> dict:
    """The search, and what the feature stream reads of it."""
    data = scored(n)
    clock.begin()
    found = place_of(data, slice(None))
    searched = time.process_time()
    found.scores()
    return clock.end(cpu_of_scores=round(time.process_time() - searched, 2))


def judge(clock: Clock, data: Data, rows: np.ndarray, purifier: Any, losses: Any) -> dict:
    """A round by neighbours and certain stand-ins, after its score pass."""
    from tssd_keras.judge import divide as of

    given, scores = data.given[rows], data.scores.take(rows)
    losses.update(rows, scores.loss)
    where = place_of(replace(data, given=given, scores=scores), slice(None))
    similarity = where.scores()
    loss = losses.mean(rows)
    found = of.divide(loss, similarity, given, K, silent=where.silent)
    start = time.process_time()
    pure = purifier.purify(scores, given, where, found, rows=rows)
    role = found.role if pure is None else pure.role
    of.apply_floor(role, found, loss, similarity, given, K)
    return clock.end(cpu_of_purify=round(time.process_time() - start, 2))


def round_of_part(clock: Clock, n: int) -> dict:
    """A round of DRAWN of the samples: neighbours, division, purification, floor."""
    from tssd_keras.judge.history import RecentMean
    from tssd_keras.judge.purify import Purifier
    from tssd_keras.recipe.method_sections import PurifyRecipe

    data = scored(n)
    rows = np.sort(np.random.default_rng(0).choice(n, min(DRAWN, n), replace=False))
    purifier, losses = Purifier("certain", K, PurifyRecipe(), n), RecentMean(n, 5)
    clock.begin()
    return judge(clock, data, rows, purifier, losses)


def purify(clock: Clock, n: int) -> dict:
    """Purification of all samples, and the floor, once neighbours and division are there."""
    from tssd_keras.judge import divide as of
    from tssd_keras.judge.purify import Purifier
    from tssd_keras.recipe.method_sections import PurifyRecipe

    data = scored(n)
    where = place_of(data, slice(None))
    similarity = where.scores()
    found = of.divide(data.scores.loss, similarity, data.given, K, silent=where.silent)
    purifier = Purifier("certain", K, PurifyRecipe(), n)
    clock.begin()
    pure = purifier.purify(data.scores, data.given, where, found)
    of.apply_floor(pure.role, found, data.scores.loss, similarity, data.given, K)
    return clock.end()


PARTS: dict[str, Callable[[Clock, int], dict]] = {
    "table": table,
    "rewrite": rewrite,
    "draw": draw,
    "plan": plan,
    "csv": writes(csv_file),
    "parquet": writes(parquet_file),
    "npz": writes(npz_file),
    "state": writes(state_file),
    "divide": divide,
    "round of a part": round_of_part,
    "neighbours": neighbours,
    "purify": purify,
}


def measure(part: str, rows: int) -> None:
    """One line, in this process."""
    import keras  # noqa: F401  its memory and its import are no part of a round

    import tssd_keras.judge.purify
    import tssd_keras.run.samples
    import tssd_keras.train.feed  # noqa: F401

    if part == "parquet":
        import pyarrow.parquet  # noqa: F401
    found = PARTS[part](Clock(), rows)
    row = {"part": part, "rows": rows, "classes": K, "width": WIDTH, **found}
    result_lines.append(LINES, {**row, **result_lines.origin()})
    print(row, flush=True)


def run(sizes: list[int], parts: list[str]) -> None:
    """Measure what has no line yet, each in a process of its own."""
    for rows in sizes:
        for part in parts:
            done = {(line["part"], line["rows"]) for line in result_lines.read(LINES)}
            if (part, rows) not in done:
                command = [sys.executable, __file__, "one", "--rows", str(rows), "--parts", part]
                try:
                    subprocess.run(command, check=True, timeout=LONGEST)
                except subprocess.SubprocessError as error:
                    print(f"no line was kept of {part}, {rows:,} rows: {error}", flush=True)


def table_text() -> str:
    """The lines as a Markdown table, by part."""
    heads = ("part", "rows", "s", "cpu s", "GB before", "GB at the peak", "file GB")
    out = [f"| {' | '.join(heads)} |", "|" + " --- |" * len(heads)]
    lines = sorted(result_lines.read(LINES), key=lambda line: line["rows"])
    for part in PARTS:
        for line in (one for one in lines if one["part"] == part):
            cells = [part, f"{line['rows']:,}", f"{line['seconds']:.1f}", f"{line['cpu']:.1f}"]
            cells += [f"{line['held_gb']:.2f}", f"{line['peak_gb']:.2f}"]
            out.append(f"| {' | '.join(cells)} | {line.get('file_gb', '-')} |")
    return "\n".join(out)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("what", choices=("run", "table", "one"))
    parser.add_argument("--rows", type=int, nargs="*", default=list(SIZES))
    parser.add_argument("--parts", nargs="*", choices=PARTS, default=list(PARTS))
    arguments = parser.parse_args()
    if arguments.what == "table":
        print(table_text())
    elif arguments.what == "one":
        measure(arguments.parts[0], arguments.rows[0])
    else:
        run(arguments.rows, arguments.parts)


if __name__ == "__main__":
    main()

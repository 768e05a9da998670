"""What a visit to a card leaves: lines, tables and a log, each whole at every moment."""

from __future__ import annotations

import statistics
import time
from pathlib import Path

import card_plan
import result_lines
import run_rows


class Report:
    """card.jsonl, card.md and card.log, each whole at every moment.

    Args:
        out: their folder.
    """

    def __init__(self, out: Path) -> None:
        out.mkdir(parents=True, exist_ok=True)
        self._lines, self._table, self._log = (
            out / f"card.{end}" for end in ("jsonl", "md", "log")
        )
        self._start = time.monotonic()
        self.rows: list[dict] = []
        self.where: dict[str, object] = {}
        self._timings: list[str] = []
        self._left_out: list[str] = []
        for path in (self._lines, self._table, self._log):
            path.unlink(missing_ok=True)

    def note(self, line: str) -> None:
        """A line of the log alone."""
        with open(self._log, "a", encoding="utf-8") as file:
            file.write(f"{time.monotonic() - self._start:7.1f}  {line}\n")

    def say(self, line: str) -> None:
        """A line for whoever watches."""
        print(line, flush=True)
        self.note(line)

    def heard(self, line: str) -> None:
        """A line of a program: of training, those of epochs are shown."""
        shown = card_plan.EPOCH.match(line) or line.startswith("|")
        (self.say if shown else self.note)(line)

    def row(self, row: dict) -> None:
        """A run has ended."""
        self.rows.append(row)
        result_lines.append(self._lines, row)
        self.write()
        self.say(table([row]))

    def timing(self, command: str, lines: list[str]) -> None:
        """A table of times, or as much of it as there is."""
        self._timings += ["", f"    {command}", "", *(line for line in lines if line)]
        self.write()

    def left_out(self, what: str) -> None:
        """Something that there was no time for."""
        self._left_out.append(what)
        self.say(f"left out: {what}")
        self.write()

    def write(self) -> None:
        """card.md."""
        where = ", ".join(f"{name} {value}" for name, value in self.where.items())
        text = [f"CIFAR-10N worst. {where}.", "", table(self.rows)]
        if len(self.rows) > 1:
            text += ["", behind(self.rows)]
        text += ["", where_time_goes(self.rows)]
        text += ["", *(f"    {row['command']}" for row in self.rows), *self._timings, ""]
        text += [f"Left out: {what}." for what in self._left_out]
        self._table.write_text("\n".join(text) + "\n", encoding="utf-8")


def table(rows: list[dict]) -> str:
    """A Markdown table, a line a run."""
    head = (
        *("run", "last", "best", "mean 10", "epochs", "s an epoch", "of it round s", "AUROC"),
        *("kept precision", "wrong labels", "labels' sha256", "seed", "minutes", "device", "cores"),
        "commit",
    )
    lines = ["| " + " | ".join(head) + " |", "|" + " --- |" * len(head)]
    for row in rows:
        summary, accuracy = row["summary"], row["summary"]["accuracy"]
        cells = (
            row["run"],
            *(run_rows.share(accuracy[key]) for key in ("last", "best", "mean_last_10")),
            f"{summary['epochs']} of {row['epochs']}",
            *(_seconds(row[key]) for key in ("seconds_an_epoch", "seconds_a_round")),
            run_rows.share(summary["label_error_auroc"]),
            run_rows.share((summary["kept"] or {}).get("precision")),
            run_rows.share(summary["effective_noise_rate"]),
            summary["labels_sha256"][:12],
            *(row[key] for key in ("seed", "wall_minutes", "device", "cores", "commit")),
        )
        lines.append("| " + " | ".join(map(str, cells)) + " |")
    return "\n".join(lines)


def where_time_goes(rows: list[dict]) -> str:
    """A Markdown table in seconds: once a run, then the median of an epoch and of a round.

    An epoch is its updates, a round's parts where one is due, and the rest: evaluation, the state
    that is kept, and what lies between.
    """
    head = ("run", "load", "compilation", "an epoch", "of it updates", "a round's score pass")
    head += ("division", "purification", "rest of an epoch")
    lines = ["| " + " | ".join(head) + " |", "|" + " --- |" * len(head)]
    for row in rows:
        rounds = row["seconds_of_rounds"]
        parts = [_median(rounds.get(f"seconds_{name}")) for name in ("score", "divide", "purify")]
        epoch, updates = row["seconds_an_epoch"], _median(row["seconds_of_updates"][1:])
        known = [part for part in (updates, *parts) if part is not None]
        rest = None if epoch is None else max(0.0, epoch - sum(known))
        cells = (
            row["seconds_of_load"],
            row["seconds_of_compilation"],
            epoch,
            updates,
            *parts,
            rest,
        )
        lines.append("| " + " | ".join([row["run"], *map(_seconds, cells)]) + " |")
    return "\n".join(lines)


def _median(values: list[float] | None) -> float | None:
    return statistics.median(values) if values else None


def _seconds(value: float | None) -> str:
    return "-" if value is None else f"{value:.2f}"


def behind(rows: list[dict]) -> str:
    """By how much the last epochs are behind that of the first row, in points."""
    first, *others = ((row["run"], row["summary"]["accuracy"]["last"]) for row in rows)
    told = [
        f"{run} {100 * (first[1] - last):.2f}"
        for run, last in others
        if None not in (first[1], last)
    ]
    return f"Points behind {first[0]}, last epochs: {', '.join(told) or '-'}."

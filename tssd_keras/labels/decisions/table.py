"""Step 1: CSV tables of decisions, read row by row; every mistake is collected, none raised alone.

This module knows neither runs nor data sets. A table that cannot be parsed is a mistake too. A
row with too few or too many cells is a mistake and is not yielded.
"""

from __future__ import annotations

import contextlib
import csv
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from tssd_keras.data.columns import read_cell
from tssd_keras.recipe.checks import EXAMPLES

LONGEST = 60  # characters of a cell that a message shows

CONFIRM, KEEP, OTHER = ACTIONS = ("confirm", "keep", "other")
# What a person decided, as the page exports it.
DECISIONS = ("id", "index", "given", "decided", "action", "stratum", "labels_sha256")
# The given labels with the decisions applied, a row a sample of the training split.
LABELS = (
    "index",
    "id",
    "label",
    "given",
    "action",
    "stratum",
    "stratum_size",
    "labels_sha256",
)


class DecisionError(ValueError):
    """Decisions that do not fit; the message lists every mistake found."""


@dataclass
class Mistakes:
    """Mistakes of one table, by kind, in the order in which the kinds were met."""

    by_kind: dict[str, list[str]] = field(default_factory=dict)

    def add(self, kind: str, where: str) -> None:
        """Note a mistake: the rule, and the place where it is broken."""
        self.by_kind.setdefault(kind, []).append(where)

    def __len__(self) -> int:
        return sum(map(len, self.by_kind.values()))

    def refuse(self, path: Path, hint: str) -> None:
        """Raise DecisionError if there are any.

        Args:
            path: of the table.
            hint: the remedy.
        """
        if not self:
            return
        lines = []
        for kind, places in self.by_kind.items():
            more = len(places) - EXAMPLES
            named = "; ".join(places[:EXAMPLES]) + (f"; and {more:,} more" if more > 0 else "")
            lines.append(f"{kind}: {named}")
        n = len(self)
        raise DecisionError("\n  ".join([f"{path}: {n:,} mistake{'s' * (n > 1)}. {hint}", *lines]))


def shown(text: str) -> str:
    """A cell for a message: quoted, on one line, not too long."""
    return repr(text if len(text) <= LONGEST else f"{text[:LONGEST]}...")


def as_browsers_write(text: str) -> str:
    """The text as a browser exports it: a lone surrogate becomes U+FFFD."""
    return re.sub("[\ud800-\udfff]", "\ufffd", text)


@contextlib.contextmanager
def fields_of_any_length() -> Iterator[None]:
    """Lift the csv module's limit on the length of cells; it is the process's, so put it back."""
    before = csv.field_size_limit(2**31 - 1)
    try:
        yield
    finally:
        csv.field_size_limit(before)


def read_rows(
    path: Path, columns: Sequence[str], mistakes: Mistakes
) -> Iterator[tuple[int, dict[str, str]]]:
    """The whole rows of a CSV file with a header, one at a time.

    Args:
        path: UTF-8, with or without a byte order mark.
        columns: that it must have; others are not read.
        mistakes: takes those of the file and of its rows.

    Yields:
        Line (from 1, where the row ends) and cells by column; blank lines are none.

    Raises:
        FileNotFoundError: there is no such file.
    """
    if not path.is_file():
        raise FileNotFoundError(
            f"there must be a CSV file with the columns {', '.join(columns)}, {path.absolute()} is "
            f"{'no file' if path.exists() else 'not there'}."
        )
    # Names of files need not be UTF-8; surrogate escapes bring them back as a run wrote them.
    with (
        open(path, newline="", encoding="utf-8-sig", errors="surrogateescape") as file,
        fields_of_any_length(),
    ):
        reader = csv.reader(file, strict=True)
        place: list[int] = []
        n_cells = 0
        try:
            for row in filter(None, reader):
                if not n_cells:
                    place, n_cells = _header(row, columns, mistakes), len(row)
                    if not place:
                        return
                elif len(row) == n_cells:
                    cells = zip(columns, place, strict=True)
                    yield reader.line_num, {name: read_cell(row[i]) for name, i in cells}
                else:
                    mistakes.add(
                        f"each row must have {n_cells} cells, as the first",
                        f"line {reader.line_num} has {len(row)}",
                    )
        except csv.Error as error:
            mistakes.add("the file must be CSV", f"line {reader.line_num + 1}: {error}")
    if not n_cells and not mistakes:
        mistakes.add("the file must have a row of column names", "it has none")


def _header(row: list[str], columns: Sequence[str], mistakes: Mistakes) -> list[int]:
    """Where each column stands; empty if one does not, or more than once."""
    header = [name.strip() for name in row]
    lacking = [name for name in columns if name not in header]
    twice = [name for name in columns if header.count(name) > 1]
    if not lacking and not twice:
        return [header.index(name) for name in columns]
    fault = f"{', '.join(lacking)} not there" if lacking else f"{', '.join(twice)} twice"
    came = ", ".join(shown(name) for name in header[:8])
    mistakes.add(f"its columns must be {', '.join(columns)}, once each", f"{fault}; got {came}")
    return []


def whole_number(text: str) -> int | None:
    """The number that a cell holds, 0 or more; None if it holds none."""
    return int(text) if re.fullmatch(r"[0-9]{1,18}", text) else None


def once_each(rows: Iterable[tuple[int, int, str]], mistakes: Mistakes) -> dict[int, int]:
    """The row that counts for each sample: the first that names it.

    Args:
        rows: line, index of the sample, decided class.
        mistakes: takes the samples that come twice with different decisions.

    Returns:
        Index of the sample -> the row's place among the rows.
    """
    first_rows: dict[int, tuple[int, int, str]] = {}
    for place, (line, index, decided) in enumerate(rows):
        _, first_line, first_decided = first_rows.setdefault(index, (place, line, decided))
        if first_decided != decided:
            mistakes.add(
                "a sample must not come twice with different decisions",
                f"sample {index} is {shown(first_decided)} in line {first_line} and "
                f"{shown(decided)} in line {line}",
            )
    return {index: place for index, (place, _, _) in first_rows.items()}

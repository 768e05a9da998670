"""CSV tables of decisions: read row by row, with every mistake collected, none raised alone.

Nothing here knows a run or a data set. A table that cannot be parsed is a
mistake too; a row that is not whole is left out of what is checked further.
"""

from __future__ import annotations

import contextlib
import csv
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

SHOWN = 3  # lines that a message names of each kind of mistake
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

    found: dict[str, list[str]] = field(default_factory=dict)

    def add(self, kind: str, where: str) -> None:
        """Note a mistake: what must hold, and where it does not."""
        self.found.setdefault(kind, []).append(where)

    def __bool__(self) -> bool:
        return bool(self.found)

    def refuse(self, path: Path, hint: str) -> None:
        """Raise DecisionError if there are any.

        Args:
            path: of the table.
            hint: what was not done, and what to try.
        """
        if not self.found:
            return
        lines = []
        for kind, places in self.found.items():
            more = len(places) - SHOWN
            named = "; ".join(places[:SHOWN]) + (f"; and {more:,} more" if more > 0 else "")
            lines.append(f"{kind}: {named}")
        n = sum(map(len, self.found.values()))
        raise DecisionError("\n  ".join([f"{path}: {n:,} mistake{'s' * (n > 1)}. {hint}", *lines]))


def shown(text: str) -> str:
    """A cell for a message: quoted, on one line, not too long."""
    return repr(text if len(text) <= LONGEST else f"{text[:LONGEST]}...")


def as_browsers_write(text: str) -> str:
    """The text as a browser exports it: what is no character becomes U+FFFD."""
    return re.sub("[\ud800-\udfff]", "\ufffd", text)


@contextlib.contextmanager
def fields_of_any_length() -> Iterator[None]:
    """Names and ids can be long; the limit is the whole process's, so it is put back."""
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
        columns: that it must have; others are not looked at.
        mistakes: takes what is wrong with the file and with its rows.

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
    # Names of files need not be text; what a run wrote of them comes back as it was.
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
                    yield reader.line_num, {c: row[i] for c, i in zip(columns, place, strict=True)}
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
    found = ", ".join(shown(name) for name in header[:8])
    mistakes.add(f"its columns must be {', '.join(columns)}, once each", f"{fault}; got {found}")
    return []


def whole_number(text: str) -> int | None:
    """The number that a cell holds, 0 or more; None if it holds none."""
    return int(text) if re.fullmatch(r"[0-9]{1,18}", text) else None


def once_each(rows: Iterable[tuple[int, int, str]], mistakes: Mistakes) -> dict[int, int]:
    """Which row counts for each sample.

    Args:
        rows: line, index of the sample, decided class.
        mistakes: takes the samples that come twice with different decisions.

    Returns:
        Index of the sample -> place among the rows of the first that names it.
    """
    first: dict[int, tuple[int, int, str]] = {}
    for place, (line, index, decided) in enumerate(rows):
        at = first.setdefault(index, (place, line, decided))
        if at[2] != decided:
            mistakes.add(
                "a sample must not come twice with different decisions",
                f"sample {index} is {shown(at[2])} in line {at[1]} and {shown(decided)} in line "
                f"{line}",
            )
    return {index: place for index, (place, _, _) in first.items()}

"""Step 1: CSV tables of decisions, read row by row; every mistake is collected, none raised alone.

This module knows neither runs nor data sets. A table that cannot be parsed is a mistake too. A
row with too few or too many cells is a mistake and is not yielded.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from tssd_keras.data.label_cells import WHOLE, looks, without_fraction
from tssd_keras.data.text_table import read_table
from tssd_keras.recipe.checks import EXAMPLES

LONGEST = 60  # characters of a cell that a message shows

CONFIRM, KEEP, OTHER, UNUSABLE = ACTIONS = ("confirm", "keep", "other", "unusable")
UNSURE = "unsure"  # somebody looked and could not decide: of decisions alone, and no decision
# What a person decided, as the page exports it.
DECISIONS = ("id", "index", "given", "decided", "action", "stratum", "labels_sha256")
# The given labels with the decisions applied, a row a sample of the training split; an unusable
# one has no label.
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


def as_programs_write(text: str) -> str:
    """The text as a spreadsheet or pandas leaves it: 007 as 7, 7.0 as 7, true in capitals.

    Of texts that look the same it is the same, see `looks`.
    """
    if WHOLE.fullmatch(text):
        return str(int(without_fraction(text)))
    return text.upper() if text.lower() in ("true", "false") else looks(text)


def is_written(cell: str, own: str) -> bool:
    """Whether a cell is a text of one's own, as it is or as some program wrote it."""
    if cell in (own, as_browsers_write(own)):
        return True
    return as_programs_write(cell) == as_programs_write(own)


def read_rows(
    path: Path, columns: Sequence[str], mistakes: Mistakes
) -> Iterator[tuple[int, dict[str, str]]]:
    """The whole rows of a CSV file with a header, one at a time.

    Args:
        path: see `read_table`.
        columns: that it must have; others are not read.
        mistakes: takes those of the file and of its rows.

    Yields:
        Line (from 1, where the row begins) and cells by column; blank rows are none.

    Raises:
        FileNotFoundError: there is no such file.
    """
    if not path.is_file():
        raise FileNotFoundError(
            f"there must be a CSV file with the columns {', '.join(columns)}, {path.absolute()} is "
            f"{'no file' if path.exists() else 'not there'}."
        )
    try:
        table = read_table(path, columns).filled()
    except ValueError as error:
        mistakes.add("the file must be CSV", str(error))
        return
    if not table.header:
        mistakes.add("the file must have a row of column names", "it has none")
        return
    place, n_cells = _header(table.header, columns, mistakes), len(table.header)
    if not place:
        return
    for line, row in zip(table.line, table.rows, strict=True):
        if len(row) == n_cells:
            yield line, {c: row[i] for c, i in zip(columns, place, strict=True)}
        else:
            mistakes.add(
                f"each row must have {n_cells} cells, as the first", f"line {line} has {len(row)}"
            )


def _header(header: list[str], columns: Sequence[str], mistakes: Mistakes) -> list[int]:
    """Where each column stands; empty if one does not, or more than once."""
    lacking = [name for name in columns if name not in header]
    twice = [name for name in columns if header.count(name) > 1]
    if not lacking and not twice:
        return [header.index(name) for name in columns]
    fault = f"{', '.join(lacking)} not there" if lacking else f"{', '.join(twice)} twice"
    came = ", ".join(shown(name) for name in header[:8])
    mistakes.add(f"its columns must be {', '.join(columns)}, once each", f"{fault}; got {came}")
    return []


def whole_number(text: str) -> int | None:
    """The number that a cell holds, 0 or more, 1.0 too; None if it holds none."""
    return int(without_fraction(text)) if re.fullmatch(r"[0-9]{1,18}(\.0*)?", text) else None


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

"""Text tables as people have them: the one reader of every CSV file, whatever program saved it.

A spreadsheet names its delimiter (`sep=;`), takes the semicolon where the comma is the decimal
point, saves "Unicode text" in UTF-16, and leaves blank rows and columns behind.
"""

from __future__ import annotations

import codecs
import contextlib
import csv
import io
import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from tssd_keras.data.array_files import machine_memory
from tssd_keras.data.columns import read_cell

DELIMITERS = ",;\t"
SEP_LINE = re.compile(r'\s*"?sep=(.)"?[,;\t]*\s*', re.I)  # read by Excel, and no row
SURROGATES = re.compile("[\ud800-\udfff]")
TIMES_AS_TEXT = 8  # its bytes, that a table's cells take in memory
MARKS = {
    codecs.BOM_UTF8: "utf-8-sig",
    codecs.BOM_UTF32_LE: "utf-32",  # before UTF-16's, which it begins with
    codecs.BOM_UTF32_BE: "utf-32",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
}


@dataclass(frozen=True)
class TextTable:
    """The cells of a table, as they stand in it.

    Attributes:
        header: names of the columns, stripped; empty where the file is.
        rows: cells of each further row; a blank row has none, or blank ones.
        line: of the file that each row begins on, from 1.
        first_line: the one that the header begins on.
    """

    header: list[str]
    rows: list[list[str]]
    line: list[int]
    first_line: int = 1

    def filled(self) -> TextTable:
        """The table without its blank rows."""
        kept = [i for i, row in enumerate(self.rows) if not _is_blank(row)]
        return replace(self, rows=[self.rows[i] for i in kept], line=[self.line[i] for i in kept])


def read_text(path: str | Path) -> str:
    """The text of a file in UTF-8 or UTF-16, with or without a byte order mark.

    Names of files need not be text: bytes that are no UTF-8 come as surrogates (surrogateescape),
    as a file system gives them. `is_text` tells.

    Raises:
        ValueError: it is in UTF-16 and cut short, or too large to be held as text.
    """
    data = read_whole(Path(path))
    encoding = next((name for mark, name in MARKS.items() if data.startswith(mark)), "utf-8")
    if encoding == "utf-8" and len(data) >= 4 and not (any(data[1:4:2]) and any(data[0:4:2])):
        encoding = "utf-16-be" if data[1] else "utf-16-le"
    errors = "surrogateescape" if encoding.startswith("utf-8") else "strict"
    try:
        return data.decode(encoding, errors)
    except UnicodeDecodeError as error:
        raise ValueError(
            f"{path} begins as text in {encoding.upper()} does, and byte {error.start} is none. "
            "Save it as UTF-8."
        ) from error


def read_whole(path: Path) -> bytes:
    """A text file's bytes; raises ValueError if these are too many to be held as text."""
    size, memory = path.stat().st_size, machine_memory()
    too_large = f"{path} has {size:,} bytes, too many to be read as text. Is it text? Take a part."
    if memory and size > memory // TIMES_AS_TEXT:
        raise ValueError(too_large)
    try:
        return path.read_bytes()
    except MemoryError as error:
        raise ValueError(too_large) from error


def is_text(cell: str) -> bool:
    """Whether a cell was UTF-8, and not other bytes."""
    return SURROGATES.search(cell) is None


@contextlib.contextmanager
def fields_of_any_length() -> Iterator[None]:
    """Lift the csv module's limit on the length of cells; it is the process's, so put it back."""
    before = csv.field_size_limit(2**31 - 1)
    try:
        yield
    finally:
        csv.field_size_limit(before)


def read_table(path: str | Path, known: Collection[str], *, one_column: bool = False) -> TextTable:
    """Read a table of comma, semicolon or tab separated cells.

    Texts that were written so that a spreadsheet does not calculate them come back as they were.
    Blank rows before the header, columns without a name and a cell, and blank cells behind the
    last column are left away.

    Args:
        path: of the file.
        known: names of columns, in lower case: the delimiter is the one that shows most of them.
        one_column: a file without any of these may be one column, which needs no delimiter.

    Raises:
        ValueError: it is not CSV, or a text of UTF-16 is cut short.
    """
    text = read_text(path)
    first = re.match(r"[^\r\n]*(\r\n|\r|\n|$)", text)
    told = SEP_LINE.fullmatch(first[0]) if first else None
    skipped = 0 if told is None or first is None else len(first[0])
    delimiter = _delimiter(text[skipped:], known, told[1] if told else "", one_column)
    rows: list[tuple[int, list[str]]] = []
    line = before = 1 if told else 0
    reader = csv.reader(io.StringIO(text[skipped:], newline=""), delimiter=delimiter, strict=True)
    try:
        with fields_of_any_length():
            for row in reader:
                rows.append((line + 1, [read_cell(text) for text in row]))
                line = before + reader.line_num
    except csv.Error as error:
        raise ValueError(
            f"{path} must be a CSV file: {error}, line {line + 1}. Save it again as CSV."
        ) from error
    return _fitted(rows)


def _delimiter(text: str, known: Collection[str], told: str, one_column: bool) -> str:
    """The delimiter that shows most of the known columns in the header."""
    body = text.lstrip("\r\n \t")

    def shows(delimiter: str) -> tuple[int, bool, int]:
        with fields_of_any_length():
            header = next(csv.reader(io.StringIO(body, newline=""), delimiter=delimiter), [])
        n_known = sum(name.strip().lower() in known for name in header)
        return n_known, delimiter == told, 0 if one_column else len(header)

    return max(dict.fromkeys(DELIMITERS + told), key=shows)


def _is_blank(row: list[str]) -> bool:
    return not any(cell.strip() for cell in row)


def _fitted(rows: list[tuple[int, list[str]]]) -> TextTable:
    """Rows with their header, without what is blank beside and behind the columns."""
    begin = next((i for i, (_, row) in enumerate(rows) if not _is_blank(row)), len(rows))
    if begin == len(rows):
        return TextTable([], [], [])
    first_line, header = rows[begin][0], [name.strip() for name in rows[begin][1]]
    body, line = [row for _, row in rows[begin + 1 :]], [number for number, _ in rows[begin + 1 :]]
    width = len(header)
    body = [row[:width] if _is_blank(row[width:]) else row for row in body]
    empty = {k for k, name in enumerate(header) if not name} if width > 1 else set()
    for row in body:
        empty = {k for k in empty if k >= len(row) or not row[k].strip()}
        if not empty:
            return TextTable(header, body, line, first_line)
    kept = [k for k in range(width) if k not in empty]
    body = [[row[k] for k in kept] if len(row) == width else row for row in body]
    return TextTable([header[k] for k in kept], body, line, first_line)

"""A list of sample ids whose labels are trusted: a text file, one id a line."""

from __future__ import annotations

import re
from collections.abc import Container
from pathlib import Path

from tssd_keras.data.text_table import read_text


def read_ids(path: str | Path) -> list[str]:
    """The lines of the file that are not blank, in order, stripped; comments too, see `named`.

    Names of files need not be text, see `read_text`.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: it is a text of UTF-16 that is cut short.
    """
    path = Path(path).expanduser()
    if not path.is_file():
        raise FileNotFoundError(
            f"golden.ids must name a text file with one sample id a line, {path.absolute()} is "
            f"{'no file' if path.exists() else 'not there'}."
        )
    lines = [line.strip() for line in re.split(r"\r\n|\r|\n", read_text(path))]
    return [line for line in lines if line]


def named(lines: list[str], ids: Container[str]) -> list[str]:
    """The ids among the lines: all but comments, which begin with # and are no sample's id.

    Args:
        lines: of `read_ids`.
        ids: of the samples.
    """
    return [line for line in lines if not line.startswith("#") or line in ids]

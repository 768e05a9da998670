"""A list of sample ids whose labels are trusted: a text file, one id a line."""

from __future__ import annotations

from collections.abc import Container
from pathlib import Path


def read_ids(path: str | Path) -> list[str]:
    """The lines of the file that are not blank, in order, stripped; comments too, see `named`.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: it is no text.
    """
    path = Path(path).expanduser()
    if not path.is_file():
        raise FileNotFoundError(
            f"golden.ids must name a text file with one sample id a line, {path.absolute()} is "
            f"{'no file' if path.exists() else 'not there'}."
        )
    try:
        lines = [line.strip() for line in path.read_text(encoding="utf-8-sig").splitlines()]
    except UnicodeDecodeError as error:
        raise ValueError(f"{path} must be text in UTF-8, byte {error.start} is not.") from error
    return [line for line in lines if line]


def named(lines: list[str], ids: Container[str]) -> list[str]:
    """The ids among the lines: all but comments, which begin with # and are no sample's id.

    Args:
        lines: of `read_ids`.
        ids: of the samples.
    """
    return [line for line in lines if not line.startswith("#") or line in ids]

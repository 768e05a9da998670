"""Files that are written whole or not at all."""

from __future__ import annotations

import contextlib
import os
import tempfile
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path


@contextlib.contextmanager
def whole_file(path: str | os.PathLike) -> Iterator[Path]:
    """A place beside a file; what the block writes there takes the file's place when it has ended.

    Who reads, or is left with the folder after a kill, finds the file before or the file after.

    Args:
        path: of the file. The place beside it has the same ending.

    Raises:
        OSError: of the kind that came, with the path and what to do; the file before is still
            there.
    """
    path = Path(path)
    part = path.with_name(f".{path.stem}.part{path.suffix}")
    try:
        yield part
        with open(part, "rb+") as file:
            os.fsync(file.fileno())
        os.replace(part, path)
    except OSError as error:
        raise _named(error, path) from error
    finally:
        with contextlib.suppress(OSError):
            part.unlink(missing_ok=True)


@contextlib.contextmanager
def new_file(path: str | os.PathLike) -> Iterator[Path]:
    """A place for a file that is not there yet, put in its own when the block has ended.

    Nothing is written over, and of two that write one file at once exactly one gets it.

    Args:
        path: of the file. The place has the same name, in a hidden folder beside it.

    Raises:
        FileExistsError: there is such a file.
        OSError: of the kind that came, with the path and what to do.
    """
    path = Path(path)
    if path.exists():
        raise FileExistsError(_THERE.format(path))
    try:
        with tempfile.TemporaryDirectory(dir=path.parent, prefix=".new-") as folder:
            part = Path(folder, path.name)
            yield part
            with open(part, "rb+") as file:
                os.fsync(file.fileno())
            _put(part, path)
    except FileExistsError:
        raise
    except OSError as error:
        raise _named(error, path) from error


_THERE = "{} is there already, and is not written over. Name another."


def _put(part: Path, path: Path) -> None:
    """Move a file to a place that is free; raises FileExistsError if it is not."""
    try:
        os.link(part, path)
    except FileExistsError as error:
        raise FileExistsError(_THERE.format(path)) from error
    except OSError:  # a file system without hard links
        if path.exists():
            raise FileExistsError(_THERE.format(path)) from None
        os.replace(part, path)


def write_text(path: str | os.PathLike, text: str) -> None:
    """Write a text file in UTF-8, whole or not at all; bytes of names that are no text stay.

    Raises:
        OSError: see `whole_file`.
    """
    with whole_file(path) as part:
        part.write_text(text, encoding="utf-8", errors="surrogateescape")


def write_each(
    writes: Mapping[str, Callable[[], object]], done: Callable[[int], object]
) -> dict[str, Exception]:
    """Write several files in turn; one that fails does not stop the others.

    Args:
        writes: what is written -> writes it.
        done: called with 1 after each.

    Returns:
        What could not be written -> why.
    """
    failures: dict[str, Exception] = {}
    for what, write in writes.items():
        try:
            write()
        except Exception as error:  # a full disk, a folder taken away, a plot that cannot be drawn
            failures[what] = error
        done(1)
    return failures


def _named(error: OSError, path: Path) -> OSError:
    """The same error, about the file that was to be written."""
    why = error.strerror or str(error)
    remedy = "Make room on the disk, or let the folder be written to."
    if not path.parent.is_dir():
        why, remedy = "its folder is not there", "Leave the folder where it is."
    named = type(error)(f"{path} must be written, and cannot be: {why}. {remedy}")
    named.errno = error.errno
    return named

"""A TFDS folder with one writing process at a time, and the leftovers of a killed one."""

from __future__ import annotations

import contextlib
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None  # type: ignore[assignment]

LOCK = ".preparing"  # a file in the folder, where the system has no locks that end with a process
SCRATCH = ".unpacked-"  # folders of unpacked files, for TFDS to read
UNFINISHED = ("incomplete.*", "*.incomplete*")  # TFDS's names of a version that it is writing


@contextlib.contextmanager
def one_writer(data_dir: Path, name: str) -> Iterator[None]:
    """Keep other preparing processes out of the folder; remove what killed ones left.

    Args:
        data_dir: the TFDS folder; there need not be one yet.
        name: of the data set that is written.

    Raises:
        ValueError: the folder cannot be written to, or another process is preparing a data set.
    """
    check_writable(data_dir)
    made = _make(data_dir)
    try:
        with _lock_file(data_dir) if fcntl is None else _lock(data_dir):
            _remove_leftovers(data_dir, name)
            yield
    finally:
        for folder in (data_dir / name, *made):  # empty ones: nothing was written
            with contextlib.suppress(OSError):
                folder.rmdir()


@contextlib.contextmanager
def _lock(data_dir: Path) -> Iterator[None]:
    """Lock the folder itself; the lock ends with the process, killed or not."""
    handle = os.open(data_dir, os.O_RDONLY)
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise ValueError(
                f"one data set is prepared at a time, another process is at it in {data_dir}. "
                "Wait until it has ended."
            ) from error
        yield
    finally:
        os.close(handle)


@contextlib.contextmanager
def _lock_file(data_dir: Path) -> Iterator[None]:
    """Make a file that must not be there before; a killed process leaves it."""
    path = data_dir / LOCK
    try:
        os.close(os.open(path, os.O_CREAT | os.O_EXCL))
    except FileExistsError as error:
        raise ValueError(
            f"one data set is prepared at a time, another process is at it in {data_dir}, or was "
            f"killed. Wait until it has ended; if none runs, remove {path}."
        ) from error
    try:
        yield
    finally:
        path.unlink()


def check_writable(data_dir: Path) -> None:
    """Raise ValueError unless the folder, or the nearest one above it, can be written to."""
    above = data_dir.absolute()
    while not os.path.lexists(above) and above != above.parent:
        above = above.parent
    if not above.is_dir():
        fault = f"{above} is no folder"
    elif not os.access(above, os.W_OK | os.X_OK):
        fault = f"{above} cannot be written to"
    else:
        return
    raise ValueError(
        f"the TFDS folder must be one that can be written to, {data_dir.absolute()} is not: "
        f"{fault}. Name another with --data-dir, or TFDS_DATA_DIR."
    )


def _make(folder: Path) -> list[Path]:
    """Make the folder; the folders that were made, the innermost first."""
    made = []
    above = folder
    while not above.exists():
        made.append(above)
        above = above.parent
    folder.mkdir(parents=True, exist_ok=True)
    return made


def _remove_leftovers(data_dir: Path, name: str) -> None:
    """Remove the half-written files of a killed process; nobody else is writing now."""
    left = [*data_dir.glob(f"{SCRATCH}*")]
    for pattern in UNFINISHED:
        left += (data_dir / name).glob(pattern)
    for folder in left:
        shutil.rmtree(folder, ignore_errors=True)

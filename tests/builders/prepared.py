"""Prepared data sets, where this machine has them."""

import functools
import os
import time
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PATIENCE = 600  # seconds


def prepared_folder(*names):
    """The folder that has one of these; skips the test where none is."""
    _wait()
    folder = Path(os.environ.get("TFDS_DATA_DIR", ROOT / "data" / "tfds"))
    if not any((folder / name).exists() for name in names):
        pytest.skip(f"{' and '.join(map(str, names))} not prepared in {folder.absolute()}")
    return folder


@functools.cache
def _wait():
    """.ci/run prepares data beside the tests, as long as the file that PREPARING names is there."""
    preparing, end = os.environ.get("PREPARING"), time.monotonic() + PATIENCE
    while preparing and Path(preparing).exists() and time.monotonic() < end:
        time.sleep(1)

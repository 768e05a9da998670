"""Which backend runs, and where the big data are."""

import os
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
os.environ.setdefault("KERAS_BACKEND", "tensorflow")

import pytest

ROOT = Path(__file__).parent.parent


def pytest_report_header():
    return f"backend: {os.environ['KERAS_BACKEND']}"


@pytest.fixture(scope="session")
def tfds_dir():
    """Where prepared TFDS data are; tests that need a data set ask for it by `prepared`."""
    return Path(os.environ.get("TFDS_DATA_DIR") or ROOT / "data" / "tfds")


@pytest.fixture(scope="session")
def prepared(tfds_dir):
    """Skips, saying so, unless a TFDS data set is prepared."""

    def need(name):
        if not (tfds_dir / name).exists():
            pytest.skip(f"{name} is not prepared under {tfds_dir}")
        return tfds_dir

    return need

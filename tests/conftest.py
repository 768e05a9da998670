"""Which backend runs; the tests of a backend run once for each."""

import os

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("KERAS_BACKEND", "tensorflow")


def pytest_report_header():
    return f"backend: {os.environ['KERAS_BACKEND']}"

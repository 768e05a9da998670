"""What the package says of itself."""

import configparser
import re
from importlib import resources
from pathlib import Path

import pytest
from click.testing import CliRunner

import tssd_keras
from tssd_keras.cli.main import main

pytestmark = pytest.mark.backend_free
ROOT = Path(__file__).parents[1]


def test_there_is_one_version():
    config = configparser.ConfigParser()
    config.read(ROOT / "setup.cfg")
    version = config["metadata"]["version"]
    assert tssd_keras.__version__ == version
    assert version in CliRunner().invoke(main, ["--version"]).output
    assert f"\nversion: {version}\n" in (ROOT / "CITATION.cff").read_text()
    assert re.search(rf"^## {re.escape(version)}\b", (ROOT / "CHANGELOG.md").read_text(), re.M)


def test_types_are_there_for_those_who_import_it():
    assert (resources.files("tssd_keras") / "py.typed").is_file()

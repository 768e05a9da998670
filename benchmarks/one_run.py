"""A run of the command line in a process of its own, for scripts that read its folder."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from result_lines import ROOT


@contextmanager
def one_run(recipe: str, settings: list[str], backend: str) -> Iterator[tuple[str, Path]]:
    """Train a recipe of recipes/; gives the command as a reader would type it, and the run folder.

    The folder is gone afterwards. A run that fails ends the script with what it said.
    """
    words = [word for setting in settings for word in ("--set", setting)]
    command = ["cli.py", "train", f"recipes/{recipe}.toml", "--backend", backend, *words]
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "run"
        whole = [sys.executable, *command, "--out", str(out)]
        done = subprocess.run(whole, cwd=ROOT, capture_output=True, text=True)
        if done.returncode:
            sys.exit(f"{' '.join(command)} failed:\n{done.stderr[-2000:]}")
        yield " ".join(["python", *command]), out

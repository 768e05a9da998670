"""Lines of benchmarks/results/*.jsonl: reading, appending, and the commit that they name."""

from __future__ import annotations

import json
import os
import subprocess
from datetime import UTC, datetime
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent
RESULTS = HERE / "results"


def read(path: Path) -> list[dict]:
    """The lines that are there, none without the file."""
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


def append(path: Path, row: dict) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with open(path, "a", encoding="utf-8") as file:
        file.write(json.dumps(row) + "\n")


def origin() -> dict[str, object]:
    """What every line says of where it comes from: commit, day, cores."""
    return {
        "commit": commit(),
        "date": datetime.now(UTC).strftime("%Y-%m-%d"),
        "cores": len(os.sched_getaffinity(0)),
    }


def commit() -> str:
    """The commit that runs, with "+" where files other than results differ; "" outside git."""
    head = ["git", "rev-parse", "--short=12", "HEAD"]
    differ = ["git", "diff", "--quiet", "HEAD", "--", ".", ":!benchmarks/results"]
    try:
        done = subprocess.run(head, cwd=ROOT, check=True, capture_output=True, text=True)
    except (OSError, subprocess.CalledProcessError):
        return ""
    return done.stdout.strip() + "+" * bool(subprocess.run(differ, cwd=ROOT).returncode)

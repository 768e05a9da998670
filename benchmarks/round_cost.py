"""What a round costs beside an epoch, and images a second, from a run folder.

    python benchmarks/round_cost.py RUN_FOLDER

Reads epochs.csv, rounds.csv, summary.json and recipe.toml of a run; trains nothing.
"""

from __future__ import annotations

import csv
import json
import sys
from pathlib import Path


def rows(path: Path) -> list[dict[str, str]]:
    """The rows of a CSV file."""
    with open(path, newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def main(folder: Path) -> None:
    """Print a line an epoch: samples trained on, seconds, and its round's seconds by part."""
    summary = json.loads((folder / "summary.json").read_text())
    stream = summary["samples"]["stream"]
    rounds = {int(row["epoch"]): row for row in rows(folder / "rounds.csv")}
    print(f"{summary['backend']}, {stream:,} samples in the stream, {summary['machine']}")
    print(
        "| epoch | trained on | accuracy | kept precision | epoch s | images/s | score s | "
        "divide s | purify s | round/epoch |"
    )
    print("|" + " --- |" * 10)
    for row in rows(folder / "epochs.csv"):
        about = rounds.get(int(row["epoch"]) - 1)
        trained = int(about["kept"]) if about else stream
        seconds = float(row["seconds"])
        parts = (
            [float(about[f"seconds_{p}"]) for p in ("score", "divide", "purify")] if about else []
        )
        cells = [
            row["epoch"],
            f"{trained:,}",
            f"{float(row['accuracy']):.4f}",
            f"{float(about['kept_precision']):.4f}" if about else "-",
            f"{seconds:.1f}",
            f"{trained / seconds:.0f}",
            *([f"{p:.1f}" for p in parts] or ["-"] * 3),
            f"{sum(parts) / seconds:.2f}" if about else "-",
        ]
        print("| " + " | ".join(cells) + " |")
    print("An epoch's seconds are those of its updates: rounds and evaluation have their own.")


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    main(Path(sys.argv[1]))

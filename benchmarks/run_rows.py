"""A table row for each run folder: accuracy by epoch, what was kept, the labels and their hash.

python benchmarks/run_rows.py RUN [RUN ...]
"""

from __future__ import annotations

import csv
import json
import sys
from pathlib import Path


def rows(path: Path) -> list[dict[str, str]]:
    """The rows of a CSV file; none if it is not there (plain runs have no rounds)."""
    if not path.exists():
        return []
    with open(path, newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def shares(column: list[str]) -> str:
    return " ".join(f"{float(value):.4f}" for value in column if value) or "-"


def share(value: float | None) -> str:
    return "-" if value is None else f"{value:.4f}"


def main(folders: list[str]) -> None:
    print(
        "| run | backend | noise | accuracy by epoch | kept precision by round | AUROC | minutes "
        "| labels' sha256 |"
    )
    print("| --- | --- | --- | --- | --- | --- | --- | --- |")
    for folder in map(Path, folders):
        summary = json.loads((folder / "summary.json").read_text())
        cells = (
            folder.name,
            summary["backend"],
            f"{summary['effective_noise_rate']:.4f}",
            shares([row["accuracy"] for row in rows(folder / "epochs.csv")]),
            shares([row["kept_precision"] for row in rows(folder / "rounds.csv")]),
            share(summary["label_error_auroc"]),
            f"{summary['seconds'] / 60:.1f}",
            summary["labels_sha256"][:12],
        )
        print(f"| {' | '.join(cells)} |")


if __name__ == "__main__":
    main(sys.argv[1:])

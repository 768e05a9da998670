"""Makes docs/human_noise.png of what benchmarks/human_noise.py has run on the labels `worst`.

    python benchmarks/human_noise_picture.py

Test accuracy by epoch, the mean over the seeds that have run; cleanlab's epochs are those of the
training after the pruning. "golden": ten golden samples a class.
"""

from __future__ import annotations

import sys

import numpy as np
import result_lines
from human_noise import RESULTS

PICTURE = result_lines.ROOT / "docs" / "human_noise.png"
INK = "#3c414a"
# Way, golden, networks -> colour and name.
LINES = {
    ("true", None, None): ("#8a8f98", "true labels"),
    ("mixmatch", "10", 2): ("#0b57a4", "TSSD, mixmatch, two networks, golden"),
    ("weighted", "10", 1): ("#3f8fd9", "TSSD, weighted, golden"),
    ("weighted", "none", 1): ("#2a9d8f", "TSSD, weighted, no golden sample"),
    ("cleanlab", None, None): ("#8e5bb5", "cleanlab: prune, train again"),
    ("plain", None, None): ("#b3541e", "plain training"),
}


def main() -> None:
    from matplotlib.figure import Figure

    rows = [row for row in result_lines.read(RESULTS) if row["labels"] == "worst"]
    figure = Figure((8, 4.2), dpi=150)
    axes = figure.add_axes((0.07, 0.12, 0.5, 0.8))
    for (way, golden, networks), (colour, name) in LINES.items():
        key = {"way": way, "golden": golden, "networks": networks, "set": []}
        runs = [row["accuracy_by_epoch"] for row in rows if key.items() <= row.items()]
        if not runs:
            sys.exit(f"no run of {name} is in {RESULTS}: python benchmarks/human_noise.py run")
        mean = np.mean(runs, axis=0)
        axes.plot(range(1, len(mean) + 1), mean, color=colour, linewidth=2)
        text = f"{mean[-1]:.3f}  {name}"
        axes.text(20.4, mean[-1], text, color=colour, fontsize=8.5, weight="bold", va="center")
        print(f"{name}: last {mean[-1]:.4f}, {len(runs)} seeds")
    _apart(axes.texts)
    axes.set(xlim=(1, 20), ylim=(0.5, 0.78), xticks=(1, 5, 10, 15, 20))
    axes.set_xlabel("epoch", fontsize=8.5, color=INK)
    axes.tick_params(labelsize=8.5, colors=INK, length=0)
    axes.grid(axis="y", color="#e3e5e8", linewidth=0.7)
    axes.set_axisbelow(True)
    for side in ("top", "right", "left"):
        axes.spines[side].set_visible(False)
    title = "Test accuracy on CIFAR-10N worst, as features of a pretrained network"
    figure.text(0.07, 0.95, title, fontsize=10, weight="bold")
    figure.savefig(PICTURE)


def _apart(texts: list) -> None:
    """Move names that would lie on each other, from the lowest up."""
    lowest = -1.0
    for text in sorted(texts, key=lambda one: one.get_position()[1]):
        x, y = text.get_position()
        y = max(y, lowest + 0.0125)
        text.set_position((x, y))
        lowest = y


if __name__ == "__main__":
    main()

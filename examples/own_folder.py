"""A folder of images and a table of their labels, to try things on: digits as PNG files.

    python examples/own_folder.py photos
    python cli.py train recipes/own_folder.toml --set data.path=photos/labels.csv \
      --set data.image_size=0 --set golden.source=trusted

A third of the training labels are wrong. `true_label` says for some of them
what is right, and `golden` marks a hundred that are known to be right: a table
of your own needs neither.
"""

import csv
import sys
from pathlib import Path

import numpy as np
from PIL import Image
from sklearn.datasets import load_digits

NAMES = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
N_TRAIN, N_GOLDEN, N_KNOWN = 1437, 100, 400


def write(folder: Path, *, wrong: float = 0.33, seed: int = 0) -> None:
    """Write the images and labels.csv; refuse a folder that is there."""
    digits = load_digits()
    rng = np.random.default_rng(seed)
    (folder / "scans").mkdir(parents=True)
    with open(folder / "labels.csv", "w", newline="", encoding="utf-8") as file:
        table = csv.writer(file)
        table.writerow(["path", "label", "true_label", "golden", "split"])
        for i, (image, right) in enumerate(zip(digits.images, digits.target, strict=True)):
            path = f"scans/{i:04}.png"
            Image.fromarray((image * 15).astype(np.uint8)).save(folder / path)
            golden, train = i < N_GOLDEN, i < N_TRAIN
            flipped = train and not golden and rng.random() < wrong
            label = (right + rng.integers(1, 10)) % 10 if flipped else right
            table.writerow(
                [
                    path,
                    NAMES[label],
                    NAMES[right] if i < N_KNOWN else "",
                    "yes" if golden else "",
                    "train" if train else "test",
                ]
            )


if __name__ == "__main__":
    if len(sys.argv) != 2 or Path(sys.argv[1]).exists():
        sys.exit(f"usage: python {sys.argv[0]} FOLDER, a new one")
    write(Path(sys.argv[1]))

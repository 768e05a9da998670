"""A text and a table for `peers`: Debian's packages by section, and diamonds by their cut.

    python benchmarks/peers_data.py text                  # data/debian_sections.npz
    python benchmarks/peers_data.py table DIAMONDS.csv    # data/diamonds.npz

The text is what Debian's package lists say of each package in a line (`apt-get update` brings
them); its class is the section that the maintainer chose: ten sections by subject, none by
programming language, since descriptions name that. Words become TF-IDF, fitted on the training
packages alone, and 256 numbers of each by a truncated singular value decomposition. The table is
ggplot2's data set of 53,940 diamonds (Wickham, "ggplot2", 2009), as the Python package plotnine
carries it: the class is the cut, columns are standardised numbers, colour and clarity by their
rank. Both keep what people wrote as the truth; noise is the recipe's.
"""

from __future__ import annotations

import argparse
import csv
import subprocess
from pathlib import Path

import numpy as np
from sklearn.decomposition import TruncatedSVD
from sklearn.feature_extraction.text import TfidfVectorizer

DATA = Path(__file__).resolve().parents[1] / "data"
SECTIONS = "admin games graphics mail math net science sound text video".split()  # noqa: SIM905
WIDTH, MOST = 256, 1_500  # packages of a section
TEST_SHARE = 0.25
CUTS = ("Fair", "Good", "Very Good", "Premium", "Ideal")
COLOURS, CLARITIES = "DEFGHIJ", ("I1", "SI2", "SI1", "VS2", "VS1", "VVS2", "VVS1", "IF")
NUMBERS = ("carat", "depth", "table", "price", "x", "y", "z")
TRAINED, TESTED = 20_000, 10_000


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("what", choices=["text", "table"])
    parser.add_argument("csv", nargs="?", type=Path, help="table: the diamonds")
    arguments = parser.parse_args()
    DATA.mkdir(exist_ok=True)
    if arguments.what == "text":
        write_text(DATA / "debian_sections.npz")
    elif arguments.csv is None:
        parser.error("table: say where diamonds.csv is (in the wheel of plotnine: data/)")
    else:
        write_table(arguments.csv, DATA / "diamonds.npz")


def write_text(path: Path) -> None:
    """Packages as rows; equal descriptions once, since one lies in training and test."""
    lines = package_lines()
    rng = np.random.default_rng(0)
    texts, labels = [], []
    for number, section in enumerate(SECTIONS):
        of_section = sorted(text for text, where in lines.items() if where == section)
        some = rng.permutation(len(of_section))[:MOST]
        texts += [of_section[i] for i in some]
        labels += [number] * len(some)
    y, order = np.asarray(labels), rng.permutation(len(labels))
    cut = int(TEST_SHARE * len(order))
    test, train = order[:cut], order[cut:]
    words = TfidfVectorizer(sublinear_tf=True, min_df=2, ngram_range=(1, 2))
    narrow = TruncatedSVD(WIDTH, random_state=0)
    x_train = narrow.fit_transform(words.fit_transform([texts[i] for i in train]))
    x_test = narrow.transform(words.transform([texts[i] for i in test]))
    # Of unit length a number is about 1 / 16; networks begin better with numbers about 1.
    x_train, x_test = (np.float32(x * np.sqrt(WIDTH)) for x in (x_train, x_test))
    shown = {"text_train": np.asarray([texts[i] for i in train])}
    save(path, x_train, y[train], x_test, y[test], SECTIONS, **shown)


def package_lines() -> dict[str, str]:
    """Description -> section, of Debian's main archive."""
    found: dict[str, str] = {}
    listed = subprocess.run(["apt-cache", "dumpavail"], capture_output=True, text=True, check=True)
    for block in listed.stdout.split("\n\n"):
        fields = dict(line.split(": ", 1) for line in block.splitlines() if ": " in line[:40])
        text = fields.get("Description") or fields.get("Description-en") or ""
        section = fields.get("Section", "")
        if text and section in SECTIONS:
            found.setdefault(text, section)
    return found


def write_table(source: Path, path: Path) -> None:
    """Diamonds as rows, some for training and others for the test."""
    with source.open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    columns = [[float(row[name]) for row in rows] for name in NUMBERS]
    columns += [[COLOURS.index(row["color"]) for row in rows]]
    columns += [[CLARITIES.index(row["clarity"]) for row in rows]]
    x = np.asarray(columns, np.float64).T
    y = np.asarray([CUTS.index(row["cut"]) for row in rows])
    order = np.random.default_rng(0).permutation(len(rows))
    train, test = order[:TRAINED], order[TRAINED : TRAINED + TESTED]
    mean, spread = x[train].mean(axis=0), x[train].std(axis=0)
    x = np.float32((x - mean) / spread)
    named = {"column_names": np.asarray([*NUMBERS, "colour", "clarity"])}
    save(path, x[train], y[train], x[test], y[test], CUTS, **named)


def save(path: Path, x_train, y_train, x_test, y_test, names, **more) -> None:
    """The arrays that `data.source=npz` reads."""
    np.savez_compressed(
        path,
        x_train=x_train,
        y_train=y_train,
        x_test=x_test,
        y_test=y_test,
        class_names=np.asarray(names),
        **more,
    )
    shown = path.relative_to(DATA.parent)
    print(f"{shown}: {len(y_train)} to train, {len(y_test)} to test, {len(names)} classes")
    print("  of each class: " + ", ".join(map(str, np.bincount(y_train))))


if __name__ == "__main__":
    main()

"""The images of Clothing-1M and their labels, from its own lists.

One folder in the original layout: key lists with one image path a line, label lists with "path
label" a line, and the images in folders of their own. The lists are checked before anything is
written; of the images only the names are looked up.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import click

from tssd_keras.data.named.safe_path import leaves
from tssd_keras.recipe.checks import EXAMPLES

PREPARED = Path("clothing1m", "1.0.0")
URL = "https://github.com/Cysu/noisy_label"

NOISY_TRAIN = "noisy_train_key_list.txt"
CLEAN_TRAIN = "clean_train_key_list.txt"
CLEAN_VAL = "clean_val_key_list.txt"
CLEAN_TEST = "clean_test_key_list.txt"
NOISY_LABELS = "noisy_label_kv.txt"
CLEAN_LABELS = "clean_label_kv.txt"
NAMES = "category_names_eng.txt"
NEEDED = (NOISY_TRAIN, CLEAN_TRAIN, CLEAN_TEST, NOISY_LABELS, CLEAN_LABELS)
OPTIONAL = (CLEAN_VAL, NAMES)

CLASS_NAMES = (
    "T-Shirt",
    "Shirt",
    "Knitwear",
    "Chiffon",
    "Sweater",
    "Hoodie",
    "Windbreaker",
    "Jacket",
    "Down Coat",
    "Suit",
    "Shawl",
    "Dress",
    "Vest",
    "Underwear",
)
UNKNOWN = -1  # the clean label of most images, the noisy label of some


class Sample(NamedTuple):
    """One image; a label is a class number or UNKNOWN, at least one of the two is known."""

    key: str
    label: int
    clean_label: int
    golden: bool


@dataclass(frozen=True)
class Lists:
    """The folder's samples.

    Attributes:
        folder: that the keys are relative to.
        class_names: 14, in label order.
        train: the noisy training keys, then the other clean ones. A clean one without a noisy
            label has the label UNKNOWN: it can be golden and is not trained on.
        validation: clean labels; empty where the folder has no such list.
        test: clean labels.
    """

    folder: Path
    class_names: tuple[str, ...]
    train: tuple[Sample, ...]
    validation: tuple[Sample, ...]
    test: tuple[Sample, ...]


def read_lists(folder: Path) -> Lists:
    """The lists, checked against each other and against the images that are there.

    Raises:
        FileNotFoundError: a list or an image is not there.
        ValueError: a line is malformed, a label is none of 0..13 or missing, a key stands
            twice or leaves the folder, or a training image is in validation or test too.
    """
    missing = [name for name in NEEDED if not (folder / name).is_file()]
    if missing:
        raise FileNotFoundError(
            f"Clothing-1M must lie in {folder.absolute()} in its original layout, "
            f"{len(missing)} of {len(NEEDED)} lists are not there: {', '.join(missing)}. Ask for "
            f"the data as {URL} says and name the folder that holds the lists and the images."
        )
    lists = {
        name: _keys(folder / name)
        for name in (NOISY_TRAIN, CLEAN_TRAIN, CLEAN_VAL, CLEAN_TEST)
        if name in NEEDED or (folder / name).is_file()
    }
    noisy, clean = _labels(folder / NOISY_LABELS), _labels(folder / CLEAN_LABELS)
    for name, keys in lists.items():
        _check_labelled(folder, name, keys, noisy if name == NOISY_TRAIN else clean)
    _check_apart(folder, lists)
    for name, keys in lists.items():
        _check_images(folder, name, keys)
    train = dict.fromkeys((*lists[NOISY_TRAIN], *lists[CLEAN_TRAIN]))
    return Lists(
        folder,
        _class_names(folder / NAMES),
        tuple(
            Sample(
                key,
                noisy.get(key, UNKNOWN),
                clean.get(key, UNKNOWN),
                key in lists[CLEAN_TRAIN],
            )
            for key in train
        ),
        tuple(Sample(key, clean[key], clean[key], False) for key in lists.get(CLEAN_VAL, ())),
        tuple(Sample(key, clean[key], clean[key], False) for key in lists[CLEAN_TEST]),
    )


def _lines(path: Path) -> Iterator[tuple[int, str]]:
    """(number, text) of each line that is not blank."""
    with open(path, encoding="utf-8-sig", errors="replace") as file:
        for number, line in enumerate(file, start=1):
            if text := line.strip():
                yield number, text


def _refuse(path: Path, must: str, faults: list[tuple[int, str]], hint: str) -> None:
    """Raise ValueError if there are faults: (line number, what it says)."""
    if faults:
        raise ValueError(_text(path, must, faults, hint))


def _text(path: Path, must: str, faults: list[tuple[int, str]], hint: str) -> str:
    shown = ", ".join(f"line {number} {text!r}" for number, text in faults[:EXAMPLES])
    more = ", ..." if len(faults) > EXAMPLES else ""
    return f"{path}: {must}; {len(faults)} not so: {shown}{more}. {hint}"


def _keys(path: Path) -> dict[str, int]:
    """Key -> its line number, in the list's order."""
    keys: dict[str, int] = {}
    malformed, outside, twice = [], [], []
    for number, text in _lines(path):
        if len(text.split()) != 1:
            malformed.append((number, text))
        elif leaves(text):
            outside.append((number, text))
        elif text in keys:
            twice.append((number, text))
        keys.setdefault(text, number)
    _refuse(
        path,
        "each line must be one image path without blanks",
        malformed,
        'Label lists, "path label" a line, go by other names.',
    )
    _refuse(
        path,
        "each path must lie inside the folder",
        outside,
        "Write it relative to the folder, as in images/0/00/1234,5678.jpg.",
    )
    _refuse(path, "each path must stand there once", twice, "Remove the repeated lines.")
    if not keys:
        raise ValueError(f"{path}: must name at least one image, it is empty. Fetch it again.")
    return keys


def _labels(path: Path) -> dict[str, int]:
    """Key -> class number."""
    labels: dict[str, int] = {}
    malformed, wrong, twice = [], [], []
    for number, text in _lines(path):
        key, *rest = text.split()
        if len(rest) != 1 or not rest[0].removeprefix("-").isdecimal():
            malformed.append((number, text))
            continue
        label = int(rest[0])
        if not 0 <= label < len(CLASS_NAMES):
            wrong.append((number, text))
        elif key in labels:
            twice.append((number, text))
        labels.setdefault(key, label)
    _refuse(
        path,
        'each line must be "path label", the label a whole number',
        malformed,
        "Mend these lines, or fetch the file again.",
    )
    _refuse(
        path,
        f"each label must lie in 0..{len(CLASS_NAMES) - 1}",
        wrong,
        "Classes count from 0; mend these lines, or fetch the file again.",
    )
    _refuse(path, "each path must have one label", twice, "Remove the repeated lines.")
    return labels


def _class_names(path: Path) -> tuple[str, ...]:
    """The file's names, else the built-in ones."""
    if not path.is_file():
        return CLASS_NAMES
    names = tuple(text for _, text in _lines(path))
    if len(set(names)) != len(CLASS_NAMES) or len(names) != len(CLASS_NAMES):
        raise ValueError(
            f"{path}: must hold {len(CLASS_NAMES)} different class names, one a line, it has "
            f"{len(names)} lines, {len(set(names))} different. Mend or remove the file; without it "
            f"the built-in names are used ({', '.join(CLASS_NAMES[:EXAMPLES])}, ...)."
        )
    return names


def _check_labelled(folder: Path, name: str, keys: dict[str, int], labels: dict[str, int]) -> None:
    where = NOISY_LABELS if name == NOISY_TRAIN else CLEAN_LABELS
    faults = [(number, key) for key, number in keys.items() if key not in labels]
    _refuse(
        folder / name,
        f"each path must have a label in {where}",
        faults,
        f"Add them to {where}, or take them out of this list.",
    )


def _check_apart(folder: Path, lists: dict[str, dict[str, int]]) -> None:
    """Raise ValueError if training and test, or the two clean lists, share an image."""
    for name, held_out in (
        (NOISY_TRAIN, (CLEAN_VAL, CLEAN_TEST)),
        (CLEAN_TRAIN, (CLEAN_VAL, CLEAN_TEST)),
        (CLEAN_VAL, (CLEAN_TEST,)),
    ):
        for other in held_out:
            both = [
                (number, key)
                for key, number in lists.get(name, {}).items()
                if key in lists.get(other, {})
            ]
            _refuse(
                folder / name,
                f"no path may also stand in {other}, which is there to judge by",
                both,
                "Take them out of this list.",
            )


def _check_images(folder: Path, name: str, keys: dict[str, int]) -> None:
    """Raise FileNotFoundError unless each image is a file; listing folders is the quick way."""
    by_folder: dict[str, list[str]] = {}
    for key in keys:
        by_folder.setdefault(key.rpartition("/")[0], []).append(key)
    bar = click.progressbar(
        sorted(by_folder), label=f"looking for the images of {name}", file=sys.stderr
    )
    missing: list[str] = []
    with bar:
        for part in bar:
            names = set(_files(folder / part))
            missing += (key for key in by_folder[part] if key.rpartition("/")[2] not in names)
    if missing:
        faults = sorted((keys[key], key) for key in missing)
        raise FileNotFoundError(
            _text(
                folder / name,
                f"each path must be a file in {folder}",
                faults,
                "Unpack all archives of images there, or take the lines out of the list.",
            )
        )


def _files(folder: Path) -> Iterable[str]:
    try:
        with os.scandir(folder) as entries:
            return [entry.name for entry in entries if entry.is_file()]
    except (FileNotFoundError, NotADirectoryError):
        return []

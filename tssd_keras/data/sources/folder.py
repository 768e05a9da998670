"""Images of one's own: a folder with one folder a class."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from tssd_keras.data.labelled_data import LabelledData
from tssd_keras.data.sources.own_images import own_images
from tssd_keras.recipe.recipe import DataRecipe

SUFFIXES = (
    *(".jpg", ".jpeg", ".jfif", ".png", ".gif", ".webp", ".bmp", ".tif", ".tiff"),
    *(".ppm", ".pgm", ".pbm"),
)
# In the order in which they are looked for, in upper or lower case.
TRAIN_FOLDERS = ("train", "training")
TEST_FOLDERS = ("test", "testing", "val", "valid", "validation")
LIKE_A_SPLIT = re.compile(
    rf"({'|'.join((*TRAIN_FOLDERS, *TEST_FOLDERS))})([-_ ]?(set|split|data|images|\d+))?", re.I
)


def load(recipe: DataRecipe, *, golden_ids: frozenset[str] = frozenset()) -> LabelledData:
    """The images under `data.path`.

    Layout: CLASS/IMAGE, or train/CLASS/IMAGE with test/CLASS/IMAGE (see
    `TRAIN_FOLDERS` and `TEST_FOLDERS`). Images may lie deeper within their
    class. Without a test folder some of each class are held out, see
    `own_images`. What lies elsewhere is not read, and a note says so.

    Args:
        recipe: path, and what `own_images` reads.
        golden_ids: samples of these ids are not held out.

    Returns:
        LabelledData. Classes are the sorted names of the folders; an id is the
        image's path within `path`.

    Raises:
        FileNotFoundError: there is no such folder.
        ValueError: it cannot be read, a class is empty, there are not two
            classes, they are named like splits, or a link leads to a folder
            that is read already.
    """
    root = Path(recipe.path).expanduser()
    if not root.is_dir():
        raise FileNotFoundError(
            f"data.path must name a folder with one folder a class, {root.absolute()} is "
            f"{'no folder' if root.exists() else 'not there'}."
        )
    train, test, notes = _split_folders(root)
    names, loose = _entries(root / train)
    if len(names) < 2:
        raise ValueError(
            f"{root / train} must hold one folder a class, at least 2, it holds {len(names)} "
            f"({', '.join(names) or 'none'})."
        )
    walk = _Walk(root)
    paths, labels, passed = _images(walk, train, names, names)
    empty = _without(labels, names)
    if empty:
        raise ValueError(
            f"each class must have images ({', '.join(SUFFIXES)}): {len(empty)} folders of "
            f"{root / train} have none, the first is {empty[0]}. Add some, or take the folder away."
        )
    n_train = len(paths)
    if test is not None:
        there, more_loose = _entries(root / test)
        _check_test_classes(root / test, there, root / train, names)
        more, more_labels, more_passed = _images(walk, test, there, names)
        if not more:
            raise ValueError(
                f"{root / test} must hold images of the classes of {root / train}, it holds none. "
                "Add some, or take the folder away: then some of each class are held out."
            )
        paths, labels, passed = paths + more, labels + more_labels, passed + more_passed
        loose += more_loose
        missing = _without(more_labels, names)
        notes += _note(missing, f"classes: {{}} have no image in {test}, the first is {{}}")
    notes += _note(
        loose,
        "files: {} images in no class's folder are passed over, the first is {}",
    )
    notes += _note(
        passed,
        "files: {} whose names do not end like an image's are passed over, the first is {}",
    )
    return own_images(
        str(root),
        root,
        paths,
        np.array(labels, np.int64),
        names,
        recipe,
        test=np.arange(len(paths)) >= n_train,
        golden_ids=golden_ids,
        notes=notes,
    )


def _check_test_classes(
    test: Path, there: tuple[str, ...], train: Path, names: tuple[str, ...]
) -> None:
    unknown = sorted(set(there) - set(names))
    if unknown:
        raise ValueError(
            f"{test} must hold classes of {train} only, {len(unknown)} are not, the first is "
            f"{unknown[0]}. Rename the folder, or add training images of it."
        )


def _without(labels: list[int], names: tuple[str, ...]) -> list[str]:
    """Names of the classes that no label is of."""
    found = set(labels)
    return [name for label, name in enumerate(names) if label not in found]


def _note(what: Sequence[str], text: str) -> tuple[str, ...]:
    """The text with the count and the first of them; nothing where there are none."""
    return (text.format(f"{len(what):,}", what[0]),) if what else ()


def _split_folders(root: Path) -> tuple[str, str | None, tuple[str, ...]]:
    """("", None) for a folder of classes, else train's and test's, and what is not read beside."""
    folders, loose = _entries(root)
    train, test = (_first(folders, known) for known in (TRAIN_FOLDERS, TEST_FOLDERS))
    if train is None:
        like = [name for name in folders if LIKE_A_SPLIT.fullmatch(name)]
        if like:
            raise ValueError(
                f"{root} must hold one folder a class, or train and test with one folder a class "
                f"each: {len(like)} of its {len(folders)} folders are named like splits and none "
                f"is train, the first is {like[0]}. Name them train and test; if it is a class, "
                "name it otherwise."
            )
        return "", None, ()
    beside = [f"{name}/" for name in folders if name not in (train, test)] + loose
    taken = train if test is None else f"{train} and {test}"
    notes = _note(beside, f"folder: {{}} beside {taken} are not read, the first is {{}}")
    return f"{train}/", None if test is None else f"{test}/", notes


def _first(names: Sequence[str], known: Sequence[str]) -> str | None:
    ranked = sorted((known.index(name.lower()), name) for name in names if name.lower() in known)
    return ranked[0][1] if ranked else None


def _is_image(path: str) -> bool:
    return path.lower().endswith(SUFFIXES)


def _entries(folder: Path) -> tuple[tuple[str, ...], list[str]]:
    """Sorted names of the folders in a folder, and of its images; hidden ones are none."""
    try:
        found = sorted((e.name, e.is_dir()) for e in os.scandir(folder) if e.name[0] != ".")
    except OSError as error:
        raise _unreadable(error) from error
    folders = tuple(name for name, is_folder in found if is_folder)
    return folders, [name for name, is_folder in found if not is_folder and _is_image(name)]


def _images(
    walk: _Walk, part: str, there: tuple[str, ...], names: tuple[str, ...]
) -> tuple[list[str], list[int], list[str]]:
    """Paths within the root and labels of a part's images, and paths of other files."""
    paths: list[str] = []
    labels: list[int] = []
    passed: list[str] = []
    for name in there:
        for path in walk.files(f"{part}{name}"):
            if _is_image(path):
                paths.append(path)
                labels.append(names.index(name))
            else:
                passed.append(path)
    return paths, labels, passed


class _Walk:
    """Finds files, through links too, and comes to no folder twice.

    Args:
        root: that paths are told from.
    """

    def __init__(self, root: Path) -> None:
        self._root = root
        self._seen: dict[tuple[int, int], str] = {_identity(root): str(root)}

    def files(self, part: str) -> list[str]:
        """Sorted paths within the root of the files of a folder, however deep; no hidden ones.

        Raises:
            ValueError: a folder cannot be read, or is read already: its images
                would count twice, or without end.
        """
        found = []
        for folder, inner, files in os.walk(self._root / part, onerror=_stop, followlinks=True):
            inner[:] = sorted(name for name in inner if not name.startswith("."))
            first = self._seen.setdefault(_identity(Path(folder)), folder)
            if first != folder:
                raise ValueError(
                    f"each folder must be there once, through a link {folder} is {first} again: "
                    "its images would count twice. Take the link away."
                )
            within = Path(folder).relative_to(self._root).as_posix()
            found += [f"{within}/{name}" for name in files if not name.startswith(".")]
        return sorted(found)


def _identity(folder: Path) -> tuple[int, int]:
    status = folder.stat()
    return status.st_dev, status.st_ino


def _stop(error: OSError) -> None:
    raise _unreadable(error) from error


def _unreadable(error: OSError) -> ValueError:
    return ValueError(
        f"every folder must be readable, {error.filename} is not: {error.strerror}. Mend its "
        "rights, or take it away."
    )

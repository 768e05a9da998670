"""Images of one's own: a folder with one folder a class."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np

from tssd_keras.recipe import DataRecipe
from tssd_keras.sources.labelled_data import LabelledData
from tssd_keras.sources.own_images import own_images

SUFFIXES = (
    *(".jpg", ".jpeg", ".jfif", ".png", ".gif", ".webp", ".bmp", ".tif", ".tiff"),
    *(".ppm", ".pgm", ".pbm"),
)
TEST_FOLDERS = ("test", "val", "valid", "validation")


def load(recipe: DataRecipe, *, golden_ids: frozenset[str] = frozenset()) -> LabelledData:
    """The images under `data.path`.

    Layout: CLASS/IMAGE, or train/CLASS/IMAGE with test/CLASS/IMAGE (or val,
    valid, validation in place of test). Images may lie deeper within their
    class. Without a test folder some of each class are held out, see
    `own_images`.

    Args:
        recipe: path, and what `own_images` reads.
        golden_ids: samples of these ids are not held out.

    Returns:
        LabelledData. Classes are the sorted names of the folders; an id is the
        image's path within `path`.

    Raises:
        FileNotFoundError: there is no such folder.
        ValueError: it cannot be read, a class is empty, or there are not two classes.
    """
    root = Path(recipe.path).expanduser()
    if not root.is_dir():
        raise FileNotFoundError(
            f"data.path must name a folder with one folder a class, {root.absolute()} is "
            f"{'no folder' if root.exists() else 'not there'}."
        )
    train, test = "", None
    if (root / "train").is_dir():
        train = "train/"
        test = next((f"{name}/" for name in TEST_FOLDERS if (root / name).is_dir()), None)
    names = _classes(root / train)
    if len(names) < 2:
        raise ValueError(
            f"{root / train} must hold one folder a class, at least 2, it holds {len(names)} "
            f"({', '.join(names) or 'none'})."
        )
    paths, labels, passed = _images(root, train, names)
    n_train = len(paths)
    if test is not None:
        unknown = sorted(set(_classes(root / test)) - set(names))
        if unknown:
            raise ValueError(
                f"{root / test} must hold classes of {root / train} only, {len(unknown)} are not, "
                f"the first is {unknown[0]}. Rename the folder, or add training images of it."
            )
        more, more_labels, more_passed = _images(root, test, names)
        paths, labels, passed = paths + more, labels + more_labels, passed + more_passed
    notes: tuple[str, ...] = ()
    if passed:
        notes = (
            f"files: {len(passed):,} whose names do not end like an image's are passed over, the "
            f"first is {passed[0]}",
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


def _classes(folder: Path) -> tuple[str, ...]:
    """Sorted names of the folders in a folder; hidden ones are none."""
    try:
        found = [e.name for e in os.scandir(folder) if e.is_dir() and not e.name.startswith(".")]
    except OSError as error:
        raise _unreadable(error) from error
    return tuple(sorted(found))


def _images(
    root: Path, part: str, names: tuple[str, ...]
) -> tuple[list[str], list[int], list[str]]:
    """Paths within `root` and labels of a part's images, and paths of other files."""
    paths: list[str] = []
    labels: list[int] = []
    passed: list[str] = []
    empty = []
    for label, name in enumerate(names):
        before = len(paths)
        for path in _files(root, f"{part}{name}"):
            if path.lower().endswith(SUFFIXES):
                paths.append(path)
                labels.append(label)
            else:
                passed.append(path)
        if len(paths) == before:
            empty.append(name)
    if empty and part in ("", "train/"):
        raise ValueError(
            f"each class must have images ({', '.join(SUFFIXES)}): {len(empty)} folders of "
            f"{root / part} have none, the first is {empty[0]}. Add some, or take the folder away."
        )
    return paths, labels, passed


def _files(root: Path, part: str) -> list[str]:
    """Sorted paths within `root` of the files of a folder, however deep; hidden ones left out."""

    def stop(error: OSError) -> None:
        raise _unreadable(error) from error

    found = []
    for folder, inner, files in os.walk(root / part, onerror=stop, followlinks=True):
        inner[:] = [name for name in inner if not name.startswith(".")]
        within = Path(folder).relative_to(root).as_posix()
        found += [f"{within}/{name}" for name in files if not name.startswith(".")]
    return sorted(found)


def _unreadable(error: OSError) -> ValueError:
    return ValueError(
        f"every folder must be readable, {error.filename} is not: {error.strerror}. Mend its "
        "rights, or take it away."
    )

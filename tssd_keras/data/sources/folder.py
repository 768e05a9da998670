"""Images of one's own: a folder with one folder a class."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from tssd_keras.data.labelled_data import LabelledData
from tssd_keras.data.path_names import alike
from tssd_keras.data.sources.own_images import own_images
from tssd_keras.data.sources.walk import SUFFIXES, Walk, is_image
from tssd_keras.recipe.data_sections import DataRecipe

# In the order in which they are looked for, in upper or lower case.
TRAIN_FOLDERS = ("train", "training")
TEST_FOLDERS = ("test", "testing", "val", "valid", "validation")
LIKE_A_SPLIT = re.compile(
    rf"({'|'.join((*TRAIN_FOLDERS, *TEST_FOLDERS))})([-_ ]?(set|split|data|images|\d+))?", re.I
)


@dataclass(frozen=True)
class _Part:
    """The images of one split, or of both.

    Attributes:
        paths: of N images within the root.
        labels: of each, a place among the classes.
        other_files: paths of files in classes' folders whose names are no image's.
        loose: names of images in no class's folder.
    """

    paths: list[str] = field(default_factory=list)
    labels: list[int] = field(default_factory=list)
    other_files: list[str] = field(default_factory=list)
    loose: list[str] = field(default_factory=list)

    def __add__(self, more: _Part) -> _Part:
        return _Part(
            self.paths + more.paths,
            self.labels + more.labels,
            self.other_files + more.other_files,
            self.loose + more.loose,
        )


def load(recipe: DataRecipe, *, golden_ids: frozenset[str] = frozenset()) -> LabelledData:
    """The images under `data.path`.

    Layout: CLASS/IMAGE, or train/CLASS/IMAGE with test/CLASS/IMAGE (see `TRAIN_FOLDERS` and
    `TEST_FOLDERS`). Images may lie deeper within their class. Without a test folder some of
    each class are held out, see `own_images`. A note names what lies elsewhere and is not
    read.

    Args:
        recipe: path, and what `own_images` reads.
        golden_ids: samples of these ids are not held out.

    Returns:
        LabelledData. Classes are the sorted names of the folders; an id is the image's path
        within `path`.

    Raises:
        FileNotFoundError: there is no such folder.
        ValueError: it cannot be read, a class is empty, there are not two classes, they are
            named like splits, or a link leads to a folder that is read already.
    """
    root = Path(recipe.path).expanduser()
    if not root.is_dir():
        raise FileNotFoundError(
            f"data.path must name a folder with one folder a class, {root.absolute()} is "
            f"{'no folder' if root.exists() else 'not there'}."
        )
    walk = Walk(root)
    train, test, notes = _split_folders(walk)
    names = _class_names(walk, train)
    images = _train_images(walk, train, names)
    n_train = len(images.paths)
    if test is not None:
        tests = _test_images(walk, train, test, names)
        images += tests
        no_image = _without(tests.labels, names)
        notes += _note(no_image, f"classes: {{}} have no image in {test}, the first is {{}}")
    return own_images(
        str(root),
        root,
        images.paths,
        np.array(images.labels, np.int64),
        names,
        recipe,
        test=np.arange(len(images.paths)) >= n_train,
        golden_ids=golden_ids,
        notes=(*notes, *_passed_over(images, walk.passed)),
    )


def _class_names(walk: Walk, train: str) -> tuple[str, ...]:
    """Sorted names of the folders in the training folder; raises unless there are two."""
    names, _ = walk.entries(train)
    if len(names) < 2:
        raise ValueError(
            f"{walk.root / train} must hold one folder a class, at least 2, it holds {len(names)} "
            f"({', '.join(names) or 'none'})."
        )
    return names


def _train_images(walk: Walk, train: str, names: tuple[str, ...]) -> _Part:
    """The training images; raises unless each class has some."""
    images = _images(walk, train, names, names)
    empty = _without(images.labels, names)
    if empty:
        raise ValueError(
            f"each class must have images ({', '.join(SUFFIXES)}): {len(empty)} folders of "
            f"{walk.root / train} have none, the first is {empty[0]}. Add some, or take the folder "
            "away."
        )
    return images


def _test_images(walk: Walk, train: str, test: str, names: tuple[str, ...]) -> _Part:
    """The test images; raises unless there are some, of classes of the training folder."""
    folder = walk.root / test
    test_names, _ = walk.entries(test)
    unknown = sorted(set(test_names) - set(names))
    if unknown:
        raise ValueError(
            f"{folder} must hold classes of {walk.root / train} only, {len(unknown)} are not, the "
            f"first is {unknown[0]}. Rename the folder, or add training images of it."
        )
    images = _images(walk, test, test_names, names)
    if not images.paths:
        raise ValueError(
            f"{folder} must hold images of the classes of {walk.root / train}, it holds none. Add "
            "some, or take the folder away: then some of each class are held out."
        )
    return images


def _passed_over(images: _Part, passed: list[str]) -> tuple[str, ...]:
    """Notes of what lies in the folders that are read and is not read, and of names alike.

    Args:
        images: of the source.
        passed: see `Walk.passed`.
    """
    first: dict[str, str] = {}
    twins = [path for path in images.paths if first.setdefault(alike(path), path) != path]
    return (
        *_note(
            passed,
            "files: {} hidden images or folders, or folders that a NAS or a system makes, are "
            "passed over, the first is {}",
        ),
        *_note(
            images.loose,
            "files: {} images in no class's folder are passed over, the first is {}",
        ),
        *_note(
            images.other_files,
            "files: {} whose names do not end like an image's are passed over, the first is {}",
        ),
        *_note(
            [ascii(path) for path in twins],
            "files: {} have a name that looks like another image's and are read too, the first is "
            "{}",
        ),
    )


def _without(labels: list[int], names: tuple[str, ...]) -> list[str]:
    """Names of the classes that no label is of."""
    used = set(labels)
    return [name for label, name in enumerate(names) if label not in used]


def _note(what: Sequence[str], text: str) -> tuple[str, ...]:
    """The text with the count and the first of them; nothing where there are none."""
    return (text.format(f"{len(what):,}", what[0]),) if what else ()


def _split_folders(walk: Walk) -> tuple[str, str | None, tuple[str, ...]]:
    """("", None) for a folder of classes, else train's and test's, and what is not read beside."""
    root = walk.root
    folders, loose = walk.entries("")
    train, test = (_first_of(usual, folders) for usual in (TRAIN_FOLDERS, TEST_FOLDERS))
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


def _first_of(usual: Sequence[str], folders: Sequence[str]) -> str | None:
    """The folder whose name, in upper or lower case, comes first among the usual ones."""
    ranked = sorted((usual.index(name.lower()), name) for name in folders if name.lower() in usual)
    return ranked[0][1] if ranked else None


def _images(walk: Walk, part: str, folders: tuple[str, ...], names: tuple[str, ...]) -> _Part:
    """What a split's folder holds.

    Args:
        walk: finds files.
        part: the split's folder within the root, with a / at its end, or "".
        folders: classes' folders in it.
        names: of all classes, in label order.
    """
    images = _Part(loose=walk.entries(part)[1])
    walk.pass_over(part)
    for name in folders:
        label = names.index(name)
        for path in walk.files(f"{part}{name}"):
            if is_image(path):
                images.paths.append(path)
                images.labels.append(label)
            else:
                images.other_files.append(path)
    return images

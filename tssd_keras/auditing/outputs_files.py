"""Any model's outputs as .npy files, never unpickled; and what is shown of samples."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np

from tssd_keras.data.array_files import PythonObjectsError, map_npy
from tssd_keras.data.labelled_data import class_name_mistakes
from tssd_keras.data.sources.walk import SUFFIXES, Walk, is_image
from tssd_keras.data.text_table import read_whole
from tssd_keras.labels.files.formats import OBJECTS


def read_array(option: str, path: Path) -> np.ndarray:
    """Open one array, memory-mapped.

    Args:
        option: of the command line, for messages.
        path: of a .npy file.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: it is no whole .npy file, or holds Python objects.
    """
    if not path.is_file():
        raise FileNotFoundError(
            f"{option} must name a .npy file, {path.absolute()} is "
            f"{'no file' if path.exists() else 'not there'}."
        )
    try:
        return map_npy(path)
    except PythonObjectsError as error:
        raise ValueError(f"{option}: {path} {OBJECTS}.") from error
    except (ValueError, OSError) as error:
        raise ValueError(
            f"{option}: {path} must be a .npy file with one array: {error}. Make one with "
            "np.save(path, array)."
        ) from error


def read_class_names(path: Path, n_classes: int) -> tuple[str, ...]:
    """Read the classes' names in label order, one a line.

    Args:
        path: of a text file in UTF-8.
        n_classes: K.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: it is no text, has not K lines, names a class twice, or a name holds a NUL.
    """
    names = tuple(line.strip() for line in read_lines("--classes", path))
    if len(names) != n_classes or len(set(names)) < n_classes:
        raise ValueError(
            f"{path} must name {n_classes} different classes, one a line, as many as predictions "
            f"have columns; got {len(names)} lines, {len(set(names))} different ones."
        )
    for mistake in class_name_mistakes(names):
        raise ValueError(f"{path}: {mistake}")
    return names


def read_lines(option: str, path: Path) -> list[str]:
    """The lines of a text file.

    Args:
        option: of the command line, for messages.
        path: of a file in UTF-8.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: it is no text.
    """
    if not path.is_file():
        raise FileNotFoundError(f"{option} must name a text file, {path.absolute()} is not there.")
    try:
        text = read_whole(path).decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise ValueError(f"{path} must be text in UTF-8, byte {error.start} is not.") from error
    lines = re.split(r"\r\n|\r|\n", text)
    return lines[:-1] if lines[-1] == "" else lines


@dataclass(frozen=True, eq=False)
class ToShow:
    """What the page shows of N samples.

    Attributes:
        samples: an array of images, texts or rows, or None.
        files: N paths of image files, or None.
        ids: N paths within their folder, or None.
        column_names: of rows, or None.
        note: how files were taken for rows, in words; or "".
    """

    samples: Any = None
    files: list[Path] | None = None
    ids: list[str] | None = None
    column_names: list[str] | None = None
    note: str = ""


def read_to_show(
    n: int,
    *,
    images: Path | None,
    files: Path | None,
    texts: Path | None,
    features: np.ndarray | None,
    columns: Path | None,
) -> ToShow:
    """What the options say to show.

    Args:
        n: N, the number of labels.
        images: a folder of image files, or a .npy file of images.
        files: a text file, the path of a file within that folder a line, in the labels' order.
        texts: a text file, a text a line, or a .npy file of texts.
        features: of the samples, which are shown where nothing else was given.
        columns: a text file, the name of a column of features a line.

    Raises:
        FileNotFoundError: something is not there.
        ValueError: something is not what it must be, or is not of N samples.
    """
    if images is not None and texts is not None:
        raise ValueError("--images and --texts must not be given together: the page shows one.")
    if files is not None and (images is None or not images.is_dir()):
        raise ValueError("--files names files within the folder of --images: give that folder.")
    if columns is not None and (images is not None or texts is not None or features is None):
        raise ValueError(
            "--columns names the columns of --features, which the page shows without --images and "
            "--texts only."
        )
    if images is not None and images.is_dir():
        return _files_to_show(n, images, files)
    if images is not None:
        return ToShow(_of_images(n, read_array("--images", images), images))
    if texts is not None:
        return ToShow(_of_texts(n, texts))
    names = None if columns is None else read_lines("--columns", columns)
    return ToShow(features, column_names=names)


def _of_images(n: int, array: np.ndarray, path: Path) -> np.ndarray:
    last = array.shape[3] if array.ndim == 4 else 1
    if array.ndim not in (3, 4) or last not in (1, 3, 4) or len(array) != n:
        raise ValueError(
            f"--images: {path} must hold an image for each of {n} labels, shape ({n}, height, "
            f"width, 1, 3 or 4), got {array.shape}."
        )
    return array if array.ndim == 4 else array[..., None]


def _of_texts(n: int, path: Path) -> np.ndarray:
    if path.suffix.lower() == ".npy":
        texts = read_array("--texts", path)
        if texts.dtype.kind != "U" or texts.ndim != 1:
            raise ValueError(
                f"--texts: {path} must hold texts, got {texts.dtype}{texts.shape}. Try "
                "np.save(path, np.array(list_of_texts))."
            )
    else:
        texts = np.array(read_lines("--texts", path), np.str_)
    if len(texts) != n:
        raise ValueError(
            f"--texts: {path} must hold a text for each of {n} labels, got {len(texts)}. A text of "
            "several lines needs a .npy file."
        )
    return texts


def _files_to_show(n: int, folder: Path, listed: Path | None) -> ToShow:
    """The image files of a folder, as a list has them or sorted by their paths."""
    if listed is not None:
        names = [line.strip() for line in read_lines("--files", listed)]
        missing = [name for name in names if not (folder / name).is_file()]
        if missing:
            raise ValueError(
                f"--files must name files within {folder}: {len(missing)} of {len(names)} are not "
                f"there, the first is {missing[0]!r}."
            )
        how = "as --files lists them"
    else:
        found = [name.removeprefix("./") for name in Walk(folder).files("") if is_image(name)]
        names = sorted(found, key=lambda name: PurePosixPath(name).parts)
        _check_order(folder, names)
        how = "sorted by path"
    if len(names) != n:
        raise ValueError(
            f"--images: {folder} must hold an image ({', '.join(SUFFIXES)}) for each of {n} "
            f"labels, got {len(names)}. --files FILE lists those that count, in the labels' order."
        )
    note = f"images are taken {how}: row 0 is {names[0]}, row {n - 1} is {names[-1]}"
    return ToShow(files=[folder / name for name in names], ids=names, note=note)


def _check_order(folder: Path, names: list[str]) -> None:
    """Raise ValueError where people sort files by the numbers in their names, and text does not."""

    def by_number(name: str) -> list:
        parts = PurePosixPath(name).parts
        return [
            [(0, int(run), "") if run.isdecimal() else (1, 0, run) for run in runs]
            for runs in (re.split(r"([0-9]+)", part) for part in parts)
        ]

    other = sorted(names, key=by_number)
    differs = next(
        (i for i, pair in enumerate(zip(names, other, strict=True)) if len({*pair}) > 1), None
    )
    if differs is not None:
        raise ValueError(
            f"the order of the files in {folder} must be plain: sorted as text row {differs} is "
            f"{names[differs]}, sorted by number it is {other[differs]}. Say it by --files FILE, a "
            "path within the folder a line, in the labels' order."
        )

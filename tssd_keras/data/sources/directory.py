"""What `keras.utils.image_dataset_from_directory` reads, by index and from disk."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from tssd_keras.data.decoding import BadImage, decode_as_keras
from tssd_keras.data.files import FilesOnDisk
from tssd_keras.data.inputs import EncodedImages, Inputs, Subset
from tssd_keras.data.label_cells import alike_note
from tssd_keras.data.labelled_data import as_ids
from tssd_keras.data.path_names import is_left_by_tools
from tssd_keras.data.resampling import CROP, INTERPOLATIONS, PAD, STRETCH, fitted
from tssd_keras.data.row_index import as_index
from tssd_keras.data.sources.walk import Walk
from tssd_keras.recipe.argument import as_flag, as_path
from tssd_keras.recipe.choices import MAX_PIXELS

SUFFIXES = (".bmp", ".gif", ".jpeg", ".jpg", ".png")  # that Keras reads
CHANNELS = {"grayscale": 1, "rgb": 3, "rgba": 4}


@dataclass(frozen=True, eq=False)
class ImageFolder:
    """Images in one folder a class, for `TSSD(folder)`.

    Attributes:
        inputs: N images, float32[height, width, channels] in 0..255, read from disk in every
            batch that asks for them.
        labels: int64[N], places among the class names.
        class_names: K names of folders.
        ids: object[N] of str, the images' paths within the directory.
    """

    inputs: Inputs
    labels: np.ndarray
    class_names: tuple[str, ...]
    ids: np.ndarray

    def __len__(self) -> int:
        return len(self.labels)

    def take(self, index: np.ndarray) -> ImageFolder:
        """Some of the images, of the same classes; nothing is read.

        Args:
            index: int[n] in 0..N-1, which of them, each once; or bool[N].

        Raises:
            ValueError: the index is nothing of the sort, or names none.
        """
        index = as_index("index", index, len(self), of="images", masks=True)
        inputs = Subset(self.inputs, index)
        return ImageFolder(inputs, self.labels[index], self.class_names, self.ids[index])


class DirectoryImages(EncodedImages):
    """Images as Keras reads them; see `from_directory`.

    Args:
        files: N images on disk.
        shape: (height, width, channels) after decoding.
        interpolation: of `resampling.INTERPOLATIONS`.
        how: what becomes of other shapes, see `resampling.fitted`.
    """

    def __init__(
        self, files: FilesOnDisk, shape: tuple[int, int, int], interpolation: str, how: str
    ) -> None:
        super().__init__(files, shape)
        self._interpolation, self._how = interpolation, how
        self.dtype = np.dtype(np.float32)

    def decode(self, i: int, file: bytes | None = None) -> tuple[np.ndarray, str]:
        """Pixels of one image, and "": nothing is told of conversions. Raises BadImage."""
        out = np.empty(self.shape[1:], self.dtype)
        self._put(i, out, file)
        return out, ""

    def _put(self, i: int, out: np.ndarray, file: bytes | None = None) -> None:
        height, width, channels = self.shape[1:]
        try:
            pixels = decode_as_keras(self.files[i] if file is None else file, channels)
        except BadImage as error:
            raise BadImage(f"{self.files.name(i)} {error}.") from error
        fitted(pixels, (height, width), self._interpolation, self._how, out)


def from_directory(
    directory: str | Path,
    *,
    class_names: Sequence[str] | None = None,
    color_mode: str = "rgb",
    image_size: int | tuple[int, int] = (256, 256),
    interpolation: str = "bilinear",
    follow_links: bool = False,
    crop_to_aspect_ratio: bool = False,
    pad_to_aspect_ratio: bool = False,
    **others: Any,
) -> ImageFolder:
    """The images that `keras.utils.image_dataset_from_directory(shuffle=False)` reads.

    The arguments mean what they mean there, and order, labels and pixels are the same, in the
    data format "channels_last". But no dataset comes that has to be read from its begin: each
    batch reads its own files, so the images need no memory, and each keeps its name. Hidden
    files and folders, which begin with a dot, are passed over, and so are folders that a NAS or a
    system makes (@eaDir, __MACOSX, ...).

    Args:
        directory: holds one folder a class, with images in it, however deep.
        class_names: of folders, in label order; others are left out. None: all, sorted.
        color_mode: "grayscale", "rgb" or "rgba".
        image_size: (height, width), or one number for both, that images are resized to.
        interpolation: "bilinear", "nearest", "bicubic", "area", "lanczos3", "lanczos5",
            "gaussian" or "mitchellcubic".
        follow_links: whether folders within a class are entered through links.
        crop_to_aspect_ratio: cut the middle out of images of another shape, not distort them.
        pad_to_aspect_ratio: put black beside images of another shape, not distort them.
        others: of Keras' arguments, refused with what takes their place.

    Warns:
        UserWarning: such folders of a NAS or a system are there; names of classes are alike but
            for case, spaces or leading zeros.

    Raises:
        FileNotFoundError: there is no such directory.
        TypeError, ValueError: an argument does not fit, there are not two classes, or one has no
            image. While images are read: one cannot be decoded, with its path.
    """
    _check_others(others)
    shape = (*_size(image_size), _one_of("color_mode", color_mode, CHANNELS))
    interpolation = interpolation.lower() if isinstance(interpolation, str) else interpolation
    _one_of("interpolation", interpolation, dict.fromkeys(INTERPOLATIONS, 0))
    crop = as_flag("crop_to_aspect_ratio", crop_to_aspect_ratio)
    pad = as_flag("pad_to_aspect_ratio", pad_to_aspect_ratio)
    if crop and pad:
        raise ValueError("only one of crop_to_aspect_ratio and pad_to_aspect_ratio can be True.")
    follow_links = as_flag("follow_links", follow_links)
    root = _root(directory)
    walk = Walk(root, follow_links=follow_links)
    names = _class_names(walk, class_names)
    if class_names is None:
        walk.pass_over("")
    paths, labels = _files_of(walk, names)
    _warn([path for path in walk.passed if is_left_by_tools(Path(path).name)], names)
    how = CROP if crop else PAD if pad else STRETCH
    inputs = DirectoryImages(FilesOnDisk(root, paths), shape, interpolation, how)
    return ImageFolder(inputs, np.array(labels, np.int64), names, as_ids(paths))


def _files_of(walk: Walk, names: tuple[str, ...]) -> tuple[list[str], list[int]]:
    """Paths and labels of all images, in Keras' order; raises ValueError if a class has none."""
    paths: list[str] = []
    labels: list[int] = []
    for label, name in enumerate(names):
        images = [path for path in walk.files(name) if path.lower().endswith(SUFFIXES)]
        if not images:
            raise ValueError(
                f"each class must have images ({', '.join(SUFFIXES)}), {walk.root / name} has "
                "none. Add some, or leave the folder out by class_names=[...]."
            )
        paths += sorted(images, key=lambda path: path.rpartition("/")[::2])  # a folder's together
        labels += [label] * len(images)
    return paths, labels


def _warn(passed: list[str], names: tuple[str, ...]) -> None:
    """Say what is passed over, and which classes' names are alike."""
    alike = alike_note(names)
    if passed:
        warnings.warn(
            f"{len(passed):,} folders that a NAS or a system makes are passed over, the first is "
            f"{passed[0]}.",
            UserWarning,
            stacklevel=3,
        )
    if alike:
        warnings.warn(f"{alike}.", UserWarning, stacklevel=3)


# Keras' other arguments -> what takes their place.
ELSEWHERE = {
    **dict.fromkeys(("label_mode",), "tssd.feed(model=model) gives labels as the loss takes them"),
    **dict.fromkeys(("labels",), "TSSD(folder.inputs, labels) takes labels of your own"),
    **dict.fromkeys(("batch_size",), "tssd.feed(batch_size) makes batches"),
    **dict.fromkeys(("shuffle", "seed"), "the feed shuffles, by TSSD(drawing=Drawing(seed=...))"),
    **dict.fromkeys(("validation_split", "subset"), "folder.take(index) divides a folder"),
    **dict.fromkeys(("format", "data_format"), 'the feed has two kinds, and "channels_last"'),
    **dict.fromkeys(("verbose",), "nothing is printed"),
}


def _check_others(others: dict[str, Any]) -> None:
    """Raise TypeError if there are arguments that are not of files and pixels."""
    for name in others:
        if name in ELSEWHERE:
            raise TypeError(
                f"from_directory takes no {name}, as it makes no dataset: {ELSEWHERE[name]}. Leave "
                "it out."
            )
        raise TypeError(f"from_directory takes no argument {name!r}.")


def _root(directory: str | Path) -> Path:
    """The folder of classes' folders; raises unless it is one."""
    root = Path(as_path("directory", directory)).expanduser()
    if not root.is_dir():
        raise FileNotFoundError(
            f"directory must name a folder with one folder a class, {root.absolute()} is "
            f"{'no folder' if root.exists() else 'not there'}."
        )
    return root


def _class_names(walk: Walk, wanted: Sequence[str] | None) -> tuple[str, ...]:
    """Names of the classes' folders; raises unless there are two, and the wanted ones."""
    root = walk.root
    found, _ = walk.entries("")
    names = found if wanted is None else _given_names(wanted)
    unknown = [name for name in names if name not in found]
    if unknown or len(set(names)) < len(names):
        raise ValueError(
            f"class_names must be names of folders in {root}, each once, got {', '.join(names)}; "
            f"there {'is' if len(found) == 1 else 'are'} {', '.join(found) or 'none'}."
        )
    if len(names) < 2:
        raise ValueError(
            f"{root} must hold one folder a class, at least 2, it has {len(names)} "
            f"({', '.join(names) or 'none'})."
        )
    return names


def _given_names(wanted: Any) -> tuple[str, ...]:
    try:
        names = () if isinstance(wanted, str | bytes) else tuple(wanted)
    except TypeError:
        names = ()
    if not names or not all(isinstance(name, str) for name in names):
        raise TypeError(
            f"class_names must be a list of names of folders, got {wanted!r} of type "
            f"{type(wanted).__name__}."
        )
    return names


def _size(image_size: int | tuple[int, int]) -> tuple[int, int]:
    size: Any = image_size
    if not isinstance(size, list | tuple) and not getattr(size, "ndim", 0):
        size = (size, size)
    if len(size) != 2 or not all(_is_count(n) and n > 0 for n in size):
        raise ValueError(
            f"image_size must be (height, width) or one number, all whole and above 0, got "
            f"{image_size!r}."
        )
    height, width = int(size[0]), int(size[1])
    if height * width > MAX_PIXELS:
        raise ValueError(
            f"image_size must be at most {MAX_PIXELS:,} pixels, got {height} x {width}."
        )
    return height, width


def _is_count(n: object) -> bool:
    return isinstance(n, int | np.integer) and not isinstance(n, bool)


def _one_of(name: str, choice: str, known: dict[str, int]) -> int:
    if not isinstance(choice, str) or choice not in known:
        raise ValueError(f"{name} must be one of {', '.join(known)}, got {choice!r}.")
    return known[choice]

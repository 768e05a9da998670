"""The walk over folders of images: each folder once, and what no person put there passed over."""

from __future__ import annotations

import os
from pathlib import Path

from tssd_keras.data.path_names import is_left_by_tools

SUFFIXES = (
    *(".jpg", ".jpeg", ".jfif", ".png", ".gif", ".webp", ".bmp", ".tif", ".tiff"),
    *(".ppm", ".pgm", ".pbm"),
)


def is_image(path: str) -> bool:
    """Whether a file's name ends like an image's."""
    return path.lower().endswith(SUFFIXES)


def _all_in(folder: Path) -> list[tuple[str, bool]]:
    """Sorted names of all that lies in a folder, and whether each is a folder."""
    try:
        return sorted((entry.name, entry.is_dir()) for entry in os.scandir(folder))
    except OSError as error:
        raise _unreadable(error) from error


def _is_passed(name: str, is_folder: bool) -> bool:
    """Whether a file or a folder is hidden, or a folder that a NAS or a system makes."""
    return name.startswith(".") or (is_folder and is_left_by_tools(name))


class Walk:
    """Finds files, and lists no folder twice.

    Args:
        root: that paths are told from.
        follow_links: whether folders are entered through links too.

    Attributes:
        passed: paths within the root of folders and images that are hidden or in folders that a
            NAS or a system makes; folders end in /.
    """

    def __init__(self, root: Path, *, follow_links: bool = True) -> None:
        self.root, self._follow_links = root, follow_links
        self.passed: list[str] = []
        self._visited: dict[tuple[int, int], str] = {_identity(root): str(root)}
        self._listed: dict[str, list[tuple[str, bool]]] = {}

    def entries(self, part: str) -> tuple[tuple[str, ...], list[str]]:
        """Sorted names of the folders right in a folder, and of its images; none passed over.

        Args:
            part: of the folder within the root, with a / at its end, or "".

        Raises:
            ValueError: the folder cannot be read.
        """
        found = [(name, is_dir) for name, is_dir in self._in(part) if not _is_passed(name, is_dir)]
        folders = tuple(name for name, is_folder in found if is_folder)
        return folders, [name for name, is_folder in found if not is_folder and is_image(name)]

    def _in(self, part: str) -> list[tuple[str, bool]]:
        if part not in self._listed:
            self._listed[part] = _all_in(self.root / part)
        return self._listed[part]

    def pass_over(self, part: str) -> None:
        """Note the hidden and the system's folders and images right in a folder; see `entries`."""
        for name, is_folder in self._in(part):
            self._note(part + name, name, is_folder)

    def _note(self, path: str, name: str, is_folder: bool) -> bool:
        """Whether a file or folder is passed over; noted where it is a folder or an image."""
        is_passed = _is_passed(name, is_folder)
        if is_passed and (is_folder or is_image(name)):
            self.passed.append(f"{path}/" if is_folder else path)
        return is_passed

    def files(self, part: str) -> list[str]:
        """Sorted paths within the root of the files of a folder, however deep.

        What is passed over is none, see `passed`.

        Raises:
            ValueError: a folder cannot be read, or is read already: its images would count
                twice, or without end.
        """
        paths = []
        walk = os.walk(self.root / part, onerror=_stop, followlinks=self._follow_links)
        for folder, inner, files in walk:
            within = Path(folder).relative_to(self.root).as_posix()
            inner[:] = [
                name for name in sorted(inner) if not self._note(f"{within}/{name}", name, True)
            ]
            visited = self._visited.setdefault(_identity(Path(folder)), folder)
            if visited != folder:
                raise ValueError(
                    f"each folder must be there once, through a link {folder} is {visited} again: "
                    "its images would count twice. Take the link away."
                )
            paths += [
                f"{within}/{name}"
                for name in files
                if not self._note(f"{within}/{name}", name, False)
            ]
        return sorted(paths)


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

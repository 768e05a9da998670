"""CIFAR-10N and CIFAR-100N: the manual files that TFDS's builders read, checked beforehand.

The labels are published as a pickled dict in a NumPy file. Unpickling can run any code, so TFDS
asks for a CSV file made of it. The NumPy file is never opened here.
"""

from __future__ import annotations

import tarfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from tssd_keras.data.array_files import read_npy
from tssd_keras.data.named.local_files import check_members

PIXELS = 3 * 32 * 32  # bytes an image


@dataclass(frozen=True)
class Layout:
    """Layout of one of the two.

    Attributes:
        classes: labels lie in 0..classes-1.
        columns: of the label CSV file, by the place where TFDS reads them.
        batch: consecutive images that share one row of the side information.
        side_columns: columns of the side information that TFDS reads.
        label_bytes: labels before each image in the binary files; the last counts.
        train: binary files of the training images, in order.
    """

    classes: int
    columns: dict[str, int]
    batch: int
    side_columns: int
    label_bytes: int
    train: tuple[str, ...]


LAYOUTS = {
    "cifar10_n": Layout(
        10,
        {
            "clean_label": 0,
            "aggre_label": 1,
            "worse_label": 2,
            "random_label1": 3,
            "random_label2": 4,
            "random_label3": 5,
        },
        10,
        7,
        1,
        tuple(f"cifar-10-batches-bin/data_batch_{i}.bin" for i in range(1, 6)),
    ),
    "cifar100_n": Layout(
        100,
        {"clean_label": 0, "noise_label": 1, "noisy_label": 1},
        5,
        3,
        2,
        ("cifar-100-binary/train.bin",),
    ),
}


def check(name: str, archive: Path, labels: Path, side: Path, order: Path) -> None:
    """Raise ValueError unless the files fit together as TFDS reads them.

    TFDS pairs row i of the labels with training image order[i].

    Args:
        name: cifar10_n or cifar100_n.
        archive: the binary version of CIFAR, its hash checked.
        labels: CSV of the human labels, a row an image.
        side: CSV of who labelled and how long it took.
        order: .npy of whole numbers.
    """
    layout = LAYOUTS[name]
    true = _true_labels(archive, layout)
    places = _places(order, len(true))
    table = _labels(labels, layout, len(true))
    if _header(labels)[0] == "clean_label":
        wrong = int(np.count_nonzero(table[:, 0] != true[places]))
        if wrong:
            raise ValueError(
                f"{labels}: row i must belong to image {order.name}[i] of {archive.name}, but "
                f"clean_label is another than the image's label in {wrong} of {len(true)} rows. "
                "Make the CSV file of the _ordered.npy file, and take both from one place."
            )
    rows = _table(side)
    needed = -(-len(true) // layout.batch)
    if len(rows) != needed or rows.shape[1] < layout.side_columns:
        raise ValueError(
            f"{side}: must have {needed} rows below a header and {layout.side_columns} columns or "
            f"more, got {rows.shape}. Fetch it again."
        )


def _true_labels(archive: Path, layout: Layout) -> np.ndarray:
    """int64[N], CIFAR's own labels in its own order."""
    members = check_members(archive)
    missing = [member for member in layout.train if member not in members]
    if missing:
        raise ValueError(f"{archive}: must hold {', '.join(missing)}. Fetch it again.")
    labels = []
    with tarfile.open(archive) as tar:
        for member in layout.train:
            content = tar.extractfile(member)
            data = content.read() if content else b""
            if len(data) % (layout.label_bytes + PIXELS):
                raise ValueError(f"{archive}: {member} is cut short. Fetch it again.")
            records = np.frombuffer(data, np.uint8).reshape(-1, layout.label_bytes + PIXELS)
            labels.append(records[:, layout.label_bytes - 1].astype(np.int64))
    return np.concatenate(labels)


def _places(path: Path, n: int) -> np.ndarray:
    """int64[N], each of 0..N-1 once."""
    try:
        with open(path, "rb") as file:
            places = read_npy(file)
    except ValueError as error:
        raise ValueError(
            f"{path}: must be a .npy file of whole numbers, it is not ({error}). Fetch it again."
        ) from error
    if places.dtype.kind not in "iu":
        raise ValueError(
            f"{path}: must be a .npy file of whole numbers, got {places.dtype}. Fetch it again."
        )
    if not np.array_equal(np.sort(places.ravel()), np.arange(n)):
        raise ValueError(
            f"{path}: must hold each of 0..{n - 1} once, it does not (shape {places.shape}). "
            "Fetch it again."
        )
    return places.ravel().astype(np.int64)


def _header(path: Path) -> list[str]:
    with open(path, encoding="utf-8-sig", errors="replace") as file:
        return [name.strip().strip('"') for name in file.readline().split(",")]


def _table(path: Path) -> np.ndarray:
    """float64[rows, columns] below the header; text reads as NaN, as TFDS reads it."""
    try:
        table = np.genfromtxt(path, delimiter=",", skip_header=1, encoding="utf-8-sig", ndmin=2)
    except ValueError as error:
        raise ValueError(
            f"{path}: must be a CSV file, each row with the same number of columns: {error}"
        ) from error
    return table


def _labels(path: Path, layout: Layout, n: int) -> np.ndarray:
    """float64[N, columns] whose label columns are whole numbers of 0..classes-1."""
    header = _header(path)
    for column, place in layout.columns.items():
        if column in header and header.index(column) != place:
            raise ValueError(
                f"{path}: column {column} must be number {place + 1}, where TFDS reads it, the "
                f"header is {','.join(header)}. Move it there."
            )
    table, width = _table(path), max(layout.columns.values()) + 1
    if len(table) != n or table.shape[1] < width:
        raise ValueError(
            f"{path}: must have {n} rows below a header, one a training image, and {width} columns "
            f"or more, got {table.shape}. Make it of the file of human labels as TFDS says."
        )
    used = table[:, :width]
    outside = np.argwhere(~((used >= 0) & (used < layout.classes) & (used == np.floor(used))))
    if len(outside):
        row, column = outside[0]
        raise ValueError(
            f"{path}: labels must be whole numbers in 0..{layout.classes - 1}, {len(outside)} are "
            f"not, the first is {used[row, column]} in line {row + 2}, column {column + 1}."
        )
    return table

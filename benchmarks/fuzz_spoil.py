"""How files and settings are spoilt: by their bytes, and by what they mean."""

from __future__ import annotations

import contextlib
import csv
import io
import os
import random
import re
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np

SUFFIXES = (".toml", ".json", ".csv", ".npy", ".npz", ".sha256", ".txt")
EXTREMES = (
    *("0", "-1", "1", "2147483648", "9223372036854775808", "1" * 30, "9" * 5000, "0x" + "f" * 400),
    *("1e308", "1e999", "-1e999", "nan", "inf", "-inf", "1e-320", "0.1", "true", "", " ", "null"),
    *("=1+1", "'=1", "\0", "\ud800", "é" * 300, "x" * 70_000, "[]", "{}", "[" * 3000, '"', "'"),
    *("1979-05-27", "1979-05-27T07:32:00Z", "a.b." * 30 + "c", "../../etc/passwd", "/dev/zero"),
)
MOST = 10_000_000  # bytes of a file, and entries of an array that is changed
DTYPES = (
    *("'<i8'", "'>i8'", "'|O'", "'<U100000000'", "'<U0'", "'|V2'", "'<f2'", "'<c16'", "'|b1'"),
    *("'<M8[s]'", "'|S3'", "[('a', '<i8'), ('b', 'O')]", "('<i8', (3,))", "'<q9'", "3", "'|V0'"),
    *("[" * 400, "(" * 2000 + ")" * 2000, "'<f8'", "'<i1'"),
)
SHAPES = (
    *("()", "(1797,)", "(1797, 10)", "(10, 1797)", "(0,)", "(0, 10)", "(-1,)", "(True,)", "3"),
    *(f"({10**12},)", f"({10**30},)", f"({10**12}, 0)", "(1,) * 9", "(1,)" + "(1)" * 9),
    *("(" + "1," * 40 + ")", "(" + "1," * 70 + ")", "('a',)", "(1.5,)", "(1797, 1)"),
)
FLOODS = ("[", "{", '"', "\n", ",", "a.", "(", "[[", "'", "\\", "#", "\0", "=", "1")


def spoil(rng: random.Random, source: Path, target: Path) -> Path:
    """A file spoilt in one way, or two or three.

    Args:
        rng: draws how.
        source: the file; it is left as it is, unless it is the target.
        target: where the spoilt one is written.
    """
    content = source.read_bytes()
    if rng.random() < 0.02:
        target.unlink(missing_ok=True)
        rng.choice(NO_FILES)(target)
        return target
    for _ in range(rng.choice((1, 1, 1, 2, 3))):
        ways = [by_bytes, *BY_MEANING.get(source.suffix, (by_numbers, by_lines))]
        with contextlib.suppress(Exception):  # what is spoilt already may not open: it stays so
            content = rng.choice(ways)(rng, content)[:MOST]
    target.write_bytes(content)
    return target


def _sparse(path: Path) -> None:
    """An .npy file of a terabyte of which nothing is on the disk."""
    rows = 2**37
    head = f"{{'descr': '<i8', 'fortran_order': False, 'shape': ({rows},), }}".ljust(117) + "\n"
    with open(path, "wb") as file:
        file.write(b"\x93NUMPY\x01\x00" + len(head).to_bytes(2, "little") + head.encode())
        file.truncate(file.tell() + 8 * rows)


# What has a file's name and is none, or is none that could be read.
NO_FILES: tuple[Callable[[Path], object], ...] = (
    os.mkfifo,
    Path.mkdir,
    lambda path: path.symlink_to("/dev/zero"),
    lambda path: path.symlink_to(path),
    lambda path: path.symlink_to(path.parent / "not-there"),
    lambda path: None,
    Path.touch,
    _sparse,
)


def setting(rng: random.Random) -> str:
    """A text for --set."""
    from tssd_keras.recipe.recipe import Recipe
    from tssd_keras.recipe.toml import to_toml

    lines = to_toml(Recipe()).splitlines()
    section = ""
    known = []
    for line in lines:
        if line.startswith("["):
            section = line.strip("[]")
        elif line:
            key, _, value = line.partition(" = ")
            known.append((section, key, value))
    section, key, value = rng.choice(known)
    if (section, key) == ("data", "source"):  # TFDS would load TensorFlow, and the network
        return "data.source=npz"
    draw = rng.random()
    if draw < 0.6:
        value = rng.choice(EXTREMES)
    elif draw < 0.8:
        value = by_bytes(rng, value.encode() or b"0").decode("utf-8", "replace")
    elif draw < 0.9:
        value = rng.choice(known)[2]
    text = f"{section}.{key}={value}"
    if rng.random() < 0.1:
        text = by_bytes(rng, text.encode("utf-8", "replace")).decode("utf-8", "replace")
    return text.replace("tfds", "digits")


def by_bytes(rng: random.Random, content: bytes) -> bytes:
    """Bytes flipped, cut, inserted, repeated, or taken from elsewhere in the file."""
    if not content:
        return rng.randbytes(20)
    at = rng.randrange(len(content))
    n = rng.choice((1, 1, 4, 30, 1000))
    way = rng.randrange(7)
    if way == 0:
        return content[:at] + bytes([content[at] ^ (1 << rng.randrange(8))]) + content[at + 1 :]
    if way == 1:
        return content[:at] + content[at + n :]
    if way == 2:
        return content[:at] + rng.randbytes(n) + content[at:]
    if way == 3:
        return content[:at] + content[at : at + n] * rng.choice((2, 50, 2000)) + content[at + n :]
    if way == 4:
        other = rng.randrange(len(content))
        return content[:at] + content[other : other + n] + content[at + n :]
    if way == 5:
        return content[:at]
    flood = rng.choice(FLOODS).encode() * rng.choice((10, 3000, 100_000))
    return content[:at] + flood + content[at:]


def by_numbers(rng: random.Random, content: bytes) -> bytes:
    """A number of a text, or a word, in place of which an extreme stands."""
    text = content.decode("utf-8", "surrogateescape")
    found = list(re.finditer(r"-?\d+(?:\.\d+)?|\"[^\"]*\"|\b[a-z_]+\b", text))
    if not found:
        return content
    one = rng.choice(found)
    changed = text[: one.start()] + rng.choice(EXTREMES) + text[one.end() :]
    return changed.encode("utf-8", "surrogateescape" if "\ud800" not in changed else "replace")


def by_lines(rng: random.Random, content: bytes) -> bytes:
    """Lines dropped, doubled, exchanged, or renamed at their beginning."""
    lines = content.splitlines(keepends=True)
    if not lines:
        return content
    a, b = rng.randrange(len(lines)), rng.randrange(len(lines))
    way = rng.randrange(5)
    if way == 0:
        del lines[a]
    elif way == 1:
        lines.insert(b, lines[a])
    elif way == 2:
        lines[a], lines[b] = lines[b], lines[a]
    elif way == 3:
        lines[a] = lines[a][1:]
    else:
        lines[a : a + 1] = [lines[a]] * rng.choice((5, 1000))
    return b"".join(lines)


def by_cells(rng: random.Random, content: bytes) -> bytes:
    """Cells of a table exchanged, made extreme, dropped or added; columns renamed or doubled."""
    text = content.decode("utf-8", "surrogateescape")
    rows = list(csv.reader(io.StringIO(text, newline="")))
    if not rows or not all(rows):
        return content
    at, other = rng.choice(rows[: rng.choice((1, len(rows)))]), rng.choice(rows)
    i, j = rng.randrange(len(at)), rng.randrange(len(other))
    way = rng.randrange(6)
    if way == 0:
        at[i], other[j] = other[j], at[i]
    elif way == 1:
        at[i] = rng.choice(EXTREMES)
    elif way == 2:
        del at[i]
    elif way == 3:
        at.insert(i, other[j])
    elif way == 4:
        for row in rows:
            row.insert(0, row[-1])
    else:
        extreme = rng.choice(EXTREMES)
        for row in rows[1:]:
            if i < len(row):
                row[i] = extreme[:60]
    out = io.StringIO(newline="")
    with contextlib.suppress(csv.Error):
        csv.writer(out).writerows(rows)
        return out.getvalue().encode("utf-8", "replace")
    return content


def by_head(rng: random.Random, content: bytes) -> bytes:
    """The head of an .npy file anew: another dtype, shape or order, or none that there is."""
    length = int.from_bytes(content[8:10], "little")
    descr, shape = rng.choice(DTYPES), rng.choice(SHAPES)
    order = rng.choice(("False", "False", "True", "None"))
    head = f"{{'descr': {descr}, 'fortran_order': {order}, 'shape': {shape}, }}".encode() + b"\n"
    version = rng.choice((b"\x01\x00", b"\x01\x00", b"\x02\x00", b"\x03\x00", b"\x09\x01"))
    width = 2 if version == b"\x01\x00" else 4
    return (
        b"\x93NUMPY" + version + len(head).to_bytes(width, "little") + head + content[10 + length :]
    )


def by_array(rng: random.Random, content: bytes) -> bytes:
    """An .npy file whose entries, dtype or shape are others, and which is sound."""
    array = np.load(io.BytesIO(content), allow_pickle=False)
    if array.size > MOST:  # texts of no length: a million millions of them, in a head alone
        return content
    out = io.BytesIO()
    np.save(out, _other_array(rng, array), allow_pickle=True)
    return out.getvalue()


def _other_array(rng: random.Random, array: np.ndarray) -> np.ndarray:
    ways: tuple[Callable[[], np.ndarray], ...] = (
        lambda: array.astype(rng.choice((np.float16, np.int8, np.uint64, np.complex64, np.bool_))),
        lambda: array.astype(str),
        lambda: array.astype(object),
        lambda: array[::-1],
        lambda: array[: rng.randrange(len(array) + 1)] if array.ndim else array,
        lambda: array[..., None],
        lambda: array.astype(array.dtype.newbyteorder()),
        lambda: np.zeros_like(array),
        lambda: np.concatenate([array, array]),
        lambda: np.asfortranarray(array),
        lambda: np.zeros((3,) * rng.randrange(5), array.dtype),
        lambda: np.zeros(20_000_000, np.int8),
    )
    if rng.random() < 0.5:
        return rng.choice(ways)()
    changed = array.copy()
    kind = array.dtype.kind
    values = {"f": (np.nan, np.inf, -np.inf, 2.0, -1.0, 3e38), "i": (-1, -2, 99, 2**62, -(2**63))}
    if array.size and kind in values:
        with np.errstate(all="ignore"):
            value = np.array(rng.choice(values[kind])).astype(array.dtype)
            changed.flat[rng.randrange(array.size)] = value
            if rng.random() < 0.3:
                changed[...] = value
    return changed


def by_member(rng: random.Random, content: bytes) -> bytes:
    """An .npz file with one member changed, dropped, doubled, renamed, or packed otherwise."""
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(content)) as file:
        members = [(info.filename, file.read(info)) for info in file.infolist()]
    at = rng.randrange(len(members))
    name, data = members[at]
    way = rng.randrange(9)
    packing = zipfile.ZIP_DEFLATED
    if way == 0:
        members[at] = (name, by_head(rng, data))
    elif way in (1, 2, 3):
        members[at] = (name, by_array(rng, data))
    elif way == 4:
        del members[at]
    elif way == 5:
        members.append((name, data))
    elif way == 6:
        new = rng.choice(("../up.npy", "/abs.npy", "", "x.npy", name.removesuffix(".npy"), "\0"))
        members[at] = (new, data)
    elif way == 7:
        packing = rng.choice((zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA, zipfile.ZIP_STORED))
    else:  # a bomb
        zeros = io.BytesIO()
        np.save(zeros, np.zeros(rng.choice((10**7, 10**8)), np.int8))
        members[at] = (name, zeros.getvalue())
    with zipfile.ZipFile(out, "w", packing) as file:
        for name, data in members:
            file.writestr(name or "_", data)
    changed = bytearray(out.getvalue())
    if rng.random() < 0.1:  # encrypted, as the list says
        start = changed.rfind(b"PK\x01\x02")
        changed[start + 8] |= 1
    return bytes(changed)


BY_MEANING = {
    ".csv": (by_cells, by_cells, by_numbers, by_lines),
    ".npy": (by_head, by_array, by_array),
    ".npz": (by_member, by_member, by_member),
}

"""Array files of strangers: what a head says is held against what is there, before memory is."""

import io
import os
import tracemalloc
import zipfile

import numpy as np
import pytest

from tssd_keras.data.array_files import (
    FREE,
    NotArraysError,
    PythonObjectsError,
    map_npy,
    open_npz,
    read_npy,
)

pytestmark = pytest.mark.backend_free


def head(descr="'<i8'", shape="(3,)", version=b"\x01\x00"):
    text = f"{{'descr': {descr}, 'fortran_order': False, 'shape': {shape}, }}".ljust(117) + "\n"
    width = 2 if version == b"\x01\x00" else 4
    return b"\x93NUMPY" + version + len(text).to_bytes(width, "little") + text.encode()


def npy(array, **how):
    out = io.BytesIO()
    np.save(out, array, **how)
    return out.getvalue()


def read(path):
    with open(path, "rb") as file:
        return read_npy(file)


def member(path, name="a"):
    with open_npz(path) as file:
        return file.read(name)


SOUND = {
    "numbers": np.arange(12).reshape(3, 4),
    "the other byte order": np.arange(4, dtype=">f4"),
    "columns first": np.asfortranarray(np.arange(6).reshape(2, 3)),
    "one number": np.array(2.5),
    "no entries": np.zeros((0, 3)),
    "text": np.array(["cat", "caf\u00e9"]),
    "text of the other byte order": np.array(["cat", "\U0010ffff"], ">U3"),
    "one text": np.array("cat"),
    "bytes": np.array([b"cat"]),
    "times": np.array(["2020-01-01"], "M8[D]"),
}


@pytest.mark.parametrize("array", SOUND.values(), ids=SOUND)
def test_sound_arrays_come_as_numpy_saves_them(tmp_path, array):
    (tmp_path / "a.npy").write_bytes(npy(array))
    np.savez_compressed(tmp_path / "a.npz", a=array)
    np.savez(tmp_path / "b.npz", a=array)
    for found in (read(tmp_path / "a.npy"), member(tmp_path / "a.npz"), member(tmp_path / "b.npz")):
        np.testing.assert_array_equal(found, array)
        assert found.dtype == array.dtype
    if array.size:
        np.testing.assert_array_equal(map_npy(tmp_path / "a.npy"), array)


FAULTY = {
    "no file of arrays": (b"text", "no whole .npy file"),
    "empty": (b"", "no whole .npy file"),
    "cut short": (npy(np.arange(9))[:-1], "72 bytes, 71 are there: it is cut short"),
    "more behind it": (npy(np.arange(9)) + b"x", "73 are there: it has more behind it"),
    "a million millions": (head(shape=f"({10**12},)") + bytes(24), "is cut short"),
    "beyond 64 bits": (head(shape=f"({10**30},)") + bytes(24), "is cut short"),
    "huge texts": (head("'<U100000000'") + bytes(24), "1,200,000,000 bytes, 24 are there"),
    "texts of no length": (head("'<U0'", f"({10**12},)"), "holds no entries"),
    "rows of nothing": (head(shape=f"({10**12}, 0)"), "holds no entries"),
    "a length below 0": (head(shape="(-1,)") + bytes(24), "its shape is"),
    "a truth for a length": (head(shape="(True,)") + bytes(8), "its shape is"),
    "columns": (head("[('a', '<i8')]") + bytes(24), r"table of several columns.*array\[name\]"),
    "rows for entries": (head("('<i8', (3,))") + bytes(72), "table of several columns"),
    "bfloat16": (head("'<V2'") + bytes(6), "as np.save keeps bfloat16. Save array.astype"),
    "raw bytes": (head("'|V3'") + bytes(9), "3 raw bytes each, which are no numbers"),
    "a character beyond Unicode": (
        head("'<U2'") + np.array([65, 0, 0x110000, 65, 65, 0], "<u4").tobytes(),
        "number 1,114,112, Unicode's highest is 1,114,111",
    ),
    "characters of the other byte order": (
        head("'>U2'") + np.array([65, 0, 66, 0, 67, 0], "<u4").tobytes(),
        "number 1,124,073,472, Unicode's highest",
    ),
    "a format to come": (head(version=b"\x09\x01") + bytes(24), "its format is 9.1"),
    "names beyond Latin": (head(version=b"\x03\x00") + bytes(24), "its format is 3.0"),
    "a deep head": (head("[" * 300), "no whole .npy file"),
    "a long head": (head("(" * 20_000), "no whole .npy file"),
}


@pytest.mark.parametrize(("content", "words"), FAULTY.values(), ids=FAULTY)
def test_a_faulty_array_is_refused_alone_mapped_and_as_a_member(tmp_path, content, words):
    (tmp_path / "a.npy").write_bytes(content)
    with zipfile.ZipFile(tmp_path / "a.npz", "w") as file:
        file.writestr("a.npy", content)
    for open_it, path in ((read, "a.npy"), (map_npy, "a.npy")):
        with pytest.raises(ValueError, match=words):
            open_it(tmp_path / path)
    words = words if words != "no whole .npy file" else "it is damaged|no whole .npy"
    with pytest.raises(ValueError, match=words):
        member(tmp_path / "a.npz")


def test_python_objects_are_told_apart_and_never_unpickled(tmp_path):
    class Trap:
        def __reduce__(self):
            return (pytest.fail, ("unpickled",))

    objects = np.array([Trap()], object)
    np.save(tmp_path / "a.npy", objects, allow_pickle=True)
    np.savez(tmp_path / "a.npz", a=objects)
    (tmp_path / "b.npy").write_bytes(head("[('a', 'O')]"))
    for open_it, name in ((read, "a.npy"), (map_npy, "a.npy"), (member, "a.npz"), (read, "b.npy")):
        with pytest.raises(PythonObjectsError, match="Python objects"):
            open_it(tmp_path / name)


def test_bfloat16_is_given_as_two_raw_bytes_where_that_is_asked_for(tmp_path):
    path = tmp_path / "a.npy"
    path.write_bytes(head("'<V2'") + b"\x80\x3f" * 3)
    assert map_npy(path, bfloat16=True).dtype == np.dtype("V2")
    with open(path, "rb") as file:
        assert (read_npy(file, bfloat16=True).view(np.uint16) == 0x3F80).all()


def test_a_file_of_holes_is_refused_by_the_machines_memory(tmp_path):
    path = tmp_path / "a.npy"
    with open(path, "wb") as file:
        file.write(head(shape=f"({10**12},)"))
        file.truncate(file.tell() + 8 * 10**12)
    for open_it in (read, map_npy):
        with pytest.raises(ValueError, match="8,000,000,000,000 bytes: this machine has"):
            open_it(path)


def test_a_bomb_is_refused_before_it_takes_memory_and_as_large_an_array_is_read_unpacked(tmp_path):
    zeros = np.zeros(FREE + 60 * 10**6, np.int8)
    np.savez_compressed(tmp_path / "a.npz", a=zeros)
    tracemalloc.start()
    with pytest.raises(ValueError, match=r"unpacks to .* where np.savez saved it"):
        member(tmp_path / "a.npz")
    assert tracemalloc.get_traced_memory()[1] < 10**6
    tracemalloc.stop()
    np.savez(tmp_path / "b.npz", a=zeros)
    assert len(member(tmp_path / "b.npz")) == len(zeros)


def test_many_members_of_a_little_each_are_a_bomb_too(tmp_path):
    np.savez_compressed(tmp_path / "a.npz", **{f"a{i}": np.zeros(2**24, np.int8) for i in range(5)})
    with open_npz(tmp_path / "a.npz") as file:
        for name in file.names[:4]:
            file.read(name)
        with pytest.raises(ValueError, match="unpacks to"):
            file.read(file.names[4])


def zip_of(path, *members, packing=zipfile.ZIP_STORED):
    with zipfile.ZipFile(path, "w", packing) as file:
        for name, content in members:
            file.writestr(name, content)
    return path


SOME = npy(np.arange(3))


@pytest.mark.filterwarnings("ignore:Duplicate name")
@pytest.mark.parametrize(
    ("names", "words"),
    [
        (("a.npy", "a.npy"), "each array once, 'a' comes twice"),
        (("a.npy", "a"), "each array once, 'a' comes twice"),
        (("../a.npy",), "plain names, one is '../a', which leaves the folder"),
        (("/a.npy",), "one is '/a', which leaves"),
        (("b\\a.npy",), "which leaves"),
    ],
)
def test_names_that_are_not_plain_or_come_twice_are_refused(tmp_path, names, words):
    path = zip_of(tmp_path / "a.npz", *((name, SOME) for name in names))
    with pytest.raises(ValueError, match=words), open_npz(path):
        pytest.fail("it opened")


def test_encrypted_and_otherwise_packed_members_and_other_files_are_refused(tmp_path):
    path = zip_of(tmp_path / "a.npz", ("a.npy", SOME))
    content = bytearray(path.read_bytes())
    content[content.rfind(b"PK\x01\x02") + 8] |= 1
    path.write_bytes(content)
    with pytest.raises(ValueError, match=r"it is encrypted.*without a password"):
        member(path)
    for packing, number in ((zipfile.ZIP_BZIP2, 12), (zipfile.ZIP_LZMA, 14)):
        packed = zip_of(tmp_path / f"{number}.npz", ("a.npy", SOME), packing=packing)
        with pytest.raises(ValueError, match=rf"packed by method {number}, and must be stored"):
            member(packed)
    with pytest.raises(ValueError, match="must be an array, and is another kind of file"):
        member(zip_of(tmp_path / "b.npz", ("a", SOME)))


def test_what_a_list_of_members_says_wrongly_is_damage(tmp_path):
    path = tmp_path / "a.npz"
    np.savez_compressed(path, a=np.arange(1000))
    sound = path.read_bytes()
    rng = np.random.default_rng(0)
    for at in rng.integers(0, len(sound), 300):
        spoilt = bytearray(sound)
        spoilt[at] ^= 1 << rng.integers(8)
        path.write_bytes(spoilt)
        try:
            with open_npz(path) as file:
                array = file.read(file.names[0])
        except ValueError:
            continue
        assert array.tolist() == list(range(1000))  # a date or the like was hit


def test_no_zip_file_is_told_apart(tmp_path):
    for content in (b"", b"PK", SOME, b"x" * 1000):
        (tmp_path / "a.npz").write_bytes(content)
        with pytest.raises(NotArraysError), open_npz(tmp_path / "a.npz"):
            pytest.fail("it opened")


def test_a_loop_of_links_is_an_error_of_the_system(tmp_path):
    os.symlink(tmp_path / "a.npz", tmp_path / "a.npz")
    with pytest.raises(OSError, match="symbolic links"), open_npz(tmp_path / "a.npz"):
        pytest.fail("it opened")

"""Files that say a terabyte and hold nothing: refused by their size, before they are read."""

from pathlib import Path

import pytest

from tssd_keras.auditing.outputs_files import read_class_names
from tssd_keras.data.decoding import BadImage
from tssd_keras.data.files import FilesOnDisk
from tssd_keras.data.id_list import read_ids

pytestmark = pytest.mark.backend_free


def holes(folder, name):
    path = folder / name
    with open(path, "wb") as file:
        file.truncate(2**40)
    return path


def test_an_image_file(tmp_path):
    holes(tmp_path, "a.png")
    with pytest.raises(BadImage, match="has 1,099,511,627,776 bytes, too many for an image"):
        FilesOnDisk(tmp_path, ["a.png"])[0]


@pytest.mark.parametrize("read", [lambda path: read_class_names(path, 3), read_ids])
def test_a_text_file(tmp_path, read):
    with pytest.raises(ValueError, match=r"a\.txt has 1,099,511,627,776 bytes, too many to be"):
        read(Path(holes(tmp_path, "a.txt")))

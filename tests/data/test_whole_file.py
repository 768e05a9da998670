import os

import pytest

from tssd_keras.data.whole_file import new_file, whole_file

pytestmark = pytest.mark.backend_free


class Stopped(Exception):
    pass


@pytest.mark.parametrize("how", [new_file, whole_file])
def test_what_is_cut_off_while_it_is_written_leaves_nothing(how, tmp_path):
    def cut():
        with how(tmp_path / "a.csv") as part:
            part.write_text("half")
            assert not (tmp_path / "a.csv").exists()
            raise Stopped

    with pytest.raises(Stopped):
        cut()
    assert list(tmp_path.iterdir()) == []


def test_a_new_file_is_whole_under_its_own_name(tmp_path):
    with new_file(tmp_path / "a.csv") as part:
        assert part.name == "a.csv"
        part.write_text("all")
    assert [path.name for path in tmp_path.iterdir()] == ["a.csv"]
    assert (tmp_path / "a.csv").read_text() == "all"


@pytest.mark.parametrize("links", [True, False])
def test_of_two_that_write_one_new_file_the_first_gets_it(links, tmp_path, monkeypatch):
    if not links:  # as on FAT

        def refused(*_):
            raise PermissionError(1, "Operation not permitted")

        monkeypatch.setattr(os, "link", refused)

    def second():
        with new_file(tmp_path / "a.csv") as part:
            part.write_text("second")
            with new_file(tmp_path / "a.csv") as other:
                other.write_text("first")

    with pytest.raises(FileExistsError, match="is there already"):
        second()
    assert [path.name for path in tmp_path.iterdir()] == ["a.csv"]
    assert (tmp_path / "a.csv").read_text() == "first"


def test_a_new_file_in_no_folder_names_the_file(tmp_path):
    no_folder = pytest.raises(
        FileNotFoundError, match=r"a.csv must be written.*folder is not there"
    )
    with no_folder, new_file(tmp_path / "none" / "a.csv"):
        raise AssertionError("there is no place")

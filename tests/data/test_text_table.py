"""Every CSV that a program saves is read by one reader, whatever it leaves around the cells."""

import csv

import pytest

from tssd_keras.data.text_table import read_table, read_text

pytestmark = pytest.mark.backend_free

KNOWN = ("path", "label")
ROWS = [["a.png", "cat"], ["b.png", "dog"]]


def saved(tmp_path, text, encoding="utf-8"):
    path = tmp_path / "t.csv"
    path.write_bytes(text if isinstance(text, bytes) else text.encode(encoding))
    return path


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be"])
def test_delimiters_line_ends_and_encodings_make_no_difference(tmp_path, delimiter, end, encoding):
    lines = [delimiter.join(row) for row in (KNOWN, *ROWS)]
    table = read_table(saved(tmp_path, end.join([*lines, ""]), encoding), KNOWN)
    assert (table.header, table.rows, table.line) == (list(KNOWN), ROWS, [2, 3])


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("sep=;\npath;label\na.png;cat\nb.png;dog\n", [3, 4]),
        ('"sep=|"\r\npath|label\r\na.png|cat\r\nb.png|dog\r\n', [3, 4]),
        ("SEP=;\npath,label\na.png,cat\nb.png,dog\n", [3, 4]),  # saved again, with commas
        ("\n ;\npath;label;;\na.png;cat;;\n;;;\nb.png;dog;;\n;;;\n\n", [4, 6]),
        ("path,label\na.png,cat,,\nb.png,dog,\n", [2, 3]),
        ("path,label,\na.png,cat,\nb.png,dog,\n", [2, 3]),
    ],
)
def test_what_a_spreadsheet_adds_is_no_cell(tmp_path, text, line):
    table = read_table(saved(tmp_path, text), KNOWN).filled()
    assert (table.header, table.rows, table.line) == (list(KNOWN), ROWS, line)


def test_a_cell_may_hold_breaks_and_delimiters_and_its_row_is_named_by_where_it_begins(tmp_path):
    path = tmp_path / "t.csv"
    rows = [["a;\nb\tc", "cat"], ["x" * 200_000, "dog"]]
    with open(path, "w", newline="") as file:
        csv.writer(file, delimiter=";").writerows([KNOWN, *rows])
    limit = csv.field_size_limit()
    table = read_table(path, KNOWN)
    assert (table.rows, table.line) == (rows, [2, 4])
    assert csv.field_size_limit() == limit


def test_the_known_columns_tell_the_delimiter_and_not_how_often_it_comes(tmp_path):
    text = "path,label,first;second;third\na.png,cat,x\n"
    assert read_table(saved(tmp_path, text), KNOWN).header == [
        "path",
        "label",
        "first;second;third",
    ]
    names = saved(tmp_path, "cat; tabby\ndog\n")
    assert read_table(names, KNOWN, one_column=True).header == ["cat; tabby"]


def test_a_column_without_a_name_stays_where_it_has_cells(tmp_path):
    assert read_table(saved(tmp_path, ",path,label\n0,a.png,cat\n"), KNOWN).header[0] == ""


def test_bytes_that_are_no_text_come_back_as_file_systems_give_them(tmp_path):
    text = read_text(saved(tmp_path, b"caf\xe9.png"))
    assert text.encode("utf-8", "surrogateescape") == b"caf\xe9.png"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (b'path,label\n"a,b\n', "must be a CSV file: unexpected end of data, line 2"),
        (b"\xff\xfep\0a", "begins as text in UTF-16 does, and byte .* Save it as UTF-8"),
    ],
)
def test_what_cannot_be_read_is_told(tmp_path, text, message):
    with pytest.raises(ValueError, match=message):
        read_table(saved(tmp_path, text), KNOWN)


def test_an_empty_file_has_no_columns(tmp_path):
    assert read_table(saved(tmp_path, " \n;;\n"), KNOWN).header == []

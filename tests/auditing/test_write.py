import csv
import dataclasses
import json
import sys
import xml.etree.ElementTree as ET
from pathlib import Path

import numpy as np
import pytest
from builders.audit_samples import some_images, some_judged

from tssd_keras.auditing.gallery import make_gallery
from tssd_keras.auditing.label_studio import choice_names, config, document_root, tasks
from tssd_keras.auditing.pictures import NO_PICTURES, Pictures
from tssd_keras.auditing.write import write_audit
from tssd_keras.data.columns import read_cell
from tssd_keras.data.labelled_data import as_ids

pytestmark = pytest.mark.backend_free
HOSTILE = ("<b>&\"'", "a\nb\tc\rd", "\u202e\u05d0", "x" * 10_000, "\x00\x1b", "\x01\x1b", " ")


def rows(path):
    with open(path, newline="", encoding="utf-8", errors="surrogateescape") as file:
        return [{k: read_cell(v) for k, v in row.items()} for row in csv.DictReader(file)]


def test_names_and_ids_of_any_kind_come_back_from_every_csv(tmp_path):
    ids = as_ids([f"{HOSTILE[i % 7]}{i}\udcff" for i in range(70)])
    judged = some_judged(70, HOSTILE, ids=ids, paths=ids)
    write_audit(judged, None, tmp_path / "audit")
    for name, given in (("samples", "given_name"), ("label_issues", "given_label")):
        found = rows(tmp_path / "audit" / f"{name}.csv")
        assert [r["id"] for r in found] == ids.tolist()
        assert [r[given] for r in found] == [HOSTILE[c] for c in judged.given]


def test_labels_are_escaped_in_the_labelling_config_and_fit_the_predictions():
    judged = some_judged(70, HOSTILE)
    gallery = make_gallery(judged, most=70, teaching=0)
    shown = gallery.rows[: gallery.n_listed]
    pictures = Pictures("text", ["some text"] * len(shown))
    made, xml = tasks(judged, gallery, pictures)
    tree = ET.fromstring(xml)
    choices = [choice.get("value") for choice in tree.iter("Choice")]
    assert choices[:4] == list(HOSTILE[:4])
    assert len(set(choices)) == 7
    object_tag, control = tree.find("Text"), tree.find("Choices")
    assert control.get("toName") == object_tag.get("name")
    assert object_tag.get("value") == "$text"
    for task, row in zip(made, shown, strict=True):
        assert task["data"]["text"] == "some text"
        [result] = task["predictions"][0]["result"]
        assert result["from_name"] == control.get("name")
        assert result["to_name"] == object_tag.get("name")
        assert result["type"] == "choices"
        assert result["value"] == {"choices": [choices[judged.suggested[row]]]}
        assert task["predictions"][0]["score"] == pytest.approx(judged.p_suggested[row], abs=1e-5)
    assert "<b>" not in xml


def test_choices_differ_however_little_is_left_of_their_names():
    names = choice_names(("\x00", "\x01", "\ufffd", "", " ", "\ufffd (class 1)"))
    assert len(set(names)) == 6
    assert all(name.strip() for name in names)
    ET.fromstring(config("image", names))


def test_files_are_named_below_the_root_that_is_told(tmp_path):
    paths = [str(tmp_path / "my photos" / "a&b" / f"{i} %.png") for i in range(30)]
    judged = some_judged(30, paths=as_ids(paths))
    gallery = make_gallery(judged, most=30, teaching=9)
    shown = gallery.rows[: gallery.n_listed]
    made, xml = tasks(judged, gallery, NO_PICTURES)
    assert document_root(judged) == tmp_path / "my photos"
    assert made[0]["data"]["image"] == f"/data/local-files/?d=a%26b/{shown[0]}%20%25.png"
    assert len(made) == len(shown)
    assert '<Image name="sample" value="$image"/>' in xml


def test_tasks_that_are_no_files_are_those_with_a_picture():
    judged = some_judged(30)
    places = np.array([1, 4])
    gallery = dataclasses.replace(make_gallery(judged, most=30), pictured=places)
    pictures = Pictures("text", ["second", "fifth"])
    made, _ = tasks(judged, gallery, pictures)
    assert [task["data"]["text"] for task in made] == ["second", "fifth"]
    assert [task["data"]["index"] for task in made] == judged.index[gallery.rows[places]].tolist()


def test_without_anything_to_show_there_are_no_tasks(tmp_path):
    lines = write_audit(some_judged(30), None, tmp_path / "audit")
    assert json.loads((tmp_path / "audit" / "label_studio_tasks.json").read_text()) == []
    assert any(line.startswith("label_studio_tasks.json has 0 of the") for line in lines)


def test_without_pyarrow_all_else_is_written_and_the_extra_is_named(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    lines = write_audit(some_judged(30), some_images(30), tmp_path / "audit")
    assert "pip install 'tssd_keras[parquet]'" in lines[0]
    names = {path.name for path in (tmp_path / "audit").iterdir()}
    assert "samples.parquet" not in names
    assert {"report.html", "samples.csv", "strata.csv", "label_issues.csv"} <= names


def test_a_folder_with_something_in_it_is_not_touched(tmp_path):
    (tmp_path / "mine").write_text("mine")
    with pytest.raises(FileExistsError, match="the audit's folder must be new or empty"):
        write_audit(some_judged(30), None, tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["mine"]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"pictures_mb": -1}, "pictures_mb must be 0 or more, got -1"),
        ({"most": -1}, "most must be 0 or more, got -1"),
        ({"kept": -2}, "kept must be 0 or more, got -2"),
    ],
)
def test_numbers_below_zero_are_refused(tmp_path, change, message):
    with pytest.raises(ValueError, match=message):
        write_audit(some_judged(30), None, tmp_path / "audit", **change)
    assert not (tmp_path / "audit").exists()


def test_samples_that_nobody_judged_are_no_audit(tmp_path):
    judged = some_judged(30, role=np.full(30, -1, np.int8))
    with pytest.raises(ValueError, match="of 30 none was"):
        write_audit(judged, None, tmp_path / "audit")


def test_the_wheel_takes_the_page_along():
    import tssd_keras.auditing

    folder = Path(tssd_keras.auditing.__file__).parent / "page_files"
    from tssd_keras.auditing.page import SCRIPTS

    assert {path.name for path in folder.iterdir()} == {*SCRIPTS, "page.css", "page.html"}
    declared = (Path(__file__).parents[2] / "setup.cfg").read_text()
    assert "tssd_keras.auditing =\n    page_files/*" in declared


def test_a_page_that_lists_nobody_is_written(tmp_path):
    write_audit(some_judged(60, ("a", "b")), None, tmp_path / "audit", most=0, teaching=0)
    page = (tmp_path / "audit" / "report.html").read_text()
    assert '"samples":{"index":[],' in page

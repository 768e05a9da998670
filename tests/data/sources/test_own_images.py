"""Folders and tables of images that somebody brings along, and what can be wrong with them."""

import contextlib
import dataclasses
import io
import os
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tssd_keras.auditing.tables import write_parquet
from tssd_keras.data import loading
from tssd_keras.recipe.data_sections import DataRecipe, GoldenRecipe

pytestmark = pytest.mark.backend_free

SHADES = {"ant": 40, "bee": 130, "cow": 220}


def png(shade, size=(6, 8)):
    out = io.BytesIO()
    Image.new("RGB", size, (shade,) * 3).save(out, "PNG")
    return out.getvalue()


def write(folder, files):
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)


def by_class(part="", n=5):
    """Five images of each class's shade, each of a shade of its own."""
    return {
        f"{part}{name}/{i}.png": png(shade + i) for name, shade in SHADES.items() for i in range(n)
    }


def load_folder(folder, **settings):
    return loading.load(DataRecipe(source="folder", path=str(folder), **settings))


def shade_of(inputs):
    return inputs.read(np.arange(len(inputs))).mean(axis=(1, 2, 3))


def classes_of(shades):
    return np.searchsorted([100, 200], shades)


@pytest.mark.parametrize("cache_gib", [1.0, 0.0])
def test_each_image_keeps_the_class_of_its_folder(tmp_path, cache_gib):
    write(tmp_path, {**by_class("train/"), **by_class("test/", n=2)})
    data = load_folder(tmp_path, cache_gib=cache_gib)
    assert data.class_names == ("ant", "bee", "cow")
    assert (len(data.inputs), len(data.test_inputs)) == (15, 6)
    np.testing.assert_array_equal(classes_of(shade_of(data.inputs)), data.labels)
    np.testing.assert_array_equal(classes_of(shade_of(data.test_inputs)), data.test_labels)
    assert data.ids[0] == "train/ant/0.png"
    assert data.true_labels is None
    assert data.evaluated_on == "test"


def test_a_folder_says_whether_its_images_are_held_in_memory(tmp_path):
    write(tmp_path, {**by_class("train/"), **by_class("test/", n=2)})
    assert "decoded once into memory" in load_folder(tmp_path).notes[0]
    assert "decoded batch by batch" in load_folder(tmp_path, cache_gib=0.0).notes[0]


@pytest.mark.parametrize("name", ["val", "valid", "validation"])
def test_a_validation_folder_is_a_test_split_where_there_is_none(tmp_path, name):
    write(tmp_path, {**by_class("train/"), **by_class(f"{name}/", n=2)})
    assert len(load_folder(tmp_path).test_inputs) == 6


def test_without_a_test_folder_some_of_each_class_are_held_out_and_it_is_said(tmp_path):
    write(tmp_path, by_class(n=20))
    data = load_folder(tmp_path, test_share=0.2)
    assert np.bincount(data.labels).tolist() == [16] * 3
    assert np.bincount(data.test_labels).tolist() == [4] * 3
    assert data.evaluated_on == "held-out (given labels)"
    assert "given labels, which may be wrong" in data.notes[0]
    assert not set(data.ids) & set(data.test_ids)
    again = load_folder(tmp_path, test_share=0.2)
    other = load_folder(tmp_path, test_share=0.2, split_seed=1)
    assert again.test_ids.tolist() == data.test_ids.tolist() != other.test_ids.tolist()


def test_images_deeper_in_a_class_belong_to_it_and_hidden_files_do_not(tmp_path):
    write(tmp_path, by_class())
    write(tmp_path, {"ant/more/9.png": png(41), "ant/.DS_Store": b"x", ".git/config": b"x"})
    write(tmp_path, {"ant/notes.txt": b"x", "bee/Thumbs.db": b"x"})
    data = load_folder(tmp_path)
    assert "ant/more/9.png" in {*data.ids, *data.test_ids}
    assert data.notes[0].startswith("files: 1 hidden images or folders")
    assert data.notes[0].endswith("the first is .git/")
    assert "2 whose names do not end like an image's are passed over" in data.notes[1]


@pytest.mark.parametrize(
    ("files", "message"),
    [
        ({"ant/0.png": png(9)}, r"one folder a class, at least 2, it holds 1 \(ant\)"),
        ({"0.png": png(9)}, r"at least 2, it holds 0 \(none\)"),
        ({**by_class(), "dog/readme.txt": b""}, "1 folders .* have none, the first is dog. Add"),
        ({**by_class(), "dog/0.png": png(250)}, "at least 2 training samples.*class 3 .'dog"),
        (
            {**by_class("train/"), "test/readme.txt": b""},
            "test must hold images of the classes of .*train, it holds none. Add some, or",
        ),
        (
            {**by_class("train/"), "test/ant/readme.txt": b"", "test/bee/.hidden.png": png(9)},
            "test must hold images of the classes of .*train, it holds none. Add some, or",
        ),
        (
            {**by_class("train_images/"), **by_class("Test-set/")},
            r"2 of its 2 folders are named like splits .* first is Test-set\. Name them train and",
        ),
        (
            {**by_class(), "val/0.png": png(9), "val/1.png": png(8)},
            "1 of its 4 folders are named like splits .* first is val",
        ),
        (
            {**by_class("train/"), "test/dog/0.png": png(9)},
            "test must hold classes of .*train only, 1 are not, the first is dog",
        ),
    ],
)
def test_folders_that_cannot_be_trained_on_are_refused(tmp_path, files, message):
    write(tmp_path, files)
    with pytest.raises(ValueError, match=message):
        load_folder(tmp_path)


def test_a_class_whose_name_breaks_the_line_is_refused_before_images_are_read(tmp_path):
    write(tmp_path, {**by_class(), "x\ny/0.png": b"no image"})
    with pytest.raises(ValueError, match=r"1 of 4 are not, the first is class 3, 'x\\ny'\. Rename"):
        load_folder(tmp_path)


def note(data, beginning):
    """The only note that begins so."""
    (found,) = [note for note in data.notes if note.startswith(beginning)]
    return found


@pytest.mark.parametrize(("train", "test"), [("Train", "TEST"), ("training", "Testing")])
def test_names_of_splits_can_be_written_in_other_ways(tmp_path, train, test):
    write(tmp_path, {**by_class(f"{train}/"), **by_class(f"{test}/", n=2)})
    data = load_folder(tmp_path)
    assert data.class_names == ("ant", "bee", "cow")
    assert (len(data.inputs), len(data.test_inputs)) == (15, 6)
    assert data.ids[0] == f"{train}/ant/0.png"


@pytest.mark.parametrize("empty", [False, True])
def test_a_test_folder_may_lack_a_class_and_a_note_says_so(tmp_path, empty):
    write(tmp_path, {**by_class("train/"), "test/ant/0.png": png(9), "test/cow/0.png": png(210)})
    if empty:
        (tmp_path / "test/bee").mkdir()
    data = load_folder(tmp_path)
    assert data.test_labels.tolist() == [0, 2]
    assert note(data, "classes:") == "classes: 1 have no image in test/, the first is bee"


def test_what_lies_beside_the_splits_or_the_classes_is_told(tmp_path):
    write(tmp_path, {**by_class("train/"), **by_class("test/"), **by_class("val/")})
    write(tmp_path, {"more/ant/0.png": png(1), "0.png": png(2), "train/1.png": png(3)})
    data = load_folder(tmp_path)
    assert len(data.inputs) == 15
    assert (
        note(data, "folder:") == "folder: 3 beside train and test are not read, the first is more/"
    )
    assert "1 images in no class's folder are passed over, the first is 1.png" in note(
        data, "files:"
    )


def test_images_that_lie_beside_the_classes_are_told(tmp_path):
    write(tmp_path, {**by_class(), "0.png": png(2), "1.png": png(3)})
    assert "2 images in no class's folder are passed over, the first is 0.png" in note(
        load_folder(tmp_path), "files:"
    )


@pytest.mark.parametrize("part", ["", "train/"])
@pytest.mark.parametrize("target", [".", "..", "../bee", "../../"])
def test_a_link_that_comes_to_a_folder_again_is_refused(tmp_path, part, target):
    write(tmp_path / "data", by_class(part))
    (tmp_path / "data" / part / "ant" / "loop").symlink_to(target)
    with pytest.raises(ValueError, match=r"through a link .* again: .*twice\. Take the link away"):
        load_folder(tmp_path / "data")


def test_a_class_may_be_a_link_to_a_folder_elsewhere(tmp_path):
    write(tmp_path, {**by_class("data/"), **by_class("elsewhere/")})
    (tmp_path / "data" / "dog").symlink_to(tmp_path / "elsewhere" / "ant")
    assert load_folder(tmp_path / "data").class_names == ("ant", "bee", "cow", "dog")


def test_a_pipe_with_an_images_name_is_no_image_and_is_not_waited_for(tmp_path):
    write(tmp_path, {**by_class("train/"), **by_class("test/")})
    os.mkfifo(tmp_path / "train/ant/9.png")
    with pytest.raises(ValueError, match=r"train/ant/9\.png is a named pipe, no file; take it out"):
        load_folder(tmp_path)
    data = load_folder(tmp_path, skip_bad_images=True)
    assert (len(data.inputs), len(data.left_out)) == (15, 1)


def test_a_folder_that_is_not_there_is_told(tmp_path):
    with pytest.raises(FileNotFoundError, match=f"{tmp_path / 'none'} is not there"):
        load_folder(tmp_path / "none")
    (tmp_path / "file").write_text("x")
    with pytest.raises(FileNotFoundError, match="is no folder"):
        load_folder(tmp_path / "file")


@contextlib.contextmanager
def as_nobody():
    """The rights of an ordinary user: root may read everything."""
    if os.geteuid() != 0:
        yield
        return
    os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(0)


def open_to_all(folder):
    for path in (folder, *folder.parents):
        if path != Path(path.root) and path.stat().st_uid == os.geteuid():
            path.chmod(path.stat().st_mode | 0o055)


def test_an_unreadable_folder_is_named(tmp_path):
    write(tmp_path, by_class())
    open_to_all(tmp_path)
    (tmp_path / "bee").chmod(0)
    try:
        with as_nobody(), pytest.raises(ValueError, match=r"bee is not: Permission denied. Mend"):
            load_folder(tmp_path)
    finally:
        (tmp_path / "bee").chmod(0o755)


def test_an_unreadable_file_is_named(tmp_path):
    write(tmp_path, by_class())
    open_to_all(tmp_path)
    (tmp_path / "bee" / "3.png").chmod(0)
    with as_nobody(), pytest.raises(ValueError, match=r"bee/3.png cannot be read \(Permission"):
        load_folder(tmp_path)


BAD = {"ant/empty.png": b"", "bee/page.jpg": b"<html>", "cow/short.png": png(9)[:40]}


@pytest.mark.parametrize("cache_gib", [1.0, 0.0])
def test_bad_images_are_told_with_their_files_their_count_and_a_way_on(tmp_path, cache_gib):
    write(tmp_path, {**by_class("train/"), **by_class("test/")})
    write(tmp_path / "train", {**BAD, "cow/more.png": b""})
    with pytest.raises(ValueError) as caught:
        load_folder(tmp_path, cache_gib=cache_gib)
    text = str(caught.value)
    assert "4 of 19 train images are not" in text
    assert "--skip-bad-images" in text
    assert f"{tmp_path}/train/ant/empty.png is empty" in text
    assert f"{tmp_path}/train/bee/page.jpg is no image" in text
    assert "... and 1 more" in text


@pytest.mark.parametrize("cache_gib", [1.0, 0.0])
def test_bad_images_can_be_left_out_and_are_listed(tmp_path, cache_gib):
    write(tmp_path, {**by_class("train/"), **by_class("test/")})
    write(tmp_path / "train", BAD)
    write(tmp_path / "test", {"ant/x.png": b""})
    data = load_folder(tmp_path, skip_bad_images=True, cache_gib=cache_gib)
    assert (len(data.inputs), len(data.labels), len(data.ids)) == (15, 15, 15)
    assert (len(data.test_inputs), len(data.test_labels)) == (15, 15)
    np.testing.assert_array_equal(classes_of(shade_of(data.inputs)), data.labels)
    assert data.digests.shape == (15, 16)
    assert [out.split for out in data.left_out] == ["train"] * 3 + ["test"]
    assert data.left_out[0].reason.startswith(f"{tmp_path}/train/ant/empty.png is empty")


def test_unchecked_images_are_met_when_they_are_read(tmp_path):
    write(tmp_path, {**by_class("train/"), **by_class("test/"), "train/ant/0.png": b""})
    data = load_folder(tmp_path, cache_gib=0.0, check_images=False)
    assert data.digests is None
    with pytest.raises(ValueError, match=r"train/ant/0\.png is empty"):
        data.inputs.read(np.array([3, 0]))


def test_images_of_several_sizes_ask_for_image_size(tmp_path):
    write(tmp_path, {**by_class("train/"), **by_class("test/")})
    write(tmp_path, {"train/bee/9.png": png(130, size=(9, 9))})
    with pytest.raises(ValueError, match=r"8 x 6 pixels .*train/bee/9.png is 9 x 9.*image_size"):
        load_folder(tmp_path)
    assert load_folder(tmp_path, image_size=5).inputs.shape == (16, 5, 5, 3)


def test_converted_images_are_counted(tmp_path):
    write(tmp_path, {**by_class("train/"), **by_class("test/")})
    Image.new("RGB", (6, 8), (40, 40, 40)).convert("P").save(tmp_path / "train/ant/0.png")
    note = next(n for n in load_folder(tmp_path).notes if "palette" in n)
    assert note.startswith("images: 1 train images with palette converted, the first is")
    assert note.endswith("train/ant/0.png")


# --- tables ---


def rows(n=6):
    """Images of two classes, cat and dog in turn."""
    return [f"img/{i}.png,{('cat', 'dog')[i % 2]}" for i in range(n)]


def write_table(folder, lines, name="labels.csv", n=40):
    write(folder, {f"img/{i}.png": png(20 + i) for i in range(n)})
    (folder / name).write_text("\n".join(lines) + "\n", encoding="utf-8")
    return folder / name


def load_table(path, **settings):
    return loading.load(DataRecipe(source="table", path=str(path), **settings))


def full_table(folder, name="labels.csv", delimiter=","):
    """Twenty training and six test rows; sample 4's label is wrong, 0 and 1 are golden."""
    lines = ["path,label,true_label,golden,split"]
    for i in range(26):
        right = ("cat", "dog")[i % 2]
        label = "dog" if i == 4 else right
        known = right if i < 10 else ""
        split = "train" if i < 20 else "test"
        lines.append(f"img/{i}.png,{label},{known},{'yes' if i < 2 else ''},{split}")
    return write_table(folder, [line.replace(",", delimiter) for line in lines], name)


@pytest.mark.parametrize(("name", "delimiter"), [("l.csv", ","), ("l.csv", ";"), ("l.tsv", "\t")])
def test_a_table_gives_labels_truth_trust_and_split(tmp_path, name, delimiter):
    data = load_table(full_table(tmp_path, name, delimiter))
    assert data.class_names == ("cat", "dog")
    assert (len(data.inputs), len(data.test_inputs)) == (20, 6)
    np.testing.assert_array_equal(shade_of(data.inputs), 20 + np.arange(20))
    assert data.labels[:6].tolist() == [0, 1, 0, 1, 1, 1]
    assert data.true_labels[:6].tolist() == [0, 1, 0, 1, 0, 1]
    assert (data.true_labels[10:] == -1).all()
    assert data.trusted.tolist() == [True, True] + [False] * 18
    assert data.ids[3] == "img/3.png"


def test_parquet_is_read_like_csv(tmp_path):
    pa = pytest.importorskip("pyarrow")
    parquet = pytest.importorskip("pyarrow.parquet")

    csv = load_table(full_table(tmp_path))
    columns = {
        "path": [f"img/{i}.png" for i in range(26)],
        "label": ["dog" if i % 2 or i == 4 else "cat" for i in range(26)],
        "true_label": [("cat", "dog")[i % 2] if i < 10 else None for i in range(26)],
        "golden": [i < 2 for i in range(26)],
        "split": ["train" if i < 20 else "test" for i in range(26)],
        "worker": [7] * 26,
    }
    parquet.write_table(pa.table(columns), tmp_path / "labels.parquet")
    data = load_table(tmp_path / "labels.parquet")
    for name in ("labels", "true_labels", "trusted", "ids", "test_labels"):
        np.testing.assert_array_equal(getattr(data, name), getattr(csv, name))
    assert any("worker are not used" in note for note in data.notes)


def test_numbers_are_classes_in_their_order(tmp_path):
    path = write_table(tmp_path, ["path,label", *[f"img/{i}.png,{i % 11}" for i in range(40)]])
    assert load_table(path).class_names == tuple(str(k) for k in range(11))


def test_labels_that_differ_in_leading_zeros_or_case_are_told_and_have_an_order(tmp_path):
    labels = ("1", "01", "001", "2")
    path = write_table(
        tmp_path, ["path,label", *[f"img/{i}.png,{labels[i % 4]}" for i in range(40)]]
    )
    data = load_table(path)
    assert data.class_names == ("001", "01", "1", "2")
    assert any(note.endswith("the first: 001 and 01 and 1") for note in data.notes)
    path = write_table(
        tmp_path, ["path,label", *[f"img/{i}.png,{('cat', 'Cat')[i % 2]}" for i in range(40)]]
    )
    note = next(note for note in load_table(path).notes if note.startswith("classes:"))
    assert "leading zeros, case, spaces or what nobody sees only" in note
    assert note.endswith("the first: Cat and cat")


def test_a_number_of_five_thousand_digits_is_a_name(tmp_path):
    labels = ("9" * 5000, "1")
    path = write_table(
        tmp_path, ["path,label", *[f"img/{i}.png,{labels[i % 2]}" for i in range(20)]]
    )
    assert load_table(path).class_names == ("1", "9" * 5000)


def test_blank_lines_of_a_table_are_passed_over(tmp_path):
    path = write_table(
        tmp_path, ["", "  ", "path,label", *rows(10), "", *rows(20)[10:], "   ", ",", ""]
    )
    data = load_table(path)
    assert len(data.ids) + len(data.test_ids) == 20


def test_images_can_lie_elsewhere(tmp_path):
    write_table(tmp_path / "a", ["path,label", *rows(8)])
    (tmp_path / "b").mkdir()
    (tmp_path / "a" / "labels.csv").rename(tmp_path / "b" / "labels.csv")
    assert len(load_table(tmp_path / "b" / "labels.csv", images=str(tmp_path / "a")).ids) == 6
    with pytest.raises(FileNotFoundError, match=r"data\.images must name the folder"):
        load_table(tmp_path / "b" / "labels.csv", images=str(tmp_path / "c"))


def test_held_out_samples_are_judged_under_their_true_labels_where_all_are_known(tmp_path):
    lines = [f"img/{i}.png,{'dog' if i < 9 else 'cat'},{('cat', 'dog')[i % 2]}" for i in range(40)]
    data = load_table(write_table(tmp_path, ["path,label,true_label", *lines]))
    right = [int(name.split("/")[1].split(".")[0]) % 2 for name in data.test_ids]
    assert data.test_labels.tolist() == right
    assert data.evaluated_on == "held-out"


def test_samples_named_by_golden_ids_are_not_held_out(tmp_path):
    path = write_table(tmp_path, ["path,label", *rows(60)], n=60)
    recipe = DataRecipe(source="table", path=str(path), test_share=0.5)
    golden = tmp_path / "golden.txt"
    for seed in range(5):
        names = [f"img/{i}.png" for i in np.random.default_rng(seed).permutation(60)[:20]]
        golden.write_text("# looked at twice\n" + "\n".join(names))
        data = loading.load(recipe, GoldenRecipe(ids=str(golden)))
        assert set(names) <= set(data.ids)
        assert len(data.test_ids) > 15


def test_an_image_equal_to_a_trusted_one_is_not_held_out(tmp_path):
    lines = [f"{row},{'yes' if i < 10 else ''}" for i, row in enumerate(rows(40))]
    path = write_table(tmp_path, ["path,label,golden", *lines])
    for i in range(10):  # 10..19 are 0..9 once more
        (tmp_path / f"img/{10 + i}.png").write_bytes((tmp_path / f"img/{i}.png").read_bytes())
    names = {f"img/{i}.png" for i in range(20)}
    for seed in range(5):
        data = load_table(path, test_share=0.5, split_seed=seed)
        assert names <= set(data.ids)
        assert len(data.test_ids) > 15
    (tmp_path / "golden.txt").write_text("img/3.png\n")
    recipe = DataRecipe(source="table", path=str(path), test_share=0.5)
    for seed in range(5):
        chosen = dataclasses.replace(recipe, split_seed=seed)
        data = loading.load(chosen, GoldenRecipe(ids=str(tmp_path / "golden.txt")))
        assert {"img/3.png", "img/13.png"} <= set(data.ids)


def test_where_all_that_could_be_held_out_is_trusted_it_is_told(tmp_path):
    lines = [f"{row},yes" for row in rows(12)]
    with pytest.raises(ValueError, match=r"none can be held out: no class of 2 .*neither trusted"):
        load_table(write_table(tmp_path, ["path,label,golden", *lines]))


def test_golden_samples_are_not_held_out(tmp_path):
    lines = [f"{row},{'1' if i < 14 else '0'}" for i, row in enumerate(rows(20))]
    data = load_table(write_table(tmp_path, ["path,label,golden", *lines]), test_share=0.5)
    assert data.trusted.sum() == 14
    assert set(data.test_ids) <= {f"img/{i}.png" for i in range(14, 20)}


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        ([], "must have the columns path and label, path and label are missing; it has none"),
        (["path,lable", "a,b"], r"label is missing; it has path, lable\. Rename lable to label\?"),
        (
            ["paht,lable", "a,b"],
            r"path and label are missing; .*\. Rename paht to path\? Rename lable to label\?",
        ),
        (
            ["", "path,label", *rows(2), "", "", *rows(6)[2:], "img/6.png,"],
            r"label must not be empty: 1 of 7 .* row 11 \('img/6",
        ),
        (["path,label", *rows(), 'img/7.png,"a', 'b"', "img/8.png,"], r"is row 10 \('img/8.png'"),
        (["path,label", *rows(), "img\0x.png,cat"], r"without NUL .* row 8 \('img\\x00x.png'"),
        (
            ["path,label", *rows(), "img/7.png,caat"],
            r"one, the first is class 0 \('caat'\), with sample img/7.png alone\. Is that label",
        ),
        (
            ["path,label", "img/10.png,--5", *[f"img/{i}.png,{7 + i % 2}" for i in range(10)]],
            r"class 0 \('--5'\), with sample img/10\.png alone",
        ),
        (["path,label"], "must have a row for each image, it has none"),
        (
            ["path,label", *rows(), "img/6.png,"],
            r"label must not be empty: 1 of 7 .* row 8 \('img/6",
        ),
        (["path,label", *rows(), ",cat"], r"path must not be empty: 1 of 7 .* row 8 \(''\)"),
        (
            ["path,label", *rows(), *rows(2)],
            r"come once: 2 of 8 .* rows 8 \('img/0.png'\), 9 \('img/1",
        ),
        (["path,label", *rows(), "img/6.png,cat,x"], "must have 2 cells, 1 of 7 .* row 8 with 3"),
        (["path,label,label", "a,b,c"], "each column must come once, label does not"),
        (
            ["path,label,golden", *[f"{r},maybe" for r in rows(3)]],
            "golden must be true or false.*3",
        ),
        (["path,label,split", *[f"{r},dev" for r in rows(3)]], "split must be train or test"),
        (["path,label", *[f"img/{i}.png,cat" for i in range(6)]], "at least 2 classes .*, got 1"),
        (
            [
                "path,label,golden,split",
                *[f"{r},1,{('test', 'train')[i // 3]}" for i, r in enumerate(rows())],
            ],
            "golden sample must not be a test sample, 3 are, the first is img/0.png",
        ),
        (["path,label", *rows(), '"img/7.png,cat'], "must be a CSV file: unexpected end of data"),
    ],
)
def test_tables_that_cannot_be_used_are_told_row_by_row(tmp_path, lines, message):
    path = write_table(tmp_path, lines)
    with pytest.raises(ValueError, match=message):
        load_table(path)


def test_files_that_are_not_there_are_named(tmp_path):
    path = write_table(tmp_path, ["path,label", *rows(30)], n=20)
    with pytest.raises(
        ValueError, match=r"train images.* are not\. Mend.*\n .*img/2.\.png is not there"
    ):
        load_table(path)
    data = load_table(path, skip_bad_images=True)
    assert len(data.left_out) == 10
    assert len(data.ids) + len(data.test_ids) == 20


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("img", "/img is a folder, no file; take it out of the list"),
        ("n" * 300, r"cannot be read \(File name too long\); mend its path"),
        ("img/0.png/1.png", r"cannot be read \(Not a directory\); mend its path"),
    ],
)
def test_a_path_that_is_no_file_is_told_with_what_it_is(tmp_path, path, message):
    table = write_table(tmp_path, ["path,label", *rows(30), f"{path},cat"])
    with pytest.raises(ValueError, match=message):
        load_table(table)


def test_one_long_path_takes_no_memory_of_the_other_samples(tmp_path):
    long = "img/" + "./" * 1000 + "39.png"
    data = load_table(write_table(tmp_path, ["path,label", *rows(30), f"{long},dog"]))
    assert long in {*data.ids, *data.test_ids}
    assert data.ids.itemsize == data.test_ids.itemsize == 8
    assert {type(name) for name in data.ids} == {str}


def test_text_of_another_encoding_is_told(tmp_path):
    path = write_table(tmp_path, ["path,label", *rows()])
    path.write_bytes(b"path,label\nimg/0.png,caf\xe9\n")
    with pytest.raises(
        ValueError, match=r"label must be text in UTF-8: .* row 2 .*Save the table as UTF-8"
    ):
        load_table(path)


def test_another_kind_of_file_is_refused(tmp_path):
    path = write_table(tmp_path, ["path,label", *rows()], name="labels.xlsx")
    with pytest.raises(ValueError, match=r"must name a \.csv or \.parquet file"):
        load_table(path)
    with pytest.raises(FileNotFoundError, match="is not there"):
        load_table(tmp_path / "none.csv")


@pytest.mark.parametrize("value", [["cat"], {"name": "cat"}])
def test_a_parquet_column_of_lists_is_refused(tmp_path, value):
    pa = pytest.importorskip("pyarrow")
    parquet = pytest.importorskip("pyarrow.parquet")
    columns = {"path": ["img/0.png"] * 4, "label": [value] * 4}
    parquet.write_table(pa.table(columns), tmp_path / "labels.parquet")
    with pytest.raises(ValueError, match=r"one value a row, label holds lists .*(list|struct)<"):
        load_table(tmp_path / "labels.parquet")


def test_a_damaged_parquet_file_is_told(tmp_path):
    pytest.importorskip("pyarrow")
    (tmp_path / "labels.parquet").write_bytes(b"PAR1 not at all")
    with pytest.raises(ValueError, match="is no Parquet file or is damaged"):
        load_table(tmp_path / "labels.parquet")


# --- what people's files are like ---


def check_notes(data, begin):
    """The notes that begin so, without the beginning."""
    return [note.removeprefix(begin) for note in data.notes if note.startswith(begin)]


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16"])
def test_a_table_that_excel_saved_is_read(tmp_path, encoding):
    lines = ["sep=;", "path;label;;", *[f"{r.replace(',', ';')};;" for r in rows(20)], ";;;", ";;;"]
    path = write_table(tmp_path, [])
    path.write_bytes("\r\n".join(lines).encode(encoding))
    data = load_table(path)
    assert len(data.ids) + len(data.test_ids) == 20
    assert data.class_names == ("cat", "dog")


def test_whole_numbers_that_pandas_wrote_as_floats_are_the_same_classes_and_it_is_said(tmp_path):
    lines = [f"{i},img/{i}.png,{i % 3}{'.0' * (i < 20)},{i % 3}.0,nan" for i in range(40)]
    data = load_table(write_table(tmp_path, [",path,label,true_label,golden", *lines]))
    assert data.class_names == ("0", "1", "2")
    np.testing.assert_array_equal(data.labels, data.true_labels)
    assert not data.trusted.any()
    (note,) = check_notes(data, "labels: ")
    assert note.endswith("the first: '0.0' as '0'")
    assert check_notes(data, "columns: ") == ["one without a name are not used"]


@pytest.mark.parametrize(
    ("gap", "labels"), [("nan", "abc"), ("", "abc"), ("-1", "012"), ("-1.0", "012"), ("NaN", "01")]
)
def test_rows_that_nobody_labelled_are_refused_and_counted(tmp_path, gap, labels):
    cells = [gap if i % 4 == 0 else labels[i % len(labels)] for i in range(40)]
    lines = [f"img/{i}.png,{cell}" for i, cell in enumerate(cells)]
    with pytest.raises(ValueError, match=r"label must not be empty.*: 10 of 40 .* rows 2 \('img/0"):
        load_table(write_table(tmp_path, ["path,label", *lines]))


@pytest.mark.parametrize("gap", ["", "nan", "-1"])
def test_true_labels_that_nobody_gave_are_unknown_and_counted(tmp_path, gap):
    lines = [f"img/{i}.png,{i % 2},{gap if i % 2 else 0}" for i in range(40)]
    data = load_table(write_table(tmp_path, ["path,label,true_label", *lines]))
    assert data.class_names == ("0", "1")
    assert set(data.true_labels[data.labels == 1]) == {-1}
    said = [f"20 true labels that say {gap} count as unknown"] if gap else []
    assert check_notes(data, "labels: ") == said


def test_minus_one_and_one_are_two_classes(tmp_path):
    lines = [f"img/{i}.png,{(-1, 1)[i % 2]}" for i in range(20)]
    assert load_table(write_table(tmp_path, ["path,label", *lines])).class_names == ("-1", "1")


def test_names_that_look_the_same_are_one_class_of_a_table_and_it_is_said(tmp_path):
    names = ("caf\u00e9", "cafe\u0301", "tea", "tea\u200b")
    lines = [f"img/{i}.png,{names[i % 4]}" for i in range(40)]
    data = load_table(write_table(tmp_path, ["path,label", *lines]))
    assert data.class_names == ("cafe\u0301", "tea")
    assert check_notes(data, "labels: ")[0].startswith("2 spellings count as that of another label")


def test_paths_of_windows_are_found_and_the_samples_named_as_on_disk(tmp_path):
    lines = [f".\\img\\{i}.png,{('cat', 'dog')[i % 2]}" for i in range(40)]
    path = write_table(tmp_path, ["path,label", *lines])
    (tmp_path / "golden.txt").write_text(".\\img\\3.png\nimg\\5.png\n")
    recipe = DataRecipe(source="table", path=str(path), test_share=0.5)
    data = loading.load(recipe, GoldenRecipe(ids=str(tmp_path / "golden.txt")))
    assert "./img/3.png" in data.ids
    assert check_notes(data, "paths: ") == ["\\ in paths counts as /, the first is .\\img\\0.png"]


def test_a_backslash_that_is_part_of_a_name_stays(tmp_path):
    path = write_table(tmp_path, ["path,label", *rows(20), "img\\0.png,cat"])
    (tmp_path / "img\\0.png").write_bytes(png(99))
    data = load_table(path)
    assert "img\\0.png" in {*data.ids, *data.test_ids}
    assert not check_notes(data, "paths: ")


def test_drives_of_windows_are_refused_with_what_to_write(tmp_path):
    lines = [f"C:\\photos\\img\\{i}.png,{i % 2}" for i in range(20)]
    with pytest.raises(ValueError, match=r"not from a drive of Windows: 20 of 20 .* Write it with"):
        load_table(write_table(tmp_path, ["path,label", *lines]))


def test_a_name_in_the_other_unicode_form_is_found_and_counts_once(tmp_path):
    write(tmp_path, {f"ete\u0301/e\u0301{i}.png": png(20 + i) for i in range(20)})
    lines = [
        f"ete\u0301/\u00e9{i}.png,{i % 2}" if i else "et\u00e9/e\u03010.png,0" for i in range(20)
    ]
    path = write_table(tmp_path, ["path,label", *lines], n=0)
    data = load_table(path)
    assert {*data.ids, *data.test_ids} == {f"ete\u0301/e\u0301{i}.png" for i in range(20)}
    assert check_notes(data, "paths: ")[0].startswith("paths count in the Unicode form of the disk")
    path.write_text(
        path.read_text(encoding="utf-8") + "ete\u0301/e\u03010.png,0\n", encoding="utf-8"
    )
    with pytest.raises(ValueError, match="each path must come once: 1 of 21"):
        load_table(path)


def test_a_table_may_name_files_whose_names_are_no_text_but_not_in_another_encoding(tmp_path):
    path = write_table(tmp_path, ["path,label", *rows(20)])
    name = os.fsdecode(b"caf\xe9.png")
    (tmp_path / name).write_bytes(png(99))
    path.write_bytes(path.read_bytes() + b"caf\xe9.png,cat\n")
    data = load_table(path)
    assert name in {*data.ids, *data.test_ids}
    path.write_bytes(path.read_bytes() + b"th\xe9.png,cat\n")
    with pytest.raises(ValueError, match=r"path must be text in UTF-8, .* row 23 .* as UTF-8"):
        load_table(path)


def test_what_a_nas_leaves_is_no_image_and_no_class_and_is_counted(tmp_path):
    write(tmp_path, by_class())
    clean = load_folder(tmp_path)
    write(tmp_path, {"ant/@eaDir/0.png/SYNOPHOTO_THUMB_M.jpg": png(9), "@eaDir/ant/0.png": png(9)})
    write(tmp_path, {"bee/._0.png": b"x", "__MACOSX/ant/._0.png": b"x", "#recycle/1.png": png(9)})
    data = load_folder(tmp_path)
    assert data.class_names == clean.class_names
    assert [*data.ids] == [*clean.ids]
    (note,) = check_notes(data, "files: ")
    assert note.startswith("5 hidden images or folders, or folders that a NAS or a system makes")
    assert note.endswith("the first is #recycle/")


def test_rows_of_a_table_that_lie_among_a_nas_s_copies_are_told(tmp_path):
    write(tmp_path, {"img/@eaDir/0.png": png(9)})
    data = load_table(write_table(tmp_path, ["path,label", *rows(20), "img/@eaDir/0.png,cat"]))
    assert check_notes(data, "paths: ")[0].startswith("1 lie in folders that a NAS or a system mak")


def test_folders_named_like_dates_and_numbers_are_classes_by_these_names(tmp_path):
    names = ("007", "1e3", "2024-01-05", "true")
    write(tmp_path, {f"{name}/{i}.png": png(30 + i) for name in names for i in range(6)})
    assert load_folder(tmp_path).class_names == names


def test_images_whose_names_look_the_same_are_told(tmp_path):
    write(tmp_path, {**by_class(), "ant/\u00e9.png": png(9), "ant/e\u0301.png": png(11)})
    (note,) = check_notes(load_folder(tmp_path), "files: ")
    assert note == (
        "1 have a name that looks like another image's and are read too, the first is "
        "'ant/\\xe9.png'"
    )


def test_a_parquet_table_may_lie_in_a_folder_whose_name_is_no_text(tmp_path):
    pa = pytest.importorskip("pyarrow")
    folder = tmp_path / os.fsdecode(b"caf\xe9")
    write_table(folder, [])
    columns = {
        "path": [f"img/{i}.png" for i in range(20)],
        "label": pa.array([b"cat", b"dog"] * 10),  # text without its type
    }
    pytest.importorskip("pyarrow.parquet").write_table(pa.table(columns), tmp_path / "l.parquet")
    (tmp_path / "l.parquet").rename(folder / "l.parquet")
    assert load_table(folder / "l.parquet").class_names == ("cat", "dog")
    assert write_parquet(folder / "outputs.parquet", {"path": columns["path"]})

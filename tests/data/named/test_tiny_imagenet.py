import re

import numpy as np
import pytest
from builders.tiny_imagenet_zip import ROOT, SHADES, members, write_zip

from tssd_keras.data import loading
from tssd_keras.data.named import tiny_imagenet
from tssd_keras.data.named.tiny_imagenet_zip import PREPARED, open_zip, read_layout
from tssd_keras.recipe.data_sections import DataRecipe

pytestmark = pytest.mark.backend_free


def load(folder, **more):
    pytest.importorskip("tensorflow_datasets")
    return loading.load(DataRecipe(source="tiny_imagenet", data_dir=str(folder), **more))


@pytest.mark.parametrize("cache_gib", [1.0, 0.0])
def test_images_labels_and_ids_belong_together(tmp_path, cache_gib):
    write_zip(tmp_path, members())
    data = load(tmp_path, cache_gib=cache_gib)
    assert data.class_names == ("goldfish", "n02", "n03")  # as words.txt has them
    assert (data.inputs.shape, data.test_inputs.shape) == ((12, 64, 64, 3), (6, 64, 64, 3))
    wnids = sorted(SHADES)
    shades = np.array([SHADES[wnid] for wnid in wnids])
    for inputs, labels in ((data.inputs, data.labels), (data.test_inputs, data.test_labels)):
        mean = inputs.read(np.arange(len(inputs))).mean(axis=(1, 2, 3))
        np.testing.assert_allclose(mean, shades[labels], atol=1)
    assert [name.split("_")[0] for name in data.ids] == [wnids[y] for y in data.labels]


def test_the_prepared_data_set_is_read_without_the_zip(tmp_path):
    path = write_zip(tmp_path, members())
    first = load(tmp_path)
    path.unlink()
    assert load(tmp_path).ids.tolist() == first.ids.tolist()


def test_the_images_are_kept_byte_by_byte(tmp_path):
    tfds = pytest.importorskip("tensorflow_datasets")
    files = members()
    write_zip(tmp_path, files)
    load(tmp_path)
    builder = tfds.builder_from_directory(tmp_path / PREPARED)
    raw = builder.as_dataset(split="train", decoders={"image": tfds.decode.SkipDecoding()})
    seen = {row["id"].decode(): row["image"] for row in raw.as_numpy_iterator()}
    original = {n.split("/")[-1]: v for n, v in files.items() if n.startswith(f"{ROOT}/train/")}
    assert seen == {name: v for name, v in original.items() if name.endswith(".JPEG")}


def test_classes_are_called_by_their_first_word_and_told_apart_by_wnid():
    words = ("goldfish, Carassius auratus", "crane", "n03", "crane, wading bird")
    names = tiny_imagenet.class_names(("n01", "n02", "n03", "n04"), words)
    assert names == ("goldfish", "crane (n02)", "n03", "crane (n04)")


def test_a_shard_that_is_cut_short_is_named(tmp_path):
    write_zip(tmp_path, members())
    load(tmp_path)
    (shard,) = (tmp_path / PREPARED).glob("*train.tfrecord*")
    shard.write_bytes(shard.read_bytes()[:-9])
    with pytest.raises(ValueError, match=f"{shard} is damaged or cut short"):
        load(tmp_path)
    (tmp_path / PREPARED / "features.json").write_text("{")
    with pytest.raises(ValueError, match=f"{tmp_path / PREPARED / 'features.json'} must be TFDS"):
        load(tmp_path)


def test_images_are_scaled_when_asked(tmp_path):
    write_zip(tmp_path, members())
    assert load(tmp_path, image_size=32).inputs.shape == (12, 32, 32, 3)


def test_a_missing_zip_is_told_where_to_come_from_and_where_to_go(tmp_path):
    with pytest.raises(FileNotFoundError) as caught:
        load(tmp_path)
    assert str(tmp_path / "downloads/manual/tiny-imagenet-200.zip") in str(caught.value)
    assert "http://cs231n.stanford.edu/tiny-imagenet-200.zip" in str(caught.value)


def layout(path):
    with open_zip(path) as archive:
        return read_layout(archive)


@pytest.mark.parametrize(
    "name", ["../evil.JPEG", "/etc/evil", f"{ROOT}/../../evil", "..\\evil", "C:\\evil", "C:/evil"]
)
def test_a_member_outside_the_archives_folder_is_refused_by_name(tmp_path, name):
    path = write_zip(tmp_path, {**members(), name: b""})
    with pytest.raises(ValueError, match=f"{re.escape(repr(name))} does not"):
        layout(path)


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"wnids.txt": None}, f"must hold {ROOT}/wnids.txt, it does not"),
        ({"val/val_annotations.txt": None}, "must hold .*val_annotations.txt, it does not"),
        ({"wnids.txt": "n01\nn02"}, "must list every class, 1 of train are not in it.* n03"),
        ({"wnids.txt": "n01\nn02\nn03\nn04"}, "1 of 4 have none, the first is n04"),
        ({"wnids.txt": ""}, "must list every class, 3 of train"),
        ({"val/images/val_0.JPEG": None}, r"line 1 is 'val_0.JPEG\\tn03"),
        ({"val/val_annotations.txt": "val_0.JPEG\n"}, "line 1 is 'val_0.JPEG'"),
        ({"val/val_annotations.txt": "val_0.JPEG\tn77\t0\n"}, "1 of val are not.* n77"),
        ({"val/val_annotations.txt": ""}, f"must have images in {ROOT}/val, 3 of 3 have none"),
    ],
)
def test_an_archive_that_is_not_whole_says_what_is_wrong(tmp_path, changed, message):
    with pytest.raises(ValueError, match=message):
        layout(write_zip(tmp_path, members(**changed)))


def test_what_is_no_zip_is_refused(tmp_path):
    path = write_zip(tmp_path, members())
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(ValueError, match=f"{path} must be a zip archive"):
        layout(path)


@pytest.mark.parametrize("name", ["wnids.txt", "train/n02/images/n02_3.JPEG"])
def test_a_damaged_member_is_named_and_nothing_half_done_stays(tmp_path, name):
    path = write_zip(tmp_path, members(**{name: b"damage me"}))
    path.write_bytes(path.read_bytes().replace(b"damage me", b"dAmAge me"))
    with pytest.raises(ValueError, match=f"{ROOT}/{name} is damaged"):
        load(tmp_path)
    left = [p for p in (tmp_path / "tiny_imagenet").rglob("*") if p.is_file()]
    assert left == []


def test_what_is_no_image_is_named_by_file_and_split(tmp_path):
    write_zip(tmp_path, members(**{"val/images/val_0.JPEG": b"no image"}))
    with pytest.raises(
        ValueError, match=r"1 of 6 validation .*\n  val_0.JPEG of .*/validation is no"
    ):
        load(tmp_path)


def test_a_failed_preparation_can_be_tried_again(tmp_path):
    write_zip(tmp_path, members(**{"wnids.txt": None}))
    with pytest.raises(ValueError, match=r"wnids\.txt"):
        load(tmp_path)
    write_zip(tmp_path, members())
    assert len(load(tmp_path).inputs) == 12

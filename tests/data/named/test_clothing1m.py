import re
from pathlib import Path

import numpy as np
import pytest
from builders.clothing1m_folder import N_CLASSES, shade, write_original

from tssd_keras.data import loading
from tssd_keras.data.named import clothing1m, clothing1m_lists
from tssd_keras.data.named.clothing1m_lists import PREPARED, read_lists
from tssd_keras.data.named.clothing1m_prepare import prepare
from tssd_keras.labels.prepare import prepare as run_data
from tssd_keras.recipe.data_sections import DataRecipe, GoldenRecipe
from tssd_keras.recipe.recipe import Recipe
from tssd_keras.run.describe import describe

pytestmark = pytest.mark.backend_free


@pytest.fixture(scope="module")
def prepared(tmp_path_factory):
    tfds = pytest.importorskip("tensorflow_datasets")
    folder = tmp_path_factory.mktemp("original")
    truth = write_original(folder)
    data_dir = tmp_path_factory.mktemp("tfds")
    return folder, truth, tfds.builder_from_directory(prepare(folder, data_dir))


def test_data_that_are_not_prepared_are_told_with_the_command_that_prepares_them(tmp_path):
    pytest.importorskip("tensorflow_datasets")
    with pytest.raises(FileNotFoundError) as caught:
        clothing1m.load(DataRecipe(source="clothing1m", data_dir=str(tmp_path)))
    told = str(caught.value)
    assert told.startswith(f"Clothing-1M must be prepared in {tmp_path}, it is not there.")
    assert f"datasets prepare clothing1m --from FOLDER --data-dir {tmp_path}. Or" in told
    assert "tfds build" not in told
    assert "data.name" not in told


def read(builder, split, **more):
    return {
        row["id"].decode(): row for row in builder.as_dataset(split, **more).as_numpy_iterator()
    }


def test_the_splits_have_every_image_once(prepared):
    _, truth, builder = prepared
    seen = [key for split in builder.info.splits for key in read(builder, split)]
    assert sorted(seen) == sorted(truth)
    assert {k: s.num_examples for k, s in builder.info.splits.items()} == {
        "train": 5 * N_CLASSES,
        "validation": N_CLASSES,
        "test": N_CLASSES,
    }


def test_the_given_label_is_the_noisy_one_and_unknown_where_there_is_none(prepared):
    _, truth, builder = prepared
    train = read(builder, "train")
    for key, row in train.items():
        wrong = "noisy" in key and key.endswith(",3.jpg")
        given = -1 if "clean_train" in key else (truth[key] + wrong) % N_CLASSES
        assert row["label"] == given
    for split in ("validation", "test"):
        for key, row in read(builder, split).items():
            assert row["label"] == row["clean_label"] == truth[key]
            assert not row["golden"]


def test_golden_samples_are_those_of_the_clean_training_list_and_no_other_clean_label_is_known(
    prepared,
):
    folder, truth, builder = prepared
    golden = set((folder / "clean_train_key_list.txt").read_text().split())
    train = read(builder, "train")
    assert {key for key, row in train.items() if row["golden"]} == golden
    assert {row["clean_label"] for key, row in train.items() if key not in golden} == {-1}
    assert all(train[key]["clean_label"] == truth[key] for key in golden)


def test_the_images_are_kept_byte_by_byte_and_belong_to_their_keys(prepared):
    folder, truth, builder = prepared
    import tensorflow_datasets as tfds

    raw = read(builder, "train", decoders={"image": tfds.decode.SkipDecoding()})
    assert {k: row["image"] for k, row in raw.items()} == {
        k: (folder / k).read_bytes() for k in raw
    }
    for key, row in read(builder, "test").items():
        assert row["image"].shape == (32, 24 + truth[key], 3)
        np.testing.assert_allclose(row["image"], shade(truth[key]), atol=1)


def test_a_clean_label_that_is_known_outside_the_clean_training_list_is_kept(tmp_path):
    truth = write_original(tmp_path)
    key = next(k for k in truth if "noisy" in k and ",1.jpg" in k)
    with open(tmp_path / "clean_label_kv.txt", "a") as file:
        file.write(f"{key} 7\n")
    sample = next(s for s in read_lists(tmp_path).train if s.key == key)
    assert (sample.clean_label, sample.golden) == (7, False)


def test_images_with_a_clean_label_only_are_golden_or_nothing_and_no_figure_counts_them(tmp_path):
    """Of each class: four noisy images, one of them wrong, the first with a clean label too; two
    with a clean label only."""
    pytest.importorskip("tensorflow_datasets")
    (tmp_path / "original").mkdir()
    write_original(tmp_path / "original", clean=3)
    prepare(tmp_path / "original", tmp_path / "tfds")
    recipe = Recipe(
        data=DataRecipe(source="clothing1m", data_dir=str(tmp_path / "tfds"), image_size=8),
        golden=GoldenRecipe(at_most_per_class=2),
    )
    found = run_data(recipe, loading.load(recipe.data))
    ids = found.data.ids
    assert len(found.golden_index) == 2 * N_CLASSES
    assert not any("clean_train" in key for key in ids[found.stream])
    assert (found.given[found.stream] >= 0).all()
    clean_only = np.array(["clean_train" in key for key in ids])
    n_golden = int(clean_only[found.golden_index].sum())
    assert (found.golden.given[clean_only[found.golden_index]] == -1).all()
    assert found.effective_noise_rate == 0  # of the noisy images with a clean label, all right
    assert "of the 14 whose true label is known" in describe(recipe, found)
    assert (
        f"28 trusted samples have no given label and are not trained on; {n_golden} of them"
        in describe(recipe, found)
    )


def test_class_names_come_from_the_file_else_they_are_the_built_in_ones(tmp_path):
    write_original(tmp_path)
    assert read_lists(tmp_path).class_names == clothing1m_lists.CLASS_NAMES
    names = [f"class {k}" for k in range(N_CLASSES)]
    write_original(tmp_path, names=names)
    assert read_lists(tmp_path).class_names == tuple(names)


def test_without_a_validation_list_there_is_no_such_split(tmp_path):
    pytest.importorskip("tensorflow_datasets")
    folder = tmp_path / "original"
    folder.mkdir()
    write_original(folder, validation=0)
    path = prepare(folder, tmp_path / "tfds")
    assert not list(path.glob("*validation*"))
    assert list(path.glob("*test*"))


def test_what_is_prepared_is_left_alone(prepared):
    folder, _, builder = prepared
    path = Path(builder.data_path)
    before = {p: p.stat().st_mtime_ns for p in path.iterdir()}
    data_dir = path.parent.parent
    assert prepare(folder / "nowhere", data_dir) == data_dir / PREPARED
    assert before == {p: p.stat().st_mtime_ns for p in path.iterdir()}


GOOD = "images/0/00/noisy0,0.jpg"
CASES = [
    ({"noisy_label_kv": None}, FileNotFoundError, "1 of 5 lists are not there: noisy_label_kv.txt"),
    ({"clean_test_key_list": None}, FileNotFoundError, "not there: clean_test_key_list.txt"),
    ({"noisy_train_key_list": ""}, ValueError, "noisy_train_key_list.txt: must name at least one"),
    (
        {"clean_test_key_list": "a.jpg 3\n\nb.jpg\nc d\n"},
        ValueError,
        "clean_test_key_list.txt: each line must be one image path.* 2 not so: "
        "line 1 'a.jpg 3', line 4 'c d'",
    ),
    (
        {"noisy_label_kv": f"{GOOD}\nb 1.5\nc x\nd e 1\n"},
        ValueError,
        f'noisy_label_kv.txt: each line must be "path label".* 4 not so: line 1 {GOOD!r}, '
        r"line 2 'b 1.5', line 3 'c x', \.\.\.",
    ),
    (
        {"clean_label_kv": f"{GOOD} 14\nb -1\n"},
        ValueError,
        f"clean_label_kv.txt: each label must lie in 0..13; 2 not so: line 1 '{GOOD} 14', "
        "line 2 'b -1'",
    ),
    (
        {"noisy_label_kv": f"{GOOD} 0\n"},
        ValueError,
        "noisy_train_key_list.txt: each path must have a label in noisy_label_kv.txt; 55 not so: "
        "line 2 ",
    ),
    (
        {"noisy_label_kv": f"{GOOD} 0\n{GOOD} 1\n"},
        ValueError,
        f"noisy_label_kv.txt: each path must have one label; 1 not so: line 2 '{GOOD} 1'",
    ),
    (
        {"noisy_train_key_list": f"{GOOD}\n{GOOD}\n"},
        ValueError,
        f"noisy_train_key_list.txt: each path must stand there once; 1 not so: line 2 '{GOOD}'",
    ),
    (
        {"category_names_eng": "Shirt\nShirt\n"},
        ValueError,
        "category_names_eng.txt: must hold 14 different class names.* 2 lines, 1 different",
    ),
]


@pytest.mark.parametrize(("changed", "error", "message"), CASES)
def test_lists_that_are_wrong_are_told_by_file_line_and_count(tmp_path, changed, error, message):
    write_original(tmp_path, **changed)
    with pytest.raises(error, match=message):
        read_lists(tmp_path)


@pytest.mark.parametrize(
    "key", ["../evil.jpg", "images/../../evil.jpg", "/etc/evil.jpg", "..\\evil.jpg", "C:/evil.jpg"]
)
def test_a_path_that_leaves_the_folder_is_refused(tmp_path, key):
    write_original(tmp_path, clean_val_key_list=f"{key}\n")
    with pytest.raises(ValueError, match=f"must lie inside the folder; .*{re.escape(repr(key))}"):
        read_lists(tmp_path)


@pytest.mark.parametrize("held_out", ["clean_val_key_list", "clean_test_key_list"])
@pytest.mark.parametrize("train", ["noisy_train_key_list", "clean_train_key_list"])
def test_an_image_to_judge_by_is_never_trained_on(tmp_path, train, held_out):
    write_original(tmp_path)
    key = (tmp_path / f"{held_out}.txt").read_text().split()[0]
    for name, line in ((train, key), ("noisy_label_kv", f"{key} 0")):
        with open(tmp_path / f"{name}.txt", "a") as file:
            file.write(f"{line}\n")
    with pytest.raises(ValueError, match=rf"{train}.txt: no path may also stand in {held_out}.txt"):
        read_lists(tmp_path)


def test_an_image_that_is_not_there_is_named_and_nothing_is_written(tmp_path):
    folder = tmp_path / "original"
    folder.mkdir()
    truth = write_original(folder)
    gone = [key for key in truth if "clean_test" in key]
    for key in gone:
        (folder / key).unlink()
    with pytest.raises(FileNotFoundError) as caught:
        prepare(folder, tmp_path / "tfds")
    assert "clean_test_key_list.txt: each path must be a file" in str(caught.value)
    assert f"14 not so: line 1 {gone[0]!r}" in str(caught.value)
    assert not (tmp_path / "tfds").exists()

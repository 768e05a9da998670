import dataclasses
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from tssd_keras.data import loading
from tssd_keras.data.inputs import ArrayInputs
from tssd_keras.data.labelled_data import LabelledData, as_ids
from tssd_keras.recipe.data_sections import DataRecipe

pytestmark = pytest.mark.backend_free

GOOD = LabelledData(
    name="six samples",
    inputs=ArrayInputs(np.zeros((6, 2), np.uint8)),
    labels=np.array([0, 1, 2, 0, 1, 2]),
    true_labels=np.array([0, 1, 2, 0, 1, 1]),
    test_inputs=ArrayInputs(np.zeros((3, 2), np.uint8)),
    test_labels=np.array([0, 1, 2]),
    class_names=("a", "b", "c"),
    ids=np.array(list("uvwxyz")),
    trusted=np.array([True, False, False, False, False, False]),
)


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"labels": np.array([0, 1, 2])}, r"labels must have one entry a sample, shape \(6,\)"),
        (
            {"labels": np.array([0, 1, 3, 0, 1, 2])},
            r"0\.\.2, .*: 1 of 6 .* sample 2 with 3",
        ),
        ({"labels": np.array([0, -1, 2, 0, 1, 2])}, "the first is sample 1 with -1"),
        ({"labels": np.array([0, 2, 2, 0, 2, 2])}, r"1 of 3 do not, the first is class 1 \('b'\)"),
        ({"labels": np.zeros(6)}, r"labels must be int64\[6\], got float64"),
        ({"labels": np.zeros(6, np.int32)}, r"labels must be int64\[6\], got int32"),
        ({"true_labels": np.full(6, 3)}, "true_labels must lie in"),
        ({"test_labels": np.array([0, 1, -1])}, "test_labels must lie in"),
        ({"test_labels": np.array([0, 1])}, "test_labels must have one entry"),
        ({"test_inputs": ArrayInputs(np.zeros((3, 4), np.uint8))}, r"got \(2,\) and \(4,\)"),
        ({"test_inputs": ArrayInputs(np.zeros((3, 2), "f4"))}, "got uint8 and float32"),
        ({"test_inputs": ArrayInputs(np.zeros((0, 2), np.uint8))}, "the test split must hold"),
        ({"class_names": ("a",)}, "at least 2 classes to tell apart, got 1"),
        ({"class_names": ("a", "b", "a")}, "more than once: a"),
        ({"class_names": ("a", "b\nc", "d\0")}, r"2 of 3 .* class 1, 'b\\nc'\. Rename"),
        ({"class_names": ("a", "b", "d\0")}, r"1 of 3 .* class 2, 'd\\x00'\. Rename"),
        ({"class_names": ("a\r", "b", "c")}, r"1 of 3 .* class 0, 'a\\r'\. Rename"),
        ({"ids": np.arange(6)}, r"ids must be str\[6\], got int64"),
        ({"ids": np.array(list("uvw"))}, "ids must have one entry a sample"),
        ({"ids": as_ids(list("uvw"))}, "ids must have one entry a sample"),
        ({"ids": np.array([*"uv", 3, *"xyz"], object)}, "text: 1 of 6 .* sample 2 with 3"),
        ({"ids": as_ids(list("uvuxyu"))}, "1 come more than once, the first are u. Name each"),
        ({"trusted": np.arange(6)}, r"trusted must be bool\[6\], got int64"),
    ],
)
def test_data_that_do_not_fit_together_are_refused_by_name(changed, message):
    with pytest.raises(ValueError, match=f"six samples: .*{message}"):
        dataclasses.replace(GOOD, **changed)


def test_an_unknown_source_is_told_the_known_ones():
    with pytest.raises(ValueError, match=r"clothing1m, digits, folder, .*, got 'digit'"):
        loading.load(DataRecipe(source="digit"))


@pytest.mark.parametrize("source", ["digits", "npz"])
def test_sources_of_arrays_refuse_to_scale_images(source):
    with pytest.raises(ValueError, match=f"image_size .* tfds, tiny_imagenet, got 32 .*{source}"):
        loading.load(DataRecipe(source=source, image_size=32))


def test_the_folder_is_the_recipes_else_the_environments_else_the_default(monkeypatch):
    monkeypatch.setenv("TFDS_DATA_DIR", "/from/environment")
    assert loading.default_data_dir(DataRecipe(data_dir="/own")) == Path("/own")
    assert loading.default_data_dir(DataRecipe()) == Path("/from/environment")
    monkeypatch.delenv("TFDS_DATA_DIR")
    assert loading.default_data_dir(DataRecipe()) == Path("data/tfds")


def test_importing_the_sources_loads_no_heavy_library():
    heavy = "{'keras', 'tensorflow', 'tensorflow_datasets', 'jax', 'sklearn', 'PIL'}"
    code = f"import sys, tssd_keras.data.loading; print(sorted({heavy} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_digits_are_split_once_and_for_all():
    data = loading.load(DataRecipe(source="digits"))
    assert data.inputs.shape == (1437, 8, 8, 1)
    assert data.test_inputs.shape == (360, 8, 8, 1)
    pixels = data.inputs.read(np.arange(1437))
    assert pixels.dtype == np.uint8
    assert (pixels.min(), pixels.max()) == (0, 240)
    np.testing.assert_array_equal(data.true_labels, data.labels)


def test_digits_classes_have_the_same_share_of_both_splits():
    data = loading.load(DataRecipe(source="digits"))
    train, test = np.bincount(data.labels) / 1437, np.bincount(data.test_labels) / 360
    np.testing.assert_allclose(train, test, atol=1 / 360)


def test_digits_ids_lead_back_to_scikit_learns_rows():
    from sklearn.datasets import load_digits

    data, original = loading.load(DataRecipe(source="digits")), load_digits()
    rows = data.ids.astype(int)
    np.testing.assert_array_equal(original.target[rows], data.labels)
    pixels = data.inputs.read(np.arange(1437))[..., 0]
    np.testing.assert_array_equal(pixels, 15 * original.images[rows])

"""What holds for every source, tried on small real files."""

import dataclasses
import io
import socket
import zipfile

import numpy as np
import pytest
from PIL import Image

from tssd_keras.data import loading
from tssd_keras.recipe.choices import SOURCES as NAMES
from tssd_keras.recipe.data_sections import DataRecipe


def digits(folder):
    return DataRecipe(source="digits")


def npz(folder):
    rng = np.random.default_rng(0)
    x = rng.normal(size=(30, 5)).astype(np.float32)
    y = np.arange(30) % 3
    np.savez(folder / "own.npz", x_train=x[:21], y_train=y[:21], x_test=x[21:], y_test=y[21:])
    return DataRecipe(source="npz", path=str(folder / "own.npz"))


def tfds(folder):
    """20 noise images of 8 x 6 pixels, stored as a TFDS data set."""
    tf = pytest.importorskip("tensorflow")
    tfds = pytest.importorskip("tensorflow_datasets")
    images = np.random.default_rng(0).integers(0, 256, (20, 8, 6, 3), np.uint8)
    labels, ids = np.arange(20) % 3, np.array([f"{i:02}" for i in range(20)])

    def split(n):
        return tf.data.Dataset.from_tensor_slices(
            {"image": images[:n], "label": labels[:n], "id": ids[:n]}
        )

    tfds.disable_progress_bar()
    tfds.dataset_builders.store_as_tfds_dataset(
        "noise_patches",
        "1.0.0",
        features=tfds.features.FeaturesDict(
            {
                "image": tfds.features.Image(shape=(8, 6, 3), encoding_format="jpeg"),
                "label": tfds.features.ClassLabel(num_classes=3),
                "id": tfds.features.Text(),
            }
        ),
        split_datasets={"train": split(20), "test": split(7)},
        data_dir=folder,
    )
    return DataRecipe(source="tfds", name="noise_patches", data_dir=str(folder))


def tiny_imagenet(folder):
    """The archive's layout with three classes of noise images, a third of them grayscale."""
    pytest.importorskip("tensorflow_datasets")
    wnids = ("n03", "n01", "n02")
    rng = np.random.default_rng(0)

    def jpeg(i):
        out = io.BytesIO()
        pixels = rng.integers(0, 256, (64, 64) if i % 3 == 0 else (64, 64, 3), np.uint8)
        Image.fromarray(pixels).save(out, "JPEG")
        return out.getvalue()

    path = folder / "downloads" / "manual" / "tiny-imagenet-200.zip"
    path.parent.mkdir(parents=True)
    with zipfile.ZipFile(path, "w") as archive:
        root = "tiny-imagenet-200"
        for i in range(12):
            wnid = wnids[i // 4]
            archive.writestr(f"{root}/train/{wnid}/images/{wnid}_{i}.JPEG", jpeg(i))
        for i in range(6):
            archive.writestr(f"{root}/val/images/val_{i}.JPEG", jpeg(i))
        lines = [f"val_{i}.JPEG\t{wnids[i % 3]}\t0\t0\t9\t9\n" for i in range(6)]
        archive.writestr(f"{root}/val/val_annotations.txt", "".join(lines))
        archive.writestr(f"{root}/wnids.txt", "\n".join(wnids))
    return DataRecipe(source="tiny_imagenet", data_dir=str(folder))


def pictures(folder, paths):
    """A noise image of 8 x 6 pixels at each path."""
    rng = np.random.default_rng(0)
    for path in paths:
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(rng.integers(0, 256, (8, 6, 3), np.uint8)).save(folder / path)


def folder(folder):
    """Three classes, with a test folder."""
    for part, n in (("train", 4), ("test", 2)):
        pictures(folder, [f"{part}/{c}/{i}.png" for c in ("ant", "bee", "cow") for i in range(n)])
    return DataRecipe(source="folder", path=str(folder))


def table(folder):
    """A CSV of images of two classes, without a test split."""
    paths = [f"images/{i}.png" for i in range(20)]
    pictures(folder, paths)
    lines = [f"{path},{('cat', 'dog')[i % 2]}" for i, path in enumerate(paths)]
    (folder / "labels.csv").write_text("\n".join(["path,label", *lines]) + "\n")
    return DataRecipe(source="table", path=str(folder / "labels.csv"))


def clothing1m(folder):
    """The original's layout, made small and prepared."""
    pytest.importorskip("tensorflow_datasets")
    from builders.clothing1m_folder import write_original

    from tssd_keras.data.named.clothing1m_prepare import prepare

    write_original(folder / "original")
    prepare(folder / "original", folder)
    return DataRecipe(source="clothing1m", data_dir=str(folder), image_size=8)


FILES = {f.__name__: f for f in (clothing1m, digits, folder, npz, table, tfds, tiny_imagenet)}


@pytest.fixture(scope="module", params=NAMES)
def recipe(request, tmp_path_factory):
    return FILES[request.param](tmp_path_factory.mktemp(request.param))


@pytest.fixture(scope="module")
def data(recipe):
    return loading.load(recipe)


def pixels(inputs):
    return inputs.read(np.arange(len(inputs)))


def test_the_sweep_covers_every_source():
    assert set(loading.LOADERS) == set(NAMES) == set(FILES)


def test_labels_are_int64_one_a_sample_and_every_class_occurs(data):
    for inputs, labels in ((data.inputs, data.labels), (data.test_inputs, data.test_labels)):
        assert labels.dtype == np.int64
        assert labels.shape == (len(inputs),)
    labels = data.labels
    if data.trusted is not None:  # trusted samples alone can do without a given label
        labels = labels[(labels >= 0) | ~data.trusted]
    assert set(labels.tolist()) == set(range(len(data.class_names)))


def test_samples_have_the_shape_and_dtype_that_is_announced(data):
    for inputs in (data.inputs, data.test_inputs):
        assert pixels(inputs).shape == inputs.shape
        assert pixels(inputs).dtype == inputs.dtype


def test_samples_are_read_in_the_order_asked_for(data):
    index = np.array([4, 0, 4, 2])
    np.testing.assert_array_equal(data.inputs.read(index), pixels(data.inputs)[index])


def test_loading_twice_gives_the_same_samples_in_the_same_order(recipe, data):
    again = loading.load(recipe)
    np.testing.assert_array_equal(pixels(again.inputs), pixels(data.inputs))
    np.testing.assert_array_equal(pixels(again.test_inputs), pixels(data.test_inputs))
    np.testing.assert_array_equal(again.labels, data.labels)
    np.testing.assert_array_equal(again.test_labels, data.test_labels)
    assert (again.ids is None) == (data.ids is None)
    assert data.ids is None or again.ids.tolist() == data.ids.tolist()


def test_ids_differ_from_sample_to_sample(data):
    if data.ids is not None:
        assert len(set(data.ids.tolist())) == len(data.inputs)


def test_decoding_ahead_changes_no_pixel(recipe, data):
    late = loading.load(dataclasses.replace(recipe, cache_gib=0.0))
    np.testing.assert_array_equal(pixels(late.inputs), pixels(data.inputs))
    np.testing.assert_array_equal(pixels(late.test_inputs), pixels(data.test_inputs))


@pytest.mark.parametrize("name", NAMES)
def test_a_first_load_opens_no_connection(name, tmp_path, monkeypatch):
    recipe = FILES[name](tmp_path)

    def refuse(*address):
        raise AssertionError(f"a source tried to connect to {address}")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    loading.load(recipe)

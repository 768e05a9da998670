import os
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from tssd_keras import sources
from tssd_keras.recipe import DataRecipe
from tssd_keras.sources.tfds_reading import Keys, choose_keys

tf = pytest.importorskip("tensorflow")
tfds = pytest.importorskip("tensorflow_datasets")

LABEL = tfds.features.ClassLabel(names=["cat", "dog"])


def image(height, width, channels=3, dtype=np.uint8):
    return tfds.features.Image(shape=(height, width, channels), dtype=dtype, encoding_format="png")


def patches(sizes, channels=3):
    """One noise image of each (height, width)."""
    rng = np.random.default_rng(0)
    return [rng.integers(0, 256, (*size, channels), np.uint8) for size in sizes]


def examples(images, **more):
    """Images with labels 0, 1, 0, ... and with further features, one value each."""
    return [
        {"image": pixels, "label": i % 2, **{key: values[i] for key, values in more.items()}}
        for i, pixels in enumerate(images)
    ]


@pytest.fixture
def store(tmp_path):
    """Writes a TFDS data set "patches"; gives its recipe."""

    def write(features, *, shards=1, **splits):
        tfds.disable_progress_bar()
        tfds.dataset_builders.store_as_tfds_dataset(
            "patches",
            "1.0.0",
            features=tfds.features.FeaturesDict(features),
            split_datasets={split: list(enumerate(rows)) for split, rows in splits.items()},
            data_dir=tmp_path,
            download_config=tfds.download.DownloadConfig(num_shards=shards),
        )
        return DataRecipe(source="tfds", name="patches", data_dir=str(tmp_path))

    return write


def everything(inputs):
    return inputs.read(np.arange(len(inputs)))


@pytest.mark.parametrize("channels", [1, 3])
def test_each_id_keeps_its_image_and_its_label(store, channels):
    images = patches([(5, 4)] * 12, channels)
    ids = [f"sample {i}" for i in range(12)]
    rows = examples(images, id=ids)
    features = {"image": image(5, 4, channels), "label": LABEL, "id": tfds.features.Text()}
    data = sources.load(store(features, train=rows, test=rows))
    order = [ids.index(name) for name in data.ids]
    assert sorted(order) == list(range(12))
    np.testing.assert_array_equal(everything(data.inputs), np.stack(images)[order])
    np.testing.assert_array_equal(data.labels, np.array(order) % 2)
    assert data.class_names == ("cat", "dog")


def test_samples_come_in_storage_order_shard_by_shard(store, tmp_path):
    rows = examples(patches([(5, 4)] * 12), id=[f"sample {i}" for i in range(12)])
    features = {"image": image(5, 4), "label": LABEL, "id": tfds.features.Text()}
    data = sources.load(store(features, train=rows, test=rows, shards=5))
    shards = sorted(str(path) for path in tmp_path.rglob("*-train.tfrecord-*"))
    assert len(shards) == 5
    read = tfds.features.FeaturesDict(features).deserialize_example
    stored = tf.data.TFRecordDataset(shards).map(read).as_numpy_iterator()
    assert data.ids.tolist() == [row["id"].decode() for row in stored]


def test_without_an_id_feature_there_are_no_ids(store):
    rows = examples(patches([(5, 4)] * 4))
    assert (
        sources.load(store({"image": image(5, 4), "label": LABEL}, train=rows, test=rows)).ids
        is None
    )


@pytest.mark.parametrize("decode_ahead", [True, False])
def test_images_of_several_sizes_ask_for_image_size(store, decode_ahead):
    rows = examples(patches([(5, 4)] * 5 + [(7, 4)]))
    recipe = store({"image": image(None, None), "label": LABEL}, train=rows, test=rows[:5])
    given = dict(source="tfds", name="patches", data_dir=recipe.data_dir)
    with pytest.raises(ValueError, match=r"(5 x 4|7 x 4) .* Set data\.image_size"):
        sources.load(DataRecipe(**given, decode_ahead=decode_ahead))
    scaled = sources.load(DataRecipe(**given, decode_ahead=decode_ahead, image_size=6))
    assert scaled.inputs.shape == everything(scaled.inputs).shape == (6, 6, 6, 3)
    assert scaled.test_inputs.shape == (5, 6, 6, 3)


def test_images_of_one_size_need_no_promise_of_it(store):
    rows = examples(patches([(5, 4)] * 4))
    recipe = store({"image": image(None, None), "label": LABEL}, train=rows, test=rows)
    assert sources.load(recipe).inputs.shape == (4, 5, 4, 3)


def test_unknown_channels_are_read_as_rgb(store):
    features = {"image": tfds.features.Image(shape=(5, 4, None)), "label": LABEL}
    rows = examples(patches([(5, 4)] * 4, channels=1))
    assert sources.load(store(features, train=rows, test=rows)).inputs.shape == (4, 5, 4, 3)


def test_a_data_set_without_test_split_is_judged_on_validation(store):
    rows = examples(patches([(5, 4)] * 6))
    features = {"image": image(5, 4), "label": LABEL}
    data = sources.load(store(features, train=rows, validation=rows[:4]))
    assert len(data.test_inputs) == 4


def test_a_data_set_with_neither_names_its_splits(store):
    rows = examples(patches([(5, 4)] * 6))
    recipe = store({"image": image(5, 4), "label": LABEL}, train=rows, holdout=rows)
    with pytest.raises(ValueError, match=r"train and test \(or validation\).* holdout, train"):
        sources.load(recipe)


@pytest.mark.parametrize(
    ("features", "more", "message"),
    [
        ({"image": image(5, 4), "mask": image(5, 4)}, {"mask": "images"}, "one Image.* it has 2"),
        ({"image": image(5, 4), "other": LABEL}, {"other": "labels"}, "one ClassLabel.* it has 2"),
        ({"image": image(5, 4, 4)}, {}, "with 1 or 3 channels"),
    ],
)
def test_other_features_than_one_image_and_one_label_are_refused(store, features, more, message):
    channels = features["image"].shape[-1]
    images = patches([(5, 4)] * 4, channels)
    values = {"images": images, "labels": [0, 1, 0, 1]}
    rows = examples(images, **{key: values[kind] for key, kind in more.items()})
    recipe = store({"label": LABEL, **features}, train=rows, test=rows)
    with pytest.raises(ValueError, match=message):
        sources.load(recipe)


def test_of_several_labels_the_supervised_key_is_taken():
    features = tfds.features.FeaturesDict({"other": LABEL, "label": LABEL, "image": image(5, 4)})
    info = SimpleNamespace(name="two labels", features=features, supervised_keys=("image", "label"))
    assert choose_keys(SimpleNamespace(info=info)) == Keys("image", "label", None)


def test_text_is_no_image(store):
    rows = [{"text": f"{i}", "label": i % 2} for i in range(4)]
    recipe = store({"text": tfds.features.Text(), "label": LABEL}, train=rows, test=rows)
    with pytest.raises(ValueError, match=r"one Image feature.* it has 0 among label, text"):
        sources.load(recipe)


def test_images_of_more_than_eight_bits_are_refused(store):
    images = [pixels.astype(np.uint16) for pixels in patches([(5, 4)] * 4)]
    features = {"image": image(5, 4, dtype=np.uint16), "label": LABEL}
    recipe = store(features, train=examples(images), test=examples(images))
    with pytest.raises(ValueError, match=r"must be uint8, got .*uint16"):
        sources.load(recipe)


@pytest.mark.parametrize("name", ["patches", "patches/1.0.0", "patches:1.0.0", "patches:1.*.*"])
def test_a_version_can_be_named_either_way(store, name):
    rows = examples(patches([(5, 4)] * 4))
    recipe = store({"image": image(5, 4), "label": LABEL}, train=rows, test=rows)
    named = DataRecipe(source="tfds", name=name, data_dir=recipe.data_dir)
    assert len(sources.load(named).inputs) == 4


@pytest.mark.parametrize(
    ("name", "command"),
    [
        ("cifar10", "tfds build cifar10 --data_dir"),
        ("patches/2.0.0", "tfds build patches --data_dir"),
        ("cifar10_corrupted/fog_1:1.0.0", "tfds build cifar10_corrupted/fog_1 --data_dir"),
    ],
)
def test_a_data_set_that_is_not_prepared_is_told_where_to_get_it(store, name, command):
    rows = examples(patches([(5, 4)] * 4))
    recipe = store({"image": image(5, 4), "label": LABEL}, train=rows, test=rows)
    with pytest.raises(FileNotFoundError) as caught:
        sources.load(DataRecipe(source="tfds", name=name, data_dir=recipe.data_dir))
    for part in (repr(name), recipe.data_dir, "there: patches/1.0.0", command, "TFDS_DATA_DIR"):
        assert part in str(caught.value)


def test_a_name_that_is_none_is_refused(tmp_path):
    with pytest.raises(ValueError, match=r'data\.name must be a TFDS name .* got "fashion mnist!"'):
        sources.load(DataRecipe(source="tfds", name="fashion mnist!", data_dir=str(tmp_path)))


@pytest.mark.parametrize("decode_ahead", [True, False])
def test_fashion_mnist_keeps_the_labels_of_its_images(decode_ahead):
    """By the nearest class mean of the pixels about 68 % are found, by chance it would be 10 %."""
    folder = Path(os.environ.get("TFDS_DATA_DIR", "data/tfds"))
    if not (folder / "fashion_mnist").is_dir():
        pytest.skip(f"fashion_mnist is not prepared in {folder.absolute()}")
    data = sources.load(
        DataRecipe(
            source="tfds", name="fashion_mnist", data_dir=str(folder), decode_ahead=decode_ahead
        )
    )
    assert data.inputs.shape == (60_000, 28, 28, 1)
    assert data.test_inputs.shape == (10_000, 28, 28, 1)
    pixels = data.inputs.read(np.arange(2000)).reshape(2000, -1).astype(float)
    labels = data.labels[:2000]
    means = np.stack([pixels[labels == label].mean(axis=0) for label in range(10)])
    test = data.test_inputs.read(np.arange(1000)).reshape(1000, 1, -1)
    nearest = ((test - means) ** 2).sum(axis=2).argmin(axis=1)
    assert 0.6 < (nearest == data.test_labels[:1000]).mean() < 0.8

import dataclasses
import functools
import io
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from builders.prepared import prepared_folder

from tssd_keras.data import loading
from tssd_keras.data.named import tfds_reading
from tssd_keras.data.named.tfds_reading import Keys, choose_keys, choose_splits, read
from tssd_keras.data.named.tiny_imagenet_zip import PREPARED, ZIP
from tssd_keras.recipe.data_sections import DataRecipe

pytestmark = pytest.mark.backend_free

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
    data = loading.load(store(features, train=rows, test=rows))
    order = [ids.index(name) for name in data.ids]
    assert sorted(order) == list(range(12))
    np.testing.assert_array_equal(everything(data.inputs), np.stack(images)[order])
    np.testing.assert_array_equal(data.labels, np.array(order) % 2)
    assert data.class_names == ("cat", "dog")


def test_samples_come_in_storage_order_shard_by_shard(store, tmp_path):
    rows = examples(patches([(5, 4)] * 12), id=[f"sample {i}" for i in range(12)])
    features = {"image": image(5, 4), "label": LABEL, "id": tfds.features.Text()}
    data = loading.load(store(features, train=rows, test=rows, shards=5))
    shards = sorted(str(path) for path in tmp_path.rglob("*-train.tfrecord-*"))
    assert len(shards) == 5
    parse = tfds.features.FeaturesDict(features).deserialize_example
    stored = tf.data.TFRecordDataset(shards).map(parse).as_numpy_iterator()
    assert data.ids.tolist() == [row["id"].decode() for row in stored]


def test_without_an_id_feature_there_are_no_ids(store):
    rows = examples(patches([(5, 4)] * 4))
    assert (
        loading.load(store({"image": image(5, 4), "label": LABEL}, train=rows, test=rows)).ids
        is None
    )


@pytest.mark.parametrize("cache_gib", [1.0, 0.0])
def test_images_of_several_sizes_ask_for_image_size(store, cache_gib):
    rows = examples(patches([(5, 4)] * 5 + [(7, 4)]))
    recipe = store({"image": image(None, None), "label": LABEL}, train=rows, test=rows[:5])
    given = dict(source="tfds", name="patches", data_dir=recipe.data_dir)
    with pytest.raises(ValueError, match=r"(5 x 4|7 x 4) .* Set data\.image_size"):
        loading.load(DataRecipe(**given, cache_gib=cache_gib))
    scaled = loading.load(DataRecipe(**given, cache_gib=cache_gib, image_size=6))
    assert scaled.inputs.shape == everything(scaled.inputs).shape == (6, 6, 6, 3)
    assert scaled.test_inputs.shape == (5, 6, 6, 3)


def test_images_of_one_size_need_no_promise_of_it(store):
    rows = examples(patches([(5, 4)] * 4))
    recipe = store({"image": image(None, None), "label": LABEL}, train=rows, test=rows)
    assert loading.load(recipe).inputs.shape == (4, 5, 4, 3)


def test_unknown_channels_are_read_as_rgb(store):
    features = {"image": tfds.features.Image(shape=(5, 4, None)), "label": LABEL}
    rows = examples(patches([(5, 4)] * 4, channels=1))
    assert loading.load(store(features, train=rows, test=rows)).inputs.shape == (4, 5, 4, 3)


def test_a_data_set_without_test_split_is_judged_on_validation(store):
    rows = examples(patches([(5, 4)] * 6))
    features = {"image": image(5, 4), "label": LABEL}
    data = loading.load(store(features, train=rows, validation=rows[:4]))
    assert len(data.test_inputs) == 4


def test_a_data_set_with_neither_names_its_splits(store):
    rows = examples(patches([(5, 4)] * 6))
    recipe = store({"image": image(5, 4), "label": LABEL}, train=rows, holdout=rows)
    with pytest.raises(ValueError, match=r"train and test \(or validation\).* holdout, train"):
        loading.load(recipe)


def test_images_of_four_channels_are_refused(store):
    rows = examples(patches([(5, 4)] * 4, 4))
    recipe = store({"label": LABEL, "image": image(5, 4, 4)}, train=rows, test=rows)
    with pytest.raises(ValueError, match="with 1 or 3 channels"):
        loading.load(recipe)


def builder(supervised=None, **features):
    info = SimpleNamespace(
        name="patches",
        features=tfds.features.FeaturesDict(features),
        supervised_keys=supervised,
        splits={"train": None, "train_40": None, "test": None, "validation": None},
    )
    return SimpleNamespace(info=info)


TFDS = DataRecipe(source="tfds", name="patches")


@pytest.mark.parametrize(
    ("features", "message"),
    [
        ({"photo": image(5, 4), "mask": image(5, 4), "label": LABEL}, "one Image.* it has 2"),
        ({"image": image(5, 4), "one": LABEL, "other": LABEL}, "one ClassLabel.* it has 2"),
    ],
)
def test_features_that_could_each_be_the_sample_or_the_label_are_refused(features, message):
    with pytest.raises(ValueError, match=message):
        choose_keys(builder(**features), TFDS)


def test_of_several_labels_the_supervised_key_is_taken():
    made = builder(("image", "other"), other=LABEL, label=LABEL, image=image(5, 4))
    assert choose_keys(made, TFDS) == Keys("image", "other", "other", "other", None)


def test_without_supervised_keys_the_feature_called_label_is_taken():
    made = builder(worse_label=LABEL, label=LABEL, image=image(5, 4), mask=image(5, 4))
    assert choose_keys(made, TFDS) == Keys("image", "label", "label", "label", None)


def test_a_label_that_the_recipe_names_is_the_given_one_and_the_own_one_is_true():
    made = builder(worse_label=LABEL, label=LABEL, image=image(5, 4))
    recipe = dataclasses.replace(TFDS, label="worse_label")
    assert choose_keys(made, recipe) == Keys("image", "worse_label", "label", "label", None)


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        (
            {"label": "wrose_label"},
            "data.label must be one of label, worse_label .* did you mean w",
        ),
        ({"true_label": "is_clean"}, "data.true_label must be one of label, worse_label"),
        ({"trusted": "label"}, 'data.trusted must be one of is_clean in patches, got "label"'),
    ],
)
def test_a_feature_that_is_not_there_is_told_with_those_that_are(setting, message):
    flag = tfds.features.Scalar(np.bool_)
    made = builder(worse_label=LABEL, label=LABEL, image=image(5, 4), is_clean=flag)
    with pytest.raises(ValueError, match=message):
        choose_keys(made, dataclasses.replace(TFDS, **setting))


def test_given_and_true_labels_are_of_the_same_classes():
    coarse = tfds.features.ClassLabel(num_classes=5)
    made = builder(coarse_label=coarse, label=LABEL, image=image(5, 4))
    with pytest.raises(ValueError, match=r"same classes, coarse_label.*\[2, 5\]"):
        choose_keys(made, dataclasses.replace(TFDS, label="coarse_label"))


def test_splits_can_be_named():
    recipe = dataclasses.replace(TFDS, train_split="train_40", test_split="validation")
    assert choose_splits(builder(label=LABEL), recipe) == ("train_40", "validation")
    assert choose_splits(builder(label=LABEL), TFDS) == ("train", "test")
    with pytest.raises(ValueError, match="train_41 is missing, it has test, train, train_40"):
        choose_splits(builder(label=LABEL), dataclasses.replace(TFDS, train_split="train_41"))
    with pytest.raises(ValueError, match="must differ"):
        choose_splits(builder(label=LABEL), dataclasses.replace(TFDS, test_split="train"))


def test_trusted_samples_of_labels_whose_truth_nobody_knows(store):
    rows = examples(patches([(5, 4)] * 6), is_clean=[True, False] * 3)
    features = {"image": image(5, 4), "label": LABEL, "is_clean": tfds.features.Scalar(np.bool_)}
    data = loading.load(
        dataclasses.replace(store(features, train=rows, test=rows), trusted="is_clean")
    )
    assert data.true_labels is None
    np.testing.assert_array_equal(data.trusted, data.labels == 0)


def test_text_is_no_image(store):
    rows = [{"text": f"{i}", "label": i % 2} for i in range(4)]
    recipe = store({"text": tfds.features.Text(), "label": LABEL}, train=rows, test=rows)
    with pytest.raises(ValueError, match=r"one Image feature.* it has 0 among label, text"):
        loading.load(recipe)


def test_images_of_more_than_eight_bits_are_refused(store):
    images = [pixels.astype(np.uint16) for pixels in patches([(5, 4)] * 4)]
    features = {"image": image(5, 4, dtype=np.uint16), "label": LABEL}
    recipe = store(features, train=examples(images), test=examples(images))
    with pytest.raises(ValueError, match=r"must be uint8, got .*uint16"):
        loading.load(recipe)


@pytest.mark.parametrize("name", ["patches", "patches/1.0.0", "patches:1.0.0", "patches:1.*.*"])
def test_a_version_can_be_named_either_way(store, name):
    rows = examples(patches([(5, 4)] * 4))
    recipe = store({"image": image(5, 4), "label": LABEL}, train=rows, test=rows)
    named = DataRecipe(source="tfds", name=name, data_dir=recipe.data_dir)
    assert len(loading.load(named).inputs) == 4


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
        loading.load(DataRecipe(source="tfds", name=name, data_dir=recipe.data_dir))
    for part in (repr(name), recipe.data_dir, "there: patches/1.0.0", command, "TFDS_DATA_DIR"):
        assert part in str(caught.value)


def test_a_name_that_is_none_is_refused(tmp_path):
    with pytest.raises(ValueError, match=r'data\.name must be a TFDS name .* got "fashion mnist!"'):
        loading.load(DataRecipe(source="tfds", name="fashion mnist!", data_dir=str(tmp_path)))


def damage(path):
    """One byte of the last record's own, which its check then contradicts."""
    content = bytearray(path.read_bytes())
    content[-6] ^= 1
    path.write_bytes(content)


def cut(path, n):
    path.write_bytes(path.read_bytes()[:-n])


def without_last_record(path):
    content = path.read_bytes()
    at = 0
    while at < len(content):
        last, at = at, at + 16 + int.from_bytes(content[at : at + 8], "little")
    path.write_bytes(content[:last])


@pytest.fixture
def stored(store, tmp_path):
    """A recipe of a data set with ids in two shards a split, and its folder."""
    rows = examples(patches([(5, 4)] * 12), id=[f"photo {i}.jpg" for i in range(12)])
    features = {"image": image(5, 4), "label": LABEL, "id": tfds.features.Text()}
    recipe = store(features, train=rows, test=rows, shards=2)
    return recipe, tmp_path / "patches" / "1.0.0"


@pytest.mark.parametrize(
    ("harm", "error", "message"),
    [
        (Path.unlink, FileNotFoundError, "must be there, it is not"),
        (lambda path: path.write_bytes(b""), ValueError, r"must hold \d records .* it holds 0"),
        (lambda path: cut(path, 9), ValueError, r"is damaged or cut short: the record at byte"),
        (without_last_record, ValueError, r"must hold \d records as dataset_info.json says, it"),
        (damage, ValueError, "is damaged: a record contradicts its own check .DataLossError."),
    ],
)
@pytest.mark.parametrize("split", ["train", "test"])
def test_a_shard_that_is_not_whole_is_named_with_a_way_on(stored, split, harm, error, message):
    recipe, folder = stored
    path = sorted(folder.glob(f"*-{split}.tfrecord-*"))[1]
    harm(path)
    with pytest.raises(error, match=rf"{path} {message}.* prepare the data set again"):
        loading.load(recipe)


@pytest.mark.parametrize("content", ["", "{", '{"name": ', "[]"])
@pytest.mark.parametrize("name", ["dataset_info.json", "features.json"])
def test_a_description_that_is_damaged_is_named(stored, name, content):
    recipe, folder = stored
    (folder / name).write_text(content)
    where = folder / name if content != "[]" else folder.parent  # which is JSON
    with pytest.raises(ValueError, match=f"{where} must be TFDS's description .* prepare the data"):
        loading.load(recipe)


def test_a_bad_image_is_named_by_its_id(store):
    """TFDS keeps the bytes of files as they are, whatever they hold."""
    good = [tf.io.encode_png(pixels).numpy() for pixels in patches([(5, 4)] * 5)]

    def rows(files):
        ids = [f"photo {i}.jpg" for i in range(len(files))]
        return examples([io.BytesIO(file) for file in files], id=ids)

    features = {"image": image(5, 4), "label": LABEL, "id": tfds.features.Text()}
    recipe = store(features, train=rows([b"no image", *good]), test=rows(good))
    with pytest.raises(ValueError, match=r"\n  photo 0\.jpg of patches/train is no image"):
        loading.load(recipe)
    data = loading.load(dataclasses.replace(recipe, skip_bad_images=True))
    assert [out.reason[:28] for out in data.left_out] == ["photo 0.jpg of patches/train"]


def test_a_record_that_is_damaged_after_the_check_is_a_bad_image(stored):
    recipe, folder = stored
    data = loading.load(dataclasses.replace(recipe, cache_gib=0.0))
    path = sorted(folder.glob("*-train.tfrecord-*"))[0]
    with open(path, "r+b") as file:
        file.seek(12)
        file.write(b"\xff" * 20)
    with pytest.raises(ValueError, match=r"photo \d+.jpg of patches/train is no image: its record"):
        data.inputs.read(np.array([0]))


def test_reading_asks_for_nothing_that_tfds_deprecates(stored):
    """It would say so on the screen; what was asked for is kept in the feature."""
    builder = tfds.builder_from_directory(stored[1])
    read(builder, stored[0])
    for feature in builder.info.features.values():
        assert "dtype" not in vars(feature)


HUMAN = {
    "aggre_label": 0.0901,
    "random_label1": 0.1723,
    "random_label2": 0.1812,
    "random_label3": 0.1764,
    "worse_label": 0.4021,
}
GARMENTS = (
    *("T-shirt/top", "Trouser", "Pullover", "Dress", "Coat"),
    *("Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot"),
)
CIFAR10 = (
    *("airplane", "automobile", "bird", "cat", "deer"),
    *("dog", "frog", "horse", "ship", "truck"),
)


READ = {}


@pytest.fixture
def read_once(monkeypatch):
    """A split's columns are kept, those of all labels by people together."""
    read_columns, label = tfds_reading._columns, tfds.features.ClassLabel(num_classes=10)

    def columns(shards, features, n, name):
        if name not in READ:
            people = dict.fromkeys(HUMAN, label) if name.startswith("cifar10_n/") else {}
            READ[name] = read_columns(shards, {**people, **features}, n, name)
        return {key: READ[name][key] for key in features}

    monkeypatch.setattr(tfds_reading, "_columns", columns)


@pytest.mark.prepared
@pytest.mark.parametrize("cache_gib", [1.0, 0.0])
def test_fashion_mnist_keeps_the_labels_of_its_images(read_once, cache_gib):
    """By the nearest class mean of the pixels about 68 % are found, by chance it would be 10 %."""
    folder = prepared_folder("fashion_mnist")
    data = loading.load(
        DataRecipe(
            source="tfds",
            name="fashion_mnist",
            data_dir=str(folder),
            cache_gib=cache_gib,
            check_images=cache_gib > 0,  # once is enough
        )
    )
    assert data.inputs.shape == (60_000, 28, 28, 1)
    assert data.test_inputs.shape == (10_000, 28, 28, 1)
    pixels = data.inputs.read(np.arange(2000)).reshape(2000, -1).astype(float)
    labels = data.labels[:2000]
    assert np.bincount(data.labels).tolist() == [6000] * 10
    assert np.bincount(data.test_labels).tolist() == [1000] * 10
    assert data.class_names == GARMENTS
    means = np.stack([pixels[labels == label].mean(axis=0) for label in range(10)])
    test = data.test_inputs.read(np.arange(1000)).reshape(1000, 1, -1)
    nearest = ((test - means) ** 2).sum(axis=2).argmin(axis=1)
    assert 0.6 < (nearest == data.test_labels[:1000]).mean() < 0.8


@functools.cache
def prepared(name, **settings):
    """A data set for tests that only read it."""
    folder = prepared_folder(name)
    recipe = DataRecipe(
        source="tfds",
        name=name,
        data_dir=str(folder),
        cache_gib=0.0,
        check_images=False,
        **settings,
    )
    return loading.load(recipe)


@pytest.mark.prepared
@pytest.mark.parametrize("label", HUMAN)
def test_cifar10_n_has_the_published_share_of_wrong_labels(read_once, label):
    data = prepared("cifar10_n", label=label)
    assert data.inputs.shape == (50_000, 32, 32, 3)
    assert data.test_inputs.shape == (10_000, 32, 32, 3)
    assert data.class_names == CIFAR10
    assert (data.labels != data.true_labels).mean() == pytest.approx(HUMAN[label], abs=5e-5)
    assert np.bincount(data.true_labels).tolist() == [5000] * 10
    assert np.bincount(data.test_labels).tolist() == [1000] * 10


@pytest.mark.prepared
def test_cifar10_is_whole():
    data = prepared("cifar10")
    assert data.inputs.shape == (50_000, 32, 32, 3)
    assert data.test_inputs.shape == (10_000, 32, 32, 3)
    assert data.class_names == CIFAR10
    assert np.bincount(data.labels).tolist() == [5000] * 10
    assert np.bincount(data.test_labels).tolist() == [1000] * 10
    np.testing.assert_array_equal(data.true_labels, data.labels)


@pytest.mark.prepared
def test_cifar10_n_is_lined_up_with_cifar10_by_id():
    ours = prepared("cifar10_n", label="worse_label")
    theirs = prepared("cifar10")
    where = {name: i for i, name in enumerate(theirs.ids.tolist())}
    order = np.array([where[name] for name in ours.ids.tolist()])
    np.testing.assert_array_equal(theirs.labels[order], ours.true_labels)
    some = np.arange(0, 50_000, 997)
    np.testing.assert_array_equal(theirs.inputs.read(order[some]), ours.inputs.read(some))


@pytest.mark.prepared
def test_tiny_imagenet_is_whole():
    folder = prepared_folder(PREPARED, ZIP)
    data = loading.load(
        DataRecipe(source="tiny_imagenet", data_dir=str(folder), cache_gib=0.0, check_images=False)
    )
    shapes = (data.inputs.shape, data.test_inputs.shape)
    assert shapes == ((100_000, 64, 64, 3), (10_000, 64, 64, 3))
    assert len(data.class_names) == 200
    assert np.bincount(data.labels).tolist() == [500] * 200
    assert np.bincount(data.test_labels).tolist() == [50] * 200
    wnids = np.array([name.split("_")[0] for name in data.ids])
    np.testing.assert_array_equal(np.unique(wnids)[data.labels], wnids)
    assert (data.class_names[0], data.class_names[199]) == ("goldfish", "acorn")

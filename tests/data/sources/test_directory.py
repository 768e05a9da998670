import keras
import numpy as np
import pytest
from PIL import Image

from tssd_keras import TSSD, from_directory
from tssd_keras.data.inputs import Inputs
from tssd_keras.data.resampling import INTERPOLATIONS, resized

RNG = np.random.default_rng(0)


def picture(height, width, channels=3):
    """Smooth pixels, as a photograph has them."""
    coarse = Image.fromarray(RNG.integers(0, 256, (4, 5, 3), np.uint8))
    pixels = np.asarray(coarse.resize((width, height), Image.Resampling.BICUBIC))
    opacity = np.full((height, width, 1), 90, np.uint8)
    return np.concatenate([pixels, opacity], axis=2)[..., :channels]


@pytest.fixture(scope="module")
def photos(tmp_path_factory):
    """Images of several sizes and kinds, in folders and subfolders of two classes and a half."""
    root = tmp_path_factory.mktemp("photos")
    files = {
        "dog/b.png": Image.fromarray(picture(30, 20)),
        "dog/a/x.png": Image.fromarray(picture(17, 41, 4)),
        "dog/a.bmp": Image.fromarray(picture(24, 24)),
        "cat/2.PNG": Image.fromarray(picture(11, 9)).convert("L"),
        "cat/10.png": Image.fromarray(picture(50, 50)).convert("P"),
        "cat/deep.png": Image.fromarray(picture(9, 9)[..., 0].astype(np.uint16) * 257 + 3),
        "cat/z.gif": Image.fromarray(picture(21, 33)),
        "ape/1.jpg": Image.fromarray(picture(40, 60)),
        "ape/2.jpeg": Image.fromarray(picture(24, 31)).convert("L"),
    }
    for name, image in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        frames = {"save_all": True, "append_images": [image.rotate(180)]}
        image.save(path, **(frames if path.suffix == ".gif" else {}))
    (root / "dog/notes.txt").write_text("not an image")
    (root / ".hidden").mkdir()
    return root


def by_keras(directory, **options):
    """(images, labels, names of classes, paths) as Keras reads them."""
    dataset = keras.utils.image_dataset_from_directory(
        directory, shuffle=False, batch_size=None, verbose=False, **options
    )
    images, labels = zip(*dataset.as_numpy_iterator())
    paths = [str(path).removeprefix(f"{directory}/") for path in dataset.file_paths]
    return np.stack(images).astype("float32"), np.array(labels), dataset.class_names, paths


def everything(folder):
    return folder.inputs.read(np.arange(len(folder)))


SIZE = {"image_size": (16, 12)}
WAYS = {
    "by default": {},
    "one number": {"image_size": 20},
    **{f"by {name}": {"interpolation": name, **SIZE} for name in INTERPOLATIONS},
    "larger, bicubic": {"interpolation": "bicubic", "image_size": (70, 80)},
    "cropped": {"crop_to_aspect_ratio": True, **SIZE},
    "cropped wide": {"crop_to_aspect_ratio": True, "image_size": (10, 31)},
    "padded": {"pad_to_aspect_ratio": True, **SIZE},
    "padded wide": {"pad_to_aspect_ratio": True, "image_size": (10, 31)},
    "some classes in another order": {"class_names": ["dog", "cat"], **SIZE},
}


@pytest.mark.parametrize("way", WAYS)
def test_order_labels_names_and_pixels_are_those_of_keras(photos, way):
    folder = from_directory(photos, **WAYS[way])
    images, labels, names, paths = by_keras(photos, **WAYS[way])
    assert isinstance(folder.inputs, Inputs)
    assert folder.ids.tolist() == paths
    assert list(folder.class_names) == list(names)
    np.testing.assert_array_equal(folder.labels, labels)
    pixels = everything(folder)
    assert (pixels.shape, pixels.dtype) == (folder.inputs.shape, folder.inputs.dtype)
    jpeg = np.array([path.endswith(("jpg", "jpeg")) for path in paths])
    np.testing.assert_allclose(pixels[~jpeg], images[~jpeg], atol=2e-3)
    np.testing.assert_allclose(pixels[jpeg], images[jpeg], atol=4)  # Pillow's decoder is finer


@pytest.mark.parametrize(
    "shape", [(1, 1), (7, 5), (40, 30), (16, 12), (33, 12), (16, 300), (300, 16), (90, 25)]
)
@pytest.mark.parametrize("channels", [1, 3, 4])
def test_bytes_are_resized_to_the_same_bits_as_numbers(shape, channels):
    """Bytes take a way of their own, numbers the one of all interpolations."""
    pixels = RNG.integers(0, 256, (*shape, channels), np.uint8)
    expected = resized(pixels.astype(np.float32), (16, 12), "bilinear")
    out = np.full((16, 12, channels), np.nan, np.float32)
    np.testing.assert_array_equal(resized(pixels, (16, 12), "bilinear", out), expected)
    np.testing.assert_array_equal(out, expected)
    np.testing.assert_array_equal(resized(pixels, (16, 12), "bilinear"), expected)


def test_batches_lie_where_tensorflow_takes_them_without_a_copy(photos):
    inputs = from_directory(photos, **SIZE).inputs
    for n in range(1, 9):
        batch = inputs.read(np.arange(n))
        assert batch.ctypes.data % 64 == 0
        assert batch.flags.writeable
        assert batch.flags.c_contiguous


@pytest.mark.parametrize(
    ("color_mode", "unread"), [("grayscale", ("gif", "bmp")), ("rgba", ("gif", "jpg", "jpeg"))]
)
def test_colours_are_those_of_keras(photos, tmp_path, color_mode, unread):
    for path in photos.rglob("*.*"):  # Keras itself fails at the others
        if path.is_file() and not path.name.endswith((*unread, "txt")):
            copy = tmp_path / path.relative_to(photos)
            copy.parent.mkdir(parents=True, exist_ok=True)
            copy.write_bytes(path.read_bytes())
    options = {"color_mode": color_mode, **SIZE}
    folder = from_directory(tmp_path, **options)
    np.testing.assert_allclose(everything(folder), by_keras(tmp_path, **options)[0], atol=4)
    assert folder.inputs.shape[1:] == (16, 12, {"grayscale": 1, "rgba": 4}[color_mode])
    assert len(everything(from_directory(photos, **options))) == 9


def test_a_file_is_read_when_it_is_asked_for_and_not_before(photos, tmp_path):
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        Image.fromarray(picture(8, 8)).save(tmp_path / name / "1.png")
        (tmp_path / name / "2.png").write_bytes(b"no image")
    folder = from_directory(tmp_path, image_size=8)
    assert folder.inputs.read(np.array([2, 0])).shape == (2, 8, 8, 3)
    with pytest.raises(ValueError, match=r"b/2\.png is no image"):
        folder.inputs.read(np.array([0, 3]))
    Image.fromarray(np.full((8, 8, 3), 7, np.uint8)).save(tmp_path / "b/2.png")
    assert (folder.inputs.read(np.array([3])) == 7).all()


def test_some_images_keep_their_names_labels_and_classes(photos):
    folder = from_directory(photos, **SIZE)
    some = folder.take(np.array([8, 1]))
    assert some.ids.tolist() == [folder.ids[8], folder.ids[1]]
    assert some.class_names == folder.class_names
    np.testing.assert_array_equal(some.labels, folder.labels[[8, 1]])
    np.testing.assert_array_equal(everything(some), everything(folder)[[8, 1]])
    assert folder.take(folder.labels == 1).ids.tolist() == folder.ids[folder.labels == 1].tolist()


@pytest.mark.parametrize(
    ("index", "message"),
    [
        ([0, 9], "must point into the 9 images: 1 of 2 entries do not, the first is 9 at 1"),
        ([-1], "the first is -1 at 0"),
        ([0.0, 1.0], r"whole numbers, shape \(n,\), or truth values, shape \(9,\), got float64"),
        ([True] * 8, r"got bool\[8\]"),
        (["dog/a.bmp"], r"got <U9\[1\]"),
        ([[0], [1, 2]], "got rows of several lengths"),
        (3, r"got int64\[\]"),
        ([2, 1, 2], "must name each sample once: 1 come more often, the first is 2"),
        ([], "must name one of the 9 images at least"),
        ([False] * 9, "must name one of the 9 images at least"),
    ],
)
def test_an_index_of_no_images_is_refused(photos, index, message):
    with pytest.raises(ValueError, match=message):
        from_directory(photos, **SIZE).take(index)


@pytest.mark.parametrize(
    ("arguments", "error", "words"),
    [
        ({"directory": None}, TypeError, "directory must be a path, got None"),
        ({"class_names": "dog"}, TypeError, "class_names must be a list of names of folders"),
        ({"class_names": 3}, TypeError, "class_names must be a list"),
        ({"class_names": [1, 2]}, TypeError, r"class_names must be a list .* got \[1, 2\]"),
        ({"color_mode": ["rgb"]}, ValueError, "color_mode must be one of grayscale, rgb, rgba"),
        ({"interpolation": 3}, ValueError, "interpolation must be one of .* got 3"),
        ({"image_size": None}, ValueError, "image_size must be .*got None"),
        ({"image_size": True}, ValueError, "image_size must be .*got True"),
        ({"image_size": [[1], [1, 2]]}, ValueError, r"image_size must be .*got \[\[1\], \[1, 2"),
        ({"image_size": 2**40}, ValueError, "image_size must be at most .* pixels, got 1099"),
        ({"follow_links": "no"}, TypeError, "follow_links must be True or False, got 'no'"),
        ({"crop_to_aspect_ratio": 1}, TypeError, "crop_to_aspect_ratio must be True or False"),
        ({"pad_to_aspect_ratio": None}, TypeError, "pad_to_aspect_ratio must be True or False"),
    ],
)
def test_an_argument_of_another_kind_is_refused(photos, arguments, error, words):
    with pytest.raises(error, match=words):
        from_directory(**{"directory": photos, **arguments})


def test_links_are_followed_where_that_is_asked_for(photos, tmp_path):
    other = tmp_path / "other"
    other.mkdir()
    Image.fromarray(picture(8, 8)).save(other / "far.png")
    root = tmp_path / "root"
    for name in ("a", "b"):
        (root / name).mkdir(parents=True)
        Image.fromarray(picture(8, 8)).save(root / name / "near.png")
    (root / "b/link").symlink_to(other)
    assert from_directory(root).ids.tolist() == ["a/near.png", "b/near.png"]
    followed = from_directory(root, follow_links=True)
    assert followed.ids.tolist() == ["a/near.png", "b/near.png", "b/link/far.png"]
    assert followed.ids.tolist() == by_keras(root, follow_links=True)[3]
    (root / "b/again").symlink_to(root / "b/link")
    with pytest.raises(ValueError, match="each folder must be there once"):
        from_directory(root, follow_links=True)


WRONG = {
    "a size": ({"image_size": (16,)}, r"image_size must be \(height, width\).*got \(16,\)"),
    "no size": ({"image_size": 0}, "above 0, got 0"),
    "colours": ({"color_mode": "bgr"}, "color_mode must be one of grayscale, rgb, rgba, got 'bgr'"),
    "a kernel": ({"interpolation": "cubic"}, "interpolation must be one of bilinear"),
    "both ways": (
        {"crop_to_aspect_ratio": True, "pad_to_aspect_ratio": True},
        "only one of crop_to_aspect_ratio and pad",
    ),
    "no such class": ({"class_names": ["dog", "bee"]}, "got dog, bee; there are ape, cat, dog"),
    "a class twice": ({"class_names": ["dog", "dog"]}, "each once"),
    "one class": ({"class_names": ["dog"]}, r"at least 2, it has 1 \(dog\)"),
}


@pytest.mark.parametrize("case", WRONG)
def test_what_does_not_fit_is_told(photos, case):
    options, words = WRONG[case]
    with pytest.raises(ValueError, match=words):
        from_directory(photos, **options)


def test_an_empty_class_and_no_directory_are_told(photos, tmp_path):
    with pytest.raises(FileNotFoundError, match="is not there"):
        from_directory(tmp_path / "none")
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
    Image.fromarray(picture(8, 8)).save(tmp_path / "a/1.png")
    with pytest.raises(ValueError, match=r"b has none\. Add some, or leave.*class_names"):
        from_directory(tmp_path)


def test_a_network_is_trained_from_a_directory_and_the_rows_keep_the_files_names(tmp_path):
    names = {0: "dark", 1: "light"}
    right = np.arange(48) % 2
    given = np.where(np.arange(48) % 8 < 2, 1 - right, right)  # a quarter wrong, of both
    for i, (truth, label) in enumerate(zip(right, given)):
        path = tmp_path / names[label] / f"{i:02}.png"
        path.parent.mkdir(exist_ok=True)
        Image.fromarray(RNG.integers(100 * truth, 100 * truth + 80, (10, 9, 3), np.uint8)).save(
            path
        )
    folder = from_directory(tmp_path, image_size=(8, 8))
    tssd = TSSD(folder, warmup_epochs=2)
    keras.utils.set_random_seed(0)
    model = keras.Sequential(
        [
            keras.Input((8, 8, 3)),
            keras.layers.Rescaling(1 / 90, offset=-1),
            keras.layers.Flatten(),
            keras.layers.Dense(2, activation="softmax"),
        ]
    )
    model.compile("adam", loss="sparse_categorical_crossentropy")
    model.fit(tssd.feed(batch_size=8), epochs=4, callbacks=[tssd], shuffle=False, verbose=0)
    assert tssd.rounds
    assert tssd.table.ids.tolist() == folder.ids.tolist()
    numbers = np.array([int(name[-6:-4]) for name in tssd.table.ids])
    wrong = (right != given)[numbers]
    assert tssd.table.clean_score[wrong].max() < tssd.table.clean_score[~wrong].min()
    tssd.table.write_csv(tmp_path / "table.csv", folder.class_names)
    rows = (tmp_path / "table.csv").read_text().splitlines()
    assert rows[1].startswith(f"0,{folder.ids[0]},dark")
    assert TSSD(folder.inputs, folder.labels).n_classes == 2


@pytest.mark.parametrize("name", ["label_mode", "batch_size", "validation_split", "seed"])
def test_arguments_of_keras_that_make_datasets_are_told_what_takes_their_place(name, tmp_path):
    with pytest.raises(
        TypeError, match=rf"takes no {name}, as it makes no dataset: .*Leave it out"
    ):
        from_directory(tmp_path, **{name: 1})
    with pytest.raises(TypeError, match="takes no argument 'sise'"):
        from_directory(tmp_path, sise=3)


def test_thumbnails_of_a_nas_and_names_that_are_alike_are_told(tmp_path):
    for name in ("Cat", "cat", "@eaDir", "cat/@eaDir/0.png"):
        (tmp_path / name).mkdir(parents=True)
        Image.fromarray(picture(8, 8)).save(tmp_path / name / "0.jpg")
    with pytest.warns(UserWarning) as told:
        folder = from_directory(tmp_path, image_size=8)
    assert folder.class_names == ("Cat", "cat")
    assert folder.ids.tolist() == ["Cat/0.jpg", "cat/0.jpg"]
    passed, alike = (str(warning.message) for warning in told)
    assert passed.startswith("2 folders that a NAS or a system makes are passed over")
    assert alike.endswith("the first: Cat and cat.")

import io
from statistics import NormalDist

import numpy as np
import pytest
from PIL import Image

from tssd_keras.data.inputs import ArrayInputs, EncodedImages
from tssd_keras.labels.instance_noise import SPREAD, draw_instance_labels
from tssd_keras.labels.noise import confusion

pytestmark = pytest.mark.backend_free

K = 5


def table(n, d=20, seed=0):
    return np.random.default_rng(seed).normal(size=(n, d)).astype(np.float32)


def images(n, shape=(6, 6, 3), seed=0):
    return np.random.default_rng(seed).integers(0, 256, (n, *shape), np.uint8)


def labels(n):
    return np.arange(n) % K


def draw(x, y, *, rate=0.4, seed=3, **more):
    return draw_instance_labels(ArrayInputs(x), y, K, rate=rate, seed=seed, **more)


def mean_flip_rate(rate):
    """Mean of normal(rate, SPREAD) cut off to [0, 1], in closed form."""
    normal = NormalDist(rate, SPREAD)
    mass = normal.cdf(1) - normal.cdf(0)
    return rate + SPREAD**2 * (normal.pdf(0) - normal.pdf(1)) / mass


@pytest.mark.parametrize("x", [table(50), images(50)], ids=["table", "images"])
def test_at_rate_0_no_label_changes(x):
    given = draw(x, labels(50), rate=0.0)
    np.testing.assert_array_equal(given, labels(50))
    assert given.dtype == np.int64


@pytest.mark.parametrize("rate", [0.1, 0.2, 0.45, 1.0])
@pytest.mark.parametrize("x", [table(4000), images(4000)], ids=["table", "images"])
def test_the_share_of_wrong_labels_is_the_mean_flip_rate(x, rate):
    wrong = (draw(x, labels(4000), rate=rate) != labels(4000)).mean()
    assert wrong == pytest.approx(mean_flip_rate(rate), abs=4 * np.sqrt(0.25 / 4000))


def test_cut_off_flip_rates_have_the_means_that_the_docstring_names():
    assert [round(mean_flip_rate(rate), 3) for rate in (0.1, 0.2, 0.3)] == [0.129, 0.206, 0.3]
    assert mean_flip_rate(0.5) == pytest.approx(0.5)


def test_equal_images_of_equal_label_are_mistaken_for_one_class_mostly():
    kinds = 20
    x = np.tile(images(kinds, (16, 16, 3)), (200, 1, 1, 1))
    y = np.tile(labels(kinds), 200)
    given = draw(x, y)
    shares, favourites = [], set()
    for kind in range(kinds):
        to = given[kind::kinds]
        counts = np.bincount(to[to != y[kind]], minlength=K)
        shares.append(counts.max() / counts.sum())
        favourites.add((y[kind], counts.argmax()))
    assert np.mean(shares) > 0.9  # by chance: 1 / (K - 1) = 0.25
    assert len(favourites) > K  # images of one class do not all have one look-alike class


def test_every_wrong_class_is_reached():
    counts = confusion(labels(5000), draw(images(5000), labels(5000)), K)
    assert (counts > 0).all()
    assert (np.diag(counts) > 0.5 * counts.sum(axis=1)).all()


@pytest.mark.parametrize("x", [table(300), images(300)], ids=["table", "images"])
@pytest.mark.parametrize("batch_size", [1, 7, 300])
def test_how_samples_are_read_changes_no_label(x, batch_size):
    expected = draw(x, labels(300))
    np.testing.assert_array_equal(draw(x, labels(300), batch_size=batch_size), expected)


def test_the_same_seed_draws_the_same_labels_and_another_seed_others():
    x, y = table(500), labels(500)
    np.testing.assert_array_equal(draw(x, y), draw(x, y))
    assert (draw(x, y, seed=4) != draw(x, y)).mean() > 0.2


def test_other_samples_do_not_matter_where_the_means_stay():
    x, y = images(400), labels(400)
    others = np.random.default_rng(1).permutation(np.arange(200, 400))
    order = np.r_[np.arange(200), others]
    np.testing.assert_array_equal(draw(x[order], y[order])[:200], draw(x, y)[:200])


def test_a_flip_depends_on_the_pixels():
    x, y = images(1000), labels(1000)
    before, after = draw(x, y), draw(x[::-1], y)
    np.testing.assert_array_equal(before != y, after != y)  # whether: by seed and index
    both = before != y
    assert (before[both] != after[both]).mean() > 0.5  # to what: by the pixels


def test_units_do_not_matter_by_feature_in_tables_and_by_channel_in_images():
    y = labels(400)
    x = table(400).astype(np.float64)
    scale, shift = np.linspace(0.5, 90, 20), np.linspace(-5, 5, 20)
    np.testing.assert_array_equal(draw(x * scale + shift, y), draw(x, y))
    pixels = images(400)
    as_floats = pixels / 255 * [1, 2, 5] + [0, 1, -1]
    np.testing.assert_array_equal(draw(as_floats, y), draw(pixels, y))


def test_a_feature_that_does_not_vary_says_nothing():
    x, y = table(200).astype(np.float64), labels(200)
    x[:, 3] = 0.1  # not a binary fraction: its mean carries rounding
    other = x.copy()
    other[:, 3] = 7e6
    np.testing.assert_array_equal(draw(other, y, batch_size=7), draw(x, y))


def test_encoded_images_get_the_labels_of_their_pixels():
    pixels = images(60)
    files = []
    for image in pixels:
        out = io.BytesIO()
        Image.fromarray(image).save(out, "PNG")
        files.append(out.getvalue())
    encoded = EncodedImages(files, (6, 6, 3))
    given = draw_instance_labels(encoded, labels(60), K, rate=0.4, seed=3)
    np.testing.assert_array_equal(given, draw(pixels, labels(60)))


def test_samples_are_read_in_blocks_and_all_reads_are_counted():
    class Watched(ArrayInputs):
        longest = 0

        def read(self, index):
            self.longest = max(self.longest, len(index))
            return super().read(index)

    inputs, counted = Watched(images(300)), []
    draw_instance_labels(
        inputs, labels(300), K, rate=0.4, seed=0, batch_size=16, on_batch=counted.append
    )
    assert inputs.longest == 16
    assert sum(counted) == 600


def test_two_classes_and_classes_without_samples_are_no_trouble():
    given = draw_instance_labels(
        ArrayInputs(table(500)), np.zeros(500, np.int64), 2, rate=0.3, seed=0
    )
    assert 0.2 < given.mean() < 0.4


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"rate": 1.2}, r"noise.rate must lie in 0..1, got 1.2"),
        ({"y": np.arange(9) % K}, "one entry for each of 10 samples, got 9"),
        ({"y": labels(10) * 0.5}, r"whole numbers, one a sample, got float64\[10\]"),
        ({"y": np.r_[labels(9), K]}, "1 of 10 do not, the first is sample 9 with 5"),
        ({"x": np.full((10, 3), np.nan)}, "finite .* sample 0 is not"),
    ],
)
def test_what_cannot_be_is_refused_by_its_value(change, message):
    case = {"x": table(10), "y": labels(10), "rate": 0.3} | change
    with pytest.raises(ValueError, match=message):
        draw(case["x"], case["y"], rate=case["rate"])


def test_confusion_counts_each_pair_of_true_and_given_label():
    counts = confusion(np.array([0, 0, 1, 2]), np.array([1, 0, 1, 0]), 3)
    np.testing.assert_array_equal(counts, [[1, 1, 0], [0, 1, 0], [1, 0, 0]])
    assert counts.dtype == np.int64

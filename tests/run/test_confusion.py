import subprocess
import sys

import numpy as np
import pytest
from PIL import Image

from tssd_keras.run.confusion import LONGEST, _colours, _short, confusion_picture

pytestmark = pytest.mark.backend_free


def counts(k, seed=0):
    rng = np.random.default_rng(seed)
    return rng.integers(0, 9, (k, k)) + 90 * np.eye(k, dtype=np.int64)


def pixels(path):
    return np.asarray(Image.open(path).convert("RGB"))


def draw(path, k, names=None, title="labels"):
    confusion_picture(path, counts(k), names or tuple(f"class {i}" for i in range(k)), title)
    return pixels(path)


@pytest.mark.parametrize("length", [1, 80])
@pytest.mark.parametrize("k", [2, 3, 14, 40, 200])
def test_nothing_is_cut_off_at_the_edge_of_the_picture(tmp_path, k, length):
    names = tuple(f"{i}" + length * "W" for i in range(k))
    picture = draw(tmp_path / "a.png", k, names, title="a title " * 20)
    edge = np.concatenate([picture[:3].ravel(), picture[-3:].ravel(), picture[:, :3].ravel()])
    assert (edge == 255).all()
    assert (picture[:, -3:] == 255).all()
    assert min(picture.shape[:2]) > 300 and max(picture.shape[:2]) < 2000


def test_dollars_and_line_breaks_in_names_and_title_are_plain_text(tmp_path):
    names = ("$x^2$", "$broken_{", "two\nlines", r"back\slash")
    draw(tmp_path / "a.png", 4, names, title="from $3 to $\\frac5")
    assert (tmp_path / "a.png").stat().st_size > 0


def test_long_names_are_shortened_and_short_ones_kept():
    assert _short("fox") == "fox"
    assert _short("x" * LONGEST) == "x" * LONGEST
    assert _short("x" * 50) == "x" * (LONGEST - 1) + "…"
    assert _short(" a\n b ") == "a b"


def test_right_labels_are_blue_wrong_ones_orange_and_none_white():
    colour = _colours(np.array([[1.0, 0.0], [0.5, 0.5]]))
    assert colour[0, 0].argmax() == colour[1, 1].argmax() == 2
    assert colour[1, 0].argmax() == 0
    np.testing.assert_allclose(colour[0, 1], 1)
    assert colour[0, 0].sum() < colour[1, 1].sum()  # more is darker


def test_only_shares_of_a_class_matter_not_its_size(tmp_path):
    names = ("a", "b")
    table = np.array([[8, 2], [1, 3]])
    confusion_picture(tmp_path / "a.png", table, names, "")
    confusion_picture(tmp_path / "b.png", table * [[5], [1000]], names, "")
    np.testing.assert_array_equal(pixels(tmp_path / "a.png"), pixels(tmp_path / "b.png"))


def test_a_class_without_samples_has_an_empty_row(tmp_path):
    confusion_picture(tmp_path / "a.png", np.array([[3, 0], [0, 0]]), ("a", "b"), "")
    picture = pixels(tmp_path / "a.png")
    confusion_picture(tmp_path / "b.png", np.array([[3, 0], [0, 3]]), ("a", "b"), "")
    assert picture.sum() > pixels(tmp_path / "b.png").sum()


def test_no_global_state_of_pyplot_is_touched(tmp_path):
    code = (
        "import sys, numpy as np; from tssd_keras.run.confusion import confusion_picture;"
        "confusion_picture(sys.argv[1], np.eye(2, dtype=int), ('a', 'b'), 't');"
        "print('matplotlib.pyplot' in sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path / "a.png")],
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.strip() == "False"


def test_counts_of_another_number_of_classes_are_refused(tmp_path):
    with pytest.raises(ValueError, match=r"shape \(3, 3\), got \(2, 2\)"):
        confusion_picture(tmp_path / "a.png", counts(2), ("a", "b", "c"), "")

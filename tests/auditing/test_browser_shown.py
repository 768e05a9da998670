"""What the page shows of samples that are no small pictures: texts, rows, originals; and zoom."""

import numpy as np
import pytest
from builders.audit_page import JUDGED, current, order, press, said, stored, tile, tiles
from builders.audit_samples import some_images

from tssd_keras.auditing.write import Samples, write_audit
from tssd_keras.data.inputs import ArrayInputs

pytestmark = pytest.mark.backend_free
LONG = "word " * 900 + "the end"


@pytest.fixture(scope="module")
def texts(served):
    """Texts of which each third one is long: by index, so the page's order mixes them."""
    folder, url = served
    made = np.array([LONG if i % 6 == 4 else f"short {i}" for i in range(600)])
    samples = Samples(inputs=ArrayInputs(np.zeros((600, 1))), texts=made)
    write_audit(JUDGED, samples, folder / "texts", teaching=0)
    return f"{url}/texts/report.html"


@pytest.fixture(scope="module")
def numbers(served):
    """A column that tells the class, one that is far where the label is wrong, and 58 of zeros."""
    folder, url = served
    rng = np.random.default_rng(0)
    rows = np.zeros((600, 60))
    rows[JUDGED.index, 0] = rng.normal(0, 1, 300) + 10 * JUDGED.given
    rows[JUDGED.index, 1] = np.where(JUDGED.suspect, 9.0, rng.normal(0, 1, 300))
    names = ("height", "weight", *(f"column {i}" for i in range(58)))
    samples = Samples(inputs=ArrayInputs(rows), column_names=names)
    write_audit(JUDGED, samples, folder / "numbers", teaching=0)
    return f"{url}/numbers/report.html"


def first_long(page):
    """Go to the first sample whose text is long."""
    while not page.locator("#stage.folded").count():
        page.keyboard.press("ArrowRight")
    return current(page)


@pytest.mark.parametrize(("width", "height"), [(1280, 900), (400, 800)])
def test_a_long_text_is_folded_and_decided_on_once_all_of_it_was_there(
    opened, texts, width, height
):
    page = opened(texts, width=width, height=height)
    place = first_long(page)
    assert "4,507 characters" in page.locator("#unfold").text_content()
    press(page, "k")
    assert stored(page) == {}
    assert "Nothing was decided" in said(page)
    assert current(page) == place
    text = page.locator("#stage > .picture")
    assert text.text_content() == LONG  # whole
    assert text.evaluate("e => { e.scrollTo(0, 1e6); return e.scrollTop > 100; }")
    press(page, "k")
    assert list(stored(page)) == [int(JUDGED.index[order()[place]])]
    page.keyboard.press("ArrowLeft")
    press(page, "x")  # it was read: no second time
    assert set(stored(page).values()) == {-2}


def test_a_fold_opens_by_its_button_by_key_and_by_scrolling(opened, texts):
    page = opened(texts)
    ways = (
        lambda: page.locator("#unfold").click(),
        lambda: page.keyboard.press("e"),
        lambda: (page.locator("#stage").hover(), page.mouse.wheel(0, 100)),
    )
    for way in ways:
        first_long(page)
        way()
        page.locator("#stage:not(.folded)").wait_for()
        assert page.locator("#unfold").count() == 0
        assert stored(page) == {}
        page.keyboard.press("ArrowRight")


def test_in_the_grid_texts_longer_than_their_tiles_stay_and_it_is_said(opened, texts):
    page = opened(texts)
    page.keyboard.press("g")
    shown = tiles(page)
    long = [i for i in shown if JUDGED.index[order()[i]] % 6 == 4]
    assert 5 < len(long) < len(shown) - 5
    tile(page, long[0]).click()
    press(page, "k")
    assert stored(page) == {}
    assert said(page).endswith("look at it alone (Enter). Nothing was decided.")
    press(page, "ak")
    left = set(shown) - set(long)
    assert set(stored(page)) == {int(JUDGED.index[order()[i]]) for i in left}
    assert f"{len(long)} texts longer than their tiles stayed" in said(page)


def test_rows_have_their_columns_names_and_say_how_far_they_are_from_both_classes(opened, numbers):
    page = opened(numbers, width=1920, height=1080)
    rows = page.locator(".numbers tbody tr")
    assert rows.count() == 48
    row = order()[0]
    height, weight = (rows.nth(n).locator("th, td").all_text_contents() for n in (0, 1))
    assert height[0] == "height"
    assert height[2].split(" (")[0] in ("usual", "a little high", "a little low", "high", "low")
    above = JUDGED.given[row] > JUDGED.suggested[row]
    assert height[3].startswith("far above (+" if above else "far below (\u2212")
    assert weight[:2] == ["weight", "9"]
    assert all(text.startswith("far above (+") for text in weight[2:])
    heads = page.locator(".numbers").first.locator("thead th").all_text_contents()
    names = [JUDGED.class_names[c] for c in (JUDGED.given[row], JUDGED.suggested[row])]
    assert [text.strip("\u2068\u2069") for text in heads] == ["column", "value", *names]
    assert "The 48 of 60 numbers" in page.locator("#stage .quiet").text_content()
    bold = page.locator(".numbers .far").all_text_contents()
    assert bold
    assert all("far" in text or "high" in text or "low" in text for text in bold)
    page.keyboard.press("g")
    assert tile(page, 0).locator(".picture p").first.text_content() == "weight 9"


def test_a_table_longer_than_the_window_is_folded_too(opened, numbers):
    page = opened(numbers, width=400, height=800)
    assert page.locator("#unfold .what").text_content() == "Show all numbers"
    press(page, "k")
    assert stored(page) == {}
    press(page, "k")
    assert len(stored(page)) == 1


def test_originals_beside_the_page_are_shown_whole_and_zoomed_by_key(opened, served):
    folder, _ = served
    n_bytes = {}
    images = some_images(shape=(40, 300, 3))
    for way in (False, True):
        out = folder / f"originals-{way}"
        write_audit(JUDGED, images, out, teaching=0, originals=way)
        n_bytes[way] = len(list(out.glob("originals/*.jpg")))
    assert n_bytes == {False: 0, True: len(order())}
    page = opened((folder / "originals-True" / "report.html").as_uri())
    image = page.locator("#stage > img")
    image.evaluate("image => image.decode()")
    assert image.evaluate("e => e.naturalWidth") == 300  # 256 in the page
    fit = page.locator("#stage").bounding_box()["width"]
    sizes = []
    for _ in range(3):
        page.keyboard.press("z")
        sizes.append(round(image.bounding_box()["width"] / fit, 1))
    assert sizes[0] >= 1.9
    assert sizes[1] == pytest.approx(2 * sizes[0], abs=0.2)
    assert sizes[2] <= 1
    page.keyboard.press("z")
    before = page.locator("#stage").evaluate("e => [e.scrollLeft, e.scrollTop]")
    box = page.locator("#stage").bounding_box()
    page.mouse.move(box["x"] + 300, box["y"] + 300)
    page.mouse.down()
    page.mouse.move(box["x"] + 200, box["y"] + 300)
    page.mouse.up()
    after = page.locator("#stage").evaluate("e => [e.scrollLeft, e.scrollTop]")
    assert after[0] - before[0] == 100
    press(page, "k")  # it was on the screen before it was zoomed
    assert len(stored(page)) == 1
    assert not page.locator("#stage.zoomed").count()
    (folder / "originals-True" / "originals" / f"{JUDGED.index[order()[1]]}.jpg").unlink()
    page.reload()
    page.locator("#stage > img[src^=data]").wait_for()  # what the page has gives way
    opened.expected.append("ERR_FILE_NOT_FOUND")


def test_an_original_that_fails_before_its_turn_gives_way_too(opened, served):
    folder, _ = served
    out = folder / "originals-gone"
    write_audit(JUDGED, some_images(shape=(40, 300, 3)), out, teaching=0, originals=True)
    for path in out.glob("originals/*.jpg"):
        path.unlink()
    page = opened((out / "report.html").as_uri())
    for _ in range(4):
        page.locator("#stage > img[src^=data]").wait_for()
        page.keyboard.press("k")
    assert len(stored(page)) == 4
    opened.expected.append("ERR_FILE_NOT_FOUND")


def test_originals_are_for_images(tmp_path):
    samples = Samples(inputs=ArrayInputs(np.zeros((600, 3))))
    for some in (samples, None):
        with pytest.raises(ValueError, match="--originals is for images"):
            write_audit(JUDGED, some, tmp_path / "audit", originals=True)
    assert not (tmp_path / "audit").exists()

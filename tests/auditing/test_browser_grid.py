"""The grid of the audit's page: selection by click, shift, drag and touch, and one undo."""

import numpy as np
import pytest
from builders.audit_page import (
    JUDGED,
    N_LISTED,
    choose,
    current,
    index_of,
    label_of,
    press,
    said,
    selected,
    stored,
    tile,
    tiles,
    where,
)
from builders.audit_samples import some_images, some_judged

from tssd_keras.auditing.write import write_audit

pytestmark = pytest.mark.backend_free
OFF_SCREEN = """() => [...document.querySelectorAll('.tile-of')].filter((e) => {
  const box = e.getBoundingClientRect();
  const bar = document.getElementById('bar').getBoundingClientRect().top;
  return box.top < 0 || box.left < 0 || box.right > innerWidth || box.bottom > bar + 1;
}).length"""


@pytest.fixture
def grid(opened, address):
    """Gives the page in its grid."""

    def show(**size):
        page = opened(address, **size)
        page.keyboard.press("g")
        return page

    return show


@pytest.mark.parametrize(("width", "height", "least"), [(1280, 900, 40), (1920, 1080, 40)])
def test_forty_to_sixty_tiles_are_on_the_screen_and_none_is_off_it(grid, width, height, least):
    page = grid(width=width, height=height)
    assert least <= len(tiles(page)) <= 60
    assert page.evaluate(OFF_SCREEN) == 0
    assert page.evaluate("document.documentElement.scrollHeight <= innerHeight")
    assert where(page) == f"1 to {len(tiles(page))} of {N_LISTED}"
    assert tile(page, 0).locator("img").evaluate("e => e.naturalWidth") == 8


@pytest.mark.parametrize(("width", "height", "side"), [(320, 640, 44), (640, 450, 60)])
def test_no_tile_is_a_sliver_in_a_small_or_enlarged_window(grid, width, height, side):
    page = grid(width=width, height=height)
    assert tile(page, 0).bounding_box()["width"] >= side
    assert len(tiles(page)) >= 8
    assert page.evaluate(OFF_SCREEN) == 0


def test_on_a_telephone_tiles_are_as_large_as_a_finger_and_fit(grid):
    page = grid(width=400, height=800)
    assert len(tiles(page)) >= 12
    assert page.evaluate(OFF_SCREEN) == 0
    box = tile(page, 0).bounding_box()
    assert min(box["width"], box["height"]) >= 44
    tile(page, 1).tap()
    tile(page, 3).tap()
    assert selected(page) == [1, 3]
    tile(page, 1).tap()
    assert selected(page) == [3]
    page.locator("#grid-all").tap()
    assert selected(page) == tiles(page)
    page.locator("[data-action=keep]").tap()
    assert stored(page) == {index_of(i): label_of(i, "given") for i in range(len(stored(page)))}
    page.locator("#undo").tap()
    assert stored(page) == {}


def test_click_shift_and_drag_select_and_one_undo_takes_all_back(grid):
    page = grid()
    tile(page, 2).click()
    tile(page, 5).click(modifiers=["Shift"])
    tile(page, 4).click()
    assert selected(page) == [2, 3, 5]
    page.keyboard.press("c")
    expected = {index_of(i): label_of(i, "suggested") for i in (2, 3, 5)}
    assert stored(page) == expected
    assert said(page) == "3 decided."
    assert selected(page) == []
    box, end = tile(page, 0).bounding_box(), tile(page, 2).bounding_box()
    page.mouse.move(box["x"] + 10, box["y"] + 10)
    page.mouse.down()
    page.mouse.move(end["x"] + 20, end["y"] + 20, steps=4)
    page.mouse.up()
    assert selected(page) == [0, 1, 2]
    page.keyboard.press("k")
    assert stored(page) == {**expected, **{index_of(i): label_of(i, "given") for i in range(3)}}
    assert "1 earlier decision was overwritten." in said(page)
    page.keyboard.press("u")
    assert stored(page) == expected
    page.keyboard.press("u")
    assert stored(page) == {}


def test_a_drag_by_touch_selects_too(grid):
    page = grid(width=400, height=800)
    one, two = (tile(page, i).bounding_box() for i in (0, 2))
    client = page.context.new_cdp_session(page)
    ways = (("touchStart", one), ("touchMove", two), ("touchMove", two), ("touchEnd", None))
    for kind, box in ways:
        points = [{"x": box["x"] + 20, "y": box["y"] + 20}] if box else []
        client.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})
    assert selected(page) == [0, 1, 2]


def test_keys_move_select_and_look_at_one(grid):
    page = grid()
    assert current(page) == 0
    page.keyboard.press("Shift+ArrowRight")
    page.keyboard.press("Shift+ArrowRight")
    assert selected(page) == [0, 1, 2]
    page.keyboard.press("Space")
    assert selected(page) == [0, 1]
    page.keyboard.press("Escape")
    assert selected(page) == []
    page.keyboard.press("ArrowDown")
    below = current(page)
    assert tile(page, below).bounding_box()["y"] > tile(page, 2).bounding_box()["y"]
    page.keyboard.press("a")
    assert selected(page) == tiles(page)
    page.keyboard.press("a")
    assert selected(page) == []
    page.keyboard.press("k")  # without a selection the current one
    assert list(stored(page)) == [index_of(below)]
    page.keyboard.press("Enter")
    assert page.locator("#stage img").is_visible()
    assert current(page) == below + 1


def test_both_views_show_the_same_decisions_and_one_key_switches(grid):
    page = grid()
    tile(page, 1).click()
    page.keyboard.press("x")
    assert tile(page, 1).get_attribute("data-state") == "unusable"
    page.keyboard.press("g")
    page.keyboard.press("ArrowLeft")
    page.keyboard.press("ArrowLeft")
    page.keyboard.press("c")
    page.keyboard.press("g")
    states = {i: tile(page, i).get_attribute("data-state") for i in (0, 1, 2)}
    assert states == {0: "confirm", 1: "unusable", 2: "open"}
    tile(page, 1).dblclick()
    assert page.locator(".state").text_content() == "Decided: unusable"
    page.reload()
    assert page.locator("#stage").is_visible()


def test_a_screen_that_is_decided_gives_way_to_the_next_and_pages_turn(grid):
    page = grid()
    first = tiles(page)
    press(page, "ak")
    assert tiles(page)[0] == len(first)
    assert selected(page) == []
    press(page, "p")
    assert tiles(page) == first
    press(page, "nn")
    last = tiles(page)[-1]
    press(page, "n")
    assert tiles(page)[-1] == last
    assert said(page) == "This is the last screen."
    press(page, "u")
    assert tiles(page) == first
    assert stored(page) == {}


def test_selected_ones_without_another_suggestion_are_not_confirmed_and_it_is_said(grid):
    page = grid()
    choose(page, "sort", "unsure")
    shown = tiles(page)
    plain = [i for i in shown if label_of(i, "given") == label_of(i, "suggested")]
    choose(page, "stratum", label=f"kept ({30})")
    press(page, "ac")
    assert said(page).startswith("No other class is suggested")
    assert stored(page) == {}
    assert len(plain) <= len(shown)


def test_another_class_is_chosen_for_all_that_are_selected(grid):
    page = grid()
    tile(page, 0).click()
    tile(page, 1).click()
    page.keyboard.press("o")
    page.keyboard.type("fox")
    page.keyboard.press("Enter")
    assert stored(page) == {index_of(0): 2, index_of(1): 2}


def test_200_alike_are_confirmed_in_fewer_than_15_actions(opened, served):
    folder, url = served
    n = 2400
    judged = some_judged(n)
    write_audit(judged, some_images(n), folder / "alike", teaching=0)
    page = opened(f"{url}/alike/report.html")
    pair = (judged.given == 0) & (judged.suggested == 1) & judged.suspect
    actions = 0

    def act(key):
        nonlocal actions
        page.keyboard.press(key)
        actions += 1

    act("g")
    choose(page, "pair", "1")  # 3 * 0 + 1: cat to dog
    actions += 2
    assert pair.sum() >= 200
    while len(stored(page)) < 200:
        act("a")
        act("c")
    assert actions < 15
    assert set(stored(page).values()) == {1}
    assert set(stored(page)) <= set(judged.index[pair].tolist())


def test_the_selection_is_of_this_screen_alone(grid):
    page = grid()
    press(page, "a")
    n = len(selected(page))
    press(page, "n")
    assert selected(page) == []
    press(page, "k")
    assert len(stored(page)) == 1 < n
    page.set_viewport_size({"width": 1280, "height": 700})
    page.locator(".tile-of").first.wait_for()
    assert page.evaluate(OFF_SCREEN) == 0
    page.set_viewport_size({"width": 1280, "height": 900})


def test_after_an_empty_filter_keys_do_nothing(grid):
    page = grid()
    page.keyboard.press("f")
    page.locator("#filter-search").fill("no such sample")
    page.locator("#filters-close").click()
    press(page, "ckaosx")
    page.keyboard.press("Space")
    page.keyboard.press("ArrowDown")
    assert stored(page) == {}
    assert page.locator("#grid").text_content() == "No samples are like this."
    assert not np.any(JUDGED.index < 0)


def test_nothing_that_is_said_changes_how_many_are_on_the_screen(grid):
    page = grid(width=400, height=800)
    before = tiles(page), page.locator(".tile-of").first.bounding_box()
    page.evaluate("document.getElementById('said').textContent = 'a long story '.repeat(30)")
    press(page, "a")
    page.evaluate("document.getElementById('said').textContent = 'a long story '.repeat(30)")
    assert (tiles(page), page.locator(".tile-of").first.bounding_box()) == before
    assert selected(page) == tiles(page)

"""Decisions on the audit's page, one at a time: never unseen, kept over a reload, taken back."""

import json

import numpy as np
import pytest
from builders.audit_page import (
    JUDGED,
    N_LISTED,
    N_SUSPECTS,
    STORE,
    UNSURE,
    UNUSABLE,
    choose,
    current,
    exported,
    index_of,
    label_of,
    order,
    press,
    said,
    stored,
    where,
)
from builders.audit_samples import HOSTILE, SHA, some_judged

from tssd_keras.auditing.write import write_audit

pytestmark = pytest.mark.backend_free
PICTURE = """() => {
  const picture = document.querySelector('#stage > .picture');
  const box = picture.getBoundingClientRect();
  return [picture.alt, box.top >= 0, box.bottom <= innerHeight, scrollY];
}"""


def pressed(page, **event):
    """A key of another keyboard than the one that is at hand here."""
    page.evaluate(
        """(event) => document.activeElement.dispatchEvent(
        new KeyboardEvent('keydown', {bubbles: true, cancelable: true, ...event}))""",
        event,
    )


def test_fifty_decisions_are_fifty_keys_in_one_place_without_scrolling(opened, address):
    page = opened(address)
    first = page.locator("#stage > .picture").bounding_box()
    for n in range(50):
        assert page.evaluate(PICTURE) == [f"id-{order()[n]}", True, True, 0]
        assert page.locator("#stage > .picture").bounding_box() == first
        page.keyboard.press("ckx"[n % 3])
    assert len(stored(page)) == 50
    assert where(page) == f"51 of {N_LISTED}"
    assert page.evaluate("document.documentElement.scrollHeight <= innerHeight")


def test_decisions_by_key_move_on_and_survive_a_reload(opened, address, tmp_path):
    page = opened(address)
    press(page, "cksx")
    assert current(page) == 4
    page.keyboard.press("o")
    page.keyboard.type("FO")
    page.keyboard.press("Enter")
    labels = [label_of(0, "suggested"), label_of(1, "given"), UNSURE, UNUSABLE, 2]
    expected = {index_of(i): label for i, label in enumerate(labels)}
    assert stored(page) == expected
    page.reload()
    assert stored(page) == expected
    assert current(page) == 5
    assert page.locator("#progress-text").text_content() == f"5 decided, {N_LISTED - 5} left"
    rows = exported(page, tmp_path)
    assert list(rows[0]) == [
        *("id", "index", "given", "decided", "action", "stratum", "labels_sha256", "by")
    ]
    names = JUDGED.class_names
    assert [int(r["index"]) for r in rows] == list(expected)
    assert [r["decided"] for r in rows] == [names[v] if v >= 0 else "" for v in labels]
    assert [r["action"] for r in rows[:4]] == ["confirm", "keep", "unsure", "unusable"]
    for r, row in zip(rows, order(), strict=False):
        assert r["id"] == f"id-{row}"
        assert r["given"] == names[JUDGED.given[row]]
        assert r["stratum"] == f"suspects-1-{N_SUSPECTS}"
        assert r["labels_sha256"] == SHA


def test_the_keys_1_to_5_decide_on_the_most_probable_classes(opened, address):
    page = opened(address)
    tops = page.locator(".top")
    assert tops.count() == 3  # there are three classes
    shown = [int(tops.nth(n).get_attribute("data-class")) for n in range(3)]
    assert shown[0] == label_of(0, "suggested")
    assert sorted(shown) == [0, 1, 2]
    assert "%" not in tops.first.text_content()  # without golden samples
    page.keyboard.press("2")
    pressed(page, code="Numpad1", key="1")
    page.locator(".top").nth(2).click()
    page.keyboard.press("5")
    assert said(page) == "There is no class 5 here."
    made = stored(page)
    assert made[index_of(0)] == shown[1]
    assert made[index_of(1)] == label_of(1, "suggested")
    assert len(made) == 3


def test_beside_the_sample_stand_kept_ones_of_both_classes_and_the_reason_in_numbers(
    opened, address
):
    page = opened(address)
    given, suggested = (JUDGED.class_names[label_of(0, n)] for n in ("given", "suggested"))
    strips = page.locator(".beside")
    assert [given in t or suggested in t for t in strips.all_text_contents()] == [True, True]
    for n in range(2):
        images = strips.nth(n).locator("img")
        assert images.count() == 4
        assert images.first.evaluate("e => e.naturalWidth") == 8
    reason = page.locator(".reason").text_content().replace("\u2068", "").replace("\u2069", "")
    assert reason.startswith(f"{suggested} comes first of all classes, {given} ")
    assert "Its loss is higher than that of" in reason


def test_the_next_two_pictures_are_there_before_their_turn(opened, address):
    page = opened(address)
    shown = page.evaluate(
        """() => {
        window.made = [];
        const make = document.createElement.bind(document);
        document.createElement = (tag) => {
          if (tag === 'img') window.made.push(1);
          return make(tag);
        };
        return document.querySelector('#stage img').alt; }"""
    )
    press(page, "k")
    assert page.locator("#stage img").get_attribute("alt") != shown
    # Eight stand beside the sample; one is of the sample after the next. None is of the sample.
    assert page.evaluate("window.made.length") == 9


def test_an_other_class_is_chosen_beside_the_picture_not_upon_it(opened, address):
    page = opened(address)
    for width in (1280, 400):
        page = opened(address, width=width, height=800)
        page.locator("[data-action=other]").click()
        other, stage = (page.locator(s).bounding_box() for s in ("#other", "#stage"))
        apart = (
            other["x"] >= stage["x"] + stage["width"] or other["y"] >= stage["y"] + stage["height"]
        )
        assert apart
        page.keyboard.type("cks")
        assert page.locator("#other-more").text_content() == "No class is called so."
        page.keyboard.press("Escape")
        assert not page.locator("#other").is_visible()
        assert stored(page) == {}
        assert current(page) == 0


def test_a_key_brings_a_sample_that_is_off_the_screen_there_first(opened, address):
    page = opened(address, width=900, height=300)  # so low that the page scrolls
    page.evaluate("scrollTo(0, 10_000)")
    assert page.evaluate(PICTURE)[1] is False
    page.keyboard.press("c")
    assert stored(page) == {}
    assert "Nothing was decided." in said(page)
    assert page.evaluate(PICTURE)[1:3] == [True, True]
    page.keyboard.press("c")
    assert len(stored(page)) == 1


@pytest.mark.parametrize("part", ["Overview", "Words"])
def test_a_key_in_another_part_leads_to_the_sample_and_decides_nothing(opened, address, part):
    page = opened(address)
    page.get_by_role("link", name=part, exact=True).click()
    page.locator("#stage").wait_for(state="hidden")  # a click tells of its part a moment later
    page.keyboard.press("k")
    assert stored(page) == {}
    assert page.locator("#stage img").is_visible()
    page.keyboard.press("k")
    assert len(stored(page)) == 1


def test_after_a_filter_the_keys_go_to_the_samples_not_into_the_select(opened, address):
    page = opened(address)
    choose(page, "class", "2")
    assert not page.locator("#filters").is_visible()
    assert page.evaluate("document.activeElement.id") == "stage"
    page.keyboard.press("k")
    [index] = stored(page)
    row = int(np.flatnonzero(JUDGED.index == index)[0])
    assert 2 in (JUDGED.given[row], JUDGED.suggested[row])


def test_while_a_dialog_is_open_no_key_decides(opened, address):
    page = opened(address)
    for button in ("#filters-open", "#export", "#help-open"):
        page.locator(button).click()
        page.locator("dialog[open] h2").click()
        press(page, "ckx1")
        page.keyboard.press("Escape")
    assert stored(page) == {}
    assert current(page) == 0


def test_at_the_end_of_a_list_all_is_decided_and_no_key_changes_the_last_one(opened, address):
    page = opened(address)
    choose(page, "role", "uncertain")
    n = int(where(page).split()[-1])
    press(page, "k" * n)
    before = stored(page)
    assert len(before) == n
    assert page.locator("#stage").text_content().startswith(f"All {n} decided.")
    press(page, "cksx123")
    page.keyboard.press("o")
    assert said(page) == f"All {n} decided."
    assert page.locator("[data-action=confirm]").is_disabled()
    assert stored(page) == before
    page.keyboard.press("ArrowLeft")
    assert current(page) >= 0
    page.reload()
    press(page, "u")
    assert len(stored(page)) == n - 1


def test_a_list_that_was_passed_over_tells_at_its_end_what_is_left(opened, address):
    page = opened(address)
    choose(page, "role", "uncertain")
    n = int(where(page).split()[-1])
    first = current(page)
    page.keyboard.press("ArrowDown")
    press(page, "k" * (n - 1))
    assert f"1 of {n} are not decided" in page.locator("#stage").text_content()
    page.get_by_role("button", name="To the first of them").click()
    assert current(page) == first


def test_another_tab_s_decisions_move_nothing_here(opened, address):
    one = opened(address)
    two = opened(address, another=True)
    press(two, "kk")
    assert current(two) == 2
    press(one, "cccc")
    two.locator("#progress-text", has_text="5 decided").wait_for()
    assert current(two) == 2
    assert two.locator("#stage img").get_attribute("alt") == f"id-{order()[2]}"
    assert "confirmed" in two.locator(".state").text_content()
    assert stored(two)[index_of(0)] == label_of(0, "suggested")
    assert stored(two)[index_of(1)] == label_of(1, "given")  # decided there, so passed over
    two.keyboard.press("u")
    assert index_of(1) not in stored(two)
    two.keyboard.press("u")  # its own first step, which the other page has overwritten
    assert "another page changed since" in said(two)
    assert len(stored(two)) == 4


def test_what_a_second_decision_overwrites_is_said(opened, address):
    page = opened(address)
    press(page, "k")
    page.keyboard.press("ArrowLeft")
    press(page, "c")
    given, suggested = (JUDGED.class_names[label_of(0, n)] for n in ("given", "suggested"))
    told = said(page).replace("\u2068", "").replace("\u2069", "")
    assert told == f"id-{order()[0]}: {suggested}. Before: {given}."


def test_a_key_that_is_held_decides_once(opened, address):
    page = opened(address)
    page.keyboard.down("k")
    for _ in range(5):
        page.keyboard.down("k")
    page.keyboard.up("k")
    assert len(stored(page)) == 1


def test_where_no_other_class_is_suggested_there_is_nothing_to_confirm(opened, address):
    page = opened(address)
    kept = N_SUSPECTS
    choose(page, "stratum", label=f"kept ({N_LISTED - N_SUSPECTS})")
    assert current(page) == kept
    assert page.locator("[data-action=confirm]").is_disabled()
    assert page.locator(".top .tag").text_content() == "given"
    colours = page.locator(".top .what").evaluate_all("a => a.map(e => getComputedStyle(e).color)")
    assert len(set(colours)) == 1  # no label is doubted here
    page.keyboard.press("c")
    assert said(page).startswith("No other class is suggested")
    assert current(page) == kept
    page.keyboard.press("k")
    assert stored(page) == {index_of(kept): label_of(kept, "given")}


def test_decisions_by_mouse_and_by_touch_and_undo_also_after_a_reload(opened, address):
    page = opened(address, width=400, height=800)
    page.locator("[data-action=keep]").tap()
    page.locator("[data-action=confirm]").tap()
    page.locator(".top").first.tap()
    page.locator("[data-action=unsure]").tap()
    assert len(stored(page)) == 4
    page.reload()
    page.locator("#undo").tap()
    assert current(page) == 3
    page = opened(address)
    page.locator("[data-action=keep]").click()
    page.locator("#undo").click()
    assert stored(page) == {}
    assert page.locator("#undo").is_disabled()
    press(page, "kk")
    page.reload()
    page.keyboard.press("U")  # as with Caps Lock
    page.keyboard.press("Control+z")
    assert stored(page) == {}
    assert current(page) == 0


def test_undo_goes_back_into_the_other_order_where_the_step_was_made(opened, address):
    page = opened(address)
    page.locator("[data-way=teaching]").click()
    first = current(page)
    press(page, "k")
    page.locator("[data-way=surest]").click()
    press(page, "u")
    assert current(page) == first


def test_keys_reach_everything_and_can_be_switched_off(opened, address):
    page = opened(address)
    page.keyboard.press("?")
    page.locator("#keys-on").uncheck()
    page.keyboard.press("Escape")
    page.keyboard.press("c")
    assert stored(page) == {}
    for _ in range(40):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.dataset.action") == "confirm":
            break
    page.keyboard.press("Enter")
    assert len(stored(page)) == 1
    page.keyboard.press("?")
    page.locator("#keys-on").check()
    page.keyboard.press("Escape")
    for key in ("ArrowRight", "ArrowDown", "ArrowLeft"):
        page.keyboard.press(key)
    assert current(page) == 2
    press(page, "n")
    assert current(page) == 3
    press(page, "ppp")
    assert current(page) == 1  # 0 is decided, and there is no undecided one before
    page.keyboard.press("f")
    assert page.locator("#filters").is_visible()


def test_keys_count_by_their_place_and_the_page_learns_the_letters(opened, address):
    page = opened(address)
    page.evaluate(
        """() => document.body.dispatchEvent(new KeyboardEvent('keydown',
        {code: 'KeyC', key: 'j', bubbles: true}))"""  # Dvorak
    )
    assert list(stored(page).values()) == [label_of(0, "suggested")]
    assert page.locator("[data-action=confirm] kbd").text_content() == "j"
    assert page.locator("#help-rows kbd").first.text_content() == "j"


@pytest.mark.parametrize(
    ("code", "key", "undone"),
    [
        ("KeyY", "z", True),  # QWERTZ
        ("KeyZ", "y", False),
        ("KeyW", "z", True),  # AZERTY
        ("KeyZ", "\u044f", True),  # Cyrillic has no z: by its place
    ],
)
def test_ctrl_z_goes_by_its_letter(opened, address, code, key, undone):
    page = opened(address)
    press(page, "c")
    pressed(page, code=code, key=key, ctrlKey=True)
    assert (stored(page) == {}) is undone


def test_ctrl_shift_z_is_no_undo(opened, address):
    page = opened(address)
    press(page, "c")
    pressed(page, code="KeyZ", key="Z", ctrlKey=True, shiftKey=True)
    assert len(stored(page)) == 1


def test_the_number_pad_without_num_lock_decides_nothing(opened, address):
    page = opened(address)
    pressed(page, code="Numpad1", key="End")
    pressed(page, code="Numpad2", key="ArrowDown")
    assert stored(page) == {}
    pressed(page, code="Numpad1", key="1")
    assert len(stored(page)) == 1


@pytest.mark.parametrize("way", ["filter", "undo", "tile"])
def test_a_class_is_chosen_for_what_is_on_the_screen_alone(opened, address, way):
    page = opened(address)
    press(page, "cc")
    if way == "tile":
        page.keyboard.press("g")
    before = stored(page)
    page.keyboard.press("o")
    if way == "filter":
        choose(page, "state", "decided")
    elif way == "undo":
        page.locator("#undo").click()
        before.pop(index_of(1))
    else:
        page.locator(".tile-of").nth(5).click()
    assert not page.locator("#other").is_visible()
    assert stored(page) == before


def test_enter_takes_the_class_of_that_name_and_none_where_nothing_was_typed(opened, served):
    folder, url = served
    names = ("caterpillar", "bobcat", "cat", "")
    write_audit(some_judged(30, names), None, folder / "cats")
    page = opened(f"{url}/cats/report.html")
    page.keyboard.press("o")
    page.keyboard.press("Enter")
    assert page.locator("#other").is_visible()
    assert "caterpillar" in page.locator("#other-list button").first.text_content()
    page.keyboard.type(" Cat")
    listed = page.locator("#other-list button").all_text_contents()
    assert [text.strip("\u2068\u2069") for text in listed] == ["cat", "caterpillar", "bobcat"]
    page.keyboard.press("Enter")
    assert list(stored(page).values()) == [2]


def test_what_else_lies_in_the_storage_does_no_harm(opened, address):
    page = opened(address)
    for value in (
        "no json",
        "[1]",
        '{"decided": [[0, 99], ["a", 0], [2, "x"], null]}',
        '{"decided": [[0, -3], [2, [0]]], "steps": [["a", 1], [[4, 77, 0]], [[0]], 3]}',
        '{"decided": 3, "steps": {}, "fresh": "x", "differ": [[0, 1]]}',
    ):
        page.evaluate("([k, v]) => localStorage.setItem(k, v)", [STORE, value])
        page.reload()
        assert page.locator("#stage img").is_visible()
        assert page.locator("#progress-text").text_content().startswith("0 decided")
        assert page.locator("#undo").is_disabled()
    press(page, "k")
    assert stored(page) == {index_of(0): label_of(0, "given")}


def test_decisions_on_samples_of_another_page_are_kept_and_told(opened, address):
    page = opened(address)
    value = json.dumps({"decided": [[9999, 1]], "steps": [[[9999, None, 1]]]})
    page.evaluate("([k, v]) => localStorage.setItem(k, v)", [STORE, value])
    page.reload()
    assert page.locator("#progress-text").text_content().endswith("1 elsewhere")
    assert page.locator("#undo").is_disabled()
    press(page, "k")
    assert 9999 in stored(page)


def test_hostile_names_come_back_from_the_export_as_they_are(opened, hostile, tmp_path):
    url, judged = hostile
    page = opened(url)
    n = int(judged.suspect.sum())
    long = int((judged.index[judged.suspect] % 6 == 4).sum())
    press(page, "c" * (n + long))  # a text that goes on takes a key of its own
    assert long > 0
    rows = exported(page, tmp_path, name="decisions-script_window.ran_1_script.csv")
    first = order(judged)
    assert [r["id"] for r in rows] == [judged.ids[i] for i in first]
    assert [r["given"] for r in rows] == [HOSTILE[judged.given[i]] for i in first]
    assert [r["decided"] for r in rows] == [HOSTILE[judged.suggested[i]] for i in first]


def test_a_file_opened_from_disk_works_too(opened, served, address, tmp_path):
    folder, _ = served
    page = opened((folder / "plain" / "report.html").as_uri())
    press(page, "k")
    page.reload()
    assert len(stored(page)) == 1
    assert len(exported(page, tmp_path)) == 1

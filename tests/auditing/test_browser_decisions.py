"""Decisions on the audit's page in a real browser: made, kept over a reload, exported."""

import json

import numpy as np
import pytest
from builders.audit_page import (
    JUDGED,
    N_SUSPECTS,
    STORE,
    card,
    current,
    exported,
    order,
    stored,
)
from builders.audit_samples import HOSTILE, SHA, some_judged

from tssd_keras.auditing.suspects import rank_suspects
from tssd_keras.auditing.write import write_audit

pytestmark = pytest.mark.backend_free


def test_where_no_other_class_is_suggested_there_is_nothing_to_confirm(opened, address):
    page = opened(address)
    page.locator("#filter-size").select_option("96")
    page.locator("#last-top").click()
    kept = card(page, N_SUSPECTS + 29)
    assert kept.locator("[data-action=confirm]").is_disabled()
    kept.focus()
    page.keyboard.press("c")
    assert kept.locator(".state").text_content().startswith("No other class is suggested")
    page.keyboard.press("k")
    assert kept.get_attribute("data-state") == "keep"


def test_decisions_by_key_move_on_and_survive_a_reload(opened, address, tmp_path):
    page = opened(address)
    card(page, 0).focus()
    for key in ("c", "k", "s"):
        page.keyboard.press(key)
    assert current(page) == 3
    page.keyboard.press("o")
    page.keyboard.type("FO")
    page.keyboard.press("Enter")
    states = ["confirm", "keep", "skip", "other"]
    first = order()
    if JUDGED.given[first[3]] == 2:
        states[3] = "keep"
    elif JUDGED.suggested[first[3]] == 2:
        states[3] = "confirm"
    assert [card(page, i).get_attribute("data-state") for i in range(4)] == states
    page.reload()
    assert [card(page, i).get_attribute("data-state") for i in range(4)] == states
    assert f"3 of {N_SUSPECTS + 30} decided" in page.locator("#progress-text").text_content()
    assert "1 skipped" in page.locator("#progress-text").text_content()
    rows = exported(page, tmp_path)
    assert [int(r["index"]) for r in rows] == [2 * first[i] for i in (0, 1, 3)]
    assert [r["action"] for r in rows] == [states[i] for i in (0, 1, 3)]
    names = JUDGED.class_names
    for r, i in zip(rows, (0, 1, 3), strict=True):
        assert r["id"] == f"id-{first[i]}"
        assert r["given"] == names[JUDGED.given[first[i]]]
        assert r["stratum"] == f"suspects-1-{N_SUSPECTS}"
        assert r["labels_sha256"] == SHA
    assert rows[0]["decided"] == names[JUDGED.suggested[first[0]]]
    assert rows[1]["decided"] == rows[1]["given"]
    assert rows[2]["decided"] == "fox"
    assert list(rows[0]) == [
        *("id", "index", "given", "decided", "action", "stratum", "labels_sha256")
    ]


def test_decisions_by_mouse_and_undo_also_after_a_reload(opened, address):
    page = opened(address)
    card(page, 5).locator("[data-action=keep]").click()
    card(page, 2).locator("[data-action=confirm]").click()
    card(page, 2).locator("[data-action=skip]").click()
    assert card(page, 2).locator("[data-action=skip]").get_attribute("aria-pressed") == "true"
    page.reload()
    page.locator("#undo").click()
    assert card(page, 2).get_attribute("data-state") == "confirm"
    page.keyboard.press("u")
    assert card(page, 2).get_attribute("data-state") == "open"
    assert current(page) == 2
    page.keyboard.press("u")
    page.keyboard.press("U")  # as with Caps Lock
    assert page.locator("#undo").is_disabled()
    assert stored(page) == {}
    page.reload()
    assert page.locator('.card:not([data-state="open"])').count() == 0


def test_after_the_last_of_a_page_comes_the_next_page(opened, address):
    page = opened(address)
    page.locator("#filter-size").select_option("12")
    card(page, 0).focus()
    for _ in range(13):
        page.keyboard.press("s")
    assert current(page) == 13
    assert "13 to 24" in page.locator("#pager-top .where").text_content()
    page.keyboard.press("u")
    page.keyboard.press("u")
    assert "1 to 12" in page.locator("#pager-top .where").text_content()
    assert current(page) == 11


def test_pages_that_are_done_are_passed_over_and_a_reload_goes_on_where_one_was(opened, address):
    page = opened(address)
    page.locator("#filter-size").select_option("12")
    page.keyboard.press("n")
    for _ in range(12):
        page.keyboard.press("k")
    assert current(page) == 24
    page.keyboard.press("p")
    page.keyboard.press("p")
    for _ in range(12):
        page.keyboard.press("k")
    assert current(page) == 24  # not 12, where a further key would decide again
    page.reload()
    assert "25 to 48" in page.locator("#pager-top .where").text_content()
    assert current(page) == 24
    page.locator("#filter-order").select_option("teaching")
    assert card(page, current(page)).get_attribute("data-state") == "open"


def test_undecided_samples_alone_are_worked_off_page_by_page(opened, address):
    page = opened(address)
    page.locator("#filter-size").select_option("12")
    page.locator("#filter-state").select_option("open")
    card(page, 0).focus()
    for _ in range(12):
        page.keyboard.press("k")
    assert current(page) == 12
    assert f"1 to 12 of {N_SUSPECTS + 30 - 12}" in page.locator("#pager-top .where").text_content()


def test_keys_reach_everything_and_can_be_switched_off(opened, address):
    page = opened(address)
    page.keyboard.press("?")
    page.locator("#keys-on").uncheck()
    page.keyboard.press("Escape")
    card(page, 0).focus()
    page.keyboard.press("c")
    assert card(page, 0).get_attribute("data-state") == "open"
    for _ in range(4):  # picture and summary are passed, then come the buttons
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.dataset.action") == "confirm":
            break
    page.keyboard.press("Enter")
    assert card(page, 0).get_attribute("data-state") == "confirm"
    page.keyboard.press("?")
    page.locator("#keys-on").check()
    page.keyboard.press("Escape")
    card(page, 1).focus()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowLeft")
    assert current(page) == 2
    page.keyboard.press("n")
    assert current(page) == 24
    page.keyboard.press("p")
    assert current(page) == 0


def test_typing_in_a_field_decides_nothing(opened, address):
    page = opened(address)
    page.locator("#filter-class").focus()
    page.keyboard.press("k")
    card(page, 0).locator("[data-action=other]").click()
    page.keyboard.type("cks")
    assert page.locator("#other-more").text_content() == "No class is called so."
    page.keyboard.press("Escape")
    assert not page.locator("#other").is_visible()
    assert page.locator('.card:not([data-state="open"])').count() == 0
    assert current(page) == 0


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


def test_two_pages_about_the_same_labels_share_their_decisions(opened, address):
    one = opened(address)
    two = opened(address, another=True)
    card(one, 0).focus()
    one.keyboard.press("k")
    two.locator('.card[data-i="0"][data-state="keep"]').wait_for()


def test_what_else_lies_in_the_storage_does_no_harm(opened, address):
    page = opened(address)
    for value in (
        "no json",
        "[1]",
        '{"decided": [[0, 99], ["a", 0], [2, "x"], null]}',
        '{"decided": [[0, -2], [2, [0]]], "history": [["a", 1], [4, 77]]}',
    ):
        page.evaluate("([k, v]) => localStorage.setItem(k, v)", [STORE, value])
        page.reload()
        assert page.locator(".card").count() == 24
        assert page.locator('.card:not([data-state="open"])').count() == 0
    card(page, 0).focus()
    page.keyboard.press("k")
    assert card(page, 0).get_attribute("data-state") == "keep"


def test_a_browser_that_stores_nothing_is_told_of(opened, browser, address):
    context = browser.new_context()
    context.add_init_script(
        "Object.defineProperty(window, 'localStorage', { get() { throw new Error('off'); } })"
    )
    page = context.new_page()
    page.goto(address)
    assert "export before you close" in page.locator("#storage-note").text_content()
    card(page, 0).focus()
    page.keyboard.press("k")
    assert card(page, 0).get_attribute("data-state") == "keep"
    assert page.locator("#export").is_enabled()
    context.close()


def test_decisions_on_samples_of_another_page_are_kept_and_told(opened, address):
    page = opened(address)
    value = json.dumps({"decided": [[9999, 1]], "history": [[9999, None]]})
    page.evaluate("([k, v]) => localStorage.setItem(k, v)", [STORE, value])
    page.reload()
    assert (
        "1 more on samples that are not in this order"
        in page.locator("#progress-text").text_content()
    )
    assert page.locator("#undo").is_disabled()
    card(page, 0).focus()
    page.keyboard.press("k")
    assert 9999 in stored(page)


def test_hostile_names_come_back_from_the_export_as_they_are(opened, hostile, tmp_path):
    url, judged = hostile
    page = opened(url)
    card(page, 0).focus()
    for _ in range(int(judged.suspect.sum())):
        page.keyboard.press("c")
    rows = exported(page, tmp_path)
    rank = rank_suspects(judged)
    first = [int(row) for row in np.argsort(np.where(rank > 0, rank, 999))[: rank.max()]]
    assert [r["id"] for r in rows] == [judged.ids[i] for i in first]
    assert [r["given"] for r in rows] == [HOSTILE[judged.given[i]] for i in first]
    assert [r["decided"] for r in rows] == [HOSTILE[judged.suggested[i]] for i in first]


def test_a_file_opened_from_disk_works_too(opened, served, address, tmp_path):
    folder, _ = served
    page = opened((folder / "plain" / "report.html").as_uri())
    card(page, 0).focus()
    page.keyboard.press("k")
    page.reload()
    assert card(page, 0).get_attribute("data-state") == "keep"
    assert len(exported(page, tmp_path)) == 1

"""More than one person and more than one day: export, import, conflicts, and what is never lost."""

import csv

import pytest
from builders.audit_page import (
    JUDGED,
    UNSURE,
    UNUSABLE,
    current,
    exported,
    index_of,
    label_of,
    press,
    read,
    said,
    stored,
    where,
)
from builders.audit_samples import SHA

pytestmark = pytest.mark.backend_free
NAMES = JUDGED.class_names


def row(i, action, label=None, by="ana", **change):
    """A row of decisions.csv about the sample at a place of the page."""
    return {
        "id": f"id-{index_of(i) // 2}",
        "index": index_of(i),
        "given": NAMES[label_of(i, "given")],
        "decided": "" if label is None else NAMES[label],
        "action": action,
        "stratum": "",
        "labels_sha256": SHA,
        "by": by,
    } | change


def write(path, rows, delimiter=","):
    with open(path, "w", newline="", encoding="utf-8-sig") as file:
        writer = csv.DictWriter(file, rows[0], delimiter=delimiter)
        writer.writeheader()
        writer.writerows(rows)
    return path


def give(page, path):
    page.locator("#export").click()
    page.locator("#read").set_input_files(path)
    page.locator("#people-title", has_text="read").wait_for()


def test_the_export_is_named_after_run_and_person_who_also_stands_in_it(opened, address, tmp_path):
    page = opened(address)
    press(page, "k")
    page.locator("#export").click()
    page.locator("#who").fill("Ana Díaz")
    page.keyboard.press("Escape")
    [made] = exported(page, tmp_path, name="decisions-own-Ana_Diaz.csv")
    assert made["by"] == "Ana Díaz"
    page.reload()
    page.locator("#export").click()
    assert page.locator("#who").input_value() == "Ana Díaz"


def test_what_is_not_exported_is_always_in_view_and_leaving_asks(opened, address, tmp_path):
    page = opened(address)
    page.reload()
    assert opened.asked == 0
    press(page, "kc")
    for part in ("Overview", "Words", "Decide"):
        page.get_by_role("link", name=part, exact=True).click()
        assert page.locator("#unexported").text_content() == "2 not exported"
        assert page.locator("#unexported").is_visible()
    page.reload()
    assert opened.asked == 1
    assert page.locator("#unexported").text_content() == "2 not exported"
    exported(page, tmp_path)
    assert page.locator("#unexported").text_content() == ""
    page.reload()
    assert opened.asked == 1
    page.keyboard.press("u")
    assert page.locator("#unexported").text_content() == "1 not exported"


def test_a_browser_that_stores_nothing_is_told_of_and_leaving_asks(browser, address):
    context = browser.new_context()
    context.add_init_script(
        "Object.defineProperty(window, 'localStorage', { get() { throw new Error('off'); } })"
    )
    page = context.new_page()
    page.goto(address)
    asked = []
    page.on("dialog", lambda dialog: asked.append(dialog.type) or dialog.accept())
    assert "export before you close" in page.locator("#storage-note").text_content()
    press(page, "k")
    assert page.locator("#progress-text").text_content().startswith("1 decided")
    page.get_by_role("link", name="Overview", exact=True).click()
    assert page.locator("#storage-note").is_visible()
    page.reload()
    assert asked == ["beforeunload"]
    context.close()


def test_an_exported_file_is_read_again_as_it_was(opened, address, tmp_path):
    page = opened(address)
    press(page, "kcsx2")
    before = stored(page)
    made = exported(page, tmp_path)
    page.evaluate("localStorage.clear()")
    page.reload()
    assert stored(page) == {}
    give(page, tmp_path / "decisions.csv")
    assert page.locator("#read-says").text_content() == "5 new, 0 the same, 0 differ."
    page.keyboard.press("Escape")
    assert stored(page) == before
    assert exported(page, tmp_path) == [{**r, "by": "decisions.csv"} for r in made]
    press(page, "u")  # reading was one step
    assert stored(page) == {}


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_decisions_of_somebody_else_are_merged_and_each_conflict_is_decided(
    opened, address, tmp_path, delimiter
):
    page = opened(address)
    press(page, "kkkk")
    mine = stored(page)
    theirs = [
        row(0, "keep", label_of(0, "given")),
        row(1, "confirm", label_of(1, "suggested")),
        row(2, "unusable"),
        row(3, "unsure"),
        row(7, "confirm", label_of(7, "suggested")),
    ]
    give(page, write(tmp_path / "theirs.csv", theirs, delimiter))
    assert page.locator("#read-says").text_content() == "1 new, 1 the same, 3 differ."
    new = {index_of(7): label_of(7, "suggested")}
    assert stored(page) == {**mine, **new}
    page.locator("#conflicts-look").click()
    assert where(page) == "1 of 3"
    line = page.locator(".conflict").text_content()
    assert NAMES[label_of(current(page), "given")] in line
    assert "ana" in line
    place = current(page)
    page.locator(".conflict button").first.click()  # takes theirs
    taken = {1: label_of(1, "suggested"), 2: UNUSABLE, 3: UNSURE}[place]
    assert stored(page)[index_of(place)] == taken
    page.reload()  # what is left of the conflicts survives
    page.locator("#filters-open").click()
    page.locator("#filter-state").select_option("conflict")
    assert where(page) == "1 of 2"
    place = current(page)
    page.locator(".conflict button").nth(1).click()  # leaves what is here
    assert stored(page)[index_of(place)] == mine[index_of(place)]


@pytest.mark.parametrize("way", ["theirs", "mine"])
def test_all_conflicts_can_be_settled_at_once_with_one_undo(opened, address, tmp_path, way):
    page = opened(address)
    press(page, "kkk")
    mine = stored(page)
    give(page, write(tmp_path / "theirs.csv", [row(i, "unusable") for i in range(3)]))
    page.locator(f"#conflicts-{way}").click()
    expected = {index: UNUSABLE for index in mine} if way == "theirs" else mine
    assert stored(page) == expected
    if way == "theirs":
        press(page, "u")
        assert stored(page) == mine


@pytest.mark.parametrize("way", ["theirs", "mine", "each"])
def test_undo_after_a_settled_conflict_lists_it_again(opened, address, tmp_path, way):
    page = opened(address)
    page.locator("#export").click()
    page.locator("#who").fill("Bo")
    page.keyboard.press("Escape")
    press(page, "kk")
    give(page, write(tmp_path / "theirs.csv", [row(i, "unusable") for i in range(2)]))
    if way == "each":
        page.locator("#conflicts-look").click()
        page.locator(".conflict button").nth(1).click()
    else:
        page.locator(f"#conflicts-{way}").click()
    press(page, "u")
    page.reload()  # and it survives that
    page.locator("#filters-open").click()
    page.locator("#filter-state").select_option("conflict")
    assert where(page) == "1 of 2"
    assert "Here: \u2068" in page.locator(".conflict").text_content()
    assert "ana\u2069: unusable" in page.locator(".conflict").text_content()
    assert stored(page) == {index_of(i): label_of(i, "given") for i in range(2)}


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        ({"labels_sha256": "cd" * 32}, "was decided on other labels"),
        ({"given": "wolf"}, "has another given label"),
        ({"decided": "wolf"}, "names no class of these"),
        ({"decided": ""}, "names no class"),
        ({"id": "id-9999"}, "has another id"),
        ({"action": "other"}, "has other and decides on the given class"),
    ],
)
def test_a_file_that_does_not_fit_is_refused_whole_with_the_row(
    opened, address, tmp_path, change, fault
):
    page = opened(address)
    second = row(1, "keep", label_of(1, "given")) | change
    rows = [row(0, "keep", label_of(0, "given")), second]
    give(page, write(tmp_path / "theirs.csv", rows))
    assert page.locator("#people-title").text_content() == "Nothing was read"
    assert f"row 3 {fault}" in page.locator("#people").text_content()
    assert stored(page) == {}


def test_a_file_without_the_columns_and_samples_that_are_elsewhere_are_told(
    opened, address, tmp_path
):
    page = opened(address)
    give(page, write(tmp_path / "other.csv", [{"index": 1, "label": "cat"}]))
    assert "lacks the column id, given, decided" in page.locator("#people").text_content()
    page.keyboard.press("Escape")
    give(page, write(tmp_path / "more.csv", [row(0, "unsure"), row(0, "unsure", index=99_999)]))
    assert "1 decision is about samples that are not" in page.locator("#people").text_content()
    assert stored(page) == {index_of(0): UNSURE}


def test_after_the_export_the_page_says_the_file_s_name(opened, address, tmp_path):
    page = opened(address)
    press(page, "k")
    exported(page, tmp_path)
    assert said(page) == "decisions-own.csv is written."
    assert len(read(tmp_path / "decisions.csv")) == 1

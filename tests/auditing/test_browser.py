"""The audit's page in a real browser: what it shows, and that everybody can read it."""

import dataclasses

import numpy as np
import pytest
from builders.audit_page import (
    GALLERY,
    JUDGED,
    N_LISTED,
    N_SUSPECTS,
    choose,
    current,
    index_of,
    label_of,
    order,
    press,
    stored,
    tiles,
    where,
)
from builders.audit_samples import HOSTILE, some_images, some_judged

from tssd_keras.auditing.write import write_audit

pytestmark = pytest.mark.backend_free
DESKS = [(1280, 900), (1920, 1080)]
TELEPHONE = (400, 800)


def tab(page, name):
    page.get_by_role("link", name=name, exact=True).click()


@pytest.mark.parametrize(("width", "height"), [*DESKS, TELEPHONE])
def test_the_first_sample_is_on_the_first_screen_with_all_its_buttons(
    opened, address, width, height
):
    page = opened(address, width=width, height=height)
    assert page.locator("h1").text_content() == "Audit of \u2068own\u2069"
    assert page.evaluate("document.documentElement.scrollHeight <= innerHeight")
    assert page.evaluate("document.documentElement.scrollWidth") == width
    for part in ("#stage > .picture", "#actions [data-action]", ".reason", ".labels"):
        for found in page.locator(part).all():
            box = found.bounding_box()
            assert box["y"] >= 0
            assert box["y"] + box["height"] <= height
    picture = page.locator("#stage > .picture").bounding_box()
    least = 0.6 if width > 400 else 0.25  # of the window
    assert picture["height"] > least * height
    assert page.locator(".rank").text_content() == "#1"
    assert page.locator(".id").text_content() == f"\u2068id-{order()[0]}\u2069"


def test_small_pictures_are_scaled_up_smoothly_or_in_squares(opened, address):
    page = opened(address)
    rendering = "getComputedStyle(document.querySelector('#stage img')).imageRendering"
    assert page.evaluate(rendering) == "auto"
    page.keyboard.press("m")
    assert page.evaluate(rendering) == "pixelated"
    page.keyboard.press("k")
    page.reload()
    assert page.evaluate(rendering) == "pixelated"


def test_the_overview_is_a_tab_away_and_its_text_does_not_scale(opened, address):
    page = opened(address)
    sizes = []
    for width, height in (*DESKS, TELEPHONE):
        page = opened(address, width=width, height=height)
        tab(page, "Overview")
        page.locator("svg.chart text").first.wait_for()
        assert page.locator(".panel").count() >= 7
        assert page.locator("svg.chart path.line").count() >= 4
        text = page.locator("svg.chart text").first.bounding_box()
        sizes.append(round(text["height"]))
        assert page.evaluate("document.documentElement.scrollWidth") == width
    assert len(set(sizes)) == 1


@pytest.mark.parametrize("networks", [1, 2])
def test_panels_of_a_row_end_together_and_fill_it(opened, served, networks):
    folder, url = served
    judged = some_judged(60)
    several = dataclasses.replace(judged, streams=judged.streams * networks)
    write_audit(several, None, folder / f"networks-{networks}")
    for width in (800, 1280, 1920):
        page = opened(f"{url}/networks-{networks}/report.html", width=width)
        tab(page, "Overview")
        page.locator("svg.chart").first.wait_for()
        boxes = [panel.bounding_box() for panel in page.locator(".panel").all()]
        assert len(boxes) == 5 + 2 * networks
        right = max(box["x"] + box["width"] for box in boxes)
        for top in {round(box["y"]) for box in boxes}:
            row = [box for box in boxes if round(box["y"]) == top]
            assert len({round(box["y"] + box["height"]) for box in row}) == 1
            assert max(box["x"] + box["width"] for box in row) == pytest.approx(right, abs=1)


def test_a_table_of_the_overview_scrolls_only_where_its_panel_is_full(opened, served):
    folder, url = served
    write_audit(some_judged(400, tuple(f"class {i}" for i in range(20))), None, folder / "tall")
    for width in (800, 1280, 1920):
        page = opened(f"{url}/tall/report.html", width=width)
        tab(page, "Overview")
        left = page.locator(".panel > .tall").evaluate_all(
            """(tables) => tables.filter((e) => e.scrollHeight > e.clientHeight + 1).map((e) =>
            e.parentElement.getBoundingClientRect().bottom - e.getBoundingClientRect().bottom)"""
        )
        assert left
        assert max(left) < 24  # the panel's edge, and no room that is not used


def test_where_a_stream_abstains_the_page_says_so_and_a_link_leads_to_the_word(opened, served):
    folder, url = served
    judged = some_judged(30)
    silent = dataclasses.replace(judged.streams[0], loss_abstains=True)
    write_audit(dataclasses.replace(judged, streams=(silent,)), None, folder / "unimodal")
    page = opened(f"{url}/unimodal/report.html")
    assert "The loss stream abstains" in page.locator("#banner").text_content()
    page.locator("summary").click()
    assert "\u2013 (it abstains)" in page.locator(".scores").text_content()
    tab(page, "Overview")
    chart = page.locator("figure", has=page.locator("[aria-label='Histogram of losses']"))
    assert "The scores are unimodal: the stream abstains here." in chart.text_content()
    chart.locator("a").click()
    term = page.locator(":target")
    assert term.text_content() == "unimodal"
    assert term.evaluate("e => e.getBoundingClientRect().top < innerHeight")
    assert term.is_visible()


def test_where_nothing_is_told_there_are_dashes_and_no_suspects(opened, served):
    folder, url = served
    half, nothing = np.full(30, 0.5), np.full(30, np.nan)
    judged = some_judged(30, q=nothing, p_loss=half, p_feature=half, weight=np.ones(30))
    write_audit(judged, None, folder / "untold")
    page = opened(f"{url}/untold/report.html")
    assert page.locator("#banner").text_content().startswith("Nothing tells how many labels")
    page.locator("[data-way=teaching]").click()
    assert page.locator(".labels").text_content().endswith("\u2013")
    assert page.locator(".reason").text_content().startswith("Nothing is told of this label")
    tab(page, "Overview")
    noise = page.locator(".tile", has_text="estimated noise")
    assert noise.locator("dd").text_content() == "\u2013"


def test_without_golden_samples_numbers_rank_and_many_suspects_of_clean_data_are_doubted(
    opened, served, address
):
    page = opened(address)
    assert page.locator(".labels").text_content().endswith(f"Suspect1 of {N_SUSPECTS}")
    assert "suspects are ranked" in page.locator("#banner").text_content()
    for part in ("#facts > :not(details):not(.reason)", "#stage", "#actions"):
        assert "%" not in "".join(page.locator(part).all_text_contents())
    page.keyboard.press("g")
    captions = page.locator(".caption").all_text_contents()
    assert "#1" in captions[0]
    assert not [text for text in captions if "%" in text]
    page.keyboard.press("f")
    page.locator("#filter-sure").fill("80")
    assert page.locator("#sure-says").text_content() == "80 of 100"
    page.keyboard.press("Escape")
    page.keyboard.press("g")
    folder, url = served
    rounds = [{"epoch": "2", "estimated_clean_share": "0.99", "golden_pairs": "50"}]
    judged = some_judged(90, rounds=rounds)
    write_audit(judged, None, folder / "golden")
    page = opened(f"{url}/golden/report.html")
    assert "most of these are right" in page.locator("#banner").text_content()
    shown = page.locator(".labels").text_content()
    percent = round(100 * (1 - judged.q[order(judged)[0]]))
    assert f"{percent}\u00a0%" in shown
    page.locator("summary").click()
    assert f"{percent}\u00a0%" in page.locator(".scores dd").first.text_content()


def test_a_word_is_explained_where_it_stands(opened, address):
    page = opened(address)
    page.locator("summary").click()
    q = page.locator(".scores .word", has_text="q").first
    assert "the given label is right" in q.get_attribute("title")
    q.click()
    assert page.locator("#meaning").is_visible()
    page.go_back()
    assert page.locator("#stage").is_visible()


def test_filters_leave_those_that_were_asked_for(opened, address):
    page = opened(address)
    page.keyboard.press("g")
    choose(page, "pair", "1")  # 3 * 0 + 1: cat to dog
    shown = tiles(page)
    assert shown
    assert all((label_of(i, "given"), label_of(i, "suggested")) == (0, 1) for i in shown)
    page.locator("#filters-open").click()
    page.locator("#filter-all").click()
    page.keyboard.press("Escape")
    choose(page, "role", "uncertain")
    expected = int((JUDGED.role[JUDGED.suspect] == 2).sum())
    assert where(page).endswith(f"of {expected}")
    choose(page, "class", "2")
    touched = (JUDGED.given == 2) | (JUDGED.suggested == 2)
    expected = int((touched & JUDGED.suspect & (JUDGED.role == 2)).sum())
    assert where(page).endswith(f"of {expected}")


def test_search_by_id_number_and_class_and_a_slider_of_confidence(opened, address):
    page = opened(address)
    page.locator("#filters-open").click()
    page.locator("#filter-search").fill(f"ID-{order()[4]}")
    page.locator("#filters-close").click()
    assert page.locator(".id").text_content() == f"\u2068id-{order()[4]}\u2069"
    page.keyboard.press("f")
    page.locator("#filter-search").fill(str(index_of(7)))
    page.locator("#filters-close").click()
    assert f"id-{order()[7]}" in page.locator(".id").text_content()
    page.keyboard.press("f")
    page.locator("#filter-search").fill("fox")
    page.locator("#filter-sure").fill("80")
    page.locator("#filters-close").click()
    sure = JUDGED.p_suggested[GALLERY.rows[:N_LISTED]]
    rows = GALLERY.rows[:N_LISTED]
    named = (JUDGED.given[rows] == 2) | (JUDGED.suggested[rows] == 2)
    expected = int((named & (np.round(1000 * sure) >= 800)).sum())
    assert where(page) == f"1 of {expected}"


@pytest.mark.parametrize(
    ("value", "key"),
    [
        ("sure", lambda row: -JUDGED.p_suggested[row]),
        ("unsure", lambda row: JUDGED.p_suggested[row]),
        ("p_wrong", lambda row: JUDGED.q[row]),
        ("right", lambda row: -JUDGED.q[row]),
        ("index", lambda row: row),
    ],
)
def test_samples_are_sorted_by_any_score(opened, address, value, key):
    page = opened(address)
    page.keyboard.press("g")
    choose(page, "sort", value)
    rows = GALLERY.rows[tiles(page)]
    keys = [round(1000 * float(key(row))) for row in rows]
    assert keys == sorted(keys)
    assert len(keys) >= 40


def test_samples_can_come_in_the_order_that_teaches_the_next_run(opened, address):
    page = opened(address)
    assert where(page) == f"1 of {N_SUSPECTS + 30}"
    page.get_by_role("button", name="Teach the next run").click()
    assert where(page) == "1 of 50"
    assert current(page) == GALLERY.teaching[0]
    assert "50 of the 300 judged samples" in page.locator("#about").text_content()
    press(page, "k")
    assert current(page) == GALLERY.teaching[1]
    page.reload()
    assert current(page) == GALLERY.teaching[1]
    assert page.locator("[data-way=teaching]").get_attribute("aria-pressed") == "true"
    page.keyboard.press("g")
    assert tiles(page) == GALLERY.teaching[: len(tiles(page))].tolist()


def test_the_pairs_the_matrix_and_the_classes_lead_to_their_samples_least_sure_first(
    opened, address
):
    page = opened(address)
    ways = {
        "[aria-label='Pairs of classes'] button": lambda i: True,
        "table.map td.cell:not(.same) button": lambda i: True,
        "[aria-label='Figures by class'] button": lambda i: True,
    }
    for way in ways:
        tab(page, "Overview")
        page.locator(way).first.click()
        assert page.locator("#stage img").is_visible()
        page.keyboard.press("g")
        rows = GALLERY.rows[tiles(page)]
        sure = JUDGED.p_suggested[rows]
        assert len(rows) > 1
        assert (np.diff(np.round(1000 * sure)) >= 0).all()
        pairs = set(zip(JUDGED.given[rows].tolist(), JUDGED.suggested[rows].tolist(), strict=True))
        assert len(pairs) == 1 or all(set(pair) & set(next(iter(pairs))) for pair in pairs)
        page.keyboard.press("g")


def test_what_is_left_and_how_many_a_minute_are_told(opened, address):
    page = opened(address, width=1279)  # a tab of its own: its clock stays another's
    page.clock.install(time=0)
    page.goto(address)
    page.clock.pause_at(60_000)  # else it goes on by itself, too
    for _ in range(6):
        page.clock.run_for(10_000)
        page.keyboard.press("k")
    told = page.locator("#progress-text").text_content()
    assert told == f"6 decided, {N_LISTED - 6} left \u00b7 6.0 a minute"


def test_a_page_without_suspects_says_so(opened, served):
    folder, url = served
    judged = some_judged(30, weight=np.ones(30), suggested=np.arange(30) % 3, summary={}, rounds=[])
    write_audit(judged, None, folder / "none")
    page = opened(f"{url}/none/report.html")
    assert page.locator("#stage").text_content() == "There is nothing to decide in this order. "
    assert page.locator("#about").text_content() == "No label is suspected."
    press(page, "ckosxunpga123")
    assert stored(page) == {}
    page.locator("[data-way=teaching]").click()
    assert where(page).endswith("of 30")


def test_without_a_picture_the_page_says_how_to_get_one(opened, served):
    folder, url = served
    write_audit(JUDGED, some_images(), folder / "small", pictures_mb=0.01)
    page = opened(f"{url}/small/report.html")
    assert page.locator("#stage img").count() == 1
    choose(page, "picture", "with")
    n = int(where(page).split()[-1])
    assert 0 < n < N_LISTED
    size = (folder / "small" / "report.html").read_text().count("data:image/png;base64")
    assert n <= size
    page.keyboard.press("f")
    page.locator("#filter-all").click()
    page.keyboard.press("Escape")
    choose(page, "sort", "index")
    page.keyboard.press("g")
    assert page.locator(".tile-of .none").count() > 0
    page.locator(".tile-of", has=page.locator(".none")).first.dblclick()
    assert "audit --pictures-mb" in page.locator("#stage").text_content()


@pytest.mark.parametrize(("width", "height"), [(1280, 900), TELEPHONE])
def test_hostile_names_ids_and_texts_are_shown_and_nothing_of_them_runs(
    opened, hostile, width, height
):
    url, _ = hostile
    page = opened(url, width=width, height=height)
    page.keyboard.press("g")
    assert len(tiles(page)) > 6
    assert HOSTILE[0] in page.locator(".tile-of .picture").all_text_contents()
    tab(page, "Overview")
    tab(page, "Decide")
    page.locator("#export").click()
    assert page.evaluate("window.ran") is None
    assert page.locator("script").count() == 4
    assert page.locator("main img").count() == 0
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert page.locator("#note").text_content() == HOSTILE[0]


def test_the_page_asks_for_nothing_else(browser, address):
    context = browser.new_context()
    page = context.new_page()
    asked = []
    page.on("request", lambda request: asked.append(request.url))
    page.goto(address)
    press(page, "kg")
    page.wait_for_load_state("networkidle")
    context.close()
    assert [url for url in asked if not url.startswith("data:")] == [address]


def test_on_a_telephone_everything_to_touch_has_44_pixels_and_the_bar_stays(opened, address):
    page = opened(address, width=400, height=800)
    small = """() => [...document.querySelectorAll('button, summary, nav a, select, input')]
      .filter((e) => e.checkVisibility() && !e.closest('#overview'))
      .filter((e) => e.getBoundingClientRect().height < 44)
      .map((e) => e.outerHTML.slice(0, 90))"""
    assert page.evaluate(small) == []
    bar = page.locator("#bar").bounding_box()
    page.locator("#side").evaluate("e => e.scrollTo(0, 1000)")
    assert page.locator("#bar").bounding_box() == bar
    page.keyboard.press("g")
    assert page.evaluate(small) == []
    page.locator("#filters-open").tap()
    assert page.evaluate(small.replace("input", "input:not([type=range])")) == []


def test_words_of_buttons_are_whole(opened, address):
    cut = """() => [...document.querySelectorAll('button .what, button')]
      .filter((e) => e.checkVisibility() && e.scrollWidth > e.clientWidth + 1)
      .map((e) => e.textContent)"""
    for width, height in (*DESKS, TELEPHONE):
        page = opened(address, width=width, height=height)
        assert page.evaluate(cut) == []
        page.keyboard.press("g")
        assert page.evaluate(cut) == []


def test_nothing_moves_where_people_want_no_motion(opened, address):
    page = opened(address)
    for motion, moves in (("reduce", 0), ("no-preference", 1)):
        page.emulate_media(reduced_motion=motion)
        press(page, "k")
        assert page.evaluate("document.getAnimations().length") == moves
        page.evaluate("document.getAnimations().forEach((a) => a.finish())")
    page.emulate_media(reduced_motion="null")


def test_in_forced_colours_what_is_pressed_and_selected_can_be_told(opened, address):
    page = opened(address)
    page.emulate_media(forced_colors="active")
    page.keyboard.press("g")
    colour = "e => getComputedStyle(e).backgroundColor"
    pressed, other = (
        page.locator(f"button[data-view={name}]").evaluate(colour) for name in ("grid", "one")
    )
    assert pressed != other
    page.locator(".tile-of").first.click()
    style = "e => getComputedStyle(e).borderStyle"
    kinds = [page.locator(".tile-of").nth(n).evaluate(style) for n in range(2)]
    assert kinds[0] == "double" != kinds[1]
    page.emulate_media(forced_colors="null")


def test_on_paper_are_the_overview_and_the_decided_ones(opened, address):
    page = opened(address)
    press(page, "kcx")
    page.evaluate("dispatchEvent(new Event('beforeprint'))")
    page.emulate_media(media="print")
    assert page.locator("#overview .panels").is_visible()
    assert page.locator("#stage").is_hidden()
    assert page.locator("header nav").is_hidden()
    rows = page.locator(".printed-row")
    assert rows.count() == 3
    assert rows.locator("img").count() == 3
    ends = page.locator("#overview").bounding_box()
    assert page.locator("#printed").bounding_box()["y"] >= ends["y"] + ends["height"]
    last = page.locator("#overview .panel").last.bounding_box()
    assert last["y"] + last["height"] <= ends["y"] + ends["height"]
    assert rows.nth(2).text_content().endswith("\u2192 unusable")
    page.emulate_media(media="null")


CONTRAST = """
() => {
  const parse = (text) => {
    const n = (text.match(/-?[0-9.]+/g) || []).map(Number);
    const whole = text.startsWith('color(') ? n.slice(0, 3).map((v) => v * 255) : n.slice(0, 3);
    return [...whole, n.length > 3 ? n[3] : 1];
  };
  const light = (rgb) => {
    const linear = (v) => (v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);
    const [r, g, b] = rgb.map((v) => linear(v / 255));
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const behind = (element) => {
    for (let at = element; at; at = at.parentElement) {
      const colour = parse(getComputedStyle(at).backgroundColor);
      if (colour[3] === 1) return colour;
      if (colour[3] !== 0) throw new Error('half transparent: ' + at.outerHTML.slice(0, 80));
    }
    return [255, 255, 255, 1];
  };
  const poor = [];
  let seen = 0;
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const element = walker.currentNode.parentElement;
    const text = walker.currentNode.textContent.trim();
    if (!text || element.closest('script, noscript, style')) continue;
    if (!element.checkVisibility()) continue;
    const style = getComputedStyle(element);
    const ink = parse(element.namespaceURI.endsWith('svg') ? style.fill : style.color);
    const a = light(ink.slice(0, 3));
    const b = light(behind(element).slice(0, 3));
    const ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
    seen += 1;
    if (ratio < 4.5) poor.push([element.tagName, ratio, text]);
  }
  return [seen, poor];
}
"""


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize(("width", "height"), [(1280, 900), TELEPHONE])
def test_every_text_has_the_contrast_of_wcag_aa(opened, address, scheme, width, height):
    page = opened(address, width=width, height=height, scheme=scheme)
    press(page, "cksx")
    page.keyboard.press("ArrowLeft")
    page.locator("summary").click()
    page.evaluate("document.getAnimations().forEach((a) => a.finish())")
    for _ in range(4):  # unusable, not sure, kept, confirmed: another button is pressed on each
        seen, poor = page.evaluate(CONTRAST)
        assert seen > 40
        assert poor == []
        page.keyboard.press("ArrowLeft")
        page.evaluate("document.getAnimations().forEach((a) => a.finish())")
    page.keyboard.press("g")
    page.locator(".tile-of").nth(5).click()
    page.evaluate("document.getAnimations().forEach((a) => a.finish())")
    seen, poor = page.evaluate(CONTRAST)
    assert seen > 40
    assert poor == []
    for dialog in ("filters", "help"):
        page.evaluate(f"document.getElementById('{dialog}').showModal()")
        assert page.evaluate(CONTRAST)[1] == []
        page.keyboard.press("Escape")
    for part in ("Overview", "Words"):
        tab(page, part)
        page.wait_for_timeout(50)
        seen, poor = page.evaluate(CONTRAST)
        assert seen > 40
        assert poor == []


NAMELESS = """
() => {
  const kinds = 'button, select, input, progress, [role=region], [role=img], '
    + '[role=listbox]';
  const all = [...document.querySelectorAll(kinds)];
  const nameless = all.filter((e) => !e.getAttribute('aria-label') && !(e.labels && e.labels.length)
    && (e.tagName !== 'BUTTON' || !e.textContent.trim()));
  return [all.length, nameless.map((e) => e.outerHTML.slice(0, 80))];
}
"""


def test_every_control_has_a_name(opened, address):
    page = opened(address)
    tab(page, "Overview")
    page.locator("svg.chart").first.wait_for()
    tab(page, "Decide")
    page.keyboard.press("g")
    page.locator("#export").click()
    seen, nameless = page.evaluate(NAMELESS)
    assert seen > 50
    assert nameless == []

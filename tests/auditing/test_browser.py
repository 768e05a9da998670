"""The audit's page in a real browser: Debian's Chromium, driven through its DevTools protocol."""

import csv
import dataclasses
import functools
import http.server
import json
import threading

import numpy as np
import pytest
from builders.audit_samples import HOSTILE, SHA, some_images, some_judged

from tssd_keras.auditing.suspects import rank_suspects
from tssd_keras.auditing.write import Samples, write_audit
from tssd_keras.data.inputs import ArrayInputs
from tssd_keras.data.labelled_data import as_ids

pytestmark = pytest.mark.backend_free
STORE = f"tssd-audit:{SHA}"


@pytest.fixture(scope="module")
def served(tmp_path_factory):
    """A folder, and the address it is served at: storage outlives a reload there as with files."""
    folder = tmp_path_factory.mktemp("pages")
    handler = functools.partial(Quiet, directory=str(folder))
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield folder, f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


class Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *args):
        pass


class Tabs:
    """One tab for each width and scheme, used again: to open one takes half a second."""

    def __init__(self, browser):
        self.browser, self.pages, self.said = browser, {}, []

    def __call__(self, address, *, width=1280, scheme="light", another=False):
        key = (width, scheme, another)
        if key not in self.pages:
            context = self.pages[width, scheme, False].context if another else None
            context = context or self.browser.new_context(
                viewport={"width": width, "height": 900}, color_scheme=scheme
            )
            page = self.pages[key] = context.new_page()
            page.set_default_timeout(10_000)
            page.on("console", lambda message: self.said.append(message.text))
            page.on("pageerror", lambda error: self.said.append(str(error)))
            page.on("dialog", lambda dialog: self.said.append(dialog.message) or dialog.dismiss())
        self.pages[key].goto(address)
        return self.pages[key]


@pytest.fixture(scope="module")
def tabs(browser):
    made = Tabs(browser)
    yield made
    for page in made.pages.values():
        page.close()


@pytest.fixture
def opened(tabs):
    """Gives a function that opens a page; fails if one said anything on the console."""
    yield tabs
    for page in tabs.pages.values():
        if page.url == "about:blank":
            continue
        page.evaluate("localStorage.clear()")
        page.goto("about:blank")
    said, tabs.said = tabs.said, []
    assert said == []


JUDGED = some_judged(300)
N_SHOWN = int(JUDGED.suspect.sum()) + 30  # and so many of the kept


@pytest.fixture(scope="module")
def address(served):
    folder, url = served
    write_audit(JUDGED, some_images(), folder / "plain", thumbnails=40, kept=30)
    return f"{url}/plain/report.html"


def order():
    """The rows of JUDGED in the gallery's order."""
    rank = rank_suspects(JUDGED)
    return [int(row) for row in np.argsort(np.where(rank > 0, rank, 999))[: rank.max()]]


def card(page, i):
    return page.locator(f'.card[data-i="{i}"]')


def current(page):
    return int(page.locator(".card.current").get_attribute("data-i"))


def stored(page):
    return dict(json.loads(page.evaluate(f"localStorage.getItem('{STORE}')") or "{}")["decided"])


def exported(page, tmp_path):
    with page.expect_download() as download:
        page.locator("#export").click()
    assert download.value.suggested_filename == "decisions.csv"
    path = tmp_path / "decisions.csv"
    download.value.save_as(path)
    with open(path, newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def test_the_page_shows_the_overview_and_the_surest_suspects_first(opened, address):
    page = opened(address)
    assert page.locator("h1").text_content() == "Audit of \u2068own\u2069"
    assert page.locator(".panel").count() >= 7
    assert page.locator("svg.chart path.line").count() >= 4
    assert page.locator(".card").count() == 24
    assert card(page, 0).locator(".rank").text_content() == "#1"
    assert card(page, 0).locator(".id").text_content() == f"\u2068id-{order()[0]}\u2069"
    assert page.evaluate("document.querySelector('.card img').naturalWidth") == 8
    assert "It carries no weight." in card(page, 0).locator(".reason").text_content()
    assert page.locator("#undo").is_disabled()
    assert page.locator("#export").is_disabled()


def test_where_a_stream_abstains_a_link_leads_to_what_unimodal_means(opened, served):
    folder, url = served
    judged = some_judged(30)
    silent = dataclasses.replace(judged.streams[0], loss_abstains=True)
    write_audit(dataclasses.replace(judged, streams=(silent,)), None, folder / "unimodal")
    page = opened(f"{url}/unimodal/report.html")
    chart = page.locator("figure", has=page.locator("[aria-label='Histogram of losses']"))
    assert "The scores are unimodal: the stream abstains here." in chart.text_content()
    chart.locator("a").click()
    term = page.locator(":target")
    assert term.text_content() == "unimodal"
    assert term.evaluate("e => e.getBoundingClientRect().top < innerHeight")


def test_filters_leave_those_that_were_asked_for(opened, address):
    page = opened(address)
    page.locator("#filter-pair").select_option("1")  # 3 * 0 + 1: cat to dog
    labels = page.locator(".card .labels").all_text_contents()
    assert labels
    assert all("cat" in text and "dog" in text for text in labels)
    page.get_by_role("button", name="Show all", exact=True).click()
    page.locator("#filter-role").select_option("uncertain")
    expected = int((JUDGED.role[JUDGED.suspect] == 2).sum())
    assert f"of {expected}" in page.locator("#pager-top .where").text_content()
    page.locator("#filter-class").select_option("2")
    touched = (JUDGED.given == 2) | (JUDGED.suggested == 2)
    expected = int((touched & JUDGED.suspect & (JUDGED.role == 2)).sum())
    assert f"of {expected}" in page.locator("#pager-top .where").text_content()
    page.get_by_role("button", name="Show all", exact=True).click()
    kept = page.locator("#filter-stratum option").filter(has_text="kept").get_attribute("value")
    page.locator("#filter-stratum").select_option(kept)
    assert "of 30" in page.locator("#pager-top .where").text_content()
    assert set(page.locator(".card .rank").all_text_contents()) == {"kept"}


def test_suspects_can_come_in_an_order_that_is_spread_over_the_ranks(opened, address):
    page = opened(address)
    page.locator("#filter-order").select_option("spread")
    shown = [int(c.get_attribute("data-i")) for c in page.locator(".card").all()]
    assert len(set(shown)) == 24
    assert np.histogram(shown, 4, (0, N_SHOWN))[0].min() >= 4
    card(page, shown[0]).focus()
    page.keyboard.press("k")
    assert current(page) == shown[1]
    page.reload()
    assert page.locator("#filter-order").input_value() == "spread"
    assert current(page) == shown[1]
    page.locator("#filter-picture").select_option("with")
    assert "of 40" in page.locator("#pager-top .where").text_content()
    assert page.locator(".card img").count() == 24


def test_where_no_other_class_is_suggested_there_is_nothing_to_confirm(opened, address):
    page = opened(address)
    page.locator("#filter-size").select_option("96")
    page.locator("#last-top").click()
    kept = card(page, N_SHOWN - 1)
    assert kept.locator("[data-action=confirm]").is_disabled()
    kept.focus()
    page.keyboard.press("c")
    assert kept.locator(".state").text_content().startswith("No other class is suggested")
    page.keyboard.press("k")
    assert kept.get_attribute("data-state") == "keep"


def test_a_pair_of_the_overview_leads_to_its_suspects(opened, address):
    page = opened(address)
    page.locator("[aria-label='Pairs of classes'] button").first.click()
    assert page.locator("#filter-pair").input_value() != "all"
    assert page.evaluate("document.activeElement.id") == "suspects"


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
    assert f"3 of {N_SHOWN} decided" in page.locator("#progress-text").text_content()
    assert "1 skipped" in page.locator("#progress-text").text_content()
    rows = exported(page, tmp_path)
    assert [int(r["index"]) for r in rows] == [2 * first[i] for i in (0, 1, 3)]
    assert [r["action"] for r in rows] == [states[i] for i in (0, 1, 3)]
    names = JUDGED.class_names
    for r, i in zip(rows, (0, 1, 3), strict=True):
        assert r["id"] == f"id-{first[i]}"
        assert r["given"] == names[JUDGED.given[first[i]]]
        assert r["stratum"] == f"suspects-1-{N_SHOWN - 30}"
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
    page.locator("#filter-order").select_option("spread")
    assert card(page, current(page)).get_attribute("data-state") == "open"


def test_undecided_samples_alone_are_worked_off_page_by_page(opened, address):
    page = opened(address)
    page.locator("#filter-size").select_option("12")
    page.locator("#filter-state").select_option("open")
    card(page, 0).focus()
    for _ in range(12):
        page.keyboard.press("k")
    assert current(page) == 12
    assert f"1 to 12 of {N_SHOWN - 12}" in page.locator("#pager-top .where").text_content()


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


def test_a_page_without_suspects_says_so(opened, served):
    folder, url = served
    judged = some_judged(30, weight=np.ones(30), suggested=np.arange(30) % 3, summary={}, rounds=[])
    write_audit(judged, None, folder / "none")
    page = opened(f"{url}/none/report.html")
    assert page.locator("#cards").text_content() == "No samples are like this."
    for key in "ckosunp":
        page.keyboard.press(key)
    assert page.locator("#progress-text").text_content().startswith("0 of 0 decided")


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
        "1 more on samples that this page does not show"
        in page.locator("#progress-text").text_content()
    )
    assert page.locator("#undo").is_disabled()
    card(page, 0).focus()
    page.keyboard.press("k")
    assert 9999 in stored(page)


@pytest.fixture(scope="module")
def hostile(served):
    folder, url = served
    n = 60
    ids = [f"{HOSTILE[i % 6]}{i}" for i in range(n)]
    judged = some_judged(n, HOSTILE, name=HOSTILE[1], ids=as_ids(ids), labels_sha256="cd" * 32)
    texts = np.array([HOSTILE[i % 6] for i in range(2 * n)])
    samples = Samples(inputs=ArrayInputs(np.zeros((2 * n, 3))), texts=texts)
    write_audit(judged, samples, folder / "hostile", note=HOSTILE[0])
    return f"{url}/hostile/report.html", judged


@pytest.mark.parametrize("width", [1280, 400])
def test_hostile_names_ids_and_texts_are_shown_and_nothing_of_them_runs(opened, hostile, width):
    url, _ = hostile
    page = opened(url, width=width)
    page.locator("#filter-size").select_option("96")
    assert page.locator(".card").count() > 6
    assert page.evaluate("window.ran") is None
    assert page.locator("script").count() == 2
    assert page.locator("main img").count() == 0
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert page.locator("#note").text_content() == HOSTILE[0]
    assert page.get_by_text("window.ran = 2").count() > 0


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


def test_the_page_asks_for_nothing_else(browser, address):
    context = browser.new_context()
    page = context.new_page()
    asked = []
    page.on("request", lambda request: asked.append(request.url))
    page.goto(address)
    page.wait_for_load_state("networkidle")
    context.close()
    assert [url for url in asked if not url.startswith("data:")] == [address]


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
      if (colour[3] !== 0) throw new Error('half transparent: ' + at.className);
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
@pytest.mark.parametrize("width", [1280, 400])
def test_every_text_has_the_contrast_of_wcag_aa_and_fits(opened, address, scheme, width):
    page = opened(address, width=width, scheme=scheme)
    card(page, 0).focus()
    for key in ("c", "k", "s"):
        page.keyboard.press(key)
    card(page, 4).locator("summary").click()
    seen, poor = page.evaluate(CONTRAST)
    assert seen > 300
    assert poor == []
    assert page.evaluate("document.documentElement.scrollWidth") == width
    for dialog in ("other", "help"):
        page.evaluate(f"document.getElementById('{dialog}').showModal()")
        assert page.evaluate(CONTRAST)[1] == []
        page.keyboard.press("Escape")


NAMELESS = """
() => {
  const kinds = 'button, select, input, progress, [role=region], [role=img]';
  const all = [...document.querySelectorAll(kinds)];
  const nameless = all.filter((e) => !e.getAttribute('aria-label') && !(e.labels && e.labels.length)
    && (e.tagName !== 'BUTTON' || !e.textContent.trim()));
  return [all.length, nameless.map((e) => e.outerHTML.slice(0, 80))];
}
"""


def test_every_control_has_a_name(opened, address):
    page = opened(address)
    seen, nameless = page.evaluate(NAMELESS)
    assert seen > 100
    assert nameless == []

"""The audit's page in a real browser: what it shows, and that everybody can read it."""

import dataclasses

import numpy as np
import pytest
from builders.audit_page import GALLERY, JUDGED, N_SUSPECTS, card, current, order
from builders.audit_samples import HOSTILE, some_judged

from tssd_keras.auditing.write import write_audit

pytestmark = pytest.mark.backend_free


def test_the_page_shows_the_overview_and_the_surest_suspects_first(opened, address):
    page = opened(address)
    assert page.locator("h1").text_content() == "Audit of \u2068own\u2069"
    assert page.locator(".panel").count() >= 7
    assert page.locator("svg.chart path.line").count() >= 4
    assert page.locator(".card").count() == 24
    assert card(page, 0).locator(".rank").text_content() == "#1"
    assert card(page, 0).locator(".id").text_content() == f"\u2068id-{order()[0]}\u2069"
    assert page.evaluate("document.querySelector('.card img').naturalWidth") == 8
    assert "It is not kept." in card(page, 0).locator(".reason").text_content()
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


def test_samples_can_come_in_the_order_that_teaches_the_next_run(opened, address):
    page = opened(address)
    assert "1 to 24" in page.locator("#pager-top .where").text_content()
    page.locator("#filter-order").select_option(label="teach the next run")
    shown = [int(c.get_attribute("data-i")) for c in page.locator(".card").all()]
    assert shown == GALLERY.teaching[:24].tolist()
    assert "of 50" in page.locator("#pager-top .where").text_content()
    n_kept = int((GALLERY.rank[GALLERY.rows[GALLERY.teaching]] == 0).sum())
    options = page.locator("#filter-stratum option").all_text_contents()
    assert options[-1] == f"kept ({n_kept})"
    assert "50 of the 300 judged samples" in page.locator("#about-suspects").text_content()
    page.locator("#filter-order").select_option("surest")
    assert f"of {N_SUSPECTS + 30}" in page.locator("#pager-top .where").text_content()
    page.locator("#filter-order").select_option("teaching")
    card(page, shown[0]).focus()
    page.keyboard.press("k")
    assert current(page) == shown[1]
    page.reload()
    assert page.locator("#filter-order").input_value() == "teaching"
    assert current(page) == shown[1]
    page.locator("#filter-picture").select_option("with")
    n = len(set(GALLERY.pictured.tolist()) & set(GALLERY.teaching.tolist()))
    assert 0 < n < 24
    assert f"of {n}" in page.locator("#pager-top .where").text_content()
    assert page.locator(".card img").count() == n


def test_a_pair_of_the_overview_leads_to_its_suspects(opened, address):
    page = opened(address)
    page.locator("[aria-label='Pairs of classes'] button").first.click()
    assert page.locator("#filter-pair").input_value() != "all"
    assert page.evaluate("document.activeElement.id") == "suspects"


def test_a_page_without_suspects_says_so(opened, served):
    folder, url = served
    judged = some_judged(30, weight=np.ones(30), suggested=np.arange(30) % 3, summary={}, rounds=[])
    write_audit(judged, None, folder / "none")
    page = opened(f"{url}/none/report.html")
    assert page.locator("#cards").text_content() == "There is nothing to decide in this order."
    assert page.locator("#about-suspects").text_content().startswith("No label is suspected.")
    for key in "ckosunp":
        page.keyboard.press(key)
    assert page.locator("#progress-text").text_content().startswith("0 of 0 decided")
    page.locator("#filter-order").select_option("teaching")
    assert page.locator(".card").count() == 24


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

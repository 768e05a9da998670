"""The audit's page as tests read it in a browser."""

import csv
import json

import numpy as np
from builders.audit_samples import SHA, some_judged

from tssd_keras.auditing.gallery import make_gallery
from tssd_keras.auditing.suspects import rank_suspects
from tssd_keras.data.columns import read_cell

STORE = f"tssd-audit:{SHA}"
UNSURE, UNUSABLE = -1, -2  # as the page stores them
JUDGED = some_judged(300)
N_SUSPECTS = int(JUDGED.suspect.sum())
BACK = "python cli.py relabel runs/own decisions.csv --out labels.csv"
SHOWN = {"kept": 30, "teaching": 50}
GALLERY = make_gallery(JUDGED, most=999, **SHOWN)
N_SHOWN = len(GALLERY.rows)  # suspects, 30 of the kept, and what teaches
N_LISTED = GALLERY.n_listed


def order(judged=JUDGED):
    """The suspects among the rows in the gallery's order."""
    rank = rank_suspects(judged)
    return [int(row) for row in np.argsort(np.where(rank > 0, rank, 10**6))[: rank.max()]]


def index_of(i):
    """The index of the sample at a place of the gallery."""
    return int(JUDGED.index[GALLERY.rows[i]])


def label_of(i, name):
    return int(getattr(JUDGED, name)[GALLERY.rows[i]])


def current(page):
    """The place of the current sample, -1 at the end of the list."""
    return int(page.locator("#work").get_attribute("data-current"))


def press(page, keys):
    for key in keys:
        page.keyboard.press(key)


def said(page):
    return page.locator("#said").text_content()


def where(page):
    return page.locator("#where").text_content()


def tile(page, i):
    return page.locator(f'.tile-of[data-i="{i}"]')


def tiles(page):
    """Places of the tiles on the screen."""
    return page.evaluate(
        "[...document.querySelectorAll('.tile-of')].map((e) => Number(e.dataset.i))"
    )


def selected(page):
    return page.evaluate(
        "[...document.querySelectorAll('.tile-of[aria-selected=true]')]"
        ".map((e) => Number(e.dataset.i))"
    )


def choose(page, name, value=None, **options):
    """Set a filter or the sorting, as a person does."""
    page.locator("#filters-open").click()
    page.locator(f"#filter-{name}").select_option(value, **options)


def stored(page, sha=SHA):
    """Index -> label, as the browser keeps it."""
    kept = json.loads(page.evaluate(f"localStorage.getItem('tssd-audit:{sha}')") or "{}")
    return {row[0]: row[1] for row in kept.get("decided", [])}


def exported(page, tmp_path, name="decisions-own.csv"):
    page.locator("#export").click()
    with page.expect_download() as download:
        page.locator("#write").click()
    assert download.value.suggested_filename == name
    path = tmp_path / "decisions.csv"
    download.value.save_as(path)
    return read(path)


def read(path):
    with open(path, newline="", encoding="utf-8") as file:
        return [{k: read_cell(v) for k, v in row.items()} for row in csv.DictReader(file)]

"""The audit's page as tests read it in a browser."""

import csv
import json

import numpy as np
from builders.audit_samples import SHA, some_judged

from tssd_keras.auditing.gallery import make_gallery
from tssd_keras.auditing.suspects import rank_suspects
from tssd_keras.data.columns import read_cell

STORE = f"tssd-audit:{SHA}"
JUDGED = some_judged(300)
N_SUSPECTS = int(JUDGED.suspect.sum())
SHOWN = {"kept": 30, "teaching": 50}
GALLERY = make_gallery(JUDGED, most=999, **SHOWN)
N_SHOWN = len(GALLERY.rows)  # suspects, 30 of the kept, and what teaches


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
        return [{k: read_cell(v) for k, v in row.items()} for row in csv.DictReader(file)]

"""From a run's audit through a person's decisions in the browser to labels to train with."""

import csv
import shutil

import numpy as np
import pytest
from builders.runs import train
from click.testing import CliRunner

from tssd_keras.cli.main import main


def tssd(*arguments):
    result = CliRunner().invoke(main, [str(a) for a in arguments])
    assert result.exit_code == 0, result.output
    return result.output


def rows(path):
    with open(path, newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def decide(page, path):
    """Three confirmed, two kept, one unsure, one unusable, one of another class, as they teach."""
    page.locator("[data-way=teaching]").click()
    page.keyboard.press("f")
    page.locator("#filter-stratum").select_option("0")
    for key in "cckkcsx":
        page.keyboard.press(key)
    page.keyboard.press("o")
    page.keyboard.type("7")
    page.keyboard.press("Enter")
    page.locator("#export").click()
    with page.expect_download() as download:
        page.locator("#write").click()
    download.value.save_as(path)


@pytest.mark.long
def test_what_is_decided_on_the_page_can_be_applied_and_trained_with(browser, digits_run, tmp_path):
    run = shutil.copytree(digits_run[0], tmp_path / "run")
    tssd("audit", run)
    context = browser.new_context()
    page = context.new_page()
    page.goto((run / "audit" / "report.html").as_uri())
    decide(page, tmp_path / "decisions.csv")
    context.close()
    decided = rows(tmp_path / "decisions.csv")
    assert [r["action"] for r in decided].count("unsure") == 1
    assert len(decided) == 8
    decided = [r for r in decided if r["action"] != "unsure"]
    left_out = next(r["index"] for r in decided if r["action"] == "unusable")
    tssd("relabel", run, tmp_path / "decisions.csv", "--out", tmp_path / "labels.csv")
    labels = {r["index"]: r["label"] for r in rows(tmp_path / "labels.csv")}
    given = np.load(run / "labels.npy", allow_pickle=False)
    told = {r["index"]: r["decided"] for r in decided}
    assert labels == {str(i): told.get(str(i), str(g)) for i, g in enumerate(given)}
    again = train(tmp_path / "again", f"golden.decisions={tmp_path / 'labels.csv'}")
    tssd("audit", again)
    found = rows(again / "audit" / "samples.csv")
    assert left_out not in {r["index"] for r in found}
    before = [r for r in found if r["stratum"] == "decided"]
    assert before
    assert {r["role"] for r in before} == {"decided"}
    assert {r["index"] for r in before} <= told.keys()
    for r in before:
        assert r["suggested_name"] == told[r["index"]]
        assert (r["rank"], r["p_wrong"], r["weight"]) == ("", "", "1")

"""One rule for decisions that programs changed: page and `relabel` take the same files.

What each file is and whether it is taken is held against `relabel`'s own reader, file by file.
"""

import csv
import io

import numpy as np
import pytest
from builders.audit_page import stored
from builders.audit_samples import some_images, some_judged

from tssd_keras.auditing.gallery import make_gallery
from tssd_keras.auditing.relabel import Strata, fitting_decisions
from tssd_keras.auditing.write import write_audit
from tssd_keras.data.labelled_data import as_ids
from tssd_keras.labels.decisions.table import UNSURE, UNUSABLE, DecisionError
from tssd_keras.run.read import RunLabels

pytestmark = pytest.mark.backend_free
NAMES = ("True", "007", "caf\u00e9", "a, b", "7.50", "\u200bx ", "=1+1")
IDS = ("TRUE", "0012", "c\u0301", "1e5", "plain", "=id")
SHA = "ef" * 32
JUDGED = some_judged(
    60,
    NAMES,
    labels_sha256=SHA,
    ids=as_ids([f"{IDS[i % 6]}{'' if i < 6 else i}" for i in range(60)]),
)
GALLERY = make_gallery(JUDGED, most=999, kept=60, teaching=0)


@pytest.fixture(scope="module")
def address(served):
    folder, url = served
    write_audit(JUDGED, some_images(60), folder / "reading", kept=60, teaching=0)
    return f"{url}/reading/report.html"


def row(i, action="keep", decided=None, **change):
    """A row about sample i of those judged."""
    given = NAMES[JUDGED.given[i]]
    decided = {"unusable": "", "unsure": ""}.get(action, given if decided is None else decided)
    return {
        "id": JUDGED.ids[i],
        "index": str(JUDGED.index[i]),
        "given": given,
        "decided": decided,
        "action": action,
        "stratum": GALLERY.stratum[i],
        "labels_sha256": SHA,
        "by": "ana",
    } | change


def table(rows, delimiter=",", head="", quoting=csv.QUOTE_MINIMAL):
    text = io.StringIO()
    writer = csv.DictWriter(text, rows[0], delimiter=delimiter, quoting=quoting)
    writer.writeheader()
    writer.writerows(rows)
    return head + text.getvalue()


def keeps(n=7, **change):
    return [row(i, **change) for i in range(n)]


def as_spreadsheet(cell):
    """What opening and saving in a spreadsheet makes of a cell."""
    if cell.lower() in ("true", "false"):
        return cell.upper()
    return str(int(cell)) if cell.isdigit() else cell


SPREADSHEET = [{k: as_spreadsheet(v) for k, v in made.items()} for made in keeps()]
TAKEN = {
    "as it was": table(keeps()),
    "a spreadsheet's": table(SPREADSHEET),
    "pandas'": table([{**made, "index": f"{made['index']}.0"} for made in SPREADSHEET]),
    "semicolons, told": table(SPREADSHEET, ";", head="sep=;\r\n"),
    "tabs": table(SPREADSHEET, "\t"),
    "composed otherwise": table(
        [
            {
                **r,
                "given": r["given"].replace("\u00e9", "e\u0301"),
                "decided": r["decided"].replace("\u00e9", "e\u0301"),
            }
            for r in keeps()
        ]
    ),
    "without what nobody sees": table(
        [
            {
                **r,
                "given": r["given"].replace("\u200bx ", "x"),
                "decided": r["decided"].replace("\u200bx ", "x"),
            }
            for r in keeps()
        ]
    ),
    "blank rows": table(keeps()).replace("\r\n", "\r\n,,,,,,,\r\n\r\n"),
    "blank cells behind": "\r\n".join(
        f"{line},," if n else line for n, line in enumerate(table([row(4)]).split("\r\n")[:2])
    )
    + "\r\n",
    "spaces in the header": table(keeps()).replace("given,", " given ,", 1),
    "twice the same": table([*keeps(), row(0)]),
    "not sure and unusable": table([row(0, "unsure"), row(1, "unusable"), row(2)]),
    "everything quoted": table(keeps(), quoting=csv.QUOTE_ALL),
    "line breaks of Unix": table(keeps()).replace("\r\n", "\n"),
    "a formula with its apostrophe": table([{**row(6), "given": "'=1+1", "decided": "'=1+1"}]),
}
REFUSED = {
    "another class": table(keeps(2, decided="wolf")),
    "another given": table(keeps(2, given="wolf")),
    "another id": table(keeps(2, id="nobody")),
    "another index": table(keeps(1, index="1.5")),
    "a negative index": table(keeps(1, index="-2")),
    "another hash": table(keeps(1, labels_sha256="00" * 32)),
    "another action": table(keeps(1, action="perhaps")),
    "keep of another": table([row(0, "keep", NAMES[3])]),
    "other of the given": table([row(0, "other", NAMES[0])]),
    "unsure with a class": table([{**row(0, "unsure"), "decided": NAMES[0]}]),
    "another stratum": table(keeps(1, stratum="suspects-1-2")),
    "decided twice": table([row(0), row(0, "unusable")]),
    "a cell too few": table(keeps(2)).rstrip("\r\n").rsplit(",", 1)[0] + "\r\n",
    "a column twice": table(keeps(1)).replace("by", "given", 1),
    "a column less": "\r\n".join(
        line.split(",", 1)[1] for line in table([row(4)]).split("\r\n")[:2]
    ),
    "7.5 for 7.50": table([{**row(4), "decided": "7.5", "given": "7.5"}]),
}


def by_relabel(path):
    """Index -> label, as `relabel` reads a file; None where it refuses it."""
    given = np.full(120, -1)
    given[JUDGED.index] = JUDGED.given
    ids = dict(zip(JUDGED.index.tolist(), JUDGED.ids.tolist(), strict=True))
    labels = RunLabels(given, SHA, NAMES, ids, None)
    strata = Strata(
        dict(zip(JUDGED.index.tolist(), GALLERY.stratum.tolist(), strict=True)),
        {stratum.name: stratum.samples for stratum in GALLERY.strata},
    )
    try:
        found = fitting_decisions(path, labels, strata)
    except DecisionError:
        return None
    other = {UNSURE: -1, UNUSABLE: -2}
    return {
        index: other.get(cells["action"], NAMES.index(cells["decided"]) if cells["decided"] else 0)
        for index, cells in found.items()
    }


@pytest.mark.parametrize("coding", ["utf-8-sig", "utf-16"])
def test_the_page_takes_and_refuses_what_relabel_does(opened, address, tmp_path, coding):
    page = opened(address)
    files = {**TAKEN, **REFUSED} if coding != "utf-16" else dict(list(TAKEN.items())[:4])
    for n, (what, text) in enumerate(files.items()):
        path = tmp_path / f"{n}.csv"
        with open(path, "w", encoding=coding, newline="") as file:
            file.write(text)
        expected = by_relabel(path)
        assert (expected is None) == (what in REFUSED), what
        page.locator("#export").click()
        page.locator("#read").set_input_files(path)
        page.locator("#people-title", has_text="read").wait_for()
        title = page.locator("#people-title").text_content()
        assert (title == "Nothing was read") == (expected is None), what
        page.keyboard.press("Escape")
        assert stored(page, SHA) == (expected or {}), what
        page.keyboard.press("u")  # reading was one step
        assert stored(page, SHA) == {}, what

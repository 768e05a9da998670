"""The audit's page in Firefox: opened from disk, with originals beside it, decided on by key."""

import pytest
from builders.audit_page import JUDGED, SHOWN, STORE, index_of, label_of
from builders.audit_samples import some_images
from builders.marionette import FIREFOX, firefox

from tssd_keras.auditing.write import write_audit

pytestmark = [
    pytest.mark.backend_free,
    pytest.mark.skipif(FIREFOX is None, reason="no Firefox: apt-get install firefox-esr"),
]
DECIDED = (
    "Object.fromEntries(JSON.parse(localStorage.getItem("
    f"{STORE!r})).decided.map(([index, label]) => [index, label]))"
)


def test_the_page_is_opened_from_disk_and_decided_on_by_key(tmp_path):
    images = some_images(shape=(300, 40, 1))
    write_audit(JUDGED, images, tmp_path / "audit", originals=True, **SHOWN)
    with firefox(tmp_path / "profile") as window:
        address = (tmp_path / "audit" / "report.html").as_uri()
        window.goto(address)
        assert window.evaluate("document.querySelector('.rank').textContent") == "#1"
        shown = "document.querySelector('#stage img')"
        assert window.evaluate(f"{shown}.naturalHeight") == 300  # the picture in the page has 256
        assert window.evaluate(f"{shown}.src").endswith(f"originals/{index_of(0)}.jpg")
        window.press("ckxuz")
        expected = {
            str(index_of(0)): label_of(0, "suggested"),
            str(index_of(1)): label_of(1, "given"),
        }
        assert window.evaluate(DECIDED) == expected
        assert window.evaluate("document.querySelector('#stage.zoomed') !== null")
        window.goto(address)
        progress = "document.getElementById('progress-text').textContent"
        assert window.evaluate(progress).startswith("2 decided")
        window.press("ga")
        tiles = window.evaluate("document.querySelectorAll('.tile-of').length")
        selected = "document.querySelectorAll('.tile-of[aria-selected=true]').length"
        assert window.evaluate(selected) == tiles - 2 > 30
        window.press("k")
        assert window.evaluate(progress).startswith(f"{tiles} decided")

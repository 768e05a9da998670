import base64
import hashlib
import json
import re
from html.parser import HTMLParser

import numpy as np
import pytest
from builders.audit_samples import HOSTILE, some_images, some_judged

from tssd_keras.auditing.beside import choose_beside
from tssd_keras.auditing.evidence import gather
from tssd_keras.auditing.gallery import make_gallery
from tssd_keras.auditing.page import as_json, page_data, render
from tssd_keras.auditing.pictures import NO_PICTURES, as_image, data_uri
from tssd_keras.auditing.write import Samples, write_audit
from tssd_keras.data.inputs import ArrayInputs
from tssd_keras.data.labelled_data import as_ids

pytestmark = pytest.mark.backend_free


class Tags(HTMLParser):
    def __init__(self):
        super().__init__()
        self.seen, self.data, self.inside = [], {}, None

    def handle_starttag(self, tag, attrs):
        self.seen.append((tag, dict(attrs)))
        self.inside = (tag, dict(attrs).get("id"))

    def handle_data(self, data):
        if self.inside:
            self.data[self.inside] = self.data.get(self.inside, "") + data

    def handle_endtag(self, tag):
        self.inside = None


def page_of(judged, **change):
    gallery, evidence = make_gallery(judged, most=10**6), gather(judged)
    beside = choose_beside(judged, evidence.place, gallery.rows)
    data = page_data(judged, gallery, evidence, beside, NO_PICTURES, **change)
    return data, render(data)


def pictures_of(html, block="pictures"):
    """The pictures of a page, as they went in."""
    return [json.loads(line) for line in parsed(html).data[("script", block)].split("\n")]


def parsed(html):
    tags = Tags()
    tags.feed(html)
    return tags


def test_data_come_back_from_the_page_as_they_went_in():
    judged = some_judged(30, HOSTILE, name=HOSTILE[1], ids=None)
    data, html = page_of(judged, note=HOSTILE[0])
    assert html.isascii()
    found = json.loads(parsed(html).data[("script", "data")])
    assert found == json.loads(json.dumps(data))
    assert found["classes"] == list(HOSTILE)


def test_hostile_text_adds_no_element():
    _, tame = page_of(some_judged(30, ("a", "b", "c", "d", "e", "f")))
    _, wild = page_of(
        some_judged(
            30, HOSTILE, name=HOSTILE[0], ids=as_ids([HOSTILE[0] + str(i) for i in range(30)])
        )
    )
    assert [tag for tag, _ in parsed(wild).seen] == [tag for tag, _ in parsed(tame).seen]
    assert "<script>window" not in wild


def test_json_for_a_script_block_holds_nothing_that_could_end_it():
    text = as_json(["</script><!--<script>", "\u2028\u2029", "&amp;", "\ud800"])
    assert re.search(r"[<>&\u2028\u2029]", text) is None
    assert text.isascii()
    assert json.loads(text) == ["</script><!--<script>", "\u2028\u2029", "&amp;", "\ud800"]


def test_nothing_but_the_page_s_own_script_and_style_may_run():
    _, html = page_of(some_judged(9))
    tags = parsed(html)
    policy = next(
        a["content"] for t, a in tags.seen if t == "meta" and "content" in a and "http-equiv" in a
    )
    rules = dict(rule.strip().split(" ", 1) for rule in policy.split(";"))
    assert rules["default-src"] == rules["base-uri"] == rules["form-action"] == "'none'"
    assert rules["img-src"] == "data:"
    for tag in ("script", "style"):
        own = re.search(rf"<{tag}>(.*?)</{tag}>", html, re.S).group(1)
        digest = base64.b64encode(hashlib.sha256(own.encode()).digest()).decode()
        assert rules[f"{tag}-src"] == f"'sha256-{digest}'"
    assert not [a for _, attrs in tags.seen for a in attrs if a.startswith("on")]


def test_the_page_names_no_other_place():
    _, html = page_of(some_judged(9))
    tags = parsed(html)
    links = [a.get("href") or a.get("src") for _, a in tags.seen if "href" in a or "src" in a]
    assert links
    assert all(link.startswith(("#", "data:")) for link in links)
    assert set(re.findall(r"https?://[^'\"\s]+", html)) == {"http://www.w3.org/2000/svg"}


def test_the_script_parses_no_html():
    _, html = page_of(some_judged(9))
    for word in (
        "innerHTML",
        "outerHTML",
        "insertAdjacentHTML",
        "document.write",
        "eval(",
        "Function(",
    ):
        assert word not in html


def test_a_page_of_50_000_samples_holds_as_many_pictures_as_15_mb(tmp_path):
    n = 50_000
    images = np.random.default_rng(0).integers(0, 256, (2100, 64, 64, 3), dtype=np.uint8)

    class Repeated(ArrayInputs):
        def read(self, index):
            return super().read(index % len(images))

    judged = some_judged(n, [f"class {i}" for i in range(100)])
    out = tmp_path / "audit"
    write_audit(judged, Samples(inputs=Repeated(images)), out, most=n, teaching=0)
    html = (out / "report.html").read_text()
    made, beside = pictures_of(html), pictures_of(html, "beside")
    assert 14.9e6 < sum(map(len, made + beside)) <= 15e6
    assert len(html) < 21e6
    data = json.loads(parsed(html).data[("script", "data")])
    assert len(made) == len(data["pictures"]["at"]) > 1000
    assert data["pictures"]["at"] == list(range(len(made)))  # the surest suspects
    assert len(data["samples"]["index"]) == judged.suspect.sum()


def test_pictures_are_those_of_the_samples_they_stand_beside(tmp_path):
    judged, samples = some_judged(60), some_images(60)
    out = tmp_path / "audit"
    write_audit(judged, samples, out, pictures_mb=0.01)
    html = (out / "report.html").read_text()
    data = json.loads(parsed(html).data[("script", "data")])
    places = data["pictures"]["at"]
    assert 0 < len(places) < len(data["samples"]["index"])
    expected = samples.inputs.read(np.array(data["samples"]["index"])[places])
    assert pictures_of(html) == [data_uri(as_image(image)) for image in expected]
    beside = pictures_of(html, "beside")
    expected = samples.inputs.read(np.array(data["beside"]["index"])[: len(beside)])
    assert beside == [data_uri(as_image(image)) for image in expected]

"""Served pages and the tabs that open them: Debian's Chromium, through its DevTools protocol."""

import functools
import http.server
import threading

import numpy as np
import pytest
from builders.audit_page import BACK, JUDGED, SHOWN
from builders.audit_samples import HOSTILE, some_images, some_judged

from tssd_keras.auditing.write import Samples, write_audit
from tssd_keras.data.inputs import ArrayInputs
from tssd_keras.data.labelled_data import as_ids


# One server and one build of each page serve all modules: what a page keeps is cleared after each
# test.
@pytest.fixture(scope="session")
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
        self.browser, self.pages, self.said, self.asked = browser, {}, [], 0
        self.used = set()  # by the test at hand
        self.expected = []  # what its console may say, also once the test has ended

    def __call__(self, address, *, width=1280, height=900, scheme="light", another=False):
        key = (width, height, scheme, another)
        if key not in self.pages:
            context = self.pages[width, height, scheme, False].context if another else None
            context = context or self.browser.new_context(
                viewport={"width": width, "height": height},
                color_scheme=scheme,
                has_touch=width <= 400,
            )
            page = self.pages[key] = context.new_page()
            page.set_default_timeout(10_000)
            page.on("console", lambda message: self.said.append(message.text))
            page.on("pageerror", lambda error: self.said.append(str(error)))
            page.on("dialog", self._answer)
        asked = self.asked
        self.pages[key].goto(address)
        if key not in self.used:  # what an earlier test left asked
            self.asked = asked
        self.used.add(key)
        return self.pages[key]

    def clear(self):
        """Forget what the pages of this test stored. To leave one costs as much as to open it, so
        it stays, unless it is of a server of the test's own, or shares another's storage."""
        for key in self.used:
            page = self.pages[key]
            page.evaluate("localStorage.clear()")
            if not page.url.endswith("report.html") or key[-1]:
                page.goto("about:blank")
        self.used, self.asked = set(), 0

    def _answer(self, dialog):
        """Leave where the page asks, and note it; whatever else a page asks is a fault."""
        if dialog.type == "beforeunload":
            self.asked += 1
            dialog.accept()
        else:
            self.said.append(dialog.message)
            dialog.dismiss()


@pytest.fixture(scope="session")
def tabs(browser):
    made = Tabs(browser)
    yield made
    for page in made.pages.values():
        page.close()


@pytest.fixture
def opened(tabs):
    """Gives a function that opens a page; fails if one said anything on the console."""
    yield tabs
    tabs.clear()
    said, tabs.said = tabs.said, []
    expected, tabs.expected = tabs.expected, []
    assert [line for line in said if not any(word in line for word in expected)] == []


@pytest.fixture(scope="session")
def address(served):
    folder, url = served
    write_audit(JUDGED, some_images(), folder / "plain", back=BACK, **SHOWN)
    return f"{url}/plain/report.html"


@pytest.fixture(scope="session")
def hostile(served):
    folder, url = served
    n = 60
    ids = [f"{HOSTILE[i % 6]}{i}" for i in range(n)]
    judged = some_judged(
        n, HOSTILE, name=HOSTILE[1], run=HOSTILE[0], ids=as_ids(ids), labels_sha256="cd" * 32
    )
    assert set(np.flatnonzero(judged.suspect) % 6) == set(range(6))
    texts = np.array([HOSTILE[i % 6] for i in range(2 * n)])
    samples = Samples(inputs=ArrayInputs(np.zeros((2 * n, 3))), texts=texts)
    write_audit(judged, samples, folder / "hostile", note=HOSTILE[0])
    return f"{url}/hostile/report.html", judged

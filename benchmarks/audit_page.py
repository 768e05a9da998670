"""How large an audit's page is, how soon it is open, and how fast one decides on it.

    python benchmarks/audit_page.py [SAMPLES [MEGABYTES]]

Every one of SAMPLES (50,000) samples is a suspect on the page, the most that it can hold;
MEGABYTES (15) are pictures of 256 x 256 pixels, smooth colours with some noise, as photographs
have. Chromium opens the file from disk, once to warm up and then nine times, each in a context
of its own. Open is when the first sample is drawn and answers: `requestAnimationFrame` twice after
the script has ended. A key is timed from its event to the end of the second frame after it, with
5,000 decisions stored; 50 keys in the fixed place, in which nothing may scroll, then all that is
needed for 200 alike in the grid. Needs chromium, and playwright (the extra dev).
"""

from __future__ import annotations

import json
import shutil
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np

from tssd_keras.auditing.write import Samples, write_audit
from tssd_keras.data.inputs import ArrayInputs
from tssd_keras.data.labelled_data import as_ids
from tssd_keras.judge.divide import divide
from tssd_keras.judge.findings import Findings
from tssd_keras.judge.roles import NEGATIVE, POSITIVE
from tssd_keras.judge.streams import Streams
from tssd_keras.judge.top_classes import TopClasses

CLASSES = 100
TIMES = 9
PHOTOGRAPHS = 200  # different ones
STORED = 5000  # decisions, when keys are timed
FRAMES = (
    "new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(() =>"
    " done(performance.now()))))"
)
OPEN = f"() => {FRAMES}.then((at) => [at, document.querySelector('#stage > .picture') !== null])"
TIMED = f"""(code) => {{
  const begin = performance.now();
  const key = code.startsWith('Key') ? code[3].toLowerCase() : code;
  document.body.dispatchEvent(new KeyboardEvent('keydown', {{ code, key, bubbles: true }}));
  const worked = performance.now() - begin;
  return {FRAMES}.then((end) => [worked, end - begin, scrollY]);
}}"""


def photographs(n: int, rng: np.random.Generator) -> np.ndarray:
    """uint8[n, 256, 256, 3]: gradients between random colours, with noise."""
    corners = rng.uniform(0, 255, (n, 8, 8, 3))
    smooth = corners.repeat(32, axis=1).repeat(32, axis=2).astype(np.float32)
    for axis in (1, 2):
        smooth = (smooth + np.roll(smooth, 16, axis) + np.roll(smooth, -16, axis)) / 3
    return np.clip(smooth + rng.normal(0, 6, smooth.shape), 0, 255).astype(np.uint8)


def suspects(n: int, rng: np.random.Generator) -> Findings:
    """n samples, none of which keeps its label, and a hundredth as many that do."""
    kept = n // 100
    m = n + kept
    given, wrong = rng.integers(0, CLASSES, m), np.arange(m) < n
    loss, similarity = rng.gamma(2, 1, m), rng.normal(0.5, 0.1, m)
    streams = Streams.of(
        divide(loss, similarity, given, CLASSES),
        loss,
        similarity,
        index=np.arange(m),
        given=given,
        transition=np.full((CLASSES, CLASSES), 1 / CLASSES),
        top=TopClasses.of_log_p(np.log(rng.dirichlet(np.ones(CLASSES), m))),
        place=rng.normal(size=(m, 32)),
    )
    return Findings(
        name="benchmark",
        class_names=tuple(f"class {i}" for i in range(CLASSES)),
        labels_sha256="0" * 64,
        index=np.arange(m),
        given=given,
        suggested=np.where(wrong, (given + rng.integers(1, 3, m)) % CLASSES, given),
        p_suggested=rng.uniform(0.3, 1, m),
        weight=np.where(wrong, 0.0, 1.0),
        role=np.where(wrong, NEGATIVE, POSITIVE).astype(np.int8),
        p_loss=rng.uniform(0, 0.5, m),
        p_feature=rng.uniform(0, 0.5, m),
        q=rng.uniform(0, 0.5, m),
        changed=np.full(m, 7),
        ids=as_ids([f"photographs/{i:06}.jpg" for i in range(m)]),
        streams=(streams,),
    )


class Repeated(ArrayInputs):
    """A few photographs that stand for many."""

    def read(self, index: np.ndarray) -> np.ndarray:
        """See `Inputs.read`."""
        return super().read(index % len(self))


def opened(browser: Any, page: Path) -> float:
    """Seconds until the page is open, in a context of its own."""
    context = browser.new_context(viewport={"width": 1280, "height": 900})
    tab = context.new_page()
    tab.goto(page.as_uri())
    milliseconds, shown = tab.evaluate(OPEN)
    context.close()
    if not shown:
        sys.exit("the page shows no sample")
    return milliseconds / 1000


def decided(browser: Any, page: Path, sha: str) -> tuple[list[float], list[float], int]:
    """Milliseconds of the script and of the screen for each of 50 keys, and the actions for 200."""
    context = browser.new_context(viewport={"width": 1280, "height": 900})
    tab = context.new_page()
    tab.goto(page.as_uri())
    some = list(range(100, 100 + STORED))
    kept = {
        "decided": [[i, i % CLASSES] for i in some],
        "steps": [[[i, None, i % CLASSES]] for i in some[:2000]],
        "fresh": some,
    }
    tab.evaluate("([k, v]) => localStorage.setItem(k, v)", [f"tssd-audit:{sha}", json.dumps(kept)])
    tab.on("dialog", lambda dialog: dialog.accept())
    tab.reload()
    keys = ("KeyC", "KeyK", "Digit2", "KeyX", "KeyC")
    found = [tab.evaluate(TIMED, keys[n % len(keys)]) for n in range(50)]
    if any(scrolled for _, _, scrolled in found):
        sys.exit("something scrolled")
    actions = alike(tab)
    context.close()
    return [worked for worked, _, _ in found], [seen for _, seen, _ in found], actions


def alike(tab: Any) -> int:
    """Actions until 200 undecided samples of one pair of classes are confirmed in the grid."""
    count = "() => Number(document.getElementById('progress-text').textContent.match(/[0-9,]+/)[0]"
    count += ".replaceAll(',', ''))"
    before, actions = tab.evaluate(count), 3
    tab.keyboard.press("g")
    tab.locator("#filters-open").click()
    tab.locator("#filter-pair").select_option(index=1)
    while tab.evaluate(count) < before + 200 and actions < 50:
        tab.keyboard.press("a")
        tab.keyboard.press("c")
        actions += 2
    return actions


def main(n: int, megabytes: int) -> None:
    """Print one row."""
    from playwright.sync_api import sync_playwright

    rng = np.random.default_rng(0)
    findings, inputs = suspects(n, rng), Repeated(photographs(PHOTOGRAPHS, rng))
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "audit"
        start = time.perf_counter()
        lines = write_audit(
            findings, Samples(inputs=inputs), out, pictures_mb=megabytes, most=n, teaching=0
        )
        written = time.perf_counter() - start
        page = out / "report.html"
        with sync_playwright() as driver:
            browser = driver.chromium.launch(
                executable_path=shutil.which("chromium"), args=["--no-sandbox"]
            )
            seconds = [opened(browser, page) for _ in range(1 + TIMES)][1:]
            worked, seen, actions = decided(browser, page, findings.labels_sha256)
            version = browser.version
            browser.close()
        size = page.stat().st_size / 1e6
    print(lines[0])
    print(
        "| samples | MB of pictures | page MB | seconds to write all | open s, median | slowest "
        "| a key ms, script, median | slowest | to the screen, median | slowest | actions for 200 |"
    )
    print("|" + " --- |" * 11)
    print(
        f"| {n:,} | {megabytes} | {size:.1f} | {written:.1f} | {statistics.median(seconds):.2f} | "
        f"{max(seconds):.2f} | {statistics.median(worked):.0f} | {max(worked):.0f} | "
        f"{statistics.median(seen):.0f} | {max(seen):.0f} | {actions} |"
    )
    print(f"Chromium {version}; seconds since the navigation began, as the page counts them.")


if __name__ == "__main__":
    numbers = [int(word) for word in sys.argv[1:]]
    main(*(numbers + [50_000, 15][len(numbers) :]))

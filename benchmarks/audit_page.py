"""How large an audit's page is, how long it takes to write, and how soon it is open.

    python benchmarks/audit_page.py [SAMPLES [THUMBNAILS]]

Every one of SAMPLES (50,000) samples is a suspect on the page, the most that it can
hold; THUMBNAILS (2,000) of them have a picture of 64 x 64 pixels, smooth colours
with some noise, as photographs have. Chromium opens the file from disk, once to
warm up and then nine times, each in a context of its own. Open is when the first
page of samples is drawn and answers: `requestAnimationFrame` twice after the
script has ended. Needs chromium, and playwright (the extra dev).
"""

from __future__ import annotations

import shutil
import statistics
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from tssd_keras.auditing.write import Samples, write_audit
from tssd_keras.data.inputs import ArrayInputs
from tssd_keras.data.labelled_data import as_ids
from tssd_keras.judge.divide import divide
from tssd_keras.judge.findings import Findings
from tssd_keras.judge.roles import NEGATIVE
from tssd_keras.judge.streams import Streams

CLASSES = 100
TIMES = 9
OPEN = (
    "() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(() =>"
    " done([performance.now(), document.querySelectorAll('.card').length]))))"
)


def photographs(n: int, rng: np.random.Generator) -> np.ndarray:
    """uint8[n, 64, 64, 3]: gradients between random colours, with noise."""
    corners = rng.uniform(0, 255, (n, 4, 4, 3))
    smooth = corners.repeat(16, axis=1).repeat(16, axis=2)
    for axis in (1, 2):
        smooth = (smooth + np.roll(smooth, 4, axis) + np.roll(smooth, -4, axis)) / 3
    return np.clip(smooth + rng.normal(0, 8, smooth.shape), 0, 255).astype(np.uint8)


def suspects(n: int, rng: np.random.Generator) -> Findings:
    """n samples, none of which keeps its label."""
    given = rng.integers(0, CLASSES, n)
    loss, similarity = rng.gamma(2, 1, n), rng.normal(0.5, 0.1, n)
    streams = Streams.of(
        divide(loss, similarity, given, CLASSES),
        loss,
        similarity,
        index=np.arange(n),
        given=given,
        transition=np.full((CLASSES, CLASSES), 1 / CLASSES),
    )
    return Findings(
        name="benchmark",
        class_names=tuple(f"class {i}" for i in range(CLASSES)),
        labels_sha256="0" * 64,
        index=np.arange(n),
        given=given,
        suggested=(given + rng.integers(1, CLASSES, n)) % CLASSES,
        confidence=rng.uniform(0.3, 1, n),
        weight=np.zeros(n),
        role=np.full(n, NEGATIVE, np.int8),
        p_loss=rng.uniform(0, 0.5, n),
        p_feature=rng.uniform(0, 0.5, n),
        q=rng.uniform(0, 0.5, n),
        changed=np.full(n, 7),
        ids=as_ids([f"photographs/{i:06}.jpg" for i in range(n)]),
        streams=(streams,),
    )


class Repeated(ArrayInputs):
    """A few photographs that stand for many."""

    def read(self, index: np.ndarray) -> np.ndarray:
        """See `Inputs.read`."""
        return super().read(index % len(self))


def main(n: int, thumbnails: int) -> None:
    """Print one row."""
    from playwright.sync_api import sync_playwright

    rng = np.random.default_rng(0)
    findings, inputs = suspects(n, rng), Repeated(photographs(min(n, 2 * thumbnails), rng))
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "audit"
        start = time.perf_counter()
        write_audit(findings, Samples(inputs=inputs), out, thumbnails=thumbnails, most=n)
        written = time.perf_counter() - start
        page = out / "report.html"
        opened = []
        with sync_playwright() as driver:
            browser = driver.chromium.launch(
                executable_path=shutil.which("chromium"), args=["--no-sandbox"]
            )
            for _ in range(1 + TIMES):
                context = browser.new_context(viewport={"width": 1280, "height": 900})
                tab = context.new_page()
                tab.goto(page.as_uri())
                milliseconds, cards = tab.evaluate(OPEN)
                if not cards:
                    sys.exit("the page shows no sample")
                opened.append(milliseconds / 1000)
                context.close()
            version = browser.version
            browser.close()
        size = page.stat().st_size / 1e6
    print("| samples | thumbnails | page MB | seconds to write all | open s, median | slowest |")
    print("|" + " --- |" * 6)
    print(
        f"| {n:,} | {thumbnails:,} | {size:.1f} | {written:.1f} | "
        f"{statistics.median(opened[1:]):.2f} | {max(opened[1:]):.2f} |"
    )
    print(f"Chromium {version}; seconds since the navigation began, as the page counts them.")


if __name__ == "__main__":
    numbers = [int(word) for word in sys.argv[1:]]
    main(*(numbers + [50_000, 2_000][len(numbers) :]))

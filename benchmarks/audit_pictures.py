"""The pictures of docs/audit.md: an audit's page, as Chromium shows it.

    python cli.py train recipes/fashion_mnist_12k.toml --set noise.kind=asymmetric \\
      --set noise.rate=0.4 --set train.epochs=8 --out runs/pictures
    python cli.py audit runs/pictures --kept 200
    python benchmarks/audit_pictures.py runs/pictures/audit/report.html [FOLDER]

Written are audit_overview.png, audit_one.png (in the dark), audit_grid.png (some are selected)
and audit_narrow.png (400 pixels wide) into FOLDER, by default docs. Needs chromium, and
playwright (the extra dev).
"""

from __future__ import annotations

import io
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from PIL import Image

DOCS = Path(__file__).parent.parent / "docs"
COLOURS = 128  # of a picture on file


def overview(page: Any) -> None:
    """The run as a whole."""
    page.get_by_role("link", name="Overview", exact=True).click()
    page.locator("svg.chart").first.wait_for()


def one(page: Any) -> None:
    """Two confirmed, one not sure, the fourth at hand."""
    press(page, "ccs")


def grid(page: Any) -> None:
    """A pair of classes, the first screen confirmed, some of the second selected."""
    press(page, "g")
    page.locator("#filters-open").click()
    page.locator("#filter-pair").select_option(index=1)
    press(page, "ac")
    for n in (2, 3, 4, 13, 14):
        page.locator(".tile-of").nth(n).click()


def press(page: Any, keys: str) -> None:
    """Press one key after the other."""
    for key in keys:
        page.keyboard.press(key)


# Name -> width, height, colour scheme, and what is done before the picture is taken.
PICTURES: dict[str, tuple[int, int, str, Callable[[Any], None]]] = {
    "overview": (1280, 1260, "light", overview),
    "one": (1280, 900, "dark", one),
    "grid": (1280, 900, "light", grid),
    "narrow": (400, 800, "light", one),
}


def main(report: Path, folder: Path) -> None:
    """Take the pictures."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as driver:
        browser = driver.chromium.launch(
            executable_path=shutil.which("chromium"), args=["--no-sandbox"]
        )
        for name, (width, height, scheme, prepare) in PICTURES.items():
            viewport = {"width": width, "height": height}
            context = browser.new_context(viewport=viewport, color_scheme=scheme)
            page = context.new_page()
            page.goto(report.absolute().as_uri())
            prepare(page)
            page.wait_for_timeout(300)
            taken = Image.open(io.BytesIO(page.screenshot())).convert("RGB")
            context.close()
            path = folder / f"audit_{name}.png"
            taken.quantize(COLOURS).save(path, optimize=True)
            print(f"{path}: {path.stat().st_size:,} bytes")
        browser.close()


if __name__ == "__main__":
    if len(sys.argv) not in (2, 3):
        sys.exit(__doc__)
    main(Path(sys.argv[1]), Path(sys.argv[2]) if len(sys.argv) == 3 else DOCS)

"""The pictures of docs/audit.md: an audit's page, as Chromium shows it.

    python cli.py train recipes/fashion_mnist_12k.toml --set noise.kind=asymmetric \\
      --set noise.rate=0.4 --set train.epochs=8 --out runs/pictures
    python cli.py audit runs/pictures --kept 200
    python benchmarks/audit_pictures.py runs/pictures/audit/report.html [FOLDER]

Written are audit_overview.png, audit_suspects.png (in the dark, with decisions) and
audit_narrow.png (400 pixels wide) into FOLDER, by default docs. Needs chromium, and
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
SUSPECTS = "document.getElementById('suspects').scrollIntoView()"
SECOND_CARD = (
    "window.scrollTo(0, document.querySelectorAll('.card')[1].getBoundingClientRect().top"
    " + window.scrollY - 410)"
)


def overview(page: Any) -> None:
    """The page as it opens."""


def suspects(page: Any) -> None:
    """The first suspects: two confirmed, one skipped."""
    press(page, "ccs")
    page.evaluate(SUSPECTS)


def narrow(page: Any) -> None:
    """The first suspect confirmed, the second at hand."""
    press(page, "c")
    page.evaluate(SECOND_CARD)


def press(page: Any, keys: str) -> None:
    """Decide on the first samples by key."""
    page.locator(".card").first.focus()
    for key in keys:
        page.keyboard.press(key)


# Name -> width, height, colour scheme, and what is done before the picture is taken.
PICTURES: dict[str, tuple[int, int, str, Callable[[Any], None]]] = {
    "overview": (1280, 1330, "light", overview),
    "suspects": (1280, 900, "dark", suspects),
    "narrow": (400, 900, "light", narrow),
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

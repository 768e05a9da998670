"""What axe-core finds in an audit's page: both views, the overview, the words and the dialogs.

    npm pack axe-core && tar xf axe-core-*.tgz package/axe.min.js
    python benchmarks/audit_axe.py package/axe.min.js RUN/audit/report.html

Printed are all violations, of desk and telephone, light and dark; the exit code is 1 if one is
serious or critical. Needs chromium, and playwright (the extra dev).
"""

from __future__ import annotations

import shutil
import sys
from pathlib import Path
from typing import Any

WINDOWS = [(1280, 900, "light"), (1280, 900, "dark"), (400, 800, "light"), (400, 800, "dark")]
RUN = (
    "async () => (await axe.run()).violations"
    ".map((v) => [v.id, v.impact, v.nodes.length, v.help, v.nodes[0].html])"
)


def one(page: Any) -> None:
    """A sample of which something was decided."""
    for key in ("k", "ArrowLeft"):
        page.keyboard.press(key)


def grid(page: Any) -> None:
    """Some tiles selected."""
    for key in ("g", "a"):
        page.keyboard.press(key)


def other(page: Any) -> None:
    """The list of classes."""
    page.keyboard.press("o")


def part(name: str) -> Any:
    """Another part of the page."""
    return lambda page: page.get_by_role("link", name=name, exact=True).click()


def button(name: str) -> Any:
    """A dialog."""
    return lambda page: page.evaluate(f"document.getElementById('{name}').click()")


PLACES = {
    "one": one,
    "other": other,
    "grid": grid,
    "overview": part("Overview"),
    "words": part("Words"),
    "filters": button("filters-open"),
    "people": button("export"),
    "help": button("help-open"),
}


def main(axe: Path, report: Path) -> int:
    """Print the violations; how many are serious."""
    from playwright.sync_api import sync_playwright

    serious = 0
    with sync_playwright() as driver:
        browser = driver.chromium.launch(
            executable_path=shutil.which("chromium"), args=["--no-sandbox"]
        )
        for width, height, scheme in WINDOWS:
            # axe is no part of the page, whose policy would not let it run.
            context = browser.new_context(
                viewport={"width": width, "height": height}, color_scheme=scheme, bypass_csp=True
            )
            for name, prepare in PLACES.items():
                page = context.new_page()
                page.goto(report.absolute().as_uri())
                page.evaluate("localStorage.clear()")
                page.goto("about:blank")
                page.goto(report.absolute().as_uri())
                prepare(page)
                page.wait_for_timeout(400)
                page.evaluate(axe.read_text(encoding="utf-8"))
                found = page.evaluate(RUN)
                for rule, impact, n, what, html in found:
                    serious += impact in ("serious", "critical")
                    print(f"{width} {scheme} {name}: {impact}: {rule} ({n}): {what}: {html[:120]}")
                page.close()
            context.close()
        print(f"{len(WINDOWS) * len(PLACES)} screens, {serious} serious or critical violations")
        browser.close()
    return serious


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    sys.exit(bool(main(Path(sys.argv[1]), Path(sys.argv[2]))))

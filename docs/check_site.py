"""Follow every link within the site that Sphinx wrote: pages, files, anchors, pictures.

    python docs/check_site.py build/docs/html

Sphinx checks references as it reads them; this checks what came out, the theme's own links and the
outputs of notebooks included. Links to the network are counted (`make docs-links` asks them).
"""

from __future__ import annotations

import sys
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

LINKS = {"a": "href", "link": "href", "img": "src", "script": "src", "source": "src"}


class Page(HTMLParser):
    """The links of a page, and what they can lead to within it."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.links: list[str] = []
        self.anchors: set[str] = {""}
        self.feed(path.read_text(encoding="utf-8"))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note the tag's link and its anchor."""
        given = dict(attrs)
        self.anchors |= {name for name in (given.get("id"), given.get("name")) if name}
        link = given.get(LINKS.get(tag, ""))
        if link:
            self.links.append(link)


def broken(site: Path) -> tuple[list[str], int, int]:
    """What leads nowhere, a line each; how many links lead somewhere within, and to the network.

    Raises:
        FileNotFoundError: the folder has no page.
    """
    pages = {path: Page(path) for path in sorted(site.resolve().rglob("*.html"))}
    if not pages:
        raise FileNotFoundError(f"{site} must be a folder with HTML pages, it has none. make docs")
    faults, within, outside = [], 0, 0
    for path, page in pages.items():
        for link in page.links:
            parts = urlsplit(link)
            if parts.scheme or parts.netloc:
                outside += parts.scheme != "data"
                continue
            target = (path.parent / unquote(parts.path)).resolve() if parts.path else path
            target = target / "index.html" if target.is_dir() else target
            there = target.is_file()
            if there and target in pages and parts.fragment:
                there = unquote(parts.fragment) in pages[target].anchors
            within += there
            if not there:
                faults.append(f"{path.relative_to(site.resolve())}: {link} leads nowhere")
    return faults, within, outside


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    faults, within, outside = broken(Path(sys.argv[1]))
    print(*faults, f"{within:,} links within the site, {len(faults)} broken", sep="\n")
    print(f"{outside:,} to the network, not asked: make docs-links")
    sys.exit(1 if faults else 0)

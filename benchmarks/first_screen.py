"""Makes docs/first_screen.png, the picture at the top of README.md, from two real runs.

    python benchmarks/first_screen.py            # two runs in runs/first_screen, about two minutes
    python benchmarks/first_screen.py FOLDER     # runs that are in FOLDER already are not run again

Left: test accuracy by epoch of plain training and of TSSD, both on recipes/digits.toml. Right: the
page of the second run's audit, its first suspect confirmed. Chromium takes the screenshot
(apt-get install chromium; playwright is in the extra `dev`).
"""

from __future__ import annotations

import csv
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent
PICTURE = ROOT / "docs" / "first_screen.png"
RUNS = {"plain": ["--set", "objective.kind=plain"], "tssd": []}
# Colour, name, and where in the plot the name stands: epoch, accuracy.
LINES = {
    "plain": ("#b3541e", "plain training", (19.5, 0.765)),
    "tssd": ("#0b57a4", "TSSD", (19.5, 0.935)),
}
WHOLE = (1840, 800)  # pixels; README shows the picture at half of its size or less
PAGE = (880, 662)  # of the browser, in its own pixels
PAGE_AT = (900, 92, 920)  # pixels in the picture: left, top, width
TITLES = {0.02: "Test accuracy, 40 % of labels wrong", 0.489: "The labels to look at, surest first"}
INK = "#3c414a"


def command(*arguments: object) -> None:
    """Run the command line; its output is shown."""
    subprocess.run([sys.executable, "cli.py", *map(str, arguments)], cwd=ROOT, check=True)


def run(folder: Path) -> None:
    """Train both and audit the second, as far as the folder has them not."""
    for name, settings in RUNS.items():
        if not (folder / name).exists():
            command("train", "recipes/digits.toml", *settings, "--out", folder / name)
    if not (folder / "tssd" / "audit").exists():
        command("audit", folder / "tssd")


def accuracies(run_folder: Path) -> list[float]:
    """Test accuracy by epoch."""
    with open(run_folder / "epochs.csv", newline="", encoding="utf-8") as file:
        return [float(row["accuracy"]) for row in csv.DictReader(file)]


def draw(folder: Path, path: Path) -> None:
    """The plot of both runs and both titles, as an image of WHOLE; the right is left empty."""
    from matplotlib.figure import Figure

    figure = Figure((WHOLE[0] / 200, WHOLE[1] / 200), dpi=200)
    axes = figure.add_axes((0.06, 0.115, 0.345, 0.76))
    axes.axvspan(0, 6.5, color="#f0f1f3", linewidth=0)
    axes.text(3.25, 0.515, "warm-up", ha="center", fontsize=8, color=INK)
    for name, (colour, title, at) in LINES.items():
        accuracy = accuracies(folder / name)
        axes.plot(range(1, len(accuracy) + 1), accuracy, color=colour, linewidth=2)
        axes.text(*at, title, color=colour, fontsize=10, fontweight="bold")
        end = f" {accuracy[-1]:.0%}".replace("%", " %")
        axes.text(40.3, accuracy[-1], end, color=colour, fontsize=10, weight="bold", va="center")
        print(f"{title}: last epoch {accuracy[-1]:.4f}, best {max(accuracy):.4f}")
    axes.set(xlim=(0, 40), ylim=(0.5, 1.0), xticks=range(0, 41, 10))
    axes.set_xlabel("epoch", fontsize=8.5, color=INK)
    ticks = range(50, 101, 10)
    axes.set_yticks([tick / 100 for tick in ticks], [f"{tick} %" for tick in ticks])
    axes.tick_params(labelsize=8.5, colors=INK, length=0)
    axes.grid(axis="y", color="#e3e5e8", linewidth=0.7)
    axes.set_axisbelow(True)
    for side in ("top", "right", "left"):
        axes.spines[side].set_visible(False)
    for left, title in TITLES.items():
        figure.text(left, 0.925, title, fontsize=10.5, weight="bold")
    figure.savefig(path)


def photograph(report: Path, path: Path) -> None:
    """The page, its first suspect confirmed and the second at hand, twice as wide as PAGE."""
    from playwright.sync_api import sync_playwright

    chromium = shutil.which("chromium") or shutil.which("chromium-browser")
    if chromium is None:
        sys.exit("no chromium. Try apt-get install chromium.")
    with sync_playwright() as driver:
        # Root, as in a container, has no sandbox of its own; the page is ours.
        browser = driver.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        page = browser.new_page(
            viewport={"width": PAGE[0], "height": PAGE[1]}, device_scale_factor=2
        )
        page.goto(report.absolute().as_uri())
        page.locator("#stage > .picture").wait_for()
        page.keyboard.press("c")
        page.wait_for_timeout(300)
        page.screenshot(path=path)
        browser.close()


def join(plot: Path, shot: Path, out: Path) -> None:
    """The page on the empty right of the plot, in few colours: below 400 kB."""
    from PIL import Image, ImageDraw

    whole, page = Image.open(plot).convert("RGB"), Image.open(shot).convert("RGB")
    left, top, width = PAGE_AT
    height = round(page.height * width / page.width)
    whole.paste(page.resize((width, height), Image.Resampling.LANCZOS), (left, top))
    frame = (left, top, left + width - 1, top + height - 1)
    ImageDraw.Draw(whole).rectangle(frame, outline="#c5c9d0", width=2)
    whole.quantize(128, dither=Image.Dither.NONE).save(out, optimize=True)
    print(f"{out}: {whole.width} x {whole.height}, {out.stat().st_size / 1000:.0f} kB")


def main(folder: Path) -> None:
    """Run what is missing, then draw."""
    run(folder)
    plot, shot = folder / "accuracy.png", folder / "page.png"
    draw(folder, plot)
    photograph(folder / "tssd" / "audit" / "report.html", shot)
    join(plot, shot, PICTURE)


if __name__ == "__main__":
    if len(sys.argv) > 2:
        sys.exit(__doc__)
    main(Path(sys.argv[1] if len(sys.argv) == 2 else "runs/first_screen").absolute())

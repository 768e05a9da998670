"""Every comparison with other methods as one table and one picture, from the lines of `peers`.

    python benchmarks/peers_together.py

Writes benchmarks/results/peers-together.md and .png: accuracy at the last epoch in percent, means
over seeds; in the picture, how many points each method is behind the best of its column.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent)]

from peers import METHODS  # noqa: E402
from peers.tables import FIGURES  # noqa: E402

from tssd_keras.run.ablation_table import figures  # noqa: E402
from tssd_keras.run.lines import Line, read_lines  # noqa: E402

RESULTS = HERE / "results"
FOLDERS = {
    "digits": "peers-digits",
    "Fashion": "peers-fashion_mnist_6k",
    "CIFAR-10N": "peers-cifar10n-features",
    "text": "peers-debian_sections",
    "table": "peers-diamonds",
}
SHORT = {
    "symmetric 0.": "sym ",
    "asymmetric 0.": "asym ",
    "instance 0.": "inst ",
    "pair 0.": "pair ",
}
ORDER = ("symmetric", "asymmetric", "pair", "instance", "labels")
Columns = dict[str, dict[str, list[Line]]]


def read() -> Columns:
    """Column -> method -> its runs; columns in the order of FOLDERS, then of kind and rate."""
    found: Columns = {}
    for data, folder in FOLDERS.items():
        lines = [line for line in read_lines(RESULTS / folder / "runs.jsonl") if not line.error]
        for case in sorted({line.case for line in lines}, key=by_kind_and_rate):
            column = found.setdefault(f"{data} {_shortly(case)}", {})
            for line in lines:
                if line.case == case:
                    column.setdefault(line.variant, []).append(line)
    return found


def by_kind_and_rate(case: str) -> tuple[int, str]:
    """What columns are sorted by."""
    return ORDER.index(case.split()[0]), case


def _shortly(case: str) -> str:
    """As "sym 40" for "symmetric 0.4", and the file's name for labels of a file."""
    for long, short in SHORT.items():
        if case.startswith(long):
            return f"{short}{float(case.split()[1]):.0%}".rstrip("%")
    return case.removeprefix("labels ")


def means(columns: Columns) -> np.ndarray:
    """float64[methods, columns], percent, rounded as it is shown; NaN where nothing was run."""
    values = np.full((len(METHODS), len(columns)), np.nan)
    for i, method in enumerate(METHODS):
        for j, column in enumerate(columns.values()):
            if method in column:
                values[i, j] = 100 * figures(column[method], FIGURES["last"]).mean()
    return values.round(1)


def table(columns: Columns) -> str:
    """Markdown: bold the best of a column, a star where a method has fewer seeds than others."""
    values = means(columns)
    best = np.nanmax(values, axis=0)
    head = ["method", *columns, "behind the best, mean"]
    rows = ["| " + " | ".join(head) + " |", "|" + " --- |" * len(head)]
    for method, row in zip(METHODS, values, strict=True):
        cells = [method]
        for (value, top), column in zip(zip(row, best, strict=True), columns.values(), strict=True):
            most = max(map(len, column.values()))
            fewer = "\\*" * (len(column.get(method, [])) < most)
            text = f"**{value:.1f}**" if value == top else f"{value:.1f}"
            cells.append("-" if np.isnan(value) else text + fewer)
        cells.append("-" if np.isnan(row).any() else f"{(best - row).mean():.1f}")
        rows.append("| " + " | ".join(cells) + " |")
    return "\n".join(rows) + "\n"


def picture(path: Path, columns: Columns) -> None:
    """Points behind the best, a cell each: the paler, the nearer."""
    from matplotlib.figure import Figure

    values = means(columns)
    behind = np.nanmax(values, axis=0) - values
    figure = Figure((3.6 + 0.58 * len(columns), 1.9 + 0.3 * len(METHODS)), dpi=150)
    axes = figure.add_axes((0.2, 0.03, 0.79, 0.83))
    axes.imshow(np.minimum(behind, 20), cmap="Oranges", vmin=0, vmax=20, aspect="auto")
    for (i, j), value in np.ndenumerate(behind):
        if not np.isnan(value):
            text = "best" if value == 0 else f"{value:.1f}"
            weight, colour = ("bold" if value == 0 else "normal"), ("w" if value > 13 else "#222")
            style = {"fontsize": 7.5, "ha": "center", "va": "center"}
            axes.text(j, i, text, color=colour, weight=weight, **style)
    axes.set_xticks(range(len(columns)), [name.replace(" ", "\n", 1) for name in columns])
    axes.set_yticks(range(len(METHODS)), METHODS)
    for label in axes.get_yticklabels():
        label.set_weight("bold" if label.get_text().startswith("tssd") else "normal")
    axes.tick_params(labelsize=7.5, length=0, top=True, labeltop=True, labelbottom=False)
    title = "Points of accuracy behind the best method of the column, last epoch"
    figure.text(0.01, 0.97, title, fontsize=10, weight="bold", va="top")
    figure.savefig(path)


if __name__ == "__main__":
    of_all = read()
    text = table(of_all)
    (RESULTS / "peers-together.md").write_text(text, encoding="utf-8")
    picture(RESULTS / "peers-together.png", of_all)
    print(text)

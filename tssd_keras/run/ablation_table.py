"""An ablation as a table and as a plot."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import numpy as np

from tssd_keras.data.whole_file import whole_file
from tssd_keras.run import plots
from tssd_keras.run.lines import Line

COLUMNS: dict[str, tuple[str, ...]] = {
    "last": ("accuracy", "last"),
    "mean of last 10": ("accuracy", "mean_last_10"),
    "best": ("accuracy", "best"),
    "AUROC": ("label_error_auroc",),
    "kept precision": ("kept", "precision"),
    "kept recall": ("kept", "recall"),
    "wrong labels": ("effective_noise_rate",),
}  # head -> path of keys to the figure in a summary


def grouped(lines: Iterable[Line]) -> dict[tuple[str, str, str], list[Line]]:
    """Lines by case, backend and variant; cases in the order of their first lines."""
    groups: dict[tuple[str, str, str], list[Line]] = {}
    for line in lines:
        groups.setdefault((line.case, line.backend, line.variant), []).append(line)
    cases = list(dict.fromkeys(key[:2] for key in groups))
    return dict(sorted(groups.items(), key=lambda item: cases.index(item[0][:2])))


def figures(lines: list[Line], path: tuple[str, ...]) -> np.ndarray:
    """float64[n]: one figure of the n runs that have it.

    Args:
        lines: of runs.
        path: keys that lead to the figure in a summary.
    """
    values = []
    for line in lines:
        value: object = line.summary
        for name in path:
            value = value.get(name) if isinstance(value, dict) else None
        if isinstance(value, int | float):
            values.append(float(value))
    return np.array(values)


def table(lines: Iterable[Line]) -> str:
    """A Markdown table, a row for each case, backend and variant.

    Figures are means over the seeds, plus or minus the sample standard deviation.
    """
    head = ["noise", "backend", "variant", "seeds", *COLUMNS, "seconds a run"]
    rows = ["| " + " | ".join(head) + " |", "|" + " --- |" * len(head)]
    for (case, backend, variant), runs in grouped(lines).items():
        ended = [line for line in runs if not line.error]
        seeds = ",".join(str(line.seed) for line in sorted(ended, key=lambda line: line.seed))
        failed = len(runs) - len(ended)
        cells = [case, backend, variant, seeds + f" ({failed} failed)" * bool(failed)]
        cells += [_mean(figures(ended, path)) for path in COLUMNS.values()]
        seconds = figures(ended, ("seconds",))
        cells.append(f"{seconds.mean():.0f}" if len(seconds) else "-")
        rows.append("| " + " | ".join(cells) + " |")
    return "\n".join(rows) + "\n"


def _mean(values: np.ndarray) -> str:
    if not len(values):
        return "-"
    spread = f" ± {values.std(ddof=1):.4f}" if len(values) > 1 else ""
    return f"{values.mean():.4f}{spread}"


def plot(path: Path, lines: Iterable[Line]) -> None:
    """Accuracy of each variant, a panel a case: last epoch (dot, spread) and best (ring).

    Args:
        path: of the PNG file.
        lines: of an ablation; runs that failed are left out.
    """
    groups = {
        key: ended
        for key, runs in grouped(lines).items()
        if (ended := [line for line in runs if not line.error])
    }
    cases = list(dict.fromkeys(key[:2] for key in groups))
    variants = list(dict.fromkeys(key[2] for key in groups))
    size = (3.0 + 2.4 * len(cases), 1.2 + 0.28 * len(variants))
    figure, axes = plots.figure_of(1, max(1, len(cases)), size)
    for axis, case in zip(axes, cases):
        for y, variant in enumerate(variants):
            runs = groups.get((*case, variant))
            if runs is None:
                continue
            last = figures(runs, COLUMNS["last"])
            best = figures(runs, COLUMNS["best"])
            spread = last.std(ddof=1) if len(last) > 1 else 0.0
            axis.errorbar(last.mean(), y, xerr=spread, fmt="o", color=plots.RIGHT, markersize=4)
            axis.plot(best.mean(), y, "o", mfc="none", color=plots.NEUTRAL, markersize=7)
        axis.set_title(f"{case[0]} ({case[1]})", fontsize=9)
        axis.set_yticks(range(len(variants)), variants if axis is axes[0] else [])
        axis.set_ylim(len(variants) - 0.5, -0.5)
        axis.tick_params(labelsize=7)
        axis.grid(alpha=0.25)
    evaluated_on = sorted(
        {line.summary["accuracy"]["evaluated_on"] for runs in groups.values() for line in runs}
    )
    figure.supxlabel(
        f"{' / '.join(evaluated_on)} accuracy: last epoch (dot, ± standard deviation of seeds), "
        "best epoch (ring)",
        fontsize=8,
    )
    with whole_file(path) as part:
        figure.savefig(part, dpi=150)

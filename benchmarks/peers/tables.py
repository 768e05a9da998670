"""Lines of runs as tables: a short one to read, in Markdown, and a long one, as CSV."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable

from peers import METHODS
from tssd_keras.run.ablation_table import figures
from tssd_keras.run.lines import Line

FIGURES: dict[str, tuple[str, ...]] = {
    "last": ("accuracy", "last"),
    "mean_last_10": ("accuracy", "mean_last_10"),
    "best": ("accuracy", "best"),
    "auroc": ("label_error_auroc",),
    "kept_f1": ("kept", "f1"),
    "kept_precision": ("kept", "precision"),
    "kept_recall": ("kept", "recall"),
    "wrong_labels": ("effective_noise_rate",),
    "seconds": ("seconds",),
    "peak_gib": ("peak_gib",),
}  # column -> path of keys to the figure in a summary


def groups(lines: Iterable[Line]) -> dict[tuple[str, str, str], list[Line]]:
    """Lines by backend, case and method; methods in the order of `METHODS`."""
    found: dict[tuple[str, str, str], list[Line]] = {}
    for line in lines:
        found.setdefault((line.backend, line.case, line.variant), []).append(line)
    backends, cases = (list(dict.fromkeys(key[i] for key in found)) for i in (0, 1))
    places = list(METHODS)
    return dict(
        sorted(
            found.items(),
            key=lambda item: (
                backends.index(item[0][0]),
                cases.index(item[0][1]),
                places.index(item[0][2]),
            ),
        )
    )


def short(lines: Iterable[Line]) -> str:
    """Markdown, a block a backend and a row a method: last accuracy by noise, minutes and memory.

    Accuracies are means over the seeds in percent, plus or minus the sample standard deviation;
    behind them stands the number of runs where a method has fewer than another. Minutes are
    means, memory is the most, over all its runs.
    """
    grouped, blocks = groups(lines), []
    for backend in dict.fromkeys(key[0] for key in grouped):
        here = {key[1:]: runs for key, runs in grouped.items() if key[0] == backend}
        cases = list(dict.fromkeys(case for case, _ in here))
        most = max(len(_ended(runs)) for runs in here.values())
        head = [f"method ({backend})", *cases, "minutes a run", "GiB"]
        rows = ["| " + " | ".join(head) + " |", "|" + " --- |" * len(head)]
        for method in (name for name in METHODS if any(key[1] == name for key in here)):
            runs = [run for case in cases for run in _ended(here.get((case, method), []))]
            cells = [_last(here.get((case, method), []), most) for case in cases]
            minutes, memory = figures(runs, ("seconds",)) / 60, figures(runs, ("peak_gib",))
            cells.append(f"{minutes.mean():.1f}" if len(minutes) else "-")
            cells.append(f"{memory.max():.1f}" if len(memory) else "-")
            rows.append("| " + " | ".join([method, *cells]) + " |")
        blocks.append("\n".join(rows) + "\n")
    return "\n".join(blocks)


def _ended(runs: list[Line]) -> list[Line]:
    return [run for run in runs if not run.error]


def _last(runs: list[Line], most: int) -> str:
    """A cell of `short`."""
    ended = _ended(runs)
    failed = f" ({len(runs) - len(ended)} failed)" * (len(ended) < len(runs))
    if not ended:
        return f"-{failed}"
    values = 100 * figures(ended, FIGURES["last"])
    spread = f" ± {values.std(ddof=1):.1f}" if len(values) > 1 else ""
    fewer = f" (n = {len(values)})" if len(values) < most else ""
    return f"{values.mean():.1f}{spread}{fewer}{failed}"


def long(lines: Iterable[Line]) -> str:
    """CSV, a row a backend, noise and method: means, sample deviations, labels' hashes, commits."""
    text = io.StringIO()
    table = csv.writer(text, lineterminator="\n")
    shown = [column for name in FIGURES for column in (name, f"{name}_sd")]
    table.writerow(
        ["backend", "noise", "method", "seeds", "failed", *shown, "own", "labels_sha256", "commit"]
    )
    for (backend, case, method), runs in groups(lines).items():
        ended = sorted(_ended(runs), key=lambda run: run.seed)
        cells: list[object] = [backend, case, method, " ".join(str(run.seed) for run in ended)]
        cells.append(len(runs) - len(ended))
        for path in FIGURES.values():
            values = figures(ended, path)
            cells.append(f"{values.mean():.4f}" if len(values) else "")
            cells.append(f"{values.std(ddof=1):.4f}" if len(values) > 1 else "")
        own = ended[0].summary.get("own", {}) if ended else {}
        cells.append(" ".join(f"{key}={value}" for key, value in own.items()))
        cells.append(" ".join(run.summary["labels_sha256"][:12] for run in ended))
        cells.append(" ".join(dict.fromkeys(run.summary["commit"] for run in ended)))
        table.writerow(cells)
    return text.getvalue()

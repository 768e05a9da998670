"""Plots of a run: accuracy by epoch, and what the two streams saw in the last round."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from tssd_keras.judge.divide import Division
from tssd_keras.judge.mixture import Mixtures, scaled

CLEAN, WRONG, NEUTRAL = "#1b7837", "#b2182b", "#4d4d4d"
MAX_PANELS = 12  # classes shown of the feature stream


def accuracy(
    path: Path, epochs: list[dict[str, str]], rounds: list[dict[str, str]], evaluated_on: str
) -> None:
    """Accuracy by epoch, with the share of kept labels that are right where it is known.

    Args:
        path: of the PNG file.
        epochs: rows of epochs.csv.
        rounds: rows of rounds.csv.
        evaluated_on: "test" or "validation".
    """
    figure, axes = figure_of(1, 1)
    axis = axes[0]
    x = [int(row["epoch"]) for row in epochs]
    axis.plot(
        x,
        [float(row["accuracy"]) for row in epochs],
        color=NEUTRAL,
        label=f"{evaluated_on} accuracy",
    )
    axis.plot(
        x,
        [float(row["train_accuracy"]) for row in epochs],
        color=NEUTRAL,
        linestyle=":",
        label="agreement with the labels trained on",
    )
    known = [row for row in rounds if row.get("kept_precision")]
    if known:
        at = [int(row["epoch"]) + 1 for row in known]
        axis.plot(
            at, [float(r["kept_precision"]) for r in known], color=CLEAN, label="kept: precision"
        )
        axis.plot(
            at,
            [float(r["kept_recall"]) for r in known],
            color=CLEAN,
            linestyle="--",
            label="kept: recall",
        )
    if rounds:
        axis.axvline(int(rounds[0]["epoch"]) + 0.5, color="#bbbbbb", linewidth=1)
    axis.set_xlabel("epoch (the grey line: end of the warm-up)" if rounds else "epoch")
    axis.set_ylabel("share")
    axis.set_ylim(0, 1.02)
    axis.xaxis.get_major_locator().set_params(integer=True)
    axis.grid(alpha=0.25)
    axis.legend(frameon=False, fontsize=8, loc="best")
    _save(figure, path)


def loss_mixture(
    path: Path, division: Division, loss: np.ndarray, clean: np.ndarray | None
) -> None:
    """Histogram of the losses and the mixture fitted to them.

    Args:
        path: of the PNG file.
        division: of the round.
        loss: float[N] in nats.
        clean: bool[N] where known, which labels are right.
    """
    figure, axes = figure_of(1, 1)
    group = np.zeros(len(loss), np.int64)
    _mixture(axes[0], division.loss_mixture, 0, loss, group, clean, cleaner_is_low=True)
    axes[0].set_xlabel("loss of the given label, scaled to 0..1")
    if division.loss_abstains:
        axes[0].set_title("one heap: the loss stream abstains", fontsize=9)
    axes[0].legend(frameon=False, fontsize=8)
    _save(figure, path)


def feature_mixtures(
    path: Path,
    division: Division,
    similarity: np.ndarray,
    labels: np.ndarray,
    clean: np.ndarray | None,
    class_names: tuple[str, ...],
) -> None:
    """Histogram and mixture of the similarities, one panel a given class (the first twelve).


    Args:
        path: of the PNG file.
        division: of the round.
        similarity: float[N], to the given class.
        labels: int[N], given.
        clean: bool[N] where known.
        class_names: K names.
    """
    _save(feature_figure(division, similarity, labels, clean, class_names), path)


def feature_figure(
    division: Division,
    similarity: np.ndarray,
    labels: np.ndarray,
    clean: np.ndarray | None,
    class_names: tuple[str, ...],
):
    """The figure of `feature_mixtures`; says so where not all classes are shown."""
    shown = min(len(class_names), MAX_PANELS)
    columns = min(shown, 4)
    figure, axes = figure_of(-(-shown // columns), columns)
    for axis in axes[shown:]:
        axis.set_axis_off()
    legend: tuple[list, list] = ([], [])
    for k, axis in enumerate(axes[:shown]):
        rows = np.flatnonzero(labels == k)
        if not len(rows):
            axis.set_axis_off()
            axis.set_title(_title(f"{class_names[k]} (no samples)"), fontsize=8, parse_math=False)
            continue
        _mixture(
            axis,
            division.feature_mixture,
            k,
            similarity[rows],
            labels[rows],
            None if clean is None else clean[rows],
            cleaner_is_low=False,
        )
        abstains = " (abstains)" if division.feature_abstains[k] else ""
        axis.set_title(_title(f"{class_names[k]}{abstains}"), fontsize=8, parse_math=False)
        axis.tick_params(labelsize=6)
        axis.set_ylabel("")
        legend = axis.get_legend_handles_labels()
    figure.legend(*legend, loc="outside upper center", ncols=4, frameon=False, fontsize=8)
    some = f" (the first {shown} of {len(class_names)} classes)" if shown < len(class_names) else ""
    figure.supxlabel(f"similarity to the given class, scaled to 0..1{some}", fontsize=9)
    return figure


def _title(text: str) -> str:
    """Short, and of characters only: a folder's name need not be text, and fonts want some."""
    return text[:32].encode("utf-8", "replace").decode("utf-8")


def _mixture(
    axis, mixtures: Mixtures, group: int, score, groups, clean, *, cleaner_is_low: bool
) -> None:
    """One histogram, coloured by the truth where known, under the two fitted Gaussians."""
    x = scaled(score, groups, mixtures.low, mixtures.high)
    bins = np.linspace(0, 1, 61)
    if clean is None:
        axis.hist(x, bins, density=True, color="#c7c7c7", label="all labels")
    else:
        weight = np.full(len(x), 60 / max(len(x), 1))
        axis.hist(
            [x[clean], x[~clean]],
            bins,
            weights=[weight[clean], weight[~clean]],
            stacked=True,
            color=["#a6dba0", "#f4a582"],
            label=["right labels", "wrong labels"],
        )
    grid = np.linspace(0, 1, 400)
    for component in (0, 1):
        mean, variance = mixtures.mean[group, component], mixtures.variance[group, component]
        density = np.exp(-((grid - mean) ** 2) / (2 * variance)) / np.sqrt(2 * np.pi * variance)
        judged_clean = (component == 0) == cleaner_is_low
        axis.plot(
            grid,
            mixtures.share[group, component] * density,
            color=CLEAN if judged_clean else WRONG,
            linewidth=1.5,
            label="fitted: clean" if judged_clean else "fitted: wrong",
        )
    axis.set_ylabel("density")


def figure_of(rows: int, columns: int, size: tuple[float, float] | None = None):
    """A figure drawn without a screen, and its axes as a flat list; size in inches."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    if size is None:
        size = (6.4, 4.0) if rows * columns == 1 else (2.6 * columns, 2.1 * rows)
    figure = Figure(figsize=size, layout="constrained")
    FigureCanvasAgg(figure)
    return figure, list(np.ravel(figure.subplots(rows, columns, squeeze=False)))


def _save(figure, path: Path) -> None:
    figure.savefig(path, dpi=150)

"""Plots of a run: accuracy by epoch, and what the two streams saw in the last round."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from tssd_keras.data.whole_file import whole_file
from tssd_keras.judge.mixture import Mixtures, scaled
from tssd_keras.judge.streams import Streams

# As on the audit's page (auditing/page_files/page.css, light): --right, --wrong, --quiet, --bin.
RIGHT, WRONG, NEUTRAL, BIN = "#0b62b0", "#b3450b", "#555d68", "#c3cad4"
PALE = 0.45  # how much of a colour is left in bars, so that a line of that colour shows on them
OUTLINE = "stepfilled"  # one shape a histogram: sixty bars each take ten times as long to draw
MAX_PANELS = 12  # classes shown of the feature stream


def accuracy(path: Path, epochs: list[dict], rounds: list[dict], evaluated_on: str) -> None:
    """Accuracy by epoch, with the share of kept labels that are right where it is known.

    Args:
        path: of the PNG file.
        epochs: of each epoch "epoch" (from 1), "accuracy" and "train_accuracy".
        rounds: of each round "epoch" (from 0), "kept_precision" and "kept_recall", None where
            the truth is unknown.
        evaluated_on: "test" or "validation".
    """
    figure, (axis,) = figure_of(1, 1)
    x = [row["epoch"] for row in epochs]
    label = f"{evaluated_on} accuracy"
    axis.plot(x, [row["accuracy"] for row in epochs], color=NEUTRAL, label=label)
    axis.plot(
        x,
        [row["train_accuracy"] for row in epochs],
        color=NEUTRAL,
        linestyle=":",
        label="agreement with the labels trained on",
    )
    for figure_name, style in (("precision", "-"), ("recall", "--")):
        points = [
            (row["epoch"] + 1, row[f"kept_{figure_name}"])
            for row in rounds
            if row["kept_precision"] is not None
        ]
        if points:
            label = f"kept samples: {figure_name}"
            axis.plot(*zip(*points, strict=True), color=RIGHT, linestyle=style, label=label)
    if rounds:
        axis.axvline(rounds[0]["epoch"] + 0.5, color="#bbbbbb", linewidth=1)
    axis.set_title("Accuracy by epoch, and what the round before it kept", fontsize=10)
    axis.set_xlabel("epoch (the upright line: the first round)" if rounds else "epoch")
    axis.set_ylabel("share")
    axis.set_ylim(0, 1.02)
    axis.xaxis.get_major_locator().set_params(integer=True)
    axis.grid(alpha=0.25)
    # Not "best": Matplotlib warns where the search for it is slow, as on a busy machine.
    axis.legend(frameon=False, fontsize=8, loc="lower right")
    _save(figure, path)


def loss_mixture(path: Path, streams: Streams, clean: np.ndarray | None) -> None:
    """Histogram of the losses and the mixture fitted to them.

    Args:
        path: of the PNG file.
        streams: of n samples.
        clean: bool[n] where known, which labels are right.
    """
    figure, (axis,) = figure_of(1, 1)
    group = np.zeros(len(streams.loss), np.int64)
    _mixture(axis, streams.loss_mixture, 0, streams.loss, group, clean, cleaner_is_low=True)
    axis.set_xlabel("loss of the given label in the last round, scaled to 0..1")
    abstains = ": it abstains, there is one group only" if streams.loss_abstains else ""
    axis.set_title(f"Loss stream{abstains}", fontsize=10)
    axis.legend(frameon=False, fontsize=8, loc="upper center")
    _save(figure, path)


def feature_mixtures(
    path: Path, streams: Streams, clean: np.ndarray | None, class_names: tuple[str, ...]
) -> None:
    """Histogram and mixture of the similarities, one panel a given class (the first twelve).

    Args:
        path: of the PNG file.
        streams: of n samples.
        clean: bool[n] where known.
        class_names: K names.
    """
    _save(feature_figure(streams, clean, class_names), path)


def feature_figure(streams: Streams, clean: np.ndarray | None, class_names: tuple[str, ...]):
    """The figure of `feature_mixtures`; says so where not all classes are shown."""
    n_shown = min(len(class_names), MAX_PANELS)
    n_columns = min(n_shown, 4)
    figure, axes = figure_of(-(-n_shown // n_columns), n_columns)
    for axis in axes[n_shown:]:
        axis.set_axis_off()
    legend: tuple[list, list] = ([], [])
    for k, axis in enumerate(axes[:n_shown]):
        rows = np.flatnonzero(streams.given == k)
        if not len(rows):
            axis.set_axis_off()
            axis.set_title(_title(f"{class_names[k]} (no samples)"), fontsize=8, parse_math=False)
            continue
        _mixture(
            axis,
            streams.feature_mixture,
            k,
            streams.similarity[rows],
            streams.given[rows],
            None if clean is None else clean[rows],
            cleaner_is_low=False,
        )
        abstains = " (abstains)" if streams.feature_abstains[k] else ""
        axis.set_title(_title(f"{class_names[k]}{abstains}"), fontsize=8, parse_math=False)
        axis.tick_params(labelsize=6)
        axis.set_yticks([])
        axis.set_xticks([0, 0.5, 1])
        axis.set_ylabel("")
        legend = axis.get_legend_handles_labels()
    figure.legend(*legend, loc="outside lower center", ncols=4, frameon=False, fontsize=8)
    of_all = f" (the first {n_shown} of {len(class_names)} classes)"
    note = of_all if n_shown < len(class_names) else ""
    title = f"Feature stream: nearness to the given class, scaled to 0..1{note}"
    figure.suptitle(title, fontsize=10)
    return figure


def _title(text: str) -> str:
    """Short, and of characters only: fonts want text, a folder's name need not be any."""
    return text[:32].encode("utf-8", "replace").decode("utf-8")


def _mixture(
    axis, mixtures: Mixtures | None, group: int, score, groups, clean, *, cleaner_is_low: bool
) -> None:
    """One histogram, coloured by the truth where known, under the fitted Gaussians, if any."""
    if mixtures is None:
        low, high = float(score.min()), float(score.max())
        x = (score - low) / (high - low or 1.0)
    else:
        x = scaled(score, groups, mixtures.low, mixtures.high)
    bins = np.linspace(0, 1, 61)
    if clean is None:
        axis.hist(x, bins, density=True, color=BIN, label="all labels", histtype=OUTLINE)
    else:
        weight = np.full(len(x), 60 / max(len(x), 1))
        axis.hist(
            [x[clean], x[~clean]],
            bins,
            weights=[weight[clean], weight[~clean]],
            stacked=True,
            histtype=OUTLINE,
            color=[_pale(RIGHT), _pale(WRONG)],
            label=["right labels", "wrong labels"],
        )
    axis.set_ylabel("density")
    if mixtures is None:
        return
    grid = np.linspace(0, 1, 400)
    for component in (0, 1):
        mean, variance = mixtures.mean[group, component], mixtures.variance[group, component]
        density = np.exp(-((grid - mean) ** 2) / (2 * variance)) / np.sqrt(2 * np.pi * variance)
        judged_clean = (component == 0) == cleaner_is_low
        axis.plot(
            grid,
            mixtures.share[group, component] * density,
            color=RIGHT if judged_clean else WRONG,
            linewidth=1.5,
            label="fitted: right labels" if judged_clean else "fitted: wrong labels",
        )


def _pale(colour: str) -> tuple[float, ...]:
    from matplotlib.colors import to_rgb

    return tuple(1 - PALE * (1 - part) for part in to_rgb(colour))


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
    with whole_file(path) as part:
        figure.savefig(part, dpi=150)

"""A picture of which class was given which label."""

from __future__ import annotations

import textwrap
from pathlib import Path

import numpy as np

from tssd_keras.data.whole_file import whole_file
from tssd_keras.run.plots import RIGHT, WRONG

NUMBERED = 20  # classes up to which cells carry their share as a number
NAMED = 40  # classes up to which each tick is named
TICKS = 10  # named of more classes than that
LONGEST = 16  # characters of a name that are shown
GAMMA = 0.5  # share ** GAMMA is the depth of colour, so that a few per cent can be seen


def confusion_picture(
    path: str | Path, counts: np.ndarray, class_names: tuple[str, ...], title: str
) -> None:
    """Draw shares of each true class, right labels blue and wrong ones orange.

    Args:
        path: of the PNG file.
        counts: int64[K, K]; `[i, j]` is of true label i and given label j, as of
            `noise.confusion`. A class without samples gets an empty row.
        class_names: K names in label order, taken literally.
        title: above the picture, taken literally.

    Raises:
        ValueError: counts are not of K classes.
    """
    k = len(class_names)
    if counts.shape != (k, k):
        raise ValueError(
            f"counts must have one row and one column a class, shape ({k}, {k}), got "
            f"{counts.shape}."
        )
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    share = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    colours = _colours(share)
    side = max(0.45 * k, 1.4) if k <= NUMBERED else 7.0  # inches
    figure = Figure(figsize=(side + 2.4, side + 1.6), layout="constrained")
    FigureCanvasAgg(figure)
    axis = figure.subplots()
    axis.imshow(colours, interpolation="nearest")
    _ticks(axis, class_names)
    if k <= NUMBERED:
        _numbers(axis, share, colours)
    else:
        _scale(figure, axis)
    wrapped = textwrap.fill(title, int(12 * (side + 2.4)))
    figure.suptitle(wrapped, fontsize=9, parse_math=False)
    with whole_file(path) as part:
        figure.savefig(part, dpi=150, bbox_inches="tight")


def _colours(share: np.ndarray) -> np.ndarray:
    """float[K, K, 3]: white to blue on the diagonal, white to orange beside it."""
    from matplotlib.colors import to_rgb

    depth = (share**GAMMA)[:, :, None]
    right = np.eye(len(share), dtype=bool)[:, :, None]
    return 1 - depth * (1 - np.where(right, to_rgb(RIGHT), to_rgb(WRONG)))


def _ticks(axis, class_names: tuple[str, ...]) -> None:
    """Class names on both axes, and white lines between few cells."""
    k = len(class_names)
    step = 1 if k <= NAMED else -(-k // TICKS)
    at = np.arange(0, k, step)
    names = [_short(class_names[i]) for i in at]
    size = 8 if k <= NUMBERED else 6
    flat = max(map(len, names)) <= 3 and step == 1  # short names fit side by side
    turn = {} if flat else {"rotation": 45, "ha": "right", "rotation_mode": "anchor"}
    axis.set_xticks(at, names, fontsize=size, parse_math=False, **turn)
    axis.set_yticks(at, names, fontsize=size, parse_math=False)
    note = "" if step == 1 else f" (one in {step} is named)"
    legend = "\n% of the true class: blue right, orange wrong" if k <= NUMBERED else ""
    axis.set_xlabel(f"given label{note}{legend}", fontsize=9)
    axis.set_ylabel(f"true label{note}", fontsize=9)
    axis.tick_params(length=0 if k <= NUMBERED else 2)
    if k <= NUMBERED:  # white lines between cells
        axis.set_xticks(np.arange(k + 1) - 0.5, minor=True)
        axis.set_yticks(np.arange(k + 1) - 0.5, minor=True)
        axis.grid(which="minor", color="#dddddd", linewidth=0.5)
        axis.tick_params(which="minor", length=0)


def _short(name: str) -> str:
    """One line of at most `LONGEST` characters: fonts want text, folders' names need not be any."""
    name = " ".join(name.encode("utf-8", "replace").decode("utf-8").split())
    return name if len(name) <= LONGEST else name[: LONGEST - 1].rstrip() + "…"


def _numbers(axis, share: np.ndarray, colours: np.ndarray) -> None:
    """Per cent in each cell that is not empty, white on dark colours."""
    luminance = colours**2.2 @ [0.2126, 0.7152, 0.0722]  # WCAG, with its exponent rounded
    for i, j in np.argwhere(share > 0):
        percent = 100 * share[i, j]
        axis.text(
            j,
            i,
            "<1" if percent < 0.5 else f"{percent:.0f}",
            ha="center",
            va="center",
            fontsize=8,
            color="white" if luminance[i, j] < 0.18 else "#1a1a1a",
        )


def _scale(figure, axis) -> None:
    """A legend of the colours: two bars from 0 to 100 %, side by side."""
    from matplotlib.cm import ScalarMappable
    from matplotlib.colors import LinearSegmentedColormap, PowerNorm
    from matplotlib.ticker import PercentFormatter

    for x, name, colour in ((1.03, "right", RIGHT), (1.08, "wrong", WRONG)):
        colours = LinearSegmentedColormap.from_list(name, ["white", colour])
        place = axis.inset_axes((x, 0.2, 0.025, 0.6))
        bar = figure.colorbar(ScalarMappable(PowerNorm(GAMMA, 0, 1), colours), cax=place)
        place.set_title(name, fontsize=7)
        bar.outline.set_linewidth(0.5)
        bar.set_ticks([] if name == "right" else [0, 0.01, 0.05, 0.2, 0.5, 1])
    place.yaxis.set_major_formatter(PercentFormatter(1, decimals=0))
    place.tick_params(labelsize=7)
    bar.set_label("share of the true class", fontsize=8)

"""Step 2: a row of decisions is held against the labels that it was made on."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from tssd_keras.labels.decisions.table import (
    ACTIONS,
    KEEP,
    OTHER,
    UNSURE,
    UNUSABLE,
    Mistakes,
    is_written,
    shown,
    whole_number,
)
from tssd_keras.recipe.checks import EXAMPLES


@dataclass(frozen=True, eq=False)
class Fit:
    """The labels that decisions must have been made on.

    Attributes:
        given: int64[N], given labels of the whole training split; -1: none.
        class_names: K names in label order.
        id_of: the source's own name of a sample; empty where it has none.
        labels_sha256: hash of the given labels.
    """

    given: np.ndarray
    class_names: tuple[str, ...]
    id_of: Callable[[int], str]
    labels_sha256: str

    def name(self, label: int) -> str:
        """Name of a class; empty for -1."""
        return self.class_names[label] if label >= 0 else ""

    def label(self, name: str) -> int | None:
        """The class of a name, as it is or as programs write it; None where none or two fit."""
        if name in self.class_names:
            return self.class_names.index(name)
        fits = [k for k, text in enumerate(self.class_names) if is_written(name, text)]
        return fits[0] if len(fits) == 1 else None


def check_hash(line: int, cells: dict[str, str], fit: Fit, mistakes: Mistakes) -> None:
    """Note a row that was decided on other labels: its other mistakes follow from that."""
    if cells["labels_sha256"] != fit.labels_sha256:
        mistakes.add(
            "labels_sha256 must be that of the given labels, "
            f"{fit.labels_sha256[:16]}... (else the decisions are of another run)",
            f"line {line} has {shown(cells['labels_sha256'][:16])}",
        )


def sample_of(line: int, cells: dict[str, str], fit: Fit, mistakes: Mistakes) -> int | None:
    """The sample that a row is about.

    Args:
        line: of the row.
        cells: index, id, given.
        fit: the labels that the three cells must fit.
        mistakes: takes those of the three.

    Returns:
        Its index, or None where one of the three does not fit.
    """
    index, n = whole_number(cells["index"]), len(fit.given)
    if index is None or index >= n:
        mistakes.add(
            f"index must be that of a training sample, 0..{n - 1}",
            f"line {line} has {shown(cells['index'])}",
        )
        return None
    for name, expected in (("id", fit.id_of(index)), ("given", fit.name(int(fit.given[index])))):
        if not is_written(cells[name], expected):
            mistakes.add(
                f"{name} must be the sample's own",
                f"line {line} has {shown(cells[name])}, sample {index} has {shown(expected)}",
            )
            return None
    return index


def decision_of(
    line: int, cells: dict[str, str], decided: str, fit: Fit, mistakes: Mistakes
) -> int | None:
    """The class that a row decides on.

    Args:
        line: of the row.
        cells: given, action.
        decided: name of the class.
        fit: the labels that they must fit.
        mistakes: takes those of the row.

    Returns:
        The label, -1 of a sample that is unusable, or None where the row has a mistake.
    """
    n_before = len(mistakes)
    if cells["action"] == UNUSABLE:
        return _nothing(line, UNUSABLE, decided, mistakes)
    label = fit.label(decided)
    if label is None:
        mistakes.add(
            "the decided class must be one of the run's",
            f"line {line} has {shown(decided)}, the classes are "
            f"{', '.join(map(shown, fit.class_names[:EXAMPLES]))}, ...",
        )
    action = cells["action"]
    if action not in ACTIONS:
        mistakes.add(f"action must be one of {', '.join(ACTIONS)}", f"line {line}: {shown(action)}")
    elif label is not None and (
        (action == KEEP and label != fit.label(cells["given"]))
        or (action == OTHER and label == fit.label(cells["given"]))
    ):
        mistakes.add(
            f"{KEEP} must decide on the given class, {OTHER} on another one",
            f"line {line} has {action} with {shown(decided)}, given {shown(cells['given'])}",
        )
    return None if len(mistakes) > n_before else label


def check_unsure(line: int, decided: str, mistakes: Mistakes) -> None:
    """Note a row that says it decides nothing, and does."""
    _nothing(line, UNSURE, decided, mistakes)


def _nothing(line: int, action: str, decided: str, mistakes: Mistakes) -> int | None:
    """-1, no class; None where one is named all the same."""
    if not decided:
        return -1
    mistakes.add(f"{action} must name no class", f"line {line} has {shown(decided)}")
    return None

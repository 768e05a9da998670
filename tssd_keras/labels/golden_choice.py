"""The choice of golden samples: those that somebody marked, else some of each class, at random."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from tssd_keras.data.duplicates import in_test
from tssd_keras.data.id_list import named, read_ids
from tssd_keras.data.labelled_data import LabelledData
from tssd_keras.data.path_names import by_other_writing
from tssd_keras.data.stratify import first_of_each
from tssd_keras.labels.golden import choose_per_class
from tssd_keras.recipe.checks import EXAMPLES
from tssd_keras.recipe.data_sections import GoldenRecipe

_WAYS = (
    "(golden.ids, the column golden of a table, the array trusted of an .npz file), or set "
    'golden.source = "certain".'
)
MARK_MORE = f"Mark more {_WAYS}"


def marked_samples(recipe: GoldenRecipe, data: LabelledData) -> np.ndarray | None:
    """The training samples that are marked as trusted, by `golden.ids` or by the data.

    Args:
        recipe: its ids.
        data: of the source.

    Returns:
        bool[N], or None where nobody marked any.

    Raises:
        FileNotFoundError: there is no such file of ids.
        ValueError: an id is unknown, comes twice, or is a test sample's; a
            marked sample equals a test sample, where all that are marked are taken.
    """
    if recipe.source != "trusted":
        return None
    marked = _by_id(recipe.ids, data) if recipe.ids else data.trusted
    if marked is None:
        return None
    if not marked.any():
        raise ValueError(
            'golden.source = "trusted" needs trusted samples, and the data mark none of '
            f'{len(marked):,} as trusted. Mark some, or set golden.source = "certain".'
        )
    twins = np.flatnonzero(marked & in_test(data))
    if len(twins) and not recipe.at_most_per_class:  # else only others are drawn
        raise ValueError(
            "a golden sample must not be in the test set, or accuracy would be measured on what "
            f"was learned from: {len(twins)} of {marked.sum()} are equal to a test sample byte by "
            f"byte, the first {names(data, twins)}. Take them out of one of the two."
        )
    return marked


def _by_id(path: str, data: LabelledData) -> np.ndarray:
    lines = read_ids(path)
    if data.ids is None:
        raise ValueError(
            f"golden.ids needs samples that have ids, those of {data.name} have none. Mark them in "
            "the data: the array trusted of an .npz file, the column golden of a table."
        )
    test = set() if data.test_ids is None else set(data.test_ids.tolist())
    row = {name: i for i, name in enumerate(data.ids.tolist())}
    own = by_other_writing(lines, [*row, *test])
    wanted = named([own.get(line, line) for line in lines], test | row.keys())
    first_line: dict[str, int] = {}
    twice = [name for i, name in enumerate(wanted) if first_line.setdefault(name, i) != i]
    _refuse(path, "name each sample once", twice, wanted, "Take the repeated lines away.")
    _refuse(
        path,
        "name training samples, not test samples",
        [name for name in wanted if name in test and name not in row],
        wanted,
        "Accuracy would be measured on what was learned from.",
    )
    _refuse(
        path,
        "name samples that exist",
        [name for name in wanted if name not in row],
        wanted,
        f"Ids look like {data.ids[0]}.",
    )
    marked = np.zeros(len(data.ids), bool)
    marked[[row[name] for name in wanted]] = True
    return marked


def _refuse(path: str, must: str, wrong: Sequence[str], ids: Sequence[str], remedy: str) -> None:
    if wrong:
        raise ValueError(
            f"golden.ids must {must}: {len(wrong)} of {len(ids)} in {path} do not, the first "
            f"{', '.join(wrong[:EXAMPLES])}. {remedy}"
        )


def names(data: LabelledData, index: np.ndarray) -> str:
    """The first few training samples by name, for a message."""
    return ", ".join(str(i) if data.ids is None else str(data.ids[i]) for i in index[:EXAMPLES])


def choose_golden(
    recipe: GoldenRecipe,
    data: LabelledData,
    truth: np.ndarray | None,
    marked: np.ndarray | None,
    rest: np.ndarray,
) -> np.ndarray:
    """The golden samples of a run.

    Args:
        recipe: source, per_class, at_most_per_class, seed.
        data: of the source.
        truth: int64[N], -1 where unknown, or None.
        marked: of `marked_samples`.
        rest: int64[n], sorted samples that may be taken.

    Returns:
        int64[M], sorted: all marked samples, or `at_most_per_class` of each class of them, or
        `per_class` of each class among those whose true label is known. A drawn sample equals
        no test sample.

    Raises:
        ValueError: no label is known to be right, or a class is short of samples.
    """
    if recipe.source != "trusted":
        return np.empty(0, np.int64)
    n_classes = len(data.class_names)
    if marked is not None:
        index = rest[marked[rest]]
        if not recipe.at_most_per_class:
            return index
        index = index[~in_test(data)[index]]
        labels = trusted_labels(data.labels, truth)[index]
        rng = np.random.default_rng(recipe.seed)
        return index[first_of_each(labels, recipe.at_most_per_class, rng)]
    if truth is None:
        raise ValueError(
            'golden.source = "trusted" needs samples whose labels are known to be right, and the '
            f"data name none. Mark some as trusted {_WAYS}"
        )
    known = rest[truth[rest] >= 0]
    free = known[~in_test(data)[known]]
    remedy = _fewer_or_others(len(known) - len(free), len(known))
    labels, seed = truth[free], recipe.seed
    return free[choose_per_class(labels, recipe.per_class, n_classes, seed=seed, remedy=remedy)]


def _fewer_or_others(n_twins: int, n_known: int) -> str:
    """What to try where a class is short of samples to draw; n_twins equal a test sample."""
    if not n_twins:
        return "Try a smaller golden.per_class."
    twins = f"{n_twins:,} of {n_known:,} equal a test sample byte by byte and are not drawn"
    if n_twins == n_known:
        return f"{twins}. Look whether the samples differ, and whether the test split is another."
    return f"{twins}. Take them out of one of the two, or try a smaller golden.per_class."


def trusted_labels(given: np.ndarray, truth: np.ndarray | None) -> np.ndarray:
    """int64[N]: the true label where it is known, else the given one."""
    return given if truth is None else np.where(truth >= 0, truth, given)

"""The entry of a label file that belongs to each sample, and the proof that it does."""

from __future__ import annotations

import re
from dataclasses import dataclass

import numpy as np

from tssd_keras.data.path_names import by_other_writing
from tssd_keras.recipe.checks import EXAMPLES, cut
from tssd_keras.recipe.choices import ORDERS

SURE = 4.0  # standard deviations above or below chance that count as agreement


@dataclass(frozen=True)
class Agreement:
    """How far two labellings of N samples agree, beside what independent ones would.

    Attributes:
        share: of samples with equal labels.
        chance: its expectation if one labelling were shuffled.
        z: (share - chance) in standard deviations of that shuffle; 0 where a
            labelling has one class only.
        most: the z of the most agreement that the class counts allow.
    """

    share: float
    chance: float
    z: float
    most: float

    @property
    def is_chance(self) -> bool:
        """Whether labels agree no more than shuffled ones, though enough samples could tell.

        |z| < 4 where z could have reached 4. Labels in a foreign order pass once in 16,000
        times. Far less agreement than chance is proof of the order too.
        """
        return abs(self.z) < SURE <= self.most


def agreement(given: np.ndarray, true: np.ndarray, n_classes: int) -> Agreement:
    """Compare two labellings with what shuffling one of them would give.

    Mean and variance are exact, over all permutations. Cohen's kappa is (share - chance) /
    (1 - chance).

    Args:
        given: int64[N] in 0..K-1.
        true: int64[N] in 0..K-1.
        n_classes: K.

    Source:
        Fleiss, Cohen and Everitt, Psychological Bulletin 72 (1969): the variance
        of kappa where it is 0; here with N - 1 in place of N.
    """
    n = len(given)
    p = np.bincount(given, minlength=n_classes) / max(n, 1)
    q = np.bincount(true, minlength=n_classes) / max(n, 1)
    chance = float(p @ q)
    variance = (chance + chance**2 - float((p * q) @ (p + q))) / max(n - 1, 1)
    deviation = float(np.sqrt(max(variance, 0.0)))
    share = float((given == true).mean()) if n else 0.0
    if deviation < 1e-12:
        return Agreement(share, chance, 0.0, 0.0)
    most = float(np.minimum(p, q).sum())
    return Agreement(share, chance, (share - chance) / deviation, (most - chance) / deviation)


def by_ids(name: str, file_ids: np.ndarray, ids: np.ndarray | None) -> np.ndarray:
    """The entry of each sample, by the ids of both; a path may be written otherwise, see `alike`.

    Args:
        name: of the file, for messages.
        file_ids: str[M].
        ids: text[N] of the source, or None.

    Returns:
        int64[N].

    Raises:
        ValueError: the source has no ids, or the two are not the same N different ones.
    """
    if ids is None:
        raise ValueError(
            f"{name} lines labels up by ids, and the samples of this source have none. Sort its "
            "labels into the order of the source, and leave the ids out."
        )
    for what, values in ((f"ids of {name}", file_ids), ("ids of the source", ids)):
        unique, count = np.unique(values, return_counts=True)
        if len(unique) < len(values):
            raise ValueError(
                f"{what} must differ: {_few(unique[count > 1])} of {len(unique)} occur more than "
                "once."
            )
    own = by_other_writing(file_ids.tolist(), ids.tolist())
    written = [own.get(name, name) for name in file_ids.tolist()]
    if len(set(written)) == len(written):
        file_ids = np.array(written, np.str_)
    mistakes = []
    in_file, in_source = set(file_ids.tolist()), set(ids.tolist())
    for what, missing in (
        ("are not in the file", sorted(in_source - in_file)),
        ("of the file are not in the source", sorted(in_file - in_source)),
    ):
        if len(missing):
            mistakes.append(f"{_few(missing)} {what}")
    if mistakes:
        raise ValueError(
            f"{name} must have one label for each of the {len(ids)} ids of the source: "
            f"{'; '.join(mistakes)}."
        )
    order = np.argsort(file_ids, kind="stable")
    return order[np.searchsorted(file_ids[order], ids)]


def by_order(name: str, order: str, ids: np.ndarray | None, n: int) -> np.ndarray:
    """The entry of each sample, by position.

    Args:
        name: of the file, for messages.
        order: "source": entry i is sample i. "id": entry i is the sample whose id ends in
            the number i. TFDS shuffles samples; ids like train_00012 keep the data set's
            original order.
        ids: str[N] of the source, or None.
        n: N.

    Returns:
        int64[N].

    Raises:
        ValueError: unknown order, or one that the source's ids do not give.
    """
    if order not in ORDERS:
        raise ValueError(f"noise.order must be one of {', '.join(ORDERS)}, got {order!r}.")
    if order == "source":
        return np.arange(n)
    if ids is None:
        raise ValueError(
            f'{name}: noise.order = "id" needs samples with ids, and this source has none. Try '
            'noise.order = "source".'
        )
    ends = [re.search(r"([0-9]{1,18})$", text) for text in ids.tolist()]
    without = [text for text, end in zip(ids, ends, strict=True) if end is None]
    if without:
        raise ValueError(
            f'{name}: noise.order = "id" needs ids that end in a number: {_few(without)} of {n} '
            "do not. Bring a file that names the ids."
        )
    number = np.array([int(end[1]) for end in ends if end], np.int64)
    unique, count = np.unique(number, return_counts=True)
    outside = unique[(unique < 0) | (unique >= n)]
    if len(unique) < n or len(outside):
        fault = (
            f"{_few(outside)} are not" if len(outside) else f"{_few(unique[count > 1])} come twice"
        )
        raise ValueError(
            f'{name}: noise.order = "id" needs ids that end in each number of 0..{n - 1} once: '
            f"{fault}. Bring a file that names the ids."
        )
    return number


def clean_mistake(clean: np.ndarray, true: np.ndarray) -> str:
    """The fault if the file's clean labels are not the true ones of the source, else "".

    Args:
        clean: int64[N].
        true: int64[N], -1 where unknown: those samples are not compared.
    """
    is_known = true >= 0
    differ = np.flatnonzero(is_known & (clean != true))
    if not len(differ):
        return ""
    examples = ", ".join(f"sample {i} ({clean[i]} for {true[i]})" for i in differ[:EXAMPLES])
    return (
        f"its clean labels must be the true labels of the source: {len(differ)} of "
        f"{is_known.sum()} are not, the first are {examples}."
    )


def agreement_mistake(given: np.ndarray, reference: np.ndarray, n_classes: int, what: str) -> str:
    """The fault if labels tell nothing of the reference, else ""; see `Agreement.is_chance`.

    Labels without any information fail even in the right order: symmetric noise at the rate
    (K - 1) / K, or at 1 where it includes the true class. Only ids or clean labels can prove
    their order.

    Args:
        given: int64[N] in 0..K-1.
        reference: int64[N], labels of the source, -1 where unknown: not compared.
        n_classes: K.
        what: the reference is called.
    """
    at = np.flatnonzero(reference >= 0)
    compared = agreement(given[at], reference[at], n_classes)
    if not compared.is_chance:
        return ""
    return (
        f"its labels must tell something of the {what}: they agree for {compared.share:.2%} of "
        f"{len(at)} samples, and {compared.chance:.2%} is chance (z = {compared.z:.1f}, needed is "
        f"{SURE:g})."
    )


def other_order(
    order: str, name: str, ids: np.ndarray | None, labels: np.ndarray, reference: np.ndarray
) -> str:
    """The remedy where an order is refuted: the other one, if it does better.

    Args:
        order: the refuted one.
        name: of the file.
        ids: str[N] or None.
        labels: int64[N], as they stand in the file.
        reference: int64[N], labels of the source in its order, -1 where unknown.
    """
    other = ORDERS[1 - ORDERS.index(order)]
    try:
        rows = {each: by_order(name, each, ids, len(reference)) for each in (order, other)}
    except ValueError:
        return (
            "Probably they are in another order, and the samples have no numbered ids to tell "
            "which. Bring a file that names the ids."
        )
    at = np.flatnonzero(reference >= 0)
    share = {each: float((labels[rows[each]] == reference)[at].mean()) for each in rows}
    if share[other] > share[order]:
        return (
            f'Probably they are in another order: try noise.order = "{other}", where '
            f"{share[other]:.2%} agree in place of {share[order]:.2%}."
        )
    return (
        "Probably they are in an order of their own, or of other data: with noise.order = "
        f'"{other}" {share[other]:.2%} agree. Bring a file that names the ids.'
    )


def _few(values: object) -> str:
    """How many, and the first few."""
    listed = [cut(str(value)) for value in values]  # type: ignore[attr-defined]
    more = ", ..." if len(listed) > EXAMPLES else ""
    return f"{len(listed)} ({', '.join(listed[:EXAMPLES])}{more})"

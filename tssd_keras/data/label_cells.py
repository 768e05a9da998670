"""Labels as cells of a table have them: "nobody gave one", and one class in many spellings.

A gap turns a column of whole numbers into 1.0, 2.0; a missing value becomes the word nan; a Mac
writes é as e and an accent.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Callable, Iterable, Sequence

from tssd_keras.recipe.checks import EXAMPLES

WHOLE = re.compile(r"(-?[0-9]{1,18})(?:\.0*)?")  # 1, 1.0
# As pandas, R, SQL and spreadsheets write a value that is not there.
NO_VALUE = frozenset(
    (
        *("", "nan", "NaN", "NAN", "-nan", "NA", "N/A", "n/a", "#N/A", "<NA>", "NaT"),
        *("None", "NULL", "null"),
    )
)


def without_fraction(text: str) -> str:
    """A whole number as it is without .0; another text as it is."""
    whole = WHOLE.fullmatch(text)
    return whole[1] if whole else text


def not_given(cells: Iterable[str]) -> frozenset[str]:
    """Those texts among the cells that say that nobody gave a label.

    -1 says so where two other classes are there and no other number is below 0. So classes
    numbered -1 and +1 stay two.
    """
    texts = set(cells)
    missing = {text for text in texts if looks(text) in NO_VALUE}
    minus = {text for text in texts if without_fraction(text) == "-1"}
    others = {without_fraction(text) for text in texts - missing - minus}
    below = any(WHOLE.fullmatch(text) and int(text) < 0 for text in others)
    return frozenset(missing | minus if len(others) > 1 and not below else missing)


def one_spelling(cells: Iterable[str]) -> dict[str, str]:
    """The class that each label is of: the spellings that people take for one count as one.

    These are whole numbers with and without .0 (where all labels are whole numbers), and names
    that look the same, see `looks`. The commonest spelling of a name counts.

    Args:
        cells: labels, none of them missing.

    Returns:
        Label -> class, each label once.
    """
    count = Counter(cells)
    if all(WHOLE.fullmatch(text) for text in count):
        return {text: without_fraction(text) for text in count}
    groups: dict[str, list[str]] = {}
    for text in sorted(count, key=lambda text: (-count[text], text)):
        groups.setdefault(looks(text), []).append(text)
    return {text: group[0] for group in groups.values() for text in group}


def looks(text: str) -> str:
    """A text as it looks: composed (NFC), without characters that nobody sees, spaces alike."""
    seen = (c for c in unicodedata.normalize("NFC", text) if unicodedata.category(c) != "Cf")
    return "".join(" " if unicodedata.category(c) == "Zs" else c for c in seen).strip()


def alike_note(names: Sequence[str]) -> str:
    """Names of classes that differ in leading zeros, case, spaces or what nobody sees; or ""."""
    groups: dict[str, list[str]] = {}
    for name in names:
        like = " ".join(looks(name).casefold().split())
        groups.setdefault(like.lstrip("0") or like[-1:], []).append(name)
    alike = [" and ".join(map(_shown(group), group)) for group in groups.values() if len(group) > 1]
    if not alike:
        return ""
    return (
        f"classes: {len(alike)} groups of names differ in leading zeros, case, spaces or what "
        "nobody sees only and count as classes of their own, the first: "
        f"{', '.join(alike[:EXAMPLES])}"
    )


def _shown(group: list[str]) -> Callable[[str], str]:
    """Names as they are, or escaped where two of them look the same."""
    return str if len(set(map(looks, group))) == len(group) else ascii

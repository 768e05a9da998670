"""Step 4: the use of each decided sample: trained on, teaches MSP, not used, or left out.

One half is trained on, the other half teaches MSP.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from tssd_keras.data.columns import names_of, write_columns
from tssd_keras.labels.decisions.reading import Decisions

USES = ("train", "golden", "not used", "left out")
TRAIN, GOLDEN, NOT_USED, LEFT_OUT = range(len(USES))


@dataclass(frozen=True, eq=False)
class Decided:
    """Decisions and what a run does with them.

    Attributes:
        decisions: of n samples.
        use: int8[n], an index into `USES`.
        notes: for the user, a line each.
    """

    decisions: Decisions
    use: np.ndarray
    notes: tuple[str, ...]

    def of(self, use: int) -> np.ndarray:
        """int64[m]: places among the n decisions of those of one use."""
        return np.flatnonzero(self.use == use)

    def labels(self, n: int) -> np.ndarray:
        """int64[n]: the decided classes of samples that are trained on, -1 of all others."""
        out = np.full(n, -1, np.int64)
        trained = self.of(TRAIN)
        out[self.decisions.index[trained]] = self.decisions.label[trained]
        return out

    def summary(self, given: np.ndarray, truth: np.ndarray | None) -> dict[str, object]:
        """Figures for summary.json.

        Args:
            given: int64[N], of the training split.
            truth: int64[N], -1 where unknown, or None.

        Returns:
            The file's hash, counts, the number of given labels found wrong, and the share of
            decisions that agree with the truth where it is known, else None.
        """
        named = self.decisions.label >= 0
        index, label = self.decisions.index[named], self.decisions.label[named]
        right = None
        if truth is not None and (truth[index] >= 0).any():
            is_known = truth[index] >= 0
            right = float((label == truth[index])[is_known].mean())
        return {
            "sha256": self.decisions.sha256,
            "count": len(self.decisions),
            "trained": len(self.of(TRAIN)),
            "golden": len(self.of(GOLDEN)),
            "not_used": len(self.of(NOT_USED)),
            "left_out": len(self.of(LEFT_OUT)),
            "given_found_wrong": int((label != given[index]).sum()),
            "agree_with_truth": right,
        }

    def write_csv(
        self, path: Path, given: np.ndarray, class_names: tuple[str, ...], ids: np.ndarray | None
    ) -> None:
        """Write decided.csv: a row a decided sample.

        Args:
            path: of the file.
            given: int64[N], of the training split.
            class_names: K names in label order.
            ids: str[N], or None.
        """
        d = self.decisions
        write_columns(
            path,
            {
                "index": d.index,
                "id": [None] * len(d) if ids is None else ids[d.index],
                "given": names_of(given[d.index], class_names),
                "decided": names_of(d.label, class_names),
                "action": d.action,
                "stratum": d.stratum,
                "stratum_size": d.stratum_size,
                "use": names_of(self.use, USES),
            },
        )


def split_decisions(
    decisions: Decisions, *, teaches: bool, taken: np.ndarray, in_test: np.ndarray
) -> Decided:
    """Give each decided sample its use.

    One half, by the hash, teaches MSP; the other is trained on. A sample that is held out or
    drawn as golden stays that, and its decision is not used. A sample that equals a test
    sample is trained on, never golden. An unusable sample is left out, unless it is held out.

    Args:
        decisions: of n samples.
        teaches: whether an MSP learns from trusted samples; if not, all are trained on.
        taken: bool[N], samples of the training split that are held out or golden anyway.
        in_test: bool[N], samples that equal a test sample.
    """
    at = decisions.index
    golden = decisions.golden & ~in_test[at] & teaches
    use = np.where(golden, GOLDEN, TRAIN)
    use[decisions.label < 0] = LEFT_OUT
    use[taken[at]] = NOT_USED
    return Decided(decisions, use.astype(np.int8), tuple(_notes(decisions, use, teaches)))


def _notes(decisions: Decisions, use: np.ndarray, teaches: bool) -> Iterator[str]:
    count = np.bincount(use, minlength=len(USES))
    yield (
        f"decisions: {len(decisions):,} of sha256 {decisions.sha256[:16]}...; {count[TRAIN]:,} are "
        f"trained on under the decided label, {count[GOLDEN]:,} teach the meta classifier"
    )
    if count[LEFT_OUT]:
        yield f"decisions: {count[LEFT_OUT]:,} unusable samples are left out of the training"
    if count[NOT_USED]:
        yield (
            f"decisions: {count[NOT_USED]:,} are not used: this run holds those samples out or has "
            "them as golden samples anyway"
        )
    if not teaches:
        yield (
            "decisions: all are trained on, as there is no meta classifier that learns from "
            'trusted samples; golden.source = "trusted" gives half of them to it'
        )

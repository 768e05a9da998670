"""What outlives training of a sample table, for people: as columns, as CSV, as a DataFrame."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from tssd_keras.data.columns import names_of, write_columns
from tssd_keras.judge.roles import ROLES

PANDAS_MISSING = (
    "to_pandas needs pandas, which tssd_keras does not: pip install pandas. Without it "
    "table.write_csv writes the same columns, table.columns() gives them as arrays."
)


class ReadableTable:
    """The part of `table.SampleTable` that people read; see there for the attributes."""

    index: np.ndarray
    given: np.ndarray
    decided: np.ndarray
    judged: np.ndarray
    role: np.ndarray
    p_loss: np.ndarray
    p_feature: np.ndarray
    q: np.ndarray
    suggested: np.ndarray
    p_suggested: np.ndarray
    confidence: np.ndarray
    changed: np.ndarray
    ids: np.ndarray | None
    class_names: Sequence[str] | None

    def __len__(self) -> int:
        return len(self.given)

    def __repr__(self) -> str:
        judged = int(self.judged.sum())
        kept = f", {int((self.weight[self.judged] > 0).sum()):,} of them kept" if judged else ""
        return f"{type(self).__name__}({len(self):,} samples, {judged:,} judged{kept})"

    @property
    def weight(self) -> np.ndarray:
        """float32[N], see `table.SampleTable`."""
        raise NotImplementedError

    def columns(self, true_labels: np.ndarray | None = None) -> dict[str, np.ndarray]:
        """What outlives training, in source order.

        Args:
            true_labels: int[N], -1 where unknown.

        Returns:
            Columns as in `SampleTable`, but `weight` for `weights`, `true`, and `changed` as
            epochs counted from 1. What nobody judged or decided has role -1 and changed -1.
        """
        columns = {
            "index": self.index,
            "given": self.given,
            "true": np.full(len(self), -1) if true_labels is None else true_labels,
            "role": np.where(self.judged | (self.decided >= 0), self.role, np.int8(-1)),
            "weight": self.weight,
            "p_loss": self.p_loss,
            "p_feature": self.p_feature,
            "q": self.q,
            "suggested": self.suggested,
            "p_suggested": self.p_suggested,
            "confidence": self.confidence,
            "changed": np.where(self.judged, self.changed + 1, -1),
        }
        order = self.source_order
        return {name: column[order] for name, column in columns.items()}

    @property
    def source_order(self) -> np.ndarray:
        """int64[N]: table rows in the order of the source."""
        return np.argsort(self.index, kind="stable")

    def write_csv(
        self,
        path: str | Path,
        class_names: Sequence[str] | None = None,
        *,
        true_labels: np.ndarray | None = None,
        ids: np.ndarray | None = None,
    ) -> None:
        """Write the table for a person: one row a sample, in source order, epochs from 1.

        Args:
            path: of the CSV file.
            class_names: K names in label order; None: the table's own, if any, else numbers.
            true_labels: int[N], -1 where unknown; fills the column `true`.
            ids: str[N], the source's own names of the samples; None: the table's own, if any.
        """
        ids = self.ids if ids is None else ids
        columns = self.columns(true_labels)
        cells: dict[str, Sequence | np.ndarray] = {
            "index": columns.pop("index"),
            "id": [None] * len(self) if ids is None else ids[self.source_order],
            **columns,
            "role": names_of(columns["role"], ROLES),
            "changed": [epoch if epoch > 0 else None for epoch in columns["changed"].tolist()],
        }
        class_names = self.class_names if class_names is None else class_names
        if class_names is not None:
            for name in ("given", "true", "suggested"):
                cells[name] = names_of(columns[name], class_names)
        write_columns(path, cells)

    def to_pandas(
        self,
        class_names: Sequence[str] | None = None,
        *,
        true_labels: np.ndarray | None = None,
    ):
        """The table as a pandas.DataFrame: one row a sample, in source order.

        Args:
            class_names: K names in label order; None: the table's own, if any. `given`, `true` and
                `suggested` are names then, None where there is none. Without names they are
                numbers, -1 where there is none.
            true_labels: int[N], -1 where unknown; makes a column `true`.

        Returns:
            pandas.DataFrame. Its index, "index", is each sample's in the source. Columns: `id` if
            the table has `ids`; `given`, `true`, `role` (a name; None: nobody judged), `weight`,
            `p_loss`, `p_feature`, `q`, `suggested`, `p_suggested`, `confidence`, and `changed`,
            counted from 1, -1 before a round.

        Raises:
            ImportError: pandas is not installed.
            ValueError: there are fewer names than classes.
        """
        try:
            import pandas
        except ImportError as error:
            raise ImportError(PANDAS_MISSING) from error
        columns = self.columns(true_labels)
        if true_labels is None:
            del columns["true"]
        cells: dict[str, Sequence | np.ndarray] = dict(columns)
        cells["role"] = _names(columns["role"], ROLES)
        class_names = self.class_names if class_names is None else class_names
        if class_names is not None:
            for name in {"given", "true", "suggested"} & set(columns):
                cells[name] = _names(columns[name], class_names)
        ids = {} if self.ids is None else {"id": np.asarray(self.ids)[self.source_order]}
        index = pandas.Index(cells.pop("index"), name="index")
        return pandas.DataFrame({**ids, **cells}, index=index)


def _names(labels: np.ndarray, names: Sequence[str]) -> list[str | None]:
    """The name of each label, None for -1."""
    if len(labels) and labels.max() >= len(names):
        raise ValueError(
            f"there must be a name for each class: label {labels.max()} needs "
            f"{labels.max() + 1}, got {len(names)}."
        )
    return [name or None for name in names_of(labels, names)]

"""What outlives training of a sample table, for people: as columns, as CSV, as a DataFrame."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, MutableMapping, Sequence
from pathlib import Path

import numpy as np

from tssd_keras.data.columns import names_of, write_blocks
from tssd_keras.data.parquet import Column, write_parquet
from tssd_keras.judge.roles import ROLES

BLOCK = 1 << 16  # samples written at once
COLUMNS = (
    *("index", "given", "true", "role", "weight", "p_loss", "p_feature", "q", "suggested"),
    *("p_suggested", "confidence", "changed"),
)
HEAD = (COLUMNS[0], "id", *COLUMNS[1:])  # of files
NAMED = ("given", "true", "suggested")  # by a class

PANDAS_MISSING = (
    "to_pandas needs pandas, which tssd_keras does not: pip install pandas. Without it "
    "table.write_csv writes the same columns, table.columns() gives them as arrays."
)

_REWRITTEN = (
    "columns must be read before the next round: {} was asked for of a table of {} rounds, it has "
    "had {} by now. Call table.columns() again, or keep dict(table.columns())."
)


class ReadableTable:
    """The part of `table.SampleTable` that people read; see there for the attributes."""

    index: np.ndarray
    given: np.ndarray
    decided: np.ndarray
    judged: np.ndarray
    n_rewrites: int
    weights: np.ndarray
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

    def columns(self, true_labels: np.ndarray | None = None) -> MutableMapping[str, np.ndarray]:
        """What outlives training, in source order.

        Args:
            true_labels: int[N], -1 where unknown.

        Returns:
            Columns as in `SampleTable`, whole numbers as int64, but `weight` for `weights`, `true`,
            and `changed` as epochs counted from 1. What nobody judged or decided has role -1 and
            changed -1. A column is made whenever it is asked for, and is read-only, as a change
            of it would be lost. After a round they are of the past, and RuntimeError is raised;
            `dict(table.columns())` holds them for longer.

        Raises:
            ValueError: there is not one true label a row.
        """
        return _Columns(self, self._of_each("true_labels", true_labels))

    def column(
        self, name: str, rows: np.ndarray | slice, true_labels: np.ndarray | None = None
    ) -> np.ndarray:
        """One of `COLUMNS`, of some table rows; see `columns`."""
        if name == "true":
            known = np.broadcast_to(np.int64(-1), len(self)) if true_labels is None else true_labels
            return np.asarray(known)[rows]
        if name == "role":
            told = self.judged[rows] | (self.decided[rows] >= 0)
            return np.where(told, self.role[rows], np.int8(-1))
        if name == "weight":
            return self.weights[rows].mean(axis=1)
        if name == "changed":
            return np.where(self.judged[rows], self.changed[rows] + 1, np.int64(-1))
        values = getattr(self, name)[rows]
        return values.astype(np.int64, copy=False) if values.dtype.kind == "i" else values

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

        It is written block by block: the memory for it does not grow with the samples.

        Args:
            path: of the CSV file.
            class_names: K names in label order; None: the table's own, if any, else numbers.
            true_labels: int[N], -1 where unknown; fills the column `true`.
            ids: str[N], the source's own names of the samples; None: the table's own, if any.

        Raises:
            ValueError: there are fewer names than classes, or there is not one true label, or one
                of `ids`, a row; nothing is written.
        """
        names = self._names(class_names, true_labels)
        write_blocks(path, HEAD, (_cells(*b, names) for b in self._blocks(true_labels, ids)))

    def write_parquet(
        self,
        path: str | Path,
        class_names: Sequence[str] | None = None,
        *,
        true_labels: np.ndarray | None = None,
        ids: np.ndarray | None = None,
    ) -> None:
        """Write the same columns as Parquet: floats in full, and null where `write_csv` has "".

        Args:
            path, class_names, true_labels, ids: see `write_csv`.

        Raises:
            ImportError: pyarrow is not installed.
            ValueError: there are fewer names than classes, or there is not one true label, or one
                of `ids`, a row; nothing is written.
        """
        names = self._names(class_names, true_labels)
        write_parquet(path, (_parquet(*b, names) for b in self._blocks(true_labels, ids)))

    def _blocks(
        self, true_labels: np.ndarray | None, ids: np.ndarray | None
    ) -> Iterator[tuple[dict[str, np.ndarray], np.ndarray | None]]:
        """The columns and ids of a block of samples after the other, in source order."""
        ids = self._of_each("ids", self.ids if ids is None else ids)
        true_labels = self._of_each("true_labels", true_labels)
        order = self.source_order
        for start in range(0, max(len(self), 1), BLOCK):
            rows = order[start : start + BLOCK]
            columns = {name: self.column(name, rows, true_labels) for name in COLUMNS}
            yield columns, None if ids is None else ids[rows]

    def _of_each(self, name: str, values: np.ndarray | None) -> np.ndarray | None:
        """Values in the table's order as an array; raises ValueError unless one is of each row."""
        if values is not None and len(values) != len(self):
            raise ValueError(
                f"{name} must have one entry a row of the table, in its order, got {len(values)} "
                f"for {len(self)}. Of a whole source take {name}[table.index]."
            )
        return None if values is None else np.asarray(values)

    def _names(
        self, class_names: Sequence[str] | None, true_labels: np.ndarray | None
    ) -> Sequence[str] | None:
        """The names to write, given or the table's own; raises ValueError if a class has none."""
        names = self.class_names if class_names is None else class_names
        labels = (self.given, self.suggested, () if true_labels is None else true_labels)
        largest = max(int(np.max(one, initial=-1)) for one in labels)
        if names is not None and largest >= len(names):
            raise ValueError(
                f"there must be a name for each class: label {largest} needs {largest + 1}, got "
                f"{len(names)}."
            )
        return names

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
            ValueError: there are fewer names than classes, or not one true label a row.
        """
        try:
            import pandas
        except ImportError as error:
            raise ImportError(PANDAS_MISSING) from error
        columns = self.columns(true_labels)
        cells: dict[str, Sequence | np.ndarray] = dict(columns)
        if true_labels is None:
            del cells["true"]
        cells["role"] = _names(columns["role"], ROLES)
        names = self._names(class_names, true_labels)
        if names is not None:
            for name in {*NAMED} & set(cells):
                cells[name] = _names(columns[name], names)
        ids = {} if self.ids is None else {"id": np.asarray(self.ids)[self.source_order]}
        index = pandas.Index(cells.pop("index"), name="index")
        return pandas.DataFrame({**ids, **cells}, index=index)


class _Columns(MutableMapping):
    """Columns of a table in source order, each made when it is asked for.

    They can be set and deleted as in a dict, without effect on the table; one cannot be changed in
    part, since the next look would not show it.
    """

    def __init__(self, table: ReadableTable, true_labels: np.ndarray | None) -> None:
        self._table, self._true = table, true_labels
        self._order, self._n_rewrites = table.source_order, table.n_rewrites
        self._set: dict[str, np.ndarray | None] = dict.fromkeys(COLUMNS)

    def __getitem__(self, name: str) -> np.ndarray:
        found = self._set[name]
        if found is not None:
            return found
        if self._table.n_rewrites != self._n_rewrites:
            raise RuntimeError(_REWRITTEN.format(name, self._n_rewrites, self._table.n_rewrites))
        column = self._table.column(name, self._order, self._true)
        column.flags.writeable = False
        return column

    def __setitem__(self, name: str, column: np.ndarray) -> None:
        self._set[name] = column

    def __delitem__(self, name: str) -> None:
        del self._set[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._set)

    def __len__(self) -> int:
        return len(self._set)


def _cells(
    block: Mapping[str, np.ndarray], ids: np.ndarray | None, class_names: Sequence[str] | None
) -> list[Sequence | np.ndarray]:
    """A block of `write_csv` in the order of HEAD."""
    cells: dict = {**block, "role": names_of(block["role"], ROLES)}
    cells["id"] = [None] * len(block["index"]) if ids is None else ids
    cells["changed"] = [epoch if epoch > 0 else None for epoch in block["changed"].tolist()]
    if class_names is not None:
        for name in NAMED:
            cells[name] = names_of(block[name], class_names)
    return [cells[name] for name in HEAD]


def _parquet(
    block: Mapping[str, np.ndarray], ids: np.ndarray | None, class_names: Sequence[str] | None
) -> dict[str, Column]:
    """A block of `write_parquet`."""
    names = {"role": ROLES, **({} if class_names is None else dict.fromkeys(NAMED, class_names))}
    gaps = {*NAMED, "role", "changed"}
    values = {**block, "id": ids}
    return {name: Column(values[name], names.get(name), name in gaps) for name in HEAD}


def _names(labels: np.ndarray, names: Sequence[str]) -> list[str | None]:
    """The name of each label, None for -1."""
    return [name or None for name in names_of(labels, names)]

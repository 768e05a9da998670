"""One sample table for all processes: what the first one judged, whatever the others found.

Every process scores all samples, on all devices, and judges them by itself. Their processors may
round differently, and then a label on a threshold is kept here and rejected there. So the first
process tells its table after each round, and all draw their batches from that.
"""

from __future__ import annotations

import io
import json
import zlib
from collections.abc import Callable
from typing import TypeVar

import numpy as np

from tssd_keras.judge.record import RoundRecord
from tssd_keras.judge.record_text import records_of_text, records_to_text
from tssd_keras.judge.state import State
from tssd_keras.judge.table import BLOCK, JUDGED, SampleTable
from tssd_keras.train import devices
from tssd_keras.train.devices.layout import Layout

Verdicts = TypeVar("Verdicts")


def check_alike(of: dict[str, str]) -> None:
    """See that all processes are about to train the same, before one waits for another for ever.

    Args:
        of: texts of what must be the same, by name: settings, or a `fingerprint.fingerprint`.

    Raises:
        ValueError: in some process they are others; in all of them.
    """
    numbers = devices.numbers_of_all(zlib.crc32(json.dumps(of).encode()))
    if len(set(numbers)) > 1:
        first = json.loads(devices.told_by_first(json.dumps(of).encode()))
        found = [
            f"{name}: process 0 has {first.get(name, 'none')}, this one {of.get(name, 'none')}"
            for name in first | of
            if first.get(name) != of.get(name)
        ]
        raise ValueError(
            "every process must have the same samples, labels, golden samples and settings, and "
            f"have trained as far: {_others(numbers)} from process 0 "
            f"({'; '.join(found) or 'those processes say in what'}). Give each the same recipe or "
            "arguments, and the same state to go on from."
        )


def check_same_rows(table: SampleTable) -> None:
    """Raise ValueError in every process unless all are about to judge the same rows."""
    rows = table.rows_to_judge()
    numbers = devices.numbers_of_all(zlib.crc32(table.labels[rows].tobytes(), _crc(rows)))
    if len(set(numbers)) > 1:
        raise ValueError(
            f"every process must judge the same samples with the same labels: {_others(numbers)} "
            "from process 0. Give each the same data, decisions and seed."
        )


def _crc(rows: np.ndarray) -> int:
    return zlib.crc32(rows.tobytes())


def _others(numbers: list[int]) -> str:
    other = [str(process) for process, one in enumerate(numbers) if one != numbers[0]]
    return f"process {', '.join(other)} differs"


def judged_alike(
    table: SampleTable, layout: Layout, judge: Callable[[], tuple[RoundRecord, Verdicts]]
) -> tuple[RoundRecord, Verdicts]:
    """A round; of several processes each ends it with the first one's record and table.

    Args:
        table: that `judge` rewrites.
        layout: of the devices that the model is on.
        judge: the round as this process finds it -> its record, and what each network found.

    Raises:
        ValueError: processes are about to judge other rows; in all of them.
    """
    if layout.n_processes == 1:
        return judge()
    check_same_rows(table)
    record, verdicts = judge()
    return as_first_judged(table, record), verdicts


def as_first_judged(table: SampleTable, record: RoundRecord) -> RoundRecord:
    """The first process's record of a round, and its table in place of one's own.

    The rows that were judged are told, block by block: what a part's round did not write is the
    same everywhere.

    Args:
        table: as this process has just rewritten it; `check_same_rows` has seen it.
        record: of the same round.
    """
    told = state_of_first({"record": np.array(records_to_text([record]))})
    rows = table.rows_to_judge()
    for start in range(0, len(rows), BLOCK):
        some = rows[start : start + BLOCK]
        columns = state_of_first({name: getattr(table, name)[some] for name in JUDGED})
        for name, column in columns.items():
            getattr(table, name)[some] = column
    return records_of_text(str(told["record"]))[0]


def state_of_first(state: State) -> State:
    """The first process's state, in every process; all must ask."""
    message = io.BytesIO()
    np.savez(message, allow_pickle=False, **state)
    with np.load(io.BytesIO(devices.told_by_first(message.getvalue()))) as told:
        return dict(told)

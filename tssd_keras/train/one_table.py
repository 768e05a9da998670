"""One sample table for all processes: what the first one judged, whatever the others found.

Every process scores all samples, on all devices, and judges them by itself. Their processors may
round differently, and then a label on a threshold is kept here and rejected there. So the first
process tells its table after each round, and all draw their batches from that.
"""

from __future__ import annotations

import io
import zlib

import numpy as np

from tssd_keras.judge.record import RoundRecord
from tssd_keras.judge.record_text import records_of_text, records_to_text
from tssd_keras.judge.state import State
from tssd_keras.judge.table import BLOCK, JUDGED, SampleTable
from tssd_keras.labels.golden import Golden
from tssd_keras.train import devices


def as_first_judged(table: SampleTable, record: RoundRecord) -> RoundRecord:
    """The first process's record of a round, and its table in place of one's own.

    The rows that were judged are told, block by block: what a part's round did not write is the
    same everywhere.

    Args:
        table: as this process has just rewritten it; `check_alike` has seen it.
        record: of the same round.
    """
    if devices.layout().n_processes == 1:
        return record
    told = state_of_first({"record": np.array(records_to_text([record]))})
    rows = table.rows_to_judge()
    for start in range(0, len(rows), BLOCK):
        some = rows[start : start + BLOCK]
        columns = state_of_first({name: getattr(table, name)[some] for name in JUDGED})
        for name, column in columns.items():
            getattr(table, name)[some] = column
    return records_of_text(str(told["record"]))[0]


def check_alike(table: SampleTable, golden: Golden | None = None) -> None:
    """See that all processes are about to judge the same samples.

    They share the work on these, and would wait for each other for ever.

    Raises:
        ValueError: they have other rows to judge, other labels of them, or other labels of golden
            samples; in every process.
    """
    if devices.layout().n_processes == 1:
        return
    rows = table.rows_to_judge()
    number = zlib.crc32(table.labels[rows].tobytes(), zlib.crc32(rows.tobytes()))
    if golden is not None:
        number = zlib.crc32(golden.labels.tobytes(), number)
    seen = devices.numbers_of_all(number)
    other = [str(process) for process, one in enumerate(seen) if one != seen[0]]
    if other:
        raise ValueError(
            "every process must judge the same samples with the same labels, and have the same "
            f"golden ones; process {', '.join(other)} has other ones than process 0. Give each the "
            "same data, golden samples, decisions and seed."
        )


def state_of_first(state: State) -> State:
    """The first process's state, in every process; all must ask."""
    if devices.layout().n_processes == 1:
        return state
    message = io.BytesIO()
    np.savez(message, allow_pickle=False, **state)
    with np.load(io.BytesIO(devices.told_by_first(message.getvalue()))) as told:
        return dict(told)

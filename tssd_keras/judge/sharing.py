"""What all samples are looked through for is shared: by processes, each its own rows, and devices.

Every process asks for the same things in the same order, and has the whole result.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

TOLD = 1 << 17  # numbers of a sum that every process sends at once
Rows = tuple[np.ndarray, ...]  # arrays of as many rows each


class Sharing:
    """One process with one device; those of several are in `train.devices`.

    Attributes:
        n_processes: that share the rows.
        process: number of this one, counted from 0.
        n_devices: accelerators of this process that share its rows.
    """

    n_processes = 1
    process = 0
    n_devices = 1

    def rows_of_all(self, rows: Rows) -> Rows:
        """The rows of all processes, in their order, in every process; all must ask.

        Args:
            rows: arrays [n, ...]; as many, of the same shapes and dtypes, in every process.
        """
        return rows

    def on_devices(
        self, work: Callable[..., Sequence[Any]], *constants: np.ndarray
    ) -> Callable[..., Rows]:
        """Work on rows that this process's devices share, as a function of the rows.

        Args:
            work: tensors [m, ...] of rows, then the constants -> tensors [m or 1, ...]; written
                with `keras.ops`. Each device does it for its share of the rows.
            constants: arrays, given to every device.

        Returns:
            A function: arrays [n, ...] -> arrays, those of the devices one after the other; n a
            multiple of `n_devices`.
        """
        from keras import ops

        here = [ops.convert_to_tensor(one) for one in constants]

        def on_rows(*rows: np.ndarray) -> Rows:
            found = work(*(ops.convert_to_tensor(part) for part in rows), *here)
            return tuple(ops.convert_to_numpy(one) for one in found)

        return on_rows


ALONE = Sharing()


def fill(
    out: Rows,
    compute: Callable[[slice], Rows],
    size: int,
    sharing: Sharing,
    on_rows: Callable[[int], None] = lambda n: None,
) -> None:
    """Compute rows block by block; each process computes its share, and has those of all.

    Args:
        out: arrays [N, ...], filled.
        compute: rows of a block -> as many rows for each array; a row does not depend on the others
            of its block.
        size: rows of a block.
        sharing: among whom.
        on_rows: called with the number of rows done, for a progress bar.
    """
    n, processes = len(out[0]), sharing.n_processes
    for start in range(0, n, size * processes):
        stop = min(start + size * processes, n)
        share = math.ceil((stop - start) / processes)
        first = min(start + sharing.process * share, stop)
        own = slice(first, min(first + share, stop))
        # The last shares of the last block may be short or empty; they are sent filled up.
        block = tuple(np.zeros((share, *one.shape[1:]), one.dtype) for one in out)
        if own.stop > own.start:
            for part, rows in zip(block, compute(own), strict=True):
                part[: len(rows)] = rows
        for one, rows in zip(out, sharing.rows_of_all(block), strict=True):
            one[start:stop] = rows[: stop - start]
        on_rows(stop - start)


def total(
    n: int, block_sum: Callable[[slice], np.ndarray], size: int, sharing: Sharing
) -> np.ndarray:
    """The sum over N rows, float64[...]; each process adds up its share, block by block.

    Args:
        n: N, at least 1.
        block_sum: rows of a block -> their sum [...], of the same shape for every block, no rows
            among them.
        size: rows of a block.
        sharing: among whom.
    """
    share = math.ceil(n / sharing.n_processes)
    first = min(sharing.process * share, n)
    stop = min(first + share, n)
    added_up = np.asarray(block_sum(slice(first, min(first + size, stop))), np.float64)
    for start in range(first + size, stop, size):
        added_up += block_sum(slice(start, min(start + size, stop)))
    flat = added_up.reshape(-1)
    for start in range(0, flat.size, TOLD):
        some = slice(start, start + TOLD)
        flat[some] = sharing.rows_of_all((flat[None, some],))[0].sum(axis=0)
    return flat.reshape(added_up.shape)

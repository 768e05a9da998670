"""How many threads multiply matrices, and how many work on blocks of rows.

Threads of a BLAS wait for each other by spinning. On small matrices, or beside other work, that
takes longer than the products: a golden head of 500 samples takes 0.13 s on one thread and 2.5 to
10 s on two, if both are also used by something else (docs/performance.md).
"""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor

from threadpoolctl import threadpool_limits

LARGE_PRODUCT = 1e8  # multiplications; about 30 ms of one thread


def threads_for(multiplications: float) -> threadpool_limits:
    """A context in which NumPy, SciPy and scikit-learn use one thread, unless products are large.

    Args:
        multiplications: of one product.
    """
    return threadpool_limits(1 if multiplications < LARGE_PRODUCT else None)


def over_blocks(work: Callable[[slice], None], n: int, size: int) -> None:
    """Work on blocks of rows side by side, a core each; NumPy's loops let the others run.

    After a block that fails at most two a core more begin, whatever the machine does beside it.

    Args:
        work: of a block; it writes to its own rows only, so that the order makes no difference.
        n: rows.
        size: of a block; the last one is smaller.

    Raises:
        Exception: what the first block that fails raises.
    """
    n_cores = _cores()
    given: deque[Future[None]] = deque()
    with threadpool_limits(1), ThreadPoolExecutor(n_cores) as pool:
        for start in range(0, n, size):
            if len(given) == 2 * n_cores:
                given.popleft().result()
            given.append(pool.submit(work, slice(start, min(start + size, n))))
        for block in given:
            block.result()


def _cores() -> int:
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1

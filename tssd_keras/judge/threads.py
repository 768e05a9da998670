"""How many threads multiply matrices.

Threads of a BLAS wait for each other by spinning. On small matrices, or beside other work, that
takes longer than the products: a golden head of 500 samples takes 0.13 s on one thread and 2.5 to
10 s on two, if both are also used by something else (docs/performance.md).
"""

from __future__ import annotations

from threadpoolctl import threadpool_limits

LARGE_PRODUCT = 1e8  # multiplications; about 30 ms of one thread


def threads_for(multiplications: float) -> threadpool_limits:
    """A context in which NumPy, SciPy and scikit-learn use one thread, unless products are large.

    Args:
        multiplications: of one product.
    """
    return threadpool_limits(1 if multiplications < LARGE_PRODUCT else None)

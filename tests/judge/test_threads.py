"""Threads of matrix products, and blocks of rows that are worked on side by side, each once."""

import numpy as np
import pytest
from threadpoolctl import threadpool_info, threadpool_limits

from tssd_keras.judge import threads
from tssd_keras.judge.threads import LARGE_PRODUCT, over_blocks, threads_for

pytestmark = pytest.mark.backend_free


def blas_threads():
    return {library["num_threads"] for library in threadpool_info()}


@pytest.mark.parametrize(("size", "n"), [(LARGE_PRODUCT / 2, 1), (LARGE_PRODUCT, 2)])
def test_only_large_products_have_more_than_one_thread(size, n):
    with threadpool_limits(2):
        with threads_for(size):
            assert blas_threads() == {n}
        assert blas_threads() == {2}


@pytest.mark.parametrize("n", [0, 1, 7, 8, 1000])
def test_every_row_is_worked_on_once(n):
    count = np.zeros(n, int)
    sizes = []

    def work(rows):
        count[rows] += 1
        sizes.append(len(count[rows]))

    over_blocks(work, n, 8)
    assert np.all(count == 1)
    assert sorted(sizes, reverse=True) == [8] * (n // 8) + [n % 8] * (n % 8 > 0)


def test_an_error_in_a_block_comes_out_and_later_blocks_are_left(monkeypatch):
    monkeypatch.setattr(threads, "_cores", lambda: 3)
    begun = []

    def work(rows):
        begun.append(rows.start)
        if rows.start == 8:
            raise FloatingPointError("a block")

    with pytest.raises(FloatingPointError, match="a block"):
        over_blocks(work, 8 * 5_000, 8)
    assert {0, 8} <= set(begun) <= set(range(0, 8 * (2 + 2 * 3), 8))

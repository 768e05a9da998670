import pytest
from threadpoolctl import threadpool_info, threadpool_limits

from tssd_keras.judge.threads import LARGE_PRODUCT, threads_for

pytestmark = pytest.mark.backend_free


def blas_threads():
    return {library["num_threads"] for library in threadpool_info()}


@pytest.mark.parametrize(("size", "n"), [(LARGE_PRODUCT / 2, 1), (LARGE_PRODUCT, 2)])
def test_only_large_products_have_more_than_one_thread(size, n):
    with threadpool_limits(2):
        with threads_for(size):
            assert blas_threads() == {n}
        assert blas_threads() == {2}

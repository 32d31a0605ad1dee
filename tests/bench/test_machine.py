from __future__ import annotations

import pytest
from threadpoolctl import ThreadpoolController, threadpool_limits
from wayshot.bench.machine import equal_products


def threads() -> set[int]:
    openblas = ThreadpoolController().select(internal_api="openblas")
    return {one["num_threads"] for one in openblas.info()}


def test_blocks_that_overlap_end_with_the_threads_that_there_were_before():
    with threadpool_limits(2):
        before = threads()
        if before != {2}:
            pytest.skip("NumPy has no OpenBLAS, or one without threads")
        first, second = equal_products(), equal_products()
        first.__enter__()
        second.__enter__()
        first.__exit__(None, None, None)
        assert threads() == {1}
        second.__exit__(None, None, None)
        assert threads() == before

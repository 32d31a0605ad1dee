"""Threads: large computations divided among the processors of this process."""

from __future__ import annotations

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache

from threadpoolctl import ThreadpoolController


def processors() -> int:
    """Gives the number of processors that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


@lru_cache(maxsize=1)
def blas() -> ThreadpoolController:
    """Gives the controller of the threads of NumPy's matrix products."""
    return ThreadpoolController().select(user_api="blas")


@lru_cache(maxsize=1)
def _pool() -> ThreadPoolExecutor:
    """Makes the threads, which are kept, because starting them is slow."""
    return ThreadPoolExecutor()


def share(do: Callable[[slice], None], count: int, worth: int) -> None:
    """Divides a computation among threads, at most as many as NumPy's matrix products may use.

    Meanwhile each matrix product uses one thread. Threads that compute
    different products wait less for each other than threads that share one
    product.

    Args:
        do: Computes some parts, which are given as a slice.
        count: Number of parts.
        worth: Smallest number of parts for which another thread saves time.
    """
    threads = count // worth
    if threads > 1:
        most = max((one.num_threads or 1 for one in blas().lib_controllers), default=1)
        threads = min(threads, most)
    if threads <= 1:
        do(slice(0, count))
        return
    ends = [count * i // threads for i in range(threads + 1)]
    with blas().limit(limits=1):
        list(_pool().map(do, map(slice, ends, ends[1:])))

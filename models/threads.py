"""Threads: large arrays shared among this process's processors."""

from __future__ import annotations

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache

from threadpoolctl import ThreadpoolController


def processors() -> int:
    """How many processors this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


@lru_cache(maxsize=1)
def blas() -> ThreadpoolController:
    """What sets the threads of NumPy's matrix products."""
    return ThreadpoolController().select(user_api="blas")


@lru_cache(maxsize=1)
def _pool() -> ThreadPoolExecutor:
    """Threads that are kept, as starting them takes as long as a small work."""
    return ThreadPoolExecutor()


def share(do: Callable[[slice], None], count: int, worth: int) -> None:
    """Does parts of some work in as many threads as NumPy's matrix products may have.

    A product within is done by one thread: those that work by themselves wait
    less for each other than those of one product.

    Args:
        do: Does some parts, given as a slice.
        count: How many parts there are.
        worth: How many parts another thread is worth it for.
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

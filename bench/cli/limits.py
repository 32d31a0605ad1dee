"""Limits: whether there is memory, and there are threads, to load what a command needs."""

from __future__ import annotations

import os
import threading
from contextlib import suppress

try:
    import resource
except ImportError:
    # Not on Windows.
    resource = None

LEAST = 800_000 * 1024
"""Bytes of addresses below which libraries such as OpenBLAS hang or crash while they load."""

_LIBRARIES = 2
"""Libraries that start threads while they load: OpenBLAS for NumPy, and again for SciPy."""

_MOST = 64
"""The most threads of OpenBLAS, as NumPy and SciPy are built."""


def check_memory() -> None:
    """Refuses to begin where native code would hang.

    Raises:
        MemoryError: The process may have too few addresses.
    """
    if resource is None:
        return
    limit, _ = resource.getrlimit(resource.RLIMIT_AS)
    if limit != resource.RLIM_INFINITY and limit < LEAST:
        raise MemoryError(
            f"ulimit -v is {limit // 1024}, expected at least {LEAST // 1024} to begin with"
        )


def check_threads() -> None:
    """Refuses to begin where OpenBLAS could not start its threads.

    It would send this process a SIGINT, as if the user had typed Ctrl-C.

    Raises:
        RuntimeError: No more threads can be started.
    """
    each = min(os.cpu_count() or 1, _MOST)
    told = os.environ.get("OPENBLAS_NUM_THREADS") or os.environ.get("OMP_NUM_THREADS") or each
    with suppress(ValueError):
        each = min(each, int(told))
    tried = threading.Event()
    started: list[threading.Thread] = []
    try:
        for _ in range(_LIBRARIES * max(each - 1, 0) + 1):
            one = threading.Thread(target=tried.wait, daemon=True)
            one.start()
            started.append(one)
    finally:
        tried.set()
        for one in started:
            one.join()

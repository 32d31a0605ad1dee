"""Memory: whether there is enough to load what a command needs."""

from __future__ import annotations

try:
    import resource
except ImportError:
    # Not on Windows.
    resource = None

LEAST = 600_000 * 1024
"""Bytes of addresses below which libraries such as OpenBLAS hang or crash while they load."""


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

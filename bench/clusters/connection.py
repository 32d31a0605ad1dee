"""The connection to a Dask scheduler."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ..errors import ScorerError


class ClusterError(ScorerError):
    """A cluster that cannot be used."""


def dask() -> Any:
    """Imports Dask.

    Raises:
        ClusterError: It is not installed.
    """
    try:
        import distributed
    except ImportError:
        raise ClusterError(
            "a cluster needs Dask, which is not installed; install it with: "
            "pip install 'wayshot[dask]'"
        ) from None
    return distributed


def reached(address: str, timeout: float) -> Any:
    """Connects to a scheduler, or starts a cluster on this machine for `local:N`.

    Args:
        address: As for `Cluster`.
        timeout: Seconds to wait for the scheduler.

    Raises:
        ClusterError: It is no address of a scheduler.
        OSError: No scheduler answers.
    """
    distributed = dask()
    kind, _, count = address.partition(":")
    if kind == "local":
        if not count.isdecimal() or not 1 <= int(count) <= 1024:
            raise ClusterError(f"cluster {address!r}: expected local:N with N workers, as local:4")
        cluster = distributed.LocalCluster(
            n_workers=int(count),
            threads_per_worker=1,
            host="127.0.0.1",
            dashboard_address="127.0.0.1:0",
        )
        return distributed.Client(cluster, set_as_default=False)
    path = Path(address).expanduser()
    if path.is_file():
        return distributed.Client(scheduler_file=str(path), timeout=timeout, set_as_default=False)
    if "://" not in address:
        raise ClusterError(
            f"cluster {address!r}: expected the address of a Dask scheduler, as "
            "tcp://127.0.0.1:8786 or tls://host:8786, the path of its scheduler file, or local:N "
            "for N workers on this machine"
        )
    return distributed.Client(address, timeout=timeout, set_as_default=False)


def unreachable(address: str, error: Exception) -> ClusterError:
    """Makes the error of a scheduler that does not answer.

    Args:
        address: Its address.
        error: What the connection has raised.
    """
    reason = " ".join(str(error).split())[:200] or type(error).__name__
    return ClusterError(
        f"cluster {address}: no scheduler answers ({reason}); start one with: dask scheduler"
    )

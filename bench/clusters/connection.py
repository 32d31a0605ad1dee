"""The connection to a Dask scheduler."""

from __future__ import annotations

import json
from concurrent.futures import BrokenExecutor
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
        address = _address_in(path)
    if "://" not in address:
        raise ClusterError(
            f"cluster {address!r}: expected the address of a Dask scheduler, as "
            "tcp://127.0.0.1:8786 or tls://host:8786, the path of its scheduler file, or local:N "
            "for N workers on this machine"
        )
    if address.startswith("tls:") and not _certified(distributed):
        raise ClusterError(
            f"cluster {address}: TLS needs the certificates that its scheduler trusts; name their "
            "files by DASK_DISTRIBUTED__COMM__TLS__CA_FILE, ..._TLS__CLIENT__CERT and "
            "..._TLS__CLIENT__KEY, or in Dask's configuration"
        )
    return distributed.Client(address, timeout=timeout, set_as_default=False)


def _address_in(path: Path) -> str:
    """Gives the address in a scheduler file."""
    try:
        return str(json.loads(path.read_text(encoding="utf-8"))["address"])
    except (ValueError, KeyError, TypeError):
        raise ClusterError(
            f"cluster {path}: expected the file that dask scheduler --scheduler-file has written"
        ) from None


def _certified(distributed: Any) -> bool:
    return distributed.Security().get_connection_args("client").get("ssl_context") is not None


def workers_of(client: Any) -> dict[str, dict[str, Any]]:
    """Gives what the scheduler knows of each worker, by address.

    Args:
        client: Dask's client.
    """
    try:
        return client.scheduler_info(n_workers=-1)["workers"]
    except TypeError:
        # An older Dask, which tells of all workers.
        return client.scheduler_info()["workers"]


def worker_called(client: Any, name: str) -> str:
    """Gives the address of a worker that has nothing to do.

    Args:
        client: Dask's client.
        name: Its name or address.

    Raises:
        ClusterError: There is no such worker, or it is working.
    """
    workers = workers_of(client)
    found = [address for address, one in workers.items() if name in (address, str(one["name"]))]
    if not found:
        close = ", ".join(sorted(str(one["name"]) for one in workers.values())[:10])
        raise ClusterError(f"the cluster has no worker {name!r}; there are: {close or 'none'}")
    if any(client.processing(found).values()):
        raise ClusterError(
            f"worker {name} is working; a latency is measured where nothing else runs: wait, or "
            "name another worker"
        )
    return found[0]


def told(error: Any) -> BaseException:
    """Gives an error of a call as the user should read it.

    Args:
        error: What Dask says that the call has raised.
    """
    if isinstance(error, dask().scheduler.KilledWorker):
        return BrokenExecutor(
            f"{error.allowed_failures + 1} workers of the cluster died in the same unit, the "
            f"last one at {getattr(error.last_worker, 'address', error.last_worker)}; it may "
            "need more memory than a worker has"
        )
    return error


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

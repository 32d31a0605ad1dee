"""The options of commands that can use several processes, or a cluster."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import wraps
from typing import Any

import click

from ...results import plain
from ..clusters import Cluster
from ..sweeps import ClusterPlace, LocalPlace, Terms
from .common import option, patience
from .counts import Count


@dataclass(frozen=True)
class ClusterOptions:
    """What was typed about a cluster.

    Attributes:
        address: Of its scheduler; None without a cluster.
        send: Files that scorers' code reads.
        resources: Names and amounts of what a worker must declare.
        other_versions: Whether workers may have other versions.
    """

    address: str | None = None
    send: tuple[str, ...] = ()
    resources: tuple[tuple[str, float], ...] = ()
    other_versions: bool = False


def _resources(_: Any, __: Any, words: tuple[str, ...]) -> tuple[tuple[str, float], ...]:
    found = []
    for word in words:
        name, _equals, amount = word.partition("=")
        try:
            found.append((name, float(amount)))
        except ValueError:
            raise click.BadParameter(f"{word!r}, expected NAME=AMOUNT, as GPU=1") from None
    return tuple(found)


jobs_option = option(
    "--jobs",
    type=Count(1, 1024),
    metavar="N",
    default=1,
    show_default=True,
    help="Number of processes on this machine.",
)
unit_seconds_option = option(
    "--unit-seconds",
    type=click.FloatRange(0, min_open=True),
    default=600,
    show_default=True,
    metavar="SECONDS",
    help="Time limit for a unit of work, which is at most 1,024 images or episodes or about 4,096 "
    "pairs. A scorer that takes longer has failed.",
)


def cluster_options(command: Callable) -> Callable:
    """The options of a cluster: the parameter `cluster`, `ClusterOptions`."""

    @wraps(command)
    def joined(
        address: str | None,
        send: tuple[str, ...],
        resources: tuple[tuple[str, float], ...],
        other_versions: bool,
        **others: Any,
    ) -> Any:
        if address is None and (send or resources or other_versions):
            raise click.UsageError(
                "--send, --resources and --other-versions are for a cluster; name it by --cluster"
            )
        return command(cluster=ClusterOptions(address, send, resources, other_versions), **others)

    for decorate in (
        option(
            "--other-versions",
            is_flag=True,
            help="Use workers that have other versions of Python or of libraries too. Their "
            "figures may differ in the last digits.",
        ),
        option(
            "--resources",
            multiple=True,
            metavar="NAME=AMOUNT",
            callback=_resources,
            help="Use only workers that were started with such resources, as GPU=1. May be "
            "repeated.",
        ),
        option(
            "--send",
            multiple=True,
            type=click.Path(exists=True),
            metavar="PATH",
            help="A file or folder that the code of a scorer reads, to be sent to the workers. "
            "What it imports, its model file and keys that are paths are sent anyway. May be "
            "repeated.",
        ),
        option(
            "--cluster",
            "address",
            metavar="ADDRESS",
            help="Do the work on a Dask cluster: the address of its scheduler (tcp://... or "
            "tls://...), the path of its scheduler file, or local:N for N workers on this machine.",
        ),
    ):
        joined = decorate(joined)
    return joined


def place_of(
    terms: Terms, cluster: ClusterOptions, jobs: int, limit: float
) -> LocalPlace | ClusterPlace:
    """Gives the place where evaluations are done.

    Args:
        terms: What holds for all evaluations.
        cluster: What was typed about a cluster.
        jobs: Number of processes on this machine.
        limit: Seconds that a unit may take.

    Raises:
        click.UsageError: Both a cluster and processes were asked for.
        ClusterError: The cluster cannot be used.
    """
    if cluster.address is None:
        return LocalPlace(terms, jobs, limit, patience)
    if jobs > 1:
        raise click.UsageError(
            "--jobs is for this machine; how many workers a cluster has is said where it is "
            "started (local:N here)"
        )
    connected = Cluster(
        cluster.address,
        limit=limit,
        warn=terms.warn,
        other_versions=cluster.other_versions,
        resources=dict(cluster.resources),
    )
    if connected.dashboard:
        click.echo(
            f"{connected.size} workers of {plain(cluster.address)}; dashboard: "
            f"{plain(connected.dashboard)}",
            err=True,
        )
    # Meanwhile, data are opened here.
    connected.prepare()
    return ClusterPlace(terms, connected, limit)

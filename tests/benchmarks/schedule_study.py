"""A plan on paper: a sweep of many scorers on a thousand workers, simulated from measured costs.

schedule_study.py [WORKERS SCORERS PROTOCOLS] prints a table for docs/scale.md.
"""

from __future__ import annotations

import heapq
import sys
from collections import deque
from dataclasses import dataclass, field

import numpy as np
import tabulate


@dataclass(frozen=True)
class Costs:
    """What was measured on one core of an AMD EPYC, beside other work, in seconds and bytes.

    Attributes:
        start: A worker's process begins, and imports what units need.
        recognise: A scorer is made and recognised.
        luggage: The client reads and packs a scorer's files.
        prepare: The client prepares a run.
        adopt: The client checks and stores a run.
        compare: A worker makes a run of 1,000 episodes of embeddings that it has.
        image: A worker embeds an image.
        images: Images of the data set.
        data: Bytes of the images.
        weights: Bytes of a scorer's files.
        result: Bytes of a run.
        task: The scheduler handles a task; by Dask's documentation.
        wire: Bytes a second into a worker, and out of a client: 10 Gbit/s.
    """

    image: float
    weights: int
    start: float = 2.7
    recognise: float = 0.5
    luggage: float = 0.021
    prepare: float = 0.0004
    adopt: float = 0.0042
    compare: float = 0.16
    images: int = 13_180
    data: int = 17_600_000
    result: int = 125_000
    task: float = 0.001
    wire: float = 1.25e9


MODELS = {
    "conv-4": Costs(image=0.000095, weights=450_000),
    "resnet18-eca": Costs(image=0.0047, weights=46_000_000),
    "resnet18-eca, rotated images too": Costs(image=0.0047, weights=46_000_000, images=4 * 13_180),
}
"""Networks of docs/performance-table.md by their time for an image, with float32 weights."""

_PIECE = 2**23
_AHEAD = 2
"""Bytes of a piece, and runs in flight for each worker, as in `bench/clusters` and `sweeps`."""


_SUBMIT, _DONE = 0, 1


@dataclass
class Server:
    """Something that does one thing after the other."""

    free: float = 0.0
    busy: float = 0.0

    def take(self, now: float, seconds: float) -> float:
        """Does something that takes so long, when its turn comes; gives when it is done."""
        self.free = max(self.free, now) + seconds
        self.busy += seconds
        return self.free


@dataclass
class Client:
    """A sweep over some of the scorers."""

    work: deque[float]
    server: Server = field(default_factory=Server)
    flying: int = 0
    left: int = 0


def tasks_of(size: int) -> int:
    """Tasks of a call whose worker lacks a content: the call twice, its pieces, and their end."""
    return 3 + -(-size // _PIECE)


def simulate(costs: Costs, workers: int, scorers: int, protocols: int, clients: int) -> dict:
    """Simulates a sweep, in which every worker lacks everything at first.

    Args:
        costs: The costs.
        workers: Number of workers.
        scorers: Number of scorers.
        protocols: Number of protocols.
        clients: Number of sweeps among which the scorers are divided.

    Returns:
        seconds, efficiency (work over the workers' time), and what the scheduler, clients and
        network have done.
    """
    rng = np.random.default_rng(1)
    each = costs.images * costs.image + protocols * costs.compare
    # The networks of a leaderboard differ; nobody knows beforehand which take longest.
    work = each * rng.uniform(0.7, 1.3, scorers)
    scheduler = Server()
    sent = costs.weights / costs.wire
    tasks = tasks_of(costs.weights)
    made = [Client(deque(part)) for part in (work[who::clients] for who in range(clients))]
    # First all scorers are recognised, by workers that start for it.
    ready = [costs.start + costs.data / costs.wire] * workers
    heapq.heapify(ready)
    begun = []
    wires = [Server() for _ in made]
    for who, client in enumerate(made):
        client.left = len(client.work)
        last = 0.0
        for _ in client.work:
            packed = client.server.take(0.0, costs.luggage + protocols * costs.prepare)
            packed = max(packed, wires[who].take(packed, sent))
            told = scheduler.take(packed, costs.task * tasks)
            end = max(told, heapq.heappop(ready)) + sent + costs.recognise
            heapq.heappush(ready, end)
            last = max(last, end)
        begun.append(max(last, client.server.free))
    for _ in range(workers):
        scheduler.take(0.0, costs.task * tasks_of(costs.data))
    # Then the runs of a scorer are made together, by whichever worker is free.
    events: list[tuple[float, int, int]] = [(now, _SUBMIT, who) for who, now in enumerate(begun)]
    heapq.heapify(events)
    while events:
        now, kind, who = heapq.heappop(events)
        client = made[who]
        if kind == _DONE:
            now = client.server.take(now, protocols * costs.adopt)
            client.flying -= 1
            client.left -= 1
        if client.work and client.flying < _AHEAD * workers:
            seconds = client.work.popleft() + sent + protocols * costs.result / costs.wire
            told = scheduler.take(client.server.take(now, costs.task), costs.task * tasks)
            end = max(told, heapq.heappop(ready)) + seconds
            heapq.heappush(ready, end)
            heapq.heappush(events, (end, _DONE, who))
            client.flying += 1
            if kind == _SUBMIT:
                heapq.heappush(events, (client.server.free, _SUBMIT, who))
    assert not any(client.left for client in made)
    seconds = max(*(client.server.free for client in made), *ready)
    count = round(scheduler.busy / costs.task)
    moved = workers * costs.data + 2 * scorers * costs.weights
    moved += scorers * protocols * costs.result
    return {
        "seconds": seconds,
        "work": float(work.sum()),
        "efficiency": float(work.sum()) / workers / seconds,
        "tasks": count,
        "scheduler": scheduler.busy / seconds,
        "client": max(client.server.busy for client in made) / seconds,
        "bytes": moved,
    }


def main(workers: int = 1000, scorers: int = 10_000, protocols: int = 50) -> None:
    """Prints the table as Markdown."""
    rows = []
    for name, costs in MODELS.items():
        for clients in (1, 4, 8):
            found = simulate(costs, workers, scorers, protocols, clients)
            rows.append(
                [
                    name,
                    clients,
                    f"{found['seconds'] / 60:.0f} min",
                    f"{found['efficiency']:.2f}",
                    f"{found['tasks']:,}",
                    f"{100 * found['scheduler']:.0f} %",
                    f"{100 * found['client']:.0f} %",
                    f"{found['bytes'] / 1e9:,.0f} GB",
                    f"{found['work'] / 3600:,.0f}",
                ]
            )
    headers = ["scorers", "sweeps", "takes", "efficiency", "tasks", "scheduler busy"]
    headers += ["sweep busy", "moved", "core hours"]
    print(f"{workers:,} workers, {scorers:,} scorers x {protocols} protocols of 1,000 episodes:\n")
    print(tabulate.tabulate(rows, headers, tablefmt="github", disable_numparse=True))


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))

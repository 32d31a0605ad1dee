"""The specification of a worker: names from which it makes its scorer and episodes."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class WorkerSpec:
    """The names that a worker process needs to make its `Bench`.

    Attributes:
        protocol: Name of the protocol.
        seed: Seed of the episodes.
        data: Folder of Omniglot.
        scorer: Name of the scorer.
        engine: Name of the engine; see `registry.resolve`.
    """

    protocol: str
    seed: int
    data: str | None
    scorer: str
    engine: str = "auto"

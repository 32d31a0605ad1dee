"""The specification of a worker: names from which it makes its scorer and episodes."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

from ...tasks import Source, open_protocol, parse
from ..scorers import Scorer, Traits, resolve


@lru_cache(maxsize=1)
def _resolved(scorer: str, engine: str, data: str | None) -> tuple[Scorer, Traits]:
    return resolve(scorer, engine, data=data)


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

    def source(self) -> Source:
        """Opens the episodes."""
        return open_protocol(parse(self.protocol), self.seed, self.data)

    def resolved(self) -> tuple[Scorer, Traits]:
        """Makes the scorer, once in a process, and gives it with its traits."""
        return _resolved(self.scorer, self.engine, self.data)


def recognise(scorer: str, engine: str, data: str | None) -> Traits:
    """Gives the traits of a scorer, in a worker process.

    Args:
        scorer: Name of the scorer; see `registry.resolve`.
        engine: Name of the engine.
        data: Folder of Omniglot.
    """
    return _resolved(scorer, engine, data)[1]

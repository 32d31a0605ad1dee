"""The size of an episode, and sizes with which a few-shot classifier is tried."""

from __future__ import annotations

from dataclasses import dataclass

from ...tasks import Protocol


@dataclass(frozen=True)
class EpisodeSize:
    """How large an episode is.

    Attributes:
        ways: Classes.
        shots: Support images of each class.
        queries: Query images of all classes together.
    """

    ways: int
    shots: int
    queries: int

    @classmethod
    def of(cls, protocol: Protocol) -> EpisodeSize:
        """Gives the size of a protocol's episodes, the largest where it varies."""
        return cls(protocol.ways, protocol.shots, protocol.ways * protocol.queries)

    def __str__(self) -> str:
        return f"{self.ways}-way {self.shots}-shot, {self.queries} queries"


USUAL = tuple(EpisodeSize(*size) for size in ((5, 1, 5), (20, 1, 20), (5, 5, 5), (20, 5, 20)))
"""What most papers report."""

TRIED = USUAL + tuple(
    size
    for ways in range(2, 51)
    for shots in (1, 5)
    if (size := EpisodeSize(ways, shots, ways)) not in USUAL
)
"""Sizes with which a classifier is tried that does not take any number of ways, shots or queries,
one after the other until it answers."""

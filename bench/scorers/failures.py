"""Failures: what ended an evaluation while others go on."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import BrokenExecutor
from contextlib import contextmanager
from dataclasses import dataclass

from ..errors import ScorerError


class BrokenScorerError(ScorerError):
    """A scorer that was found, and whose own code raises, hangs, dies, or answers amiss."""


class OverdueError(RuntimeError):
    """A unit of work that took longer than it may."""


@contextmanager
def blamed(scorer: str) -> Iterator[None]:
    """Turns what an executor raises when a scorer hangs or dies into a line about the scorer.

    Args:
        scorer: Its name.

    Raises:
        BrokenScorerError: A unit was overdue, or its worker process died.
    """
    try:
        yield
    except (OverdueError, BrokenExecutor) as error:
        raise BrokenScorerError(f"scorer {scorer}: {error}") from None


@dataclass(frozen=True)
class Failure:
    """An evaluation that ended without a run.

    Attributes:
        protocol: Name of the protocol.
        scorer: Name of the scorer.
        reason: What was wrong, in one line.
    """

    protocol: str
    scorer: str
    reason: str

    @classmethod
    def of(cls, protocol: str, scorer: str, error: Exception) -> Failure:
        """Makes one of what was raised."""
        reason = " ".join(str(error).split())
        for start in (f"scorer {scorer}: ", f"scorer {scorer!r} "):
            reason = reason.removeprefix(start)
        return cls(protocol, scorer, reason)

    def __str__(self) -> str:
        return f"{self.protocol}, {self.scorer}: failed: {self.reason}"

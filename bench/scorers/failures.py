"""Failures: evaluations that ended with an error, while others continue."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import BrokenExecutor
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np

from ...models import ModelError
from ..errors import ScorerError
from .output import aside
from .precision import MaskedError


class BrokenScorerError(ScorerError):
    """A scorer whose own code raises, hangs, kills its process, or gives invalid answers."""


class NotFiniteError(BrokenScorerError):
    """A scorer that gave NaN or infinity.

    Attributes:
        place: Index of the first of them in the answer.
    """

    def __init__(self, message: str, place: tuple[int, ...]) -> None:
        """Keeps the place.

        Args:
            message: The message, one line.
            place: Index of the first such number in the answer.
        """
        super().__init__(message)
        self.place = place


class OverdueError(RuntimeError):
    """A unit of work that took longer than its limit."""


LONGEST = 300
"""Most characters of an error of a scorer's own code."""


def told(start: str, error: BaseException, end: str = "") -> str:
    """Gives one line of at most 300 characters about an exception.

    Args:
        start: The beginning of the line: what raised it.
        error: The exception.
        end: The end of the line, which is never cut.
    """
    line = " ".join(f"{start} {type(error).__name__}: {error}".split())
    room = LONGEST - len(end)
    return (line if len(line) <= room else f"{line[: room - 4]} ...") + end


@contextmanager
def answering(scorer: str, method: str, *given: np.ndarray) -> Iterator[None]:
    """Turns an exception of a scorer into one line for the user.

    What the scorer prints goes to the standard error.

    Args:
        scorer: Name of the scorer.
        method: Name of the method that is called.
        *given: The arrays that it is given.

    Raises:
        BrokenScorerError: The scorer raised an exception. A `ScorerError` or
            `ModelError` is raised unchanged.
    """
    try:
        with aside():
            yield
    except (ScorerError, ModelError):
        raise
    except MaskedError as error:
        raise BrokenScorerError(f"scorer {scorer}: {method} gave {error}") from None
    except (Exception, SystemExit) as error:
        arrays = " and ".join(f"{one.dtype} {one.shape}" for one in given)
        end = f" (given {arrays})" if given else ""
        raise BrokenScorerError(told(f"scorer {scorer}: {method} raised", error, end)) from error


@contextmanager
def blamed(scorer: str) -> Iterator[None]:
    """Turns an executor's error about a hanging or dying scorer into a line about the scorer.

    Args:
        scorer: Name of the scorer.

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
        reason: The error, in one line.
    """

    protocol: str
    scorer: str
    reason: str

    @classmethod
    def of(cls, protocol: str, scorer: str, error: Exception) -> Failure:
        """Makes a failure from an exception.

        Args:
            protocol: Name of the protocol.
            scorer: Name of the scorer.
            error: The exception.
        """
        reason = " ".join(str(error).split())
        for start in (f"scorer {scorer}: ", f"scorer {scorer!r} "):
            reason = reason.removeprefix(start)
        return cls(protocol, scorer, reason)

    def __str__(self) -> str:
        return f"{self.protocol}, {self.scorer}: failed: {self.reason}"

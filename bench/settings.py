"""How an evaluation goes about its work."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Executor
from dataclasses import dataclass

from .work import Order

Ticker = Callable[[int, str], Callable[[int], None]]
"""Starts showing progress: given a total and a title, gives a function to call
with the number of steps done."""


def silent(total: int, title: str) -> Callable[[int], None]:
    """The `Ticker` that shows nothing."""
    return lambda done: None


@dataclass(frozen=True)
class Settings:
    """How an evaluation goes about its work; nothing here changes a trial.

    Attributes:
        executor: Where units are done; None for a thread of this process.
        order: What workers of an executor of other processes need, or None.
        cache: Whether embeddings are kept on disk.
        scores: Whether all scores are stored beside the trials.
        ticker: Shows the progress.
        warn: Is told, in one line, of what was mended on the way.
    """

    executor: Executor | None = None
    order: Order | None = None
    cache: bool = True
    scores: bool = False
    ticker: Ticker = silent
    warn: Callable[[str], None] = lambda line: None

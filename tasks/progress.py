"""Progress: the interface by which long computations report their steps."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import TypeVar

Progress = Callable[[int, str], Callable[[int], None]]
"""Starts to show progress. It is called with the total number of steps and a title;
it gives a function to be called with the number of steps done since its last call."""

_T = TypeVar("_T")


def quiet(total: int, title: str) -> Callable[[int], None]:
    """Shows nothing; the default `Progress`.

    Args:
        total: Total number of steps.
        title: Title of the computation.
    """
    return lambda done: None


def followed(steps: Iterable[_T], total: int, title: str, progress: Progress) -> Iterator[_T]:
    """Goes through steps and shows how many are done.

    Args:
        steps: The steps.
        total: Number of steps.
        title: Title of the computation.
        progress: Shows the progress.

    Yields:
        The steps.
    """
    advance = progress(total, title)
    for step in steps:
        yield step
        advance(1)

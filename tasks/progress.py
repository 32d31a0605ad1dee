"""Progress: how long work that takes a while has still to go."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import TypeVar

Progress = Callable[[int, str], Callable[[int], None]]
"""Starts to show progress: is given the total number of steps and a title, and
gives a function to call with the number of steps that were done since."""

_T = TypeVar("_T")


def quiet(total: int, title: str) -> Callable[[int], None]:
    """The `Progress` that shows nothing."""
    return lambda done: None


def followed(steps: Iterable[_T], total: int, title: str, progress: Progress) -> Iterator[_T]:
    """Goes through steps and shows how many are done.

    Args:
        steps: The steps.
        total: How many there are.
        title: What is being done.
        progress: Shows it.
    """
    advance = progress(total, title)
    for step in steps:
        yield step
        advance(1)

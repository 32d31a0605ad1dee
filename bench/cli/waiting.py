"""Waiting: what is shown while something takes longer than a second."""

from __future__ import annotations

import os
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

import click
from tqdm import tqdm

from ...results import plain

FIRST_LINE = 20.0
"""Seconds after which a log is told what goes on; the next line comes after twice the time."""

LONGEST = 300.0
"""The most seconds between two lines in a log."""

_USUAL = 79, 24
"""Columns and lines of a terminal that does not tell its size."""

_LOCK = threading.RLock()

_OPEN: list[_Step] = []
"""Steps that are not finished, the innermost last."""


def _size() -> tuple[int | None, int | None]:
    """Gives a size for terminals that do not tell theirs, on which a bar would have no room."""
    try:
        told = os.get_terminal_size(sys.stderr.fileno())
    except (AttributeError, OSError, ValueError):
        return None, None
    return (None, None) if told.columns and told.lines else _USUAL


class _Bar(tqdm):
    """A bar without tqdm's own thread, as `_watch` keeps bars up to date."""

    monitor_interval = 0


class _Step:
    """A bar on a terminal, which moves at least every second; elsewhere a line now and then."""

    def __init__(self, total: int, title: str) -> None:
        self.title, self.total, self.start = title, total, time.monotonic()
        columns, lines = _size()
        self.bar = _Bar(
            total=total,
            desc=title,
            delay=1,
            disable=None,
            leave=False,
            ncols=columns,
            nrows=lines,
        )
        self.done, self.told, self.next = 0, False, FIRST_LINE
        with _LOCK:
            _OPEN.append(self)
            if len(_OPEN) == 1:
                threading.Thread(target=_watch, daemon=True).start()
        if total <= 0:
            self.close()

    def advance(self, done: int) -> None:
        with _LOCK:
            self.done += done
            self.bar.update(done)
        if self.done >= self.total:
            self.close()

    def seconds(self) -> float:
        return time.monotonic() - self.start

    def tell(self) -> None:
        """Says in a log how far it is."""
        so_far = f", {self.done:,} of {self.total:,}" if self.total > 1 else ""
        say(f"{self.title}{so_far}, {self.seconds():.0f} s so far")

    def close(self) -> None:
        with _LOCK:
            if self not in _OPEN:
                return
            _OPEN.remove(self)
            self.bar.close()
            if self.told and self.done >= self.total:
                say(f"{self.title}: took {self.seconds():.0f} s")


def say(line: str) -> None:
    """Prints a line on stderr, above the bars that are shown there."""
    with _LOCK, tqdm.external_write_mode(file=sys.stderr):
        click.echo(plain(line), err=True)


def _watch() -> None:
    """Keeps what is shown up to date, while there is anything."""
    while True:
        time.sleep(0.2)
        with _LOCK:
            if not _OPEN:
                return
            # Without a standard error there is nobody to tell.
            with suppress(OSError, ValueError):
                _look()


def _look() -> None:
    for one in _OPEN:
        if not one.bar.disable and one.seconds() > 1 and time.time() - one.bar.last_print_t >= 1:
            one.bar.refresh()
            one.bar.last_print_t = time.time()
    if _OPEN[-1].bar.disable and any(one.seconds() >= one.next for one in _OPEN):
        for one in _OPEN:
            one.told = True
            one.next = max(one.next, one.seconds() + min(one.seconds(), LONGEST))
        # The outer steps have waited longer, and say less.
        _OPEN[-1].tell()


def progress(total: int, title: str) -> Callable[[int], None]:
    """Shows progress of anything over a second; see `tasks.progress.Progress`.

    On a terminal it is a bar. Elsewhere, so that a log is not silent for minutes, it is a line
    after `FIRST_LINE` seconds, and ever more rarely after that.
    """
    return _Step(total, title).advance


@contextmanager
def step(title: str) -> Iterator[None]:
    """Shows that something goes on, and ends all progress that was begun inside.

    Args:
        title: What goes on.
    """
    with ended():
        advance = progress(1, title)
        yield
        advance(1)


@contextmanager
def ended() -> Iterator[None]:
    """Ends all progress that was begun inside, also where an error has cut it short."""
    before = [*_OPEN]
    try:
        yield
    finally:
        for one in reversed([*_OPEN]):
            if one not in before:
                one.close()


def patience(total: int, title: str) -> Callable[[int], None]:
    """Shows progress as `progress` does; where there is no terminal, says in a line what begins.

    It is for what takes up to a minute once, and nobody expects.
    """
    if not sys.stderr.isatty():
        click.echo(plain(f"{title}; this is done once and takes up to a minute"), err=True)
    return progress(total, title)

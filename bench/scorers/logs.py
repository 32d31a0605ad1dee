"""Logs: handlers that a scorer's code sets up get what its own code logs, and nothing else."""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from .output import is_aside

_LOGGERS = ("", "wayshot", "filelock")
"""Loggers to which the harness's own thread logs; the first is the root."""

_OURS: list[list[logging.Handler]] = []
"""The handlers that there were when a command began."""


def _handlers() -> list[logging.Handler]:
    return [one for name in _LOGGERS for one in logging.getLogger(name).handlers]


def _is_theirs(record: logging.LogRecord) -> bool:
    return is_aside() or threading.current_thread() is not threading.main_thread()


@contextmanager
def own_logs() -> Iterator[None]:
    """Notes the handlers that there are; those that are set up inside are of scorers."""
    _OURS.append(_handlers())
    try:
        yield
    finally:
        _OURS.pop()


def keep_apart() -> None:
    """Lets handlers of scorers get nothing that the harness's own thread logs.

    A scorer may log to the standard output, on which the answer of a command stands alone, or
    raise an exception when something is logged.
    """
    if not _OURS:
        return
    for one in _handlers():
        if one not in _OURS[-1] and _is_theirs not in one.filters:
            one.addFilter(_is_theirs)

"""Surroundings: what a scorer's own code leaves behind in the process is put back."""

from __future__ import annotations

import multiprocessing
import os
import signal
import sys
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NoReturn

import numpy as np

from .output import aside, is_aside

_END = os._exit
_LOCK = threading.Lock()


def _folder() -> Path | None:
    try:
        return Path.cwd()
    except OSError:
        # It was removed.
        return None


def _refused(status: int) -> NoReturn:
    """Stands in for `os._exit`, with which a scorer would end the evaluation of all others."""
    # A worker process is replaced, and a child that the scorer has forked ends as it likes.
    theirs = multiprocessing.parent_process() is None and os.getpid() == _AROUND.process
    if theirs and is_aside():
        raise SystemExit(f"os._exit({status})")
    _END(status)


@dataclass
class _Around:
    """What there was before the first of the calls that are being made.

    Attributes:
        calls: Number of calls that each thread is making.
        process: The process that makes them.
        folder: The current folder; None where there is none.
        streams: The standard output and the standard error.
    """

    calls: Counter[int] = field(default_factory=Counter)
    process: int = field(default_factory=os.getpid)
    folder: Path | None = None
    streams: tuple[Any, Any] = (None, None)

    def enter(self) -> None:
        with _LOCK:
            if not self.calls:
                self.process, self.folder = os.getpid(), _folder()
                self.streams = sys.stdout, sys.stderr
                os._exit = _refused
            self.calls[threading.get_ident()] += 1

    def leave(self, thread: int, calls: int = 1) -> None:
        with _LOCK:
            if thread not in self.calls:
                return
            self.calls -= Counter({thread: calls})
            if self.folder is not None and _folder() != self.folder:
                with suppress(OSError):
                    os.chdir(self.folder)
            if not self.calls:
                sys.stdout, sys.stderr = self.streams
                os._exit = _END


_AROUND = _Around()


@contextmanager
def outside() -> Iterator[None]:
    """Calls a scorer's own code, of which nothing but its answer is left.

    What it prints goes to the standard error. The current folder, the standard streams and
    NumPy's handling of errors are put back. `os._exit` raises `SystemExit`, except in worker
    processes. A child that it forked, and that returns from the call, ends.
    """
    process = os.getpid()
    _AROUND.enter()
    try:
        with aside(), np.errstate():
            yield
    finally:
        if os.getpid() != process:
            # It would go on with the work of its parent.
            _END(1)
        _AROUND.leave(threading.get_ident())


def abandon(thread: threading.Thread) -> None:
    """Puts back what there was before the call of a thread that never returns."""
    if thread.ident is not None:
        _AROUND.leave(thread.ident, _AROUND.calls[thread.ident])


def is_interrupt(error: BaseException) -> bool:
    """Tells whether an exception in a scorer's code is Ctrl-C, and not one of its own.

    Args:
        error: The exception.
    """
    return (
        isinstance(error, KeyboardInterrupt)
        and threading.current_thread() is threading.main_thread()
        and signal.getsignal(signal.SIGINT) is not signal.SIG_IGN
    )

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
from typing import Any, NoReturn
from weakref import WeakSet

import numpy as np

from .belongings import Belongings
from .logs import keep_apart
from .output import aside, is_aside

PATIENCE = 10.0
"""Seconds that threads of scorers may go on at the end of a command."""

_END = os._exit
_LOCK = threading.Lock()


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
        belongings: What is put back when no call is being made any more.
        abandoned: Threads that make no more calls, as they would change what others need.
    """

    calls: Counter[int] = field(default_factory=Counter)
    process: int = field(default_factory=os.getpid)
    belongings: Belongings | None = None
    abandoned: WeakSet[threading.Thread] = field(default_factory=WeakSet)

    def enter(self) -> None:
        with _LOCK:
            if threading.current_thread() in self.abandoned:
                raise RuntimeError("nobody waits for this call any more")
            if not self.calls:
                self.process, self.belongings = os.getpid(), Belongings()
                os._exit = _refused
            self.calls[threading.get_ident()] += 1

    def leave(self, thread: int, calls: int = 1) -> None:
        with _LOCK:
            if thread not in self.calls:
                return
            self.calls -= Counter({thread: calls})
            if self.belongings is not None:
                self.belongings.put_back_folder()
                if not self.calls:
                    self.belongings.put_back()
            if not self.calls:
                os._exit, self.belongings = _END, None
                keep_apart()


_AROUND = _Around()


@contextmanager
def outside() -> Iterator[None]:
    """Calls a scorer's own code, of which nothing but its answer is left.

    What it prints goes to the standard error. What the harness needs of the process is put
    back: `Belongings`, NumPy's handling of errors, and who traces this thread. `os._exit` raises
    `SystemExit`, except in worker processes. A child that it forked, and that returns from the
    call, ends.
    """
    process, traced, profiled = os.getpid(), sys.gettrace(), sys.getprofile()
    _AROUND.enter()
    try:
        with aside(), np.errstate():
            yield
    finally:
        if sys.gettrace() is not traced:
            sys.settrace(traced)
        if sys.getprofile() is not profiled:
            sys.setprofile(profiled)
        if os.getpid() != process:
            # It would go on with the work of its parent.
            _END(1)
        _AROUND.leave(threading.get_ident())


def abandon(thread: threading.Thread) -> None:
    """Puts back what there was before the call of a thread that nobody waits for any more."""
    with _LOCK:
        _AROUND.abandoned.add(thread)
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


def leave_behind(status: Any) -> None:
    """Ends the process soon, whatever a scorer has left that runs on.

    Python waits at its end for threads and for processes of `multiprocessing`. The processes are
    ended, and the threads have `PATIENCE` seconds.

    Args:
        status: The exit status.
    """
    for child in multiprocessing.active_children():
        child.kill()
    # A text instead of a number is printed, and the status is then 1.
    code = status if isinstance(status, int) else int(status is not None)
    end = threading.Timer(PATIENCE, _END, (code,))
    end.daemon = True
    with suppress(RuntimeError):
        # No more threads can be started.
        end.start()

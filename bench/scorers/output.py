"""Output: what a scorer's own code prints goes to the standard error."""

from __future__ import annotations

import io
import os
import sys
import tempfile
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from ...models import errors_into

_ASIDE: Counter[int] = Counter()
"""How many times each thread has entered `aside`."""

_LOCK = threading.Lock()


class _Divided:
    """The standard output; in threads that are aside, the standard error.

    Attributes:
        out: The standard output.
        only: The only thread that is never aside by itself, or None for all threads.
    """

    def __init__(self, out: Any, only: int | None = None) -> None:
        self.out, self.only = out, only

    def _stream(self) -> Any:
        away = is_aside() or self.only not in (None, threading.get_ident())
        return sys.stderr if away else self.out

    def write(self, text: str) -> int:
        return self._stream().write(text)

    def close(self) -> None:
        """Writes what is left; the stream stays open for those who print later."""
        self.flush()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream(), name)


def is_aside() -> bool:
    """Tells whether what this thread prints goes to the standard error."""
    return threading.get_ident() in _ASIDE


@contextmanager
def aside() -> Iterator[None]:
    """Sends what this thread prints to the standard error.

    The results of a command then stand alone on the standard output. Other threads print as
    before, and a scorer that never returns does not change that.
    """
    me = threading.get_ident()
    with _LOCK:
        _ASIDE[me] += 1
        if not isinstance(sys.stdout, _Divided):
            sys.stdout = _Divided(sys.stdout)
    try:
        yield
    finally:
        with _LOCK:
            _ASIDE[me] -= 1
            if not _ASIDE[me]:
                del _ASIDE[me]
            if not _ASIDE and isinstance(sys.stdout, _Divided) and sys.stdout.only is None:
                sys.stdout = sys.stdout.out


def _descriptor(stream: Any, number: int) -> bool:
    """Tells whether a stream writes to the process's own descriptor of this number."""
    try:
        return stream.fileno() == number
    except (AttributeError, OSError, ValueError):
        return False


def _finish(out: Any, kept: int) -> None:
    """Writes the rest, and gives the process its standard output back."""
    try:
        out.flush()
    except BrokenPipeError:
        # Nobody reads on. What is left must go somewhere, or the stream tries again at its end.
        with Path(os.devnull).open("wb") as nowhere:
            os.dup2(nowhere.fileno(), kept)
        out.flush()
    finally:
        os.dup2(kept, 1)
        os.close(kept)


@contextmanager
def answers() -> Iterator[None]:
    """Leaves the standard output to what this thread prints while it is not aside.

    What other threads, libraries in C and other processes print goes to the standard error.
    """
    before, kept = sys.stdout, None
    if before is None:
        # The standard output is closed.
        yield
        return
    out = before
    if _descriptor(before, 1) and _descriptor(sys.stderr, 2):
        before.flush()
        kept = os.dup(1)
        out = io.TextIOWrapper(
            os.fdopen(kept, "wb", closefd=False),
            before.encoding,
            before.errors,
            line_buffering=bool(before.line_buffering),
        )
        os.dup2(2, 1)
    sys.stdout = _Divided(out, threading.get_ident())
    try:
        yield
    finally:
        sys.stdout = before
        if kept is not None:
            _finish(out, kept)


@contextmanager
def held_back() -> Iterator[None]:
    """Holds back what libraries print to the standard error; after an exception it is dropped.

    It is for short calls of libraries whose exceptions say the same.
    """
    with tempfile.TemporaryFile() as printed:
        try:
            with errors_into(printed):
                yield
        except BaseException:
            printed.truncate(0)
            raise
        finally:
            printed.seek(0)
            while piece := printed.read(2**16):
                os.write(2, piece)


def silent() -> None:
    """Sends all that this process will ever print to the standard error."""
    if _descriptor(sys.stdout, 1) and _descriptor(sys.stderr, 2):
        sys.stdout.flush()
        os.dup2(2, 1)
    sys.stdout = sys.stderr

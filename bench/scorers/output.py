"""Output: what a scorer's own code prints goes to the standard error."""

from __future__ import annotations

import sys
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

_ASIDE: Counter[int] = Counter()
"""How many times each thread has entered `aside`."""

_LOCK = threading.Lock()


class _Divided:
    """The standard output; in threads that are aside, the standard error."""

    def __init__(self, out: Any) -> None:
        self.out = out

    def write(self, text: str) -> int:
        return (sys.stderr if threading.get_ident() in _ASIDE else self.out).write(text)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.out, name)


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
            if not _ASIDE and isinstance(sys.stdout, _Divided):
                sys.stdout = sys.stdout.out

"""Children: processes that this one starts, which import what it imports and end with it."""

from __future__ import annotations

import multiprocessing
import os
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

_SAFE = "PYTHONSAFEPATH"
_HOME = Path(__file__).parents[3]
"""The folder that this package is imported from."""

_LOCK = threading.Lock()


@contextmanager
def safe_paths() -> Iterator[None]:
    """Lets processes that are started meanwhile begin without the current folder in their path.

    A file `signal.py` there would else be imported in place of Python's, and a file `wayshot.py`
    in place of this package. Whoever imports what the user has named adds its folder again.
    """
    with _LOCK:
        before, paths = os.environ.get(_SAFE), sys.path[:]
        os.environ[_SAFE] = before or "1"
        here = Path.cwd()
        if here != _HOME:
            sys.path[:] = [one for one in paths if one and Path(one) != here]
        try:
            yield
        finally:
            sys.path[:] = paths
            if before is None:
                del os.environ[_SAFE]


def follow_parent() -> None:
    """Lets this process, started in `safe_paths`, end when its parent ends, however that ends."""
    # Not for what a scorer starts.
    os.environ.pop(_SAFE, None)
    # Where no more threads can be started, it ends when its pipe is closed.
    with suppress(RuntimeError):
        threading.Thread(target=_follow, daemon=True).start()


def _follow() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)

"""Children: processes that this one starts, which import what it imports and end with it."""

from __future__ import annotations

import multiprocessing
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager

_SAFE = "PYTHONSAFEPATH"
_LOCK = threading.Lock()


@contextmanager
def safe_paths() -> Iterator[None]:
    """Lets processes that are started meanwhile begin without the current folder in their path.

    A file `signal.py` there would else be imported in place of Python's. Later, the path of this
    process is theirs too, so that what the user has named is found.
    """
    with _LOCK:
        before = os.environ.get(_SAFE)
        os.environ[_SAFE] = before or "1"
        try:
            yield
        finally:
            if before is None:
                del os.environ[_SAFE]


def follow_parent() -> None:
    """Lets this process, started in `safe_paths`, end when its parent ends, however that ends."""
    # Not for what a scorer starts.
    os.environ.pop(_SAFE, None)
    threading.Thread(target=_follow, daemon=True).start()


def _follow() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)

"""Belongings: what of its process the harness needs, and a scorer may have changed."""

from __future__ import annotations

import os
import signal
import sys
import tempfile
import threading
import warnings
from contextlib import suppress
from functools import cache
from typing import Any

try:
    import resource
except ImportError:
    # Not on Windows.
    resource: Any = None

_VARIABLES = ("WAYSHOT_CACHE", "WAYSHOT_DATA")
_LIMITS = ("RLIMIT_NOFILE", "RLIMIT_FSIZE")
_SIGNALS = (signal.SIGINT, signal.SIGTERM)
_STREAMS = (0, 1, 2)


def _folder() -> str | None:
    try:
        return os.getcwd()  # noqa: PTH109  (a path takes longer, and this is asked at every call)
    except OSError:
        # It was removed.
        return None


class _Streams:
    """Duplicates of the process's first three descriptors, by which they can be opened again."""

    def __init__(self) -> None:
        self._kept: dict[int, tuple[os.stat_result, int]] = {}

    def keep(self) -> None:
        """Makes duplicates of descriptors that are others than before."""
        for number in _STREAMS:
            kept = self._kept.get(number)
            now = _file(number)
            if kept and now and os.path.samestat(kept[0], now):
                continue
            with suppress(OSError):
                if kept:
                    os.close(self._kept.pop(number)[1])
                if now:
                    self._kept[number] = now, os.dup(number)

    def put_back(self) -> None:
        """Opens descriptors again that were closed, or are of other files."""
        for number, (before, duplicate) in self._kept.items():
            now = _file(number)
            if now is None or not os.path.samestat(before, now):
                with suppress(OSError):
                    os.dup2(duplicate, number)


def _file(number: int) -> os.stat_result | None:
    try:
        return os.fstat(number)
    except OSError:
        return None


_DUPLICATES = _Streams()


@cache
def _umask() -> int:
    """The mask of new files at the first call; reading it changes it for a moment."""
    found = os.umask(0o077)
    os.umask(found)
    return found


class Belongings:
    """What there is now, to be put back by `put_back`, once."""

    def __init__(self) -> None:
        self._folder, self._streams = _folder(), (sys.stdout, sys.stderr)
        _DUPLICATES.keep()
        self._variables = {name: os.environ.get(name) for name in _VARIABLES}
        self._paths, self._deepest = sys.path[:], sys.getrecursionlimit()
        _umask()
        self._filters, self._temporary = list(warnings.filters), tempfile.tempdir
        names = _LIMITS if resource else ()
        self._limits = {name: resource.getrlimit(getattr(resource, name)) for name in names}
        main = threading.current_thread() is threading.main_thread()
        self._handlers = {one: signal.getsignal(one) for one in _SIGNALS if main}

    def put_back_folder(self) -> None:
        """Goes back to the folder that was the current one."""
        if self._folder is not None and _folder() != self._folder:
            with suppress(OSError):
                os.chdir(self._folder)

    def put_back(self) -> None:
        """Puts everything back."""
        # First, as the others need files.
        for name, (soft, hard) in self._limits.items():
            self._put_back_limit(getattr(resource, name), soft, hard)
        _DUPLICATES.put_back()
        sys.stdout, sys.stderr = self._streams
        for name, value in self._variables.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value
        os.umask(_umask())
        # What a scorer has added, or raised, it may need in its next call.
        sys.path += [one for one in self._paths if one not in sys.path]
        if sys.getrecursionlimit() < self._deepest:
            sys.setrecursionlimit(self._deepest)
        self._put_back_filters()
        tempfile.tempdir = self._temporary
        for one, handler in self._handlers.items():
            if threading.current_thread() is threading.main_thread() and handler is not None:
                signal.signal(one, handler)

    def _put_back_limit(self, limit: int, soft: int, hard: int) -> None:
        now, _ = resource.getrlimit(limit)
        lower = now != resource.RLIM_INFINITY and (soft == resource.RLIM_INFINITY or now < soft)
        if lower:
            with suppress(OSError, ValueError):
                resource.setrlimit(limit, (soft, hard))

    def _put_back_filters(self) -> None:
        """Removes filters that make errors of warnings, which the harness's own would be too."""
        filters: list[Any] = list(warnings.filters)
        kept = [one for one in filters if one[0] != "error" or one in self._filters]
        if len(kept) < len(filters):
            warnings.filters[:] = kept  # pyright: ignore[reportIndexIssue]
            # Modules remember which warnings they have given under the filters before.
            warnings.simplefilter("default", category=_NeverWarning, append=True)


class _NeverWarning(Warning):
    pass
